package daemon

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

var folders = regexp.MustCompile(`/\S+/`)

// happened returns the events since then in words, those of one moment by kind.
func (w *week) happened(since time.Time) (lines []string) {
	w.t.Helper()
	for e, err := range w.daemon.listings().Events(w.t.Context(), since) {
		if err != nil {
			w.t.Fatal(err)
		}
		end := ""
		switch {
		case e.Lasts:
			end = "-"
		case !e.End.IsZero():
			end = "-" + e.End.Format("15:04:05")
		}
		text := folders.ReplaceAllString(e.Text, "")
		lines = append(lines, strings.Join(strings.Fields(fmt.Sprintf("%s%s %s %s %s %s", e.Begin.Format("15:04:05"), end, e.Kind, e.Of, e.By, text)), " "))
	}
	return lines
}

// wants fails if anything else happened since then.
func (w *week) wants(since time.Time, want ...string) {
	w.t.Helper()
	synctest.Wait()
	if got := w.happened(since); !slices.Equal(got, want) {
		w.t.Errorf("%s: since %s there is\n\t%s\nwant\n\t%s", time.Now().Format("15:04:05"), since.Format("15:04:05"), strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestWhatHappensToTheSystemIsToldOnceAndKept: a start, an Accounting-On, Kadence that
// does not answer, a configuration that is refused and mended, an order, kill -9 and a
// restart give their lines and no others, and the next process has them all.
func TestWhatHappensToTheSystemIsToldOnceAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("week", "secret")
		building := api.AddBuilding("HQ", time.UTC)
		clock := func(h, m int) time.Time { return time.Date(2000, 1, 3, h, m, 0, 0, time.UTC) }
		api.Book(sandbox.Booking{User: api.AddUser("ann@example.com"), Building: building, Begin: clock(9, 0), End: clock(17, 0)})
		w := &week{t: t, api: api, file: filepath.Join(dir, "presenced.toml")}
		testbed.WriteConfig(t, w.file, testbed.Settings{API: "http://kadence.test", ClientID: "week", Secret: "secret", Linger: "60m", Building: "HQ", Presence: "lunch = \"never\""})
		w.until(clock(8, 0))
		w.up()
		started := []string{
			"08:00:00-08:02:30 holding no departure was believed: presenced had just started",
			"08:00:00 started presenced " + Version(),
		}
		w.until(clock(8, 30))
		w.wants(time.Time{}, started...)

		w.until(clock(9, 0))
		w.hear(presence.Start, "ann", annsLaptop, "a", "ap-1")
		w.hear(presence.Start, "bob", "02:00:5e:00:00:02", "b", "ap-2")
		w.until(clock(9, 30))
		now := time.Now()
		if err := w.daemon.Tracker.Record(t.Context(), []presence.Record{{
			Client: "wlc", Site: "london", Source: netip.MustParseAddrPort("127.0.0.1:1813"), Heard: now, At: now, Status: presence.AccountingOn, NASID: "wlc",
		}}); err != nil {
			t.Fatal(err)
		}
		w.until(clock(9, 40))
		w.wants(clock(9, 0), "09:30:00-10:00:00 nas_reset wlc/wlc was reset (Accounting-On or -Off): 2 people are held as present")
		w.hear(presence.Start, "ann", annsLaptop, "a2", "ap-1")
		w.hear(presence.Start, "bob", "02:00:5e:00:00:02", "b2", "ap-2")

		w.until(clock(10, 1))
		api.Fail(sandbox.Fault{Status: 503})
		w.until(clock(10, 31))
		api.Mend()
		w.until(clock(11, 0))
		if got := w.happened(clock(10, 30)); len(got) != 1 || !strings.Contains(got[0], "desk_failing Kadence does not answer: ") || strings.Contains(got[0], "- ") {
			t.Errorf("after Kadence failed there is %q", got)
		}

		w.until(clock(11, 10))
		good := testbed.Read(t, w.file)
		testbed.Write(t, w.file, strings.Replace(good, `linger = "60m"`, `linger = "soon"`, 1))
		w.daemon.ReloadFile(t.Context(), false)
		w.until(clock(11, 15))
		if got := w.happened(clock(11, 10)); len(got) != 1 || !strings.Contains(got[0], "11:10:00- config_refused presenced.toml is no good, and the old one stays in force: presenced.toml:") {
			t.Errorf("after a refused reload there is %q", got)
		}
		testbed.Write(t, w.file, good)
		w.daemon.ReloadFile(t.Context(), false)
		w.until(clock(11, 16))
		if got := w.happened(clock(11, 10)); len(got) != 2 || !strings.HasPrefix(got[0], "11:10:00-11:15:00 config_refused") || got[1] != "11:15:00 config_read presenced.toml is in force" {
			t.Errorf("after it was mended there is %q", got)
		}
		w.daemon.ordered(control.Peer{Name: "root", PID: 1}, "zap NAS wlc, 2 ended", nil)
		w.until(clock(11, 20))
		w.wants(clock(11, 16), "11:16:00 order root zap NAS wlc, 2 ended")

		before := w.happened(time.Time{})
		w.until(clock(12, 0).Add(30 * time.Second)) // it notes each minute that it runs
		w.crash(20*time.Minute - 30*time.Second)
		w.until(clock(12, 30))
		after := w.happened(time.Time{})
		if !slices.Equal(after[:len(before)], before) {
			t.Errorf("the next process has\n%s\nand the one before had\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
		}
		w.wants(clock(11, 59),
			"12:00:00-12:20:00 deaf presenced was killed, or the host went down: it was last known to run as this began",
			"12:20:00-12:22:30 holding no departure was believed: presenced had just started",
			"12:20:00 started presenced "+Version())

		w.until(clock(13, 0))
		w.down()
		w.until(clock(13, 5))
		w.up()
		w.until(clock(13, 10))
		w.wants(clock(12, 59),
			"13:00:00-13:05:00 deaf presenced did not run",
			"13:00:00 stopped presenced was asked to stop",
			"13:05:00-13:07:30 holding no departure was believed: presenced had just started",
			"13:05:00 started presenced "+Version())
		w.wantsBands("ann@example.com",
			"09:30–10:00 wlc/wlc was reset (Accounting-On or -Off): 2 people are held as present",
			"10:05–10:55 Kadence does not answer: ",
			"12:00–12:20 presenced was killed, or the host went down: it was last known to run as this began",
			"12:20–12:22 no departure was believed: presenced had just started",
			"13:00–13:05 presenced did not run",
			"13:05–13:07 no departure was believed: presenced had just started")
		w.down()
	})
}

var legends = regexp.MustCompile(`<li><svg width="22" height="12" aria-hidden="true"><rect class="band [^>]*></svg> ([^<]*)</li>`)

// wantsBands fails if anything else stands behind the picture of the user's day.
func (w *week) wantsBands(user string, want ...string) {
	w.t.Helper()
	answer := httptest.NewRecorder()
	ctx := web.Looking(w.t.Context(), web.Viewer{Sees: web.Everything})
	w.daemon.page().Handler().ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/person?user="+user, nil))
	var got []string
	for _, m := range legends.FindAllStringSubmatch(answer.Body.String(), -1) {
		got = append(got, m[1])
	}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		w.t.Errorf("behind the day of %s stands\n\t%s\nwant\n\t%s", user, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestReadingsOfPeoplesDataAreToldIfConfigured, once an hour for the same account and
// the same, and without a name.
func TestReadingsOfPeoplesDataAreToldIfConfigured(t *testing.T) {
	inBuilding(t, "", func(w *week, clock func(h, m int) time.Time) {
		read := func() {
			for range 100 {
				w.daemon.noteReading("root", "a person's story")
				w.daemon.noteReading("the page", "who is here")
			}
			time.Sleep(time.Minute)
		}
		w.until(clock(9, 0))
		read()
		w.wants(clock(8, 59))
		testbed.Write(t, w.file, strings.Replace(testbed.Read(t, w.file), "[control]", "[control]\naudit_reads = true", 1))
		w.reload()
		read()
		read()
		w.wants(clock(8, 59), "09:01:00 reading root a person's story was read", "09:01:00 reading the page who is here was read")
		w.until(clock(10, 30))
		read()
		if got := w.happened(clock(10, 0)); len(got) != 2 {
			w.t.Errorf("an hour later there is %q", got)
		}
	})
}

// TestEventsAreBounded by number and by age, and what lasts is kept.
func TestEventsAreBounded(t *testing.T) {
	store := presence.NewMemory()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	add := func(e presence.Event) {
		if err := store.Update(t.Context(), []presence.Change{presence.WriteNotes(e.Note())}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3000 {
		add(presence.Event{Kind: presence.EventOrder, Begin: now.Add(time.Duration(i) * time.Second), Text: strings.Repeat("x", 5000)})
	}
	tidy := func(before time.Time, want int) {
		t.Helper()
		if err := presence.TidyEvents(t.Context(), store, before); err != nil {
			t.Fatal(err)
		}
		all, err := presence.Events(t.Context(), store, time.Time{})
		if err != nil || len(all) != want {
			t.Errorf("%d are kept, want %d: %v", len(all), want, err)
		}
		for _, e := range all {
			if len(e.Text) > 1000 {
				t.Fatalf("one has %d octets", len(e.Text))
			}
		}
	}
	tidy(now.AddDate(0, 0, -30), 2000)
	add(presence.Event{Kind: presence.EventConfigRefused, Begin: now.Add(2 * time.Hour), Lasts: true})
	tidy(now.AddDate(0, 0, 1), 1)
}
