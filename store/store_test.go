package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/kv"
)

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// openNew opens a new store that the end of the test closes.
func openNew(t testing.TB) *Store {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "presenced.db"))
}

func reopen(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func journalPath(path string, which int) string { return fmt.Sprint(path, ".journal", which) }

// files are the store's at path.
func files(path string) []string { return []string{path, journalPath(path, 0), journalPath(path, 1)} }

// copyFiles copies a store as a process that is killed now would leave it.
func copyFiles(from, to string) error {
	for i, path := range files(to) {
		data, err := os.ReadFile(files(from)[i])
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withJournals has the journals take so many octets at the most.
func (s *Store) withJournals(most int64) *Store {
	s.kv.LimitJournals(most)
	return s
}

// put makes a change that leaves of the person what f makes of it.
func put(user string, f func(*presence.Person)) presence.Change {
	return presence.Change{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome { f(p); return presence.Outcome{} }}
}

// settle makes a change that settles visits.
func settle(user string, visits ...presence.Visit) presence.Change {
	return presence.Change{User: user, Apply: func(*presence.Person, [][]byte) presence.Outcome { return presence.Outcome{Archived: visits} }}
}

// tell makes a change that adds a line to the person's story, so that there is
// something to remember.
func tell(user, text string) presence.Change {
	return put(user, func(p *presence.Person) {
		p.Story = append(p.Story, presence.Entry{At: monday, Kind: presence.Heard, Text: text})
	})
}

// put1 applies changes that have to succeed.
func put1(t testing.TB, s *Store, changes ...presence.Change) {
	t.Helper()
	if err := s.Update(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

// hear has the person hear of a device of theirs, and leaves all but the facts
// as it was.
func hear(p *presence.Person, n presence.Sighting) {
	n.Whose = presence.Mine
	listener := presence.Person{User: p.User, Facts: p.Facts}
	listener.Hear(n, presence.World{Rules: presence.DefaultRules(), NAS: func(presence.NASName) presence.NAS { return presence.NAS{} }})
	p.Facts = listener.Facts
}

// beat has the person hear at another moment that the phone of the office is
// there.
func beat(p *presence.Person, at time.Time) {
	hear(p, presence.Sighting{
		Session: "5F3C0000-0000A20", Device: "02:11:22:33:44:55", Site: "london", NAS: "hq-wlc/wlc-ldn-1/10.20.0.5", Status: presence.Interim, At: at, Heard: at,
	})
}

// office is a person with a phone and a laptop, a visit under way and a story:
// as large as people usually are.
func office(user string) presence.Person {
	p := presence.Person{User: user, Wake: monday.Add(time.Hour), NextErrand: monday.Add(5 * time.Minute)}
	for i, device := range []string{"02:11:22:33:44:55", "02:66:77:88:99:aa"} {
		at := monday.Add(time.Duration(i) * 83 * time.Second)
		for beat := range 3 {
			status, age := presence.Interim, time.Duration(beat)*10*time.Minute
			if beat == 0 {
				status = presence.Start
			}
			hear(&p, presence.Sighting{
				Session: fmt.Sprintf("5F3C%04X-0000A2%d", i, i), Multi: "02aabbccddee5f3c0001", Device: device, Site: "london", SSID: "Corp",
				NAS: "hq-wlc/wlc-ldn-1/10.20.0.5", AP: "ap-ldn-3-17", BSSID: "02:aa:bb:cc:dd:ee",
				Status: status, At: at.Add(age), Heard: at.Add(age + 1234567), Age: age, HasAge: true,
			})
		}
		p.Devices = append(p.Devices, presence.Device{ID: device, Site: "london", Doze: 40 * time.Minute})
		p.Story = append(p.Story, presence.Entry{At: at, Kind: presence.Heard, Text: device + " Start on Corp"})
	}
	p.Story = append(p.Story, presence.Entry{At: monday, Kind: presence.Concluded, Text: "arrived at london"})
	slices.SortFunc(p.Story, presence.Entry.Compare)
	p.Visits = []presence.Visit{{
		ID: "q3k9d0vdc1", User: user, Site: "london", Arrived: monday, State: presence.Present,
		CheckIn:  presence.Errand{Status: presence.Effected, At: monday.Add(time.Second), Bookings: []string{"01HZX3V0T7C3"}, Next: monday.Add(15 * time.Minute)},
		CheckOut: presence.Errand{Status: presence.Waiting},
		Claims: []presence.Claim{{
			Booking: "01HZX3V0T7C3", Begin: monday, End: monday.Add(8 * time.Hour), Tried: monday, In: monday.Add(time.Second),
		}},
	}}
	return p
}

// whole checks that the pages of the file fit together, and so do the queues,
// the counter and the history with the people.
func whole(s *Store) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.kv.Check(); err != nil {
		return err
	}
	return s.read(func(v kv.View) error {
		count := 0
		named := [len(queues)]map[string]bool{{}, {}}
		for k, data := range v.From(people, nil) {
			count++
			d, err := decode(string(k), data)
			if err != nil {
				return err
			}
			for q, at := range [...]time.Time{d.Wake, d.NextErrand} {
				if d.Queued[q].IsZero() != at.IsZero() || d.Queued[q].After(at) {
					return fmt.Errorf("queue %d names %q at %v, which is later than %v", q, k, d.Queued[q], at)
				}
				if !at.IsZero() {
					named[q][string(MomentKey(d.Queued[q], d.User))] = true
				}
			}
		}
		if err := apartFits(v); err != nil {
			return err
		}
		if n := s.Stats().People; n != count {
			return fmt.Errorf("%d people are counted, and there are %d", n, count)
		}
		for q := range queues {
			for k := range v.From(queues[q], nil) {
				if !named[q][string(k)] {
					return fmt.Errorf("queue %d has an entry that nobody knows of: %q", q, k)
				}
				delete(named[q], string(k))
			}
			if len(named[q]) > 0 {
				return fmt.Errorf("queue %d lacks %d entries", q, len(named[q]))
			}
		}
		visitsOf := map[string]bool{}
		for k := range v.From(history, nil) {
			user, arrived, id := SplitHistoryKey(k)
			visitsOf[string(VisitKey(user, arrived, id))] = true
		}
		for k := range v.From(visits, nil) {
			if !visitsOf[string(k)] {
				return fmt.Errorf("the index has a visit that the history has not: %q", k)
			}
			delete(visitsOf, string(k))
		}
		if len(visitsOf) > 0 {
			return fmt.Errorf("the index lacks %d visits", len(visitsOf))
		}
		return nil
	})
}

// apartFits checks that what is stored apart is of people, each of whom knows of it.
func apartFits(v kv.View) error {
	told, facts := map[string]int{}, map[string]bool{}
	for k, data := range v.From(people, nil) {
		d, err := decode(string(k), data)
		if err != nil {
			return err
		}
		if told[d.User] = d.Told.Lines; len(d.Story) > 0 { // of an older version
			told[d.User] = len(d.Story)
		}
		for i := range d.Over {
			for _, is := range d.Over[i].Of {
				facts[string(PastKey(d.User, is.Key))] = true
			}
		}
	}
	for k := range v.From(past, nil) {
		if !facts[string(k)] {
			return fmt.Errorf("nobody knows of the facts at %q", k)
		}
		delete(facts, string(k))
	}
	if len(facts) > 0 {
		return fmt.Errorf("facts are missing: %d", len(facts))
	}
	for k := range v.From(lines, nil) {
		user, _, _ := strings.Cut(string(k), "\x00")
		if told[user]--; told[user] < 0 {
			return fmt.Errorf("%q has more lines than they know of", user)
		}
	}
	return nil
}

func TestARestartChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presenced.db")
	s := reopen(t, path)
	want := office("ann@example.com")
	visit := presence.Visit{ID: "v", Arrived: monday, Departed: monday.Add(time.Hour), State: presence.Over}
	changes := []presence.Change{put(want.User, func(p *presence.Person) { *p = want }), settle(want.User, visit)}
	if err := s.Update(t.Context(), append(changes, presence.WriteNotes(presence.Note{Kind: "k", Key: "a", Value: []byte("b")}))); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path)
	same(t, must(s.Person(t.Context(), want.User)), want)
	visit.User = want.User
	same(t, must(s.History(t.Context(), "", time.Time{}, monday.Add(1), 9)), []presence.Visit{visit})
	same(t, string(must(s.Note(t.Context(), "k", "a"))), "b")
	users, next, err := s.Due(t.Context(), presence.Errands, want.NextErrand, 9)
	if err != nil || len(users) != 1 || !next.IsZero() {
		t.Errorf("due are %q, next %v, %v", users, next, err)
	}
}

func TestWhatChangesNothingIsNotWritten(t *testing.T) {
	s := openNew(t)
	again := func() {
		change := put("ann", func(p *presence.Person) { *p = office("ann") })
		if err := s.Update(t.Context(), []presence.Change{change, presence.WriteNotes(presence.Note{Kind: "k", Key: "a", Value: []byte("b")})}); err != nil {
			t.Fatal(err)
		}
	}
	again()
	before := must(os.ReadFile(s.Path()))
	again()
	if string(must(os.ReadFile(s.Path()))) != string(before) {
		t.Error("the file has changed")
	}
}

func TestStatsTellHowTheStoreFares(t *testing.T) {
	s := openNew(t)
	put1(t, s, tell("ann", "x"), tell("bob", "x"))
	put1(t, s, tell("ann", "y"))
	st := s.Stats()
	if st.Size < 4096 || st.People != 2 || st.Commit <= 0 || st.FreePages == 0 || st.Readers != 0 {
		t.Errorf("%+v", st)
	}
	err := s.read(func(kv.View) error {
		same(t, s.Stats().Readers, 1)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
