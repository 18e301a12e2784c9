package presence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// roster returns the roster of the day, from what the desk has and the store holds.
func (o *office) roster() Roster {
	o.t.Helper()
	o.desk.mu.Lock()
	o.desk.passTime()
	roll := Roll{At: time.Now(), Of: map[string][]Booking{}}
	for id, b := range o.desk.bookings {
		roll.Of[o.desk.owner[id]] = append(roll.Of[o.desk.owner[id]], *b)
	}
	o.desk.mu.Unlock()
	visits, err := o.store.History(o.t.Context(), "", time.Time{}, hour(48), 1000)
	if err != nil {
		o.t.Fatal(err)
	}
	people, err := o.store.People(o.t.Context(), "", 1000)
	if err != nil {
		o.t.Fatal(err)
	}
	users := map[string]bool{}
	for _, p := range people {
		visits = append(visits, p.Visits...)
	}
	for _, v := range visits {
		users[v.User] = true
	}
	site := o.rules.Sites["london"]
	passes, err := WalkInsOf(o.t.Context(), o.store, slices.Sorted(maps.Keys(users)), site, time.Now(), o.rules)
	if err != nil {
		o.t.Fatal(err)
	}
	return Enrol(site, time.Now(), roll, visits, passes, o.rules)
}

// lines are a roster's, one for each booking.
func lines(r Roster) string {
	var b strings.Builder
	for _, e := range r.Rows {
		name, _, _ := strings.Cut(e.User, "@")
		fmt.Fprintf(&b, "%s %s %s", name, e.Booking.ID, e.Fate)
		if e.WalkIn {
			b.WriteString(" walk-in")
		}
		if e.Why != "" {
			b.WriteString(": " + e.Why)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestARosterSaysWhatBecameOfEveryBooking on a morning on which everything happens.
func TestARosterSaysWhatBecameOfEveryBooking(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.fails(func(call string, b *Booking) error {
			if call == "in cleos" {
				return &RefusedError{Reason: "422"}
			}
			return nil
		})
		book := func(name string, begin, end int, more ...func(*Booking)) {
			o.desk.book(name+"@example.com", name+"s", hour(begin), hour(end), more...)
		}
		book("ann", 9, 17)
		book("bob", 9, 17, func(b *Booking) { b.Status, b.InVia, b.InAt = CheckedIn, "ios", o.at(8, 41) })
		book("cleo", 9, 17, func(b *Booking) { b.Certified = hour(7) })
		book("dan", 9, 17)
		released := func(b *Booking) {
			b.Status, b.Taken, b.Cause, b.Released = Cancelled, true, "autoSpaceRelease", o.at(9, 15)
		}
		book("eve", 9, 17, released)
		book("gus", 9, 17, func(b *Booking) { b.Status = Cancelled })
		book("hal", 13, 17)
		book("ida", 9, 17, func(b *Booking) { b.Guest = true })
		book("jan", 9, 17, func(b *Booking) { b.Type, b.Eligible = "room", false })
		book("kim", 9, 17, released)
		book("lea", 13, 17)
		o.desk.book("ann@example.com", "room", hour(9), hour(10), func(b *Booking) { b.Type, b.Eligible = "room", false })
		o.desk.book("dan@example.com", "tomorrow", hour(24+9), hour(24+17))
		o.until(9, 0)
		for i, name := range []string{"ann", "bob", "cleo", "eve", "fay", "hal", "jan", "lea"} {
			o.hear(Start, name, fmt.Sprintf("02:00:00:00:01:%02x", i), name)
		}
		o.until(9, 20)
		o.hear(Stop, "lea", "02:00:00:00:01:07", "lea")
		o.until(10, 32)
		r := o.roster()
		want := strings.TrimPrefix(`
ann anns checked_in: checked in at 09:00
bob bobs by_others: checked in by ios at 08:41
cleo cleos refused: 422: tried again at 10:35
dan dans not_seen
eve eves released: was released at 09:15, although its user had been here since 09:00
fay  without: no booking for today at this building
hal hals waiting: booking hals is due at 2026-01-05T12:00:00Z
jan  without: booking jans is a room, which is not among the configured types
kim kims not_seen: cancelled: it was released, because nobody had checked in
lea leas waiting: left at 09:20
`, "\n")
		if got := lines(r); got != want {
			t.Errorf("the roster is\n%s want\n%s", got, want)
		}
		if r.Booked != 8 || r.Here != 7 || r.Fates[FateWithout] != 2 || r.Fates[FateNotSeen] != 2 || r.Fates[FateWaiting] != 2 || r.WalkIns != 0 {
			t.Errorf("it counts %+v", r)
		}
		if got := o.courier.ByOthers()["london"]; got != 1 {
			t.Errorf("%d were checked in by others, want 1", got)
		}
		adds(t, r)

		o.desk.fails(func(string, *Booking) error { return nil })
		for i, name := range []string{"ann", "bob", "cleo"} {
			o.hear(Stop, name, fmt.Sprintf("02:00:00:00:01:%02x", i), name)
		}
		o.until(12, 30) // all of it is archived
		r = o.roster()
		if got := lines(r); !strings.Contains(got, "ann anns checked_in: checked in at 09:00, checked out at 11:32\n") || !strings.Contains(got, "bob bobs by_others") {
			t.Errorf("in the afternoon the roster is\n%s", got)
		}
		adds(t, r)
	})
}

// adds fails if a roster's numbers do not make up what they are said to.
func adds(t *testing.T, r Roster) {
	t.Helper()
	sum := 0
	for fate, n := range r.Fates {
		if fate != FateWithout {
			sum += n
		}
	}
	if sum != r.Booked || r.Fates[FateWithout] > r.Here {
		t.Errorf("%d are booked, and %d of them are told of; of %d here %d are without", r.Booked, sum, r.Here, r.Fates[FateWithout])
	}
}

// TestARosterTellsOfWalkIns: of passes that were booked, and that would have been.
func TestARosterTellsOfWalkIns(t *testing.T) {
	walksIn(t, func(o *office) {
		o.comes()
		if r := o.roster(); lines(r) != "ann pass0 checked_in walk-in: checked in at 09:15\n" || r.WalkIns != 1 || r.Booked != 1 || r.Fates[FateWithout] != 0 {
			t.Errorf("the roster is\n%s%+v", lines(r), r)
		}
	})
}

// TestARosterWithoutAReadingTellsWhatVisitsKnow: the bookings that they tried.
func TestARosterWithoutAReadingTellsWhatVisitsKnow(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(8), hour(17))
		o.comes()
		visits := []Visit{o.visit("ann@example.com")}
		r := Enrol(o.rules.Sites["london"], time.Now(), Roll{Why: "it fails"}, visits, nil, o.rules)
		if lines(r) != "ann b checked_in: checked in at 09:00\n" || !r.Read.IsZero() || r.Why != "it fails" {
			t.Errorf("the roster is\n%s%+v", lines(r), r)
		}
		if r := Enrol(o.rules.Sites["london"], hour(24+9), Roll{}, visits, nil, o.rules); len(r.Rows) != 1 { // she is still there
			t.Errorf("the next day's roster is\n%s", lines(r))
		}
		if r := Enrol(o.rules.Sites["london"], hour(-24), Roll{}, visits, nil, o.rules); len(r.Rows) != 0 {
			t.Errorf("the roster of the day before is\n%s", lines(r))
		}
	})
}
