package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// town is a store that takes its time.
type town struct {
	people []presence.Person
	takes  time.Duration // for each page
	broken error
	walks  int
}

func (s *town) People(_ context.Context, after string, limit int) (page []presence.Person, err error) {
	if after == "" {
		s.walks++
	}
	time.Sleep(s.takes)
	for _, p := range s.people {
		if p.User > after && len(page) < limit {
			page = append(page, p)
		}
	}
	return page, s.broken
}

func newCensus(s household) *census {
	return &census{store: s, world: quiet, sites: func() []string { return []string{"london", "paris"} }}
}

// quiet is a world in which nothing has been missed.
func quiet() presence.World {
	return presence.World{Rules: presence.DefaultRules(), NAS: func(presence.NASName) presence.NAS { return presence.NAS{} }}
}

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2026-11-24 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func TestCensusCountsWhatIsThere(t *testing.T) {
	nas := func(id string) presence.NASName {
		return presence.NameNAS("wlc", id, netip.MustParseAddr("10.0.0.1"))
	}
	session := func(s presence.Session) presence.Session {
		s.Site = "london"
		return s
	}
	n := newCount(at("12:00"))
	n.zeroes([]string{"london", "paris"})
	for _, p := range []presence.View{
		{Sessions: []presence.Session{
			session(presence.Session{State: presence.Open, NAS: nas("a"), Began: at("08:00"), Interim: 10 * time.Minute}),
			session(presence.Session{State: presence.Suspect, Cause: presence.NASSilent, NAS: nas("b"), Began: at("08:00"), Interim: time.Minute}),
			session(presence.Session{State: presence.Suspect, Cause: presence.NASReset, NAS: nas("c"), Began: at("11:30")}),
			session(presence.Session{State: presence.Ended, NAS: nas("d"), Began: at("07:00")}),
		}, Person: &presence.Person{User: "ann", Visits: []presence.Visit{
			{Site: "london", State: presence.Present, Arrived: at("08:00"), CheckIn: presence.Errand{Status: presence.Effected, Next: at("12:15")}},
			{Site: "paris", State: presence.Over, Departed: at("07:00"), CheckOut: presence.Errand{Status: presence.Pending, Next: at("11:58")}},
		}}},
		{Sessions: []presence.Session{
			session(presence.Session{State: presence.Suspect, Cause: presence.NASSilent, NAS: nas("b"), Began: at("08:00")}),
		}, Person: &presence.Person{User: "bob", Visits: []presence.Visit{
			{Site: "london", State: presence.Leaving, Arrived: at("11:00"), CheckIn: presence.Errand{Status: presence.Pending, Next: at("12:05")}},
		}}},
		{Person: &presence.Person{User: "cleo", Visits: []presence.Visit{
			{Site: "london", State: presence.Present, Arrived: at("08:00"), CheckIn: presence.Errand{Status: presence.Pending, Next: at("12:05")},
				Claims: []presence.Claim{{Begin: at("08:30"), In: at("08:30")}, {Begin: at("11:50")}}},
			{Site: "paris", State: presence.Over, Departed: at("01:00"), CheckOut: presence.Errand{Status: presence.Effected}},
		}}},
		{Person: &presence.Person{User: "dan", Visits: []presence.Visit{
			{Site: "london", State: presence.Arriving, Arrived: at("11:59"), CheckIn: presence.Errand{Status: presence.Waiting, Next: at("11:50")}},
		}}},
	} {
		n.person(p)
	}
	for _, test := range []struct {
		what      string
		got, want any
	}{
		{"people", n.people, map[[2]string]int{
			{"london", "present"}: 2, {"london", "leaving"}: 1, {"london", "arriving"}: 1,
			{"paris", "present"}: 0, {"paris", "leaving"}: 0, {"paris", "arriving"}: 0,
		}},
		{"sessions", n.sessions, map[[2]string]int{{"london", "open"}: 1, {"london", "suspect"}: 3, {"paris", "open"}: 0, {"paris", "suspect"}: 0}},
		{"clients", n.clients, map[[2]string]int{{"wlc", "yes"}: 2, {"wlc", "not_yet"}: 1, {"wlc", "no"}: 1}},
		{"errands", n.errands, map[[2]string]int{
			{"check_in", "done"}: 1, {"check_in", "pending"}: 2, {"check_in", "waiting"}: 1, {"check_out", "pending"}: 1, {"check_out", "done"}: 1,
		}},
		{"pending", n.pending, map[string]time.Duration{"check_in": time.Hour, "check_out": 5 * time.Hour}},
		{"overdue", n.overdue, 2 * time.Minute},
		{"silent", n.silent, map[presence.NASName]bool{nas("b"): true}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.what, diff)
		}
	}
}

// TestBookingThatIsStillToComeIsNotOverdue: it was tried early, and is tried
// again when it begins.
func TestBookingThatIsStillToComeIsNotOverdue(t *testing.T) {
	n := newCount(at("12:00"))
	n.person(presence.View{Person: &presence.Person{Visits: []presence.Visit{{
		State: presence.Present, Arrived: at("08:00"), Claims: []presence.Claim{{Begin: at("13:00")}},
		CheckIn: presence.Errand{Status: presence.Pending, Next: at("13:00")},
	}}}})
	if n.pending["check_in"] != 0 || n.overdue != 0 {
		t.Errorf("it is %s old and %s late", n.pending["check_in"], n.overdue)
	}
}

func TestCensusCostsATwentiethOfACore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &town{takes: 250 * time.Millisecond, people: make([]presence.Person, 11)}
		for i := range s.people {
			s.people[i].User = fmt.Sprint(100 + i)
			s.people[i].Visits = []presence.Visit{{Site: "london", State: presence.Present}}
		}
		c := newCensus(s)
		for range 60 {
			c.latest()
			time.Sleep(time.Second)
		}
		if s.walks < 5 || s.walks > 6 { // every ten seconds, after one of half a second
			t.Errorf("it counted %d times in a minute", s.walks)
		}
		s.takes, s.walks = 2500*time.Millisecond, 0
		for range 600 {
			c.latest()
			time.Sleep(time.Second)
		}
		if busy := time.Duration(2*s.walks) * s.takes; busy > 35*time.Second || s.walks < 5 {
			t.Errorf("in ten minutes it counted %d times, for %s", s.walks, busy)
		}
	})
}

// TestScrapeNeitherWaitsLongNorGoesWithout: a count that takes long is told
// when it is done, and until then the one before.
func TestScrapeNeitherWaitsLongNorGoesWithout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &town{takes: 5 * time.Second, people: []presence.Person{{User: "ann", Visits: []presence.Visit{{Site: "london", State: presence.Present}}}}}
		c := newCensus(s)
		began := time.Now()
		if n := c.latest(); n != nil || time.Since(began) != censusWait {
			t.Errorf("after %s there is %v", time.Since(began), n)
		}
		time.Sleep(10 * time.Second)
		n := c.latest()
		if n == nil || n.people[[2]string{"london", "present"}] != 1 || s.walks != 1 {
			t.Fatalf("after the count there is %v, of %d", n, s.walks)
		}
		time.Sleep(time.Hour)
		s.broken = errors.New("disk on fire")
		if again := c.latest(); again != n {
			t.Error("while the next is made the one before is not told")
		}
		time.Sleep(time.Minute)
		if again := c.latest(); again != n {
			t.Error("once it fails the one before is not told")
		}
		time.Sleep(time.Hour) // for the goroutine of the last
	})
}

// BenchmarkCensus counts people as a store has them, with a session, a visit
// and a story each; ns/op is of one person.
func BenchmarkCensus(b *testing.B) {
	s, err := store.Open(filepath.Join(b.TempDir(), "presenced.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const people = 20_000
	now := time.Now()
	for i := range people / 1000 {
		var changes []presence.Change
		for j := range 1000 {
			user := fmt.Sprintf("user%06d@example.com", 1000*i+j)
			changes = append(changes, presence.Change{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
				device := fmt.Sprintf("02:00:5e:%02x:%02x:01", i, j%256)
				for beat := range 3 {
					p.Hear(presence.Sighting{Session: "5f3a-0001", Device: device, Site: "london", SSID: "Corp", NAS: "wlc/wlc-ldn-1/10.20.0.5", Whose: presence.Mine,
						Status: presence.Interim, At: now.Add(time.Duration(beat-2) * 10 * time.Minute), Heard: now}, quiet())
				}
				p.Visits, p.Story = []presence.Visit{{ID: "mjflhp1uf3", User: user, Site: "london", State: presence.Present, Arrived: now,
					CheckIn: presence.Errand{Status: presence.Effected, At: now, Bookings: []string{"01GTBV1CT30000000000000007"}}}}, nil
				for range 6 {
					p.Story = append(p.Story, presence.Entry{At: now, Kind: presence.Heard, Text: device + " Interim on Corp"})
				}
				return presence.Outcome{}
			}})
		}
		if err := s.Update(b.Context(), changes); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := newCount(now).walk(s, quiet); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/people, "ns/person")
}

// TestWhoIsRefusedIsNoOldestPending: whoever has not self-certified is asked for again all
// day, and that is nobody's alarm. Who waits for an answer is.
func TestWhoIsRefusedIsNoOldestPending(t *testing.T) {
	visit := func(e presence.Errand, claims ...presence.Claim) presence.View {
		return presence.View{Person: &presence.Person{Visits: []presence.Visit{{Site: "london", State: presence.Present, Arrived: at("08:00"), CheckIn: e, Claims: claims}}}}
	}
	claim := presence.Claim{Booking: "b", Begin: at("08:00"), End: at("17:00"), Tried: at("11:55"), Refused: "self-certify first"}
	for name, c := range map[string]struct {
		presence.View
		want time.Duration
	}{
		"refused":      {visit(presence.Errand{Status: presence.Pending, Reason: claim.Refused, Next: at("12:05")}, claim), 0},
		"no answer":    {visit(presence.Errand{Status: presence.Pending, Reason: "503", Attempts: 3, Next: at("12:05")}), 4 * time.Hour},
		"not since":    {visit(presence.Errand{Status: presence.Pending, Reason: "503", Attempts: 3, Next: at("12:05")}, claim), 4 * time.Hour},
		"not yet done": {visit(presence.Errand{Status: presence.Pending, Next: at("12:00")}), 4 * time.Hour},
	} {
		n := newCount(at("12:00"))
		n.person(c.View)
		if got := n.pending["check_in"]; got != c.want {
			t.Errorf("%s: pending for %s, want %s", name, got, c.want)
		}
	}
}
