package page

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/presence"
)

// get returns what the page answers.
func get(t *testing.T, p *Page, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, httptest.NewRequestWithContext(web.Looking(t.Context(), web.Viewer{Sees: web.Everything}), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// shown returns the elements of a page that has to be there.
func shown(t *testing.T, p *Page, path string) []*html.Node {
	t.Helper()
	code, text := get(t, p, path)
	if code != http.StatusOK {
		t.Fatalf("%s: %d\n%s", path, code, text)
	}
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(root.Descendants())
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// rows returns the rows of the tables as texts, without the heads.
func rows(nodes []*html.Node) (all []string) {
	for _, n := range nodes {
		if n.Data == "tr" && n.Parent.Data == "tbody" {
			var cells []string
			for cell := range n.ChildNodes() {
				cells = append(cells, textOf(cell))
			}
			all = append(all, strings.Join(strings.Fields(strings.Join(cells, " ")), " "))
		}
	}
	return all
}

func has(all []string, want string) bool {
	return slices.ContainsFunc(all, func(one string) bool { return strings.Contains(one, want) })
}

// TestNothingHeardBecomesMarkup: whatever an identity is like, it is text, it
// stays in its place, and its link leads to its own page.
func TestNothingHeardBecomesMarkup(t *testing.T) {
	o := newOffice(t)
	o.fill()
	for _, name := range hostile {
		o.hidden = append(o.hidden, control.Unmatched{Kind: "identity", Key: name, Reason: name, Remedy: name})
	}
	p := o.page()
	found := map[string]string{}
	for _, path := range []string{"/", "/calls", "/network", "/unmatched", "/?q=" + url.QueryEscape(hostile[0])} {
		for _, n := range shown(t, p, path) {
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "script" && attr(n, "src") != "/page.js" {
				t.Errorf("%s has a script: %s", path, textOf(n))
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
					t.Errorf("%s has <%s %s=%q>", path, n.Data, a.Key, a.Val)
				}
			}
			if link := attr(n, "href"); n.Data == "a" && strings.HasPrefix(link, "/person?") {
				found[textOf(n)] = link
			}
		}
	}
	for _, name := range hostile {
		link := found[plain(name)]
		if link == "" {
			t.Errorf("%q is not shown as text, but:\n%q", name, found)
			continue
		}
		for _, n := range shown(t, p, link) {
			if n.Data == "h1" && textOf(n) != plain(name) {
				t.Errorf("the link of %q leads to %q", name, textOf(n))
			}
		}
	}
	if !strings.Contains(plain("a\u202eb\x00\xff"), `a\u202eb\x00\xff`) || len([]rune(plain(strings.Repeat("ä", 5000)))) > 301 {
		t.Errorf("controls or endless texts are shown: %q", plain("a\u202eb\x00\xff"))
	}
}

// TestOldDayHasItsVisits: sessions are forgotten after a day, visits and what
// followed from them are not.
func TestOldDayHasItsVisits(t *testing.T) {
	o := newOffice(t)
	arrived := o.clock("09:00").AddDate(0, 0, -5)
	v := presence.Visit{
		ID: "old", User: "ann@example.com", Site: "london", Arrived: arrived, Departed: arrived.Add(8 * hour), State: presence.Over, End: presence.Left,
		Claims: []presence.Claim{{Booking: "B1", Begin: arrived, End: arrived.Add(9 * hour), In: arrived, Out: arrived.Add(9 * hour)}},
		Story:  []presence.Entry{{At: arrived, Kind: presence.Concluded, Text: "arrived at london"}},
	}
	err := o.store.Update(t.Context(), []presence.Change{{User: v.User, Apply: func(*presence.Person, [][]byte) presence.Outcome {
		return presence.Outcome{Archived: []presence.Visit{v}}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	p, path := o.page(), "/person?user=Ann@example.com&day="+arrived.Format(time.DateOnly)
	_, text := get(t, p, path)
	for _, want := range []string{
		"check-out of booking B1: done", "arrived at london", "Sessions are remembered for about a day",
		"day=" + arrived.AddDate(0, 0, -1).Format(time.DateOnly) + `&amp;user=ann%40example.com" rel="prev"`, "day=" + arrived.AddDate(0, 0, 1).Format(time.DateOnly) + `&amp;user=ann%40example.com" rel="next"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("that day does not have %q", want)
		}
	}
	_, text = get(t, p, "/person?user=ann@example.com")
	if !strings.Contains(text, "An empty day: nothing is remembered of "+o.now.In(o.zone).Format("Monday 2 January")) || strings.Contains(text, `rel="next"`) || strings.Contains(text, `class="timeline"`) {
		t.Error("today there is something, or a day after it")
	}
}

// TestTheHeadlineHeadsThePage: what show says first, of who is here, is leaving and has left.
func TestTheHeadlineHeadsThePage(t *testing.T) {
	o := newOffice(t)
	o.fill()
	gone := o.clock("10:00")
	o.lives("fay@example.com", []heard{
		{at: o.clock("09:00"), status: start, device: "02:00:5e:10:00:61", site: "london"}, {at: gone, status: stop, device: "02:00:5e:10:00:61", site: "london", cause: presence.UserRequest},
	}, func(p *presence.Person) {
		v := &p.Visits[0]
		c := o.claim("01K7Z3WQ7N4Y8V2M5B9XDESK61", "09:00", "18:00")
		c.In, c.Out = o.clock("09:00"), o.clock("11:00")
		v.Claims, v.CheckIn, v.CheckOut = []presence.Claim{c}, presence.Errand{Status: presence.Effected, At: c.In, Bookings: []string{c.Booking}}, presence.Errand{Status: presence.Effected, At: c.Out, Bookings: []string{c.Booking}}
	})
	for user, want := range map[string][]string{
		"ann@example.com":  {"present is at london since 08:52", "desk checked in 08:52", "next "},
		"cleo@example.com": {"leaving seems to have left london, not yet believed", "why the last device, 02:00:5e:10:00:21, went ", "every device is gone, not yet for linger", "leaving london will be believed"},
		"fay@example.com":  {"is not here", "why left london 10:00", "because every device has been gone for linger", "checked out 11:00"},
	} {
		var text []string
		for _, n := range shown(t, o.page(), "/person?user="+user) {
			if id := attr(n, "id"); id == "summary" || attr(n, "class") == "answers" {
				text = append(text, textOf(n))
			}
		}
		for _, one := range want {
			if !strings.Contains(strings.Join(text, "\n"), one) {
				t.Errorf("%s's page is not headed by %q but by\n%s", user, one, strings.Join(text, "\n"))
			}
		}
	}
	if all := rows(shown(t, o.page(), "/person?user=fay@example.com")); !has(all, "check-out done every device has been gone for linger") || !has(all, "over every device has been gone for linger") {
		t.Errorf("no check-out, or no visit, says why:\n%s", strings.Join(all, "\n"))
	}
}

// TestWhatHappenedMeanwhileStandsBehindTheDay in words, where it matters, and on a page
// of its own.
func TestWhatHappenedMeanwhileStandsBehindTheDay(t *testing.T) {
	o := newOffice(t)
	o.fill()
	p := o.page()
	_, text := get(t, p, "/person?user=ann@example.com")
	for _, want := range []string{"12:20–12:23 no departure was believed: presenced had just started", "was reset (Accounting-On or -Off): 1 person is held", `class="band deaf"`} {
		if !strings.Contains(text, want) {
			t.Errorf("ann's day has no %q", want)
		}
	}
	if strings.Contains(text, "zap NAS") {
		t.Error("an order stands behind ann's day")
	}
	if _, text := get(t, p, "/person?user=ann@example.com&day="+date(o.day.AddDate(0, 0, -1))); strings.Contains(text, "had just started") {
		t.Error("what happened today stands behind yesterday")
	}
	_, text = get(t, p, "/events")
	for _, want := range []string{"zap NAS ap-3, 2 ended", "configuration refused", "until now", "is no duration"} {
		if !strings.Contains(text, want) {
			t.Errorf("the events have no %q", want)
		}
	}
	if code, _ := get(t, p, "/events?before=lately"); code != http.StatusNotFound {
		t.Errorf("before no time: %d", code)
	}
}

// TestWhatIsNotThere has an answer that says so.
func TestWhatIsNotThere(t *testing.T) {
	o := newOffice(t)
	o.fill()
	p := o.page()
	for path, want := range map[string]string{
		"/nowhere":                     "no such page",
		"/person":                      "No person was named",
		"/person?user=zoe@example.com": "Nothing is remembered of zoe@example.com",
		"/person?user=ann@example.com&day=yesterday": "yesterday is no day",
		"/?site=paris":           "no site paris",
		"/roster?site=paris":     "no site paris",
		"/roster?day=yesterday":  "yesterday is no day",
		"/roster?day=2999-01-01": "has not begun",
	} {
		if code, text := get(t, p, path); code != http.StatusNotFound || !strings.Contains(text, want) {
			t.Errorf("%s: %d\n%s", path, code, text)
		}
	}
	p.Listings.Store = crowd{fails: errors.New("read store: input/output error")}
	p.latest.latest = nil
	if code, text := get(t, p, "/"); code != http.StatusServiceUnavailable || !strings.Contains(text, "input/output error") {
		t.Errorf("with a store that fails: %d\n%s", code, text)
	}
}

// TestHundredThousandPeopleFitOnAPage: their number, the first of them, and a
// way to the others; and however many look, the store is walked once.
func TestHundredThousandPeopleFitOnAPage(t *testing.T) {
	o, given := newOffice(t), new(atomic.Int64)
	p := o.page()
	p.Listings.Store = o.crowded(100_000, given)
	for _, path := range []string{"/", "/calls", "/network"} {
		_, text := get(t, p, path)
		if len(text) > 128<<10 {
			t.Errorf("%s has %d bytes", path, len(text))
		}
	}
	if given.Load() > 101_000 { // the first page of the list is read by itself
		t.Errorf("three pages read %d people", given.Load())
	}
	nodes := shown(t, p, "/")
	if all := rows(nodes); len(all) != mostPeople || !strings.HasPrefix(all[99], "user000099 ") {
		t.Errorf("%d rows are shown", len(all))
	}
	next := ""
	for _, n := range nodes {
		if n.Data == "a" && textOf(n) == "More" {
			next = attr(n, "href")
		}
	}
	if all := rows(shown(t, p, next)); len(all) != mostPeople || !strings.HasPrefix(all[0], "user000100 ") {
		t.Errorf("%s shows %q", next, all)
	}
	if all := rows(shown(t, p, "/?q=User04321")); len(all) != 10 || !strings.HasPrefix(all[9], "user043219@example.com present at london") {
		t.Errorf("the search finds %q", all)
	}
	if all := rows(shown(t, p, "/?site=london&order=since")); len(all) != mostPeople || !strings.HasPrefix(all[0], "user0") {
		t.Errorf("in order of their arrival %q", all)
	}
	if all := rows(shown(t, p, "/?q=user04")); len(all) != mostPeople {
		t.Errorf("a wide search shows %d", len(all))
	}
	if all := rows(shown(t, p, "/?site=leeds&after=user000000@example.com")); len(all) != 0 {
		t.Errorf("nobody is at leeds, but %d are shown", len(all))
	}
}

// TestRatesAreOfTheLastMinutes: what came long ago is no rate.
func TestRatesAreOfTheLastMinutes(t *testing.T) {
	o := newOffice(t)
	p := o.page()
	status, err := p.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o.rates.Sample(status.Clients, time.Now().Add(-2*time.Minute))
	o.requests += 300
	all := rows(shown(t, p, "/network"))
	if !has(all, "hq-wlc 10.20.0.0/24, london heard") || !has(all, " 150 (182 640)") {
		t.Errorf("the clients are\n%s", strings.Join(all, "\n"))
	}
	if !has(all, "lab 2001:db8:40::/48, leeds never heard") || !has(all, "95 s behind") || has(all, "wrong secret") {
		t.Errorf("the clients are\n%s", strings.Join(all, "\n"))
	}
	if _, text := get(t, p, "/"); !strings.Contains(text, "Client lab has not been heard") || strings.Contains(text, "shared secret") {
		t.Errorf("what to look at is\n%s", text)
	}
}

// TestUnmatchedHasReasonAndRemedy: and calls say what became of them.
func TestUnmatchedHasReasonAndRemedy(t *testing.T) {
	o := newOffice(t)
	o.fill()
	p := o.page()
	if all := rows(shown(t, p, "/unmatched")); !has(all, "anonymous@corp.example.com identity anonymous outer identity: have the RADIUS server return") {
		t.Errorf("unmatched are\n%s", strings.Join(all, "\n"))
	}
	all := rows(shown(t, p, "/calls"))
	for _, want := range []string{
		"08:52 check-in done ann@example.com", "11:40 check-out done bob@example.com", "12:50 check-in refused bob@example.com", "08:40 check-in dry run dan@example.com",
		o.now.Add(4*time.Minute).In(o.zone).Format("15:04") + " check-in cleo@example.com london 3 get bookings: 503",
	} {
		if !has(all, want) {
			t.Errorf("no row %q in\n%s", want, strings.Join(all, "\n"))
		}
	}
	for mode, want := range map[string]string{"dry_run": "Dry run: bookings are read", "none": "There is no [kadence]", "live": "Kadence does not answer: 503"} {
		o.desk = control.Desk{Mode: mode}
		if mode == "live" {
			o.desk.Error = "503"
		}
		p := o.page()
		if _, text := get(t, p, "/"); !strings.Contains(text, want) {
			t.Errorf("in mode %s the page does not say %q", mode, want)
		}
	}
}

// TestWhatRunsOutIsTold in time, and worse once it has.
func TestWhatRunsOutIsTold(t *testing.T) {
	o := newOffice(t)
	in := func(left time.Duration) control.Time { return control.Time{Time: time.Now().Add(left + time.Minute)} }
	o.papers = []control.Certificate{
		{Kind: "server", Subject: "CN=radsec.example.com", Expires: in(3 * 24 * hour)},
		{Kind: "ca", Client: "branch", Subject: "CN=lab CA", Expires: in(-hour)},
		{Kind: "ca", Client: "hq-wlc", Subject: "CN=good for long", Expires: in(300 * 24 * hour)},
		{Kind: "client", Client: "branch", Expires: in(13 * 24 * hour)},
		{Kind: "crl", Client: "branch", Subject: "CN=lab CA", Expires: in(-2 * hour)},
	}
	_, text := get(t, o.page(), "/")
	for _, want := range []string{
		"presenced&#39;s own certificate for TLS runs out in 3", "The CA CN=lab CA of client branch has run out: nobody gets in by it",
		"A certificate that client branch connects with runs out in 13", "The list of revoked certificates of client branch was to be replaced",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "good for long") {
		t.Error("what is good for long is told of")
	}
}

// slow is a store of which a walk takes its time.
type slow struct {
	crowd
	takes time.Duration
	walks *int
}

func (s slow) People(ctx context.Context, after string, limit int) ([]presence.Person, error) {
	if after == "" {
		*s.walks++
		time.Sleep(s.takes)
	}
	return s.crowd.People(ctx, after, limit)
}

// TestNobodyWaitsForAWalk but the first: who looks while one is under way, or has
// it begin, is shown what the one before told, and there is one for all of them.
func TestNobodyWaitsForAWalk(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		walks, given := 0, new(atomic.Int64)
		p := o.page()
		p.Listings.Store = slow{crowd{number: 10, given: given}, 10 * time.Second, &walks}
		look := func() (took time.Duration) {
			t.Helper()
			began := time.Now()
			shown(t, p, "/")
			return time.Since(began)
		}
		if took := look(); took < 10*time.Second {
			t.Errorf("the first was shown something after %s", took)
		}
		for range 3 {
			time.Sleep(time.Hour)
			synctest.Wait()
			before := walks
			for range 5 {
				if took := look(); took > patience {
					t.Errorf("who looked waited for %s", took)
				}
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			taken := p.latest.latest.taken
			if took := look(); took > 0 || time.Since(taken) > time.Minute {
				t.Errorf("after the walk: %s, of %s ago", took, time.Since(taken))
			}
			if walks != before+1 {
				t.Errorf("%d walks", walks-before)
			}
		}
	})
}

// TestWhatShowsNotEverybodyReadsNotEverybody: with a million people, one's own day and the
// numbers are there at once.
func TestWhatShowsNotEverybodyReadsNotEverybody(t *testing.T) {
	o, given := newOffice(t), new(atomic.Int64)
	p := o.page()
	p.Own = &asking{}
	p.Listings.Store = o.crowded(1_000_000, given)
	for _, path := range []string{"/me", "/occupancy", "/events", "/unmatched", "/person?user=bob@example.com"} {
		sees := web.Viewer{Sees: web.Everything, User: "ann@example.com"}
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequestWithContext(web.Looking(t.Context(), sees), http.MethodGet, path, nil))
		if want := map[bool]int{true: 404, false: 200}[strings.HasPrefix(path, "/person")]; w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
		if given.Load() > 0 {
			t.Errorf("%s read %d people", path, given.Load())
		}
	}
}

// TestWhatMeantThatLessWasKnownStandsBehindEachPicture, as a band of its kind, and nothing
// else does: of every kind of event there is one.
func TestWhatMeantThatLessWasKnownStandsBehindEachPicture(t *testing.T) {
	o := newOffice(t)
	o.fill()
	banded := map[presence.EventKind]bool{
		presence.EventDeaf: true, presence.EventHolding: true, presence.EventNotRecording: true, presence.EventDeskFailing: true, presence.EventNASSilent: true,
		presence.EventNASReset: true, presence.EventMassEnd: true,
	}
	var notes []presence.Note
	for kind := range eventWords {
		notes = append(notes, presence.Event{Kind: kind, Begin: o.day.Add(10 * hour), End: o.day.Add(11 * hour), Text: "of kind " + string(kind)}.Note())
	}
	if err := o.store.Update(t.Context(), []presence.Change{presence.WriteNotes(notes...)}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/person?user=ann@example.com", "/occupancy"} {
		_, text := get(t, o.page(), path)
		for kind, words := range eventWords {
			told := strings.Contains(text, "10:00–11:00 of kind "+string(kind)) || path == "/occupancy" && strings.Contains(text, "10:00–11:00 "+words.Text)
			if told != banded[kind] || told != strings.Contains(text, `class="band `+string(kind)+`"`) && banded[kind] {
				t.Errorf("%s: a band for %s: %t", path, kind, told)
			}
		}
	}
}

// TestARosterOfAMillionIsNone: it says so once it has met more people than anybody reads,
// and reads no further.
func TestARosterOfAMillionIsNone(t *testing.T) {
	o, given := newOffice(t), new(atomic.Int64)
	p := o.page()
	p.Listings.Store = o.crowded(1_000_000, given)
	if code, text := get(t, p, "/roster"); code != http.StatusNotFound || !strings.Contains(text, "More than 100000 visits are of that day: presenced visits has them") {
		t.Errorf("%d\n%s", code, text)
	}
	get(t, p, "/roster") // which the first has found out
	if given.Load() > 110_000 {
		t.Errorf("it read %d people", given.Load())
	}
}
