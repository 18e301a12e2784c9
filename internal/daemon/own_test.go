package daemon

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/page"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// own asks for something as the person does: by the form of their page, which the proxy
// names them at.
func (w *atWork) own(user string, order page.Order) {
	w.t.Helper()
	code, text := w.me(user, nil)
	token := regexp.MustCompile(`name="token" value="([0-9a-f]+)"`).FindStringSubmatch(text)
	if code != http.StatusOK || token == nil {
		w.t.Fatalf("their page: %d\n%s", code, text)
	}
	if code, text = w.me(user, url.Values{"token": {token[1]}, "order": {string(order)}, "sure": {"yes"}}); code != http.StatusSeeOther {
		w.t.Fatalf("%s: %d\n%s", order, code, text)
	}
}

// me asks for the user's own page, or sends a form there.
func (w *atWork) me(user string, form url.Values) (code int, text string) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "/me", nil)
	if form != nil {
		r = httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "/me", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost"
	r.Header.Set("X-Remote-User", user)
	answer := httptest.NewRecorder()
	w.served.ServeHTTP(answer, r)
	body, err := io.ReadAll(answer.Result().Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer.Code, string(body)
}

// behindProxy has the daemon's page behind a proxy.
func (w *atWork) behindProxy() {
	w.t.Helper()
	w.configure("[control]\n", "[control]\ntoken = \"a token of sixteen\"\nproxy = { user_header = \"X-Remote-User\", from = [\"127.0.0.1\"] }\n")
	w.reload()
	w.serveOwn()
}

func (w *atWork) serveOwn() {
	shown := w.daemon.page()
	w.served = w.daemon.web(shown).Handler(&loopback{})
}

func (w *atWork) metrics() string {
	w.t.Helper()
	answer := httptest.NewRecorder()
	w.daemon.metrics.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

type loopback struct{}

func (*loopback) Network() string { return "tcp" }
func (*loopback) String() string  { return "127.0.0.1:9813" }

// TestWhoOptsOutAtTheirPageIsNotRecorded: what was is erased, with every byte; the desk is
// left to them; what is heard of them counts for nobody, over a restart and over the page's
// being forgotten; and they can come back.
func TestWhoOptsOutAtTheirPageIsNotRecorded(t *testing.T) {
	hers := append(testbed.Texts(forgetMeNot, "forget.me"), testbed.Spellings(hersPhone, hersLaptop)...)
	works(t, "", func(w *atWork) {
		w.behindProxy()
		w.day(0, forgetMeNot, hersPhone, hersLaptop)
		w.day(1, bob, bobsPhone, bobsLaptop)
		booking := w.api.Book(sandbox.Booking{User: w.users[forgetMeNot], Building: w.building, Begin: w.clock(2, 9, 0), End: w.clock(2, 18, 0)})
		w.until(w.clock(2, 9, 0))
		w.hear(presence.Start, forgetMeNot, hersPhone, "again", "ap-1")
		w.until(w.clock(2, 10, 0))
		w.hear(presence.Stop, forgetMeNot, hersPhone, "again", "ap-1") // linger is nearly over: she would be checked out
		w.until(w.clock(2, 10, 59).Add(55 * time.Second))
		w.own(forgetMeNot, page.OptOut)
		if _, text := w.me(forgetMeNot, nil); !strings.Contains(text, "is being erased") {
			t.Errorf("right after it her page says\n%s", text)
		}
		w.until(w.clock(2, 11, 1))
		want(w.t, "after", testbed.Kept(w.t, w.data, hers))
		want(w.t, "of others", testbed.Kept(w.t, w.data, testbed.Texts(bob)), bob)
		if b, _ := w.api.Booking(booking); b.Status != sandbox.CheckedIn {
			t.Errorf("her desk is %s", b.Status)
		}
		heard := func(session string) {
			w.t.Helper()
			w.hear(presence.Start, forgetMeNot, hersPhone, session, "ap-1")
			if g := w.daemon.inForce.Load().mapping.Explain(&presence.Record{Status: presence.Start, UserName: forgetMeNot, SSID: "Corp", Site: "london"}); g.Nobody.Kind != presence.KindOptedOut ||
				g.Nobody.Reason != "opted out at presenced itself" {
				t.Errorf("a record of hers is read as %+v", g.Nobody)
			}
			w.until(time.Now().Add(time.Minute))
			want(w.t, session, testbed.Kept(w.t, w.data, hers))
		}
		heard("after it")
		w.down()
		w.up()
		w.serveOwn()
		heard("after a restart")
		if _, err := w.daemon.forget(t.Context(), forgetMeNot, false); err != nil {
			t.Fatal(err)
		}
		heard("after being forgotten")
		if text := w.metrics(); !strings.Contains(text, "\npresenced_opted_out_people 1\n") || !strings.Contains(text, "\npresenced_not_today_people 0\n") {
			t.Errorf("the metrics tell\n%s", text)
		}
		if _, err := w.daemon.listings().Find(t.Context(), forgetMeNot); err == nil || !strings.HasSuffix(err.Error(), "nothing is remembered: opted out at presenced itself") {
			t.Errorf("an operator who asks for her is told %v", err)
		}
		if _, text := w.me(forgetMeNot, nil); !strings.Contains(text, "You opted out Wednesday 5 January") || !strings.Contains(text, "Come back") || strings.Contains(text, "Not today") {
			t.Errorf("her page says\n%s", text)
		}
		w.own(forgetMeNot, page.OptIn)
		w.hear(presence.Start, forgetMeNot, hersPhone, "back", "ap-1")
		if got := w.remembered(); got != "bob forget.me.not" {
			t.Errorf("remembered once she is back: %s", got)
		}
		w.until(time.Now().Add(5 * time.Minute))
		if got := w.remembered(); got != "bob forget.me.not" {
			t.Errorf("remembered some minutes later: %s", got)
		}
		wantOwnEvents(w, "somebody opted out", "somebody who had opted out came back")
	})
}

func wantOwnEvents(w *atWork, want ...string) {
	w.t.Helper()
	var told []string
	w.until(time.Now().Add(time.Minute))
	for e, err := range w.daemon.listings().Events(w.t.Context(), time.Time{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.By == "the page" {
			told = append(told, e.Text)
		}
		if strings.Contains(e.Text+e.By, "forget") {
			w.t.Errorf("an event names her: %+v", e)
		}
	}
	if len(told) != len(want) {
		w.t.Fatalf("events of the page are %q", told)
	}
	for i := range want {
		if !strings.HasPrefix(told[i], want[i]) {
			w.t.Errorf("event %d is %q, want %q", i, told[i], want[i])
		}
	}
}

// TestNotTodayAtOnesPage: she is recorded as ever, and nothing is done for her until the day
// turns; show tells it, and her page.
func TestNotTodayAtOnesPage(t *testing.T) {
	works(t, "", func(w *atWork) {
		w.behindProxy()
		booking := w.api.Book(sandbox.Booking{User: w.users[forgetMeNot], Building: w.building, Begin: w.clock(0, 9, 0), End: w.clock(0, 18, 0)})
		if code, text := w.me(forgetMeNot, nil); code != http.StatusOK || !strings.Contains(text, "No device of yours") || !strings.Contains(text, "Not today") {
			t.Errorf("before she was ever heard her page is %d\n%s", code, text)
		}
		w.own(forgetMeNot, page.NotToday)
		if text := w.metrics(); !strings.Contains(text, "\npresenced_not_today_people 1\n") {
			t.Errorf("the metrics tell\n%s", text)
		}
		story, err := w.daemon.listings().Show(t.Context(), forgetMeNot)
		if err != nil || !story.Rests.Equal(w.clock(1, 4, 0)) {
			t.Errorf("show tells %v, %v", story.Rests, err)
		}
		w.until(w.clock(0, 9, 0))
		w.hear(presence.Start, forgetMeNot, hersPhone, "a", "ap-1")
		w.until(w.clock(0, 10, 0))
		if b, _ := w.api.Booking(booking); b.Status != sandbox.Booked {
			t.Errorf("her booking is %s", b.Status)
		}
		if _, text := w.me(forgetMeNot, nil); !strings.Contains(text, "until Tuesday 4 January, 04:00 UTC") || !strings.Contains(text, "Today after all") {
			t.Errorf("her page says\n%s", text)
		}
		if story, err = w.daemon.listings().Show(t.Context(), forgetMeNot); err != nil || len(story.People) != 1 ||
			story.People[0].CheckIn.Reason != "not today, as its person asked" {
			t.Errorf("she is told as %+v, %v", story.People, err)
		}
		w.own(forgetMeNot, page.Today)
		w.until(w.clock(0, 10, 1))
		if b, _ := w.api.Booking(booking); b.Status != sandbox.CheckedIn {
			t.Errorf("when it is taken back her booking is %s", b.Status)
		}
		wantOwnEvents(w, "somebody asked", "somebody took back")
	})
}

// TestABackupLosesNobodyWhoOptedOut: she opts out after a backup was made, and bob came back
// after it. It is put back: she is not recorded, and he is; and on another host, where there
// is nothing but the backup, it is as it was when the backup was made.
func TestABackupLosesNobodyWhoOptedOut(t *testing.T) {
	works(t, "", func(w *atWork) {
		w.behindProxy()
		w.hear(presence.Start, forgetMeNot, hersPhone, "a", "ap-1")
		w.own(bob, page.OptOut)
		w.until(w.clock(0, 9, 0))
		copied := filepath.Join(filepath.Dir(w.file), "copy")
		if err := w.daemon.backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		w.until(w.clock(0, 10, 0))
		w.own(forgetMeNot, page.OptOut)
		w.own(bob, page.OptIn)
		w.until(w.clock(0, 11, 0))
		w.down()
		db := filepath.Join(w.data, "presenced.db")
		put := func() {
			for _, journal := range []string{".journal0", ".journal1"} {
				if err := os.Remove(db + journal); err != nil {
					t.Fatal(err)
				}
			}
			testbed.Write(t, db, testbed.Read(t, copied))
		}
		put()
		w.up()
		for user, out := range map[string]bool{forgetMeNot: true, bob: false} {
			if w.daemon.optOuts.withdrew(user) != out {
				t.Errorf("when the backup was put back, %s opted out: %t", user, !out)
			}
		}
		if got := w.remembered(); got != "" {
			t.Errorf("the backup brings back %s", got)
		}
		w.down()
		put()
		for _, beside := range []string{".opted-out", ".erased"} {
			if err := os.Remove(db + beside); err != nil {
				t.Fatal(err)
			}
		}
		w.up()
		for user, out := range map[string]bool{forgetMeNot: false, bob: true} {
			if w.daemon.optOuts.withdrew(user) != out {
				t.Errorf("on another host, %s opted out: %t", user, !out)
			}
		}
	})
}

// TestOptingOutIsErasedThoughPresencedDies right after it.
func TestOptingOutIsErasedThoughPresencedDies(t *testing.T) {
	works(t, "", func(w *atWork) {
		w.behindProxy()
		w.day(0, forgetMeNot, hersPhone, hersLaptop)
		w.own(forgetMeNot, page.OptOut)
		w.down() // before it is erased
		w.up()
		w.until(time.Now().Add(time.Minute))
		want(w.t, "after the next start", testbed.Kept(w.t, w.data, testbed.Texts(forgetMeNot, hersPhone)))
	})
}

// TestOrdersAboutOneselfHaveReasonsToFail.
func TestOrdersAboutOneselfHaveReasonsToFail(t *testing.T) {
	works(t, "", func(w *atWork) {
		testbed.Write(t, filepath.Join(filepath.Dir(w.file), "opt-out.txt"), bob+"\n")
		w.behindProxy()
		d, ctx := w.daemon, t.Context()
		for name, c := range map[string]struct {
			err  error
			want string
		}{
			"out, nobody":        {d.optOut(ctx, "host/pc7"), "leads to nobody"},
			"out, by the file":   {d.optOut(ctx, bob), "opted out already"},
			"in, by the file":    {d.optIn(ctx, bob), "by a file of the configuration"},
			"in, who is":         {d.optIn(ctx, forgetMeNot), "they have not opted out"},
			"today, who did not": {d.notToday(ctx, forgetMeNot, true), "did not ask"},
			"not today, out":     {d.notToday(ctx, bob, false), "nothing is done for them at all"},
			"out":                {d.optOut(ctx, forgetMeNot), ""},
			"out, twice":         {d.optOut(ctx, forgetMeNot), ""},
			"in, too soon":       {d.optIn(ctx, forgetMeNot), "still being erased"},
		} {
			if c.want == "" && c.err != nil || c.want != "" && (c.err == nil || !strings.Contains(c.err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", name, c.err, c.want)
			}
		}
		if _, text := w.me(bob, nil); !strings.Contains(text, "Your company keeps that list") || strings.Contains(text, "<button name") {
			t.Errorf("bob's page is\n%s", text)
		}
		o := &own{Daemon: d}
		for i := range ownMost + 1 {
			if err := o.Order(ctx, "cleo", page.NotToday); (err != nil) != (i == ownMost) {
				t.Errorf("order %d: %v", i, err)
			}
		}
		if err := o.Order(ctx, "dora", "dance"); err == nil {
			t.Error("something else can be asked for")
		}
	})
}
