package storetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// Who is due.

func notDue(t *testing.T, s presence.Store) {
	ask := func(by time.Time) []string {
		users, _, err := s.Due(t.Context(), presence.Wakes, by, 9)
		if err != nil {
			t.Fatal(err)
		}
		return users
	}
	wake := func(at time.Time) {
		update(t, s, tell("ann", "x"), put("ann", func(p *presence.Person) { p.Wake = at }))
	}
	// No clock is asked: this holds long before and long after it.
	for _, start := range []time.Time{time.Unix(0, 0), monday, monday.AddDate(100, 0, 0)} {
		wake(start.Add(time.Hour))
		wake(start.Add(2 * time.Hour))
		same(t, ask(start.Add(time.Hour-1)), nil)
		ask(start.Add(time.Hour)) // may name her too early, once
		same(t, ask(start.Add(time.Hour)), nil)
		same(t, ask(start.Add(2*time.Hour-1)), nil)
		same(t, ask(start.Add(2*time.Hour)), []string{"ann"})
		wake(start.Add(2*time.Hour - 1)) // sooner
		same(t, ask(start.Add(2*time.Hour-1)), []string{"ann"})
		wake(time.Time{})
		same(t, ask(start.AddDate(1, 0, 0)), nil)
	}
}

func namedUntil(t *testing.T, s presence.Store) {
	update(t, s, tell("ann", "x"), put("ann", func(p *presence.Person) { p.Wake, p.NextErrand = monday, monday }))
	for range 3 {
		for _, q := range []presence.Queue{presence.Wakes, presence.Errands} {
			users, _, err := s.Due(t.Context(), q, monday, 9)
			if err != nil || !slices.Equal(users, []string{"ann"}) {
				t.Errorf("%q, %v", users, err)
			}
		}
		update(t, s, put("ann", func(*presence.Person) {}))
	}
}

// newlyDue: nobody is named again of whom nothing was written, however many are due, and
// whoever asks misses nothing.
func newlyDue(t *testing.T, s presence.Store) {
	ask := func(by time.Time, limit int, anew bool) (users []string, next time.Time) {
		users, next, err := s.NewlyDue(t.Context(), by, limit, anew)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(users)
		return slices.Compact(users), next
	}
	due := func(user string, at time.Time) {
		update(t, s, put(user, func(p *presence.Person) { p.Devices, p.NextErrand = []presence.Device{{Last: at}}, at }))
	}
	named := func(by time.Time, anew bool, want ...string) {
		t.Helper()
		users, _ := ask(by, 9, anew)
		same(t, users, want)
		for range 2 { // it may name them again, and not for ever
			users, _ = ask(by, 9, false)
		}
		same(t, users, nil)
	}
	asksAgainBy := func(by, at time.Time) {
		t.Helper()
		if _, next := ask(by, 9, false); next.IsZero() || next.After(at) {
			t.Errorf("asks again at %v, and somebody is due at %v", next, at)
		}
	}
	minute := func(n int) time.Time { return monday.Add(time.Duration(n) * time.Minute) }
	for i, user := range []string{"a", "b", "c", "d"} {
		due(user, minute(i))
	}
	named(minute(1), true, "a", "b")
	asksAgainBy(minute(1), minute(2))
	named(minute(2), false, "c")

	update(t, s, put("a", func(p *presence.Person) { p.Client = "hq" })) // and is due as before
	due("b", minute(60))                                                 // and is not any more
	due("e", monday.Add(time.Second))                                    // sooner than some who were named
	due("f", minute(120))
	some := map[string]bool{}
	for range 9 {
		users, next := ask(minute(2), 1, false)
		if len(users) > 1 || len(some) < 3 && next.IsZero() {
			t.Errorf("%q, next %v", users, next)
		}
		for _, user := range users {
			some[user] = true
		}
	}
	same(t, slices.Sorted(maps.Keys(some)), []string{"a", "b", "e"})
	named(minute(2), false)
	asksAgainBy(minute(2), minute(3))

	update(t, s, put("c", func(p *presence.Person) { *p = presence.Person{} }))
	named(minute(60), false, "b", "c", "d")
	named(minute(60), true, "a", "b", "d", "e")
	asksAgainBy(minute(60), minute(120))
}

// The moments of many move later, as those of everybody who is heard do.
func movedMoments(t *testing.T, s presence.Store) {
	const many = 700
	wake := func(at time.Time) {
		var all []presence.Change
		for n := range many {
			all = append(all, put(fmt.Sprintf("u%03d", n), func(p *presence.Person) {
				p.Devices, p.Wake = []presence.Device{{Last: monday}}, at.Add(time.Duration(n))
			}))
		}
		update(t, s, all...)
	}
	wake(monday)
	wake(monday.Add(time.Hour))
	update(t, s, put("u699", func(p *presence.Person) { p.Wake = monday.Add(time.Minute) }))
	named := map[string]int{}
	for by := monday.Add(time.Minute); ; {
		users, next, err := s.Due(t.Context(), presence.Wakes, by, 100)
		if err != nil || next.After(monday.Add(time.Hour)) {
			t.Fatal(users, next, err)
		}
		for _, user := range users {
			named[user]++
		}
		if len(users) < 100 {
			break
		}
	}
	if named["u699"] == 0 {
		t.Error("who is due is not named")
	}
	delete(named, "u699")
	for user, times := range named {
		if times > 1 {
			t.Errorf("%s was named %d times, an hour too early", user, times)
		}
	}
	seen := map[string]bool{}
	for by := monday.Add(time.Hour + many); ; {
		users, _, err := s.Due(t.Context(), presence.Wakes, by, 100)
		if err != nil || len(users) > 100 {
			t.Fatal(users, err)
		}
		if len(users) == 0 {
			break
		}
		var all []presence.Change
		for _, user := range users {
			seen[user] = true
			all = append(all, put(user, func(p *presence.Person) { p.Wake = time.Time{} }))
		}
		update(t, s, all...)
	}
	same(t, len(seen), many)
}

func nextOfTheRest(t *testing.T, s presence.Store) {
	for i, user := range []string{"c", "a", "b"} {
		update(t, s, tell(user, "x"), put(user, func(p *presence.Person) { p.NextErrand = monday.Add(time.Duration(i) * time.Minute) }))
	}
	for _, c := range []struct {
		by    time.Time
		limit int
		users []string
		next  time.Time
	}{
		{monday.Add(-1), 9, nil, monday},
		{monday, 9, []string{"c"}, monday.Add(time.Minute)},
		{monday.Add(time.Hour), 2, []string{"c", "a"}, monday.Add(2 * time.Minute)},
		{monday.Add(time.Hour), 0, nil, monday},
		{monday.Add(time.Hour), 3, []string{"c", "a", "b"}, time.Time{}},
	} {
		users, next, err := s.Due(t.Context(), presence.Errands, c.by, c.limit)
		if err != nil || !slices.Equal(users, c.users) || !next.Equal(c.next) {
			t.Errorf("by %v, at most %d: got %q, next %v, %v", c.by, c.limit, users, next, err)
		}
	}
}
