package office

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/presence"
)

// hourly has the daemon live through the office's days with the bookings, and calls
// look at every full hour.
func hourly(t *testing.T, o *Office, rules presence.Rules, look func(store *presence.Memory, l *Ledger, moves map[string]presence.Moves, now time.Time)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(o.Begins))
		store, ledger, log := presence.NewMemory(), NewLedger(o.Bookings()), slog.New(slog.DiscardHandler)
		tr := presence.NewTracker(store, o.Mapping(), rules, log)
		c := presence.NewCourier(store, ledger, rules, log)
		tr.HasWork = c.Kick
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { tr.Run(ctx) })
		running.Go(func() { c.Run(ctx) })
		next := o.Begins.Add(time.Hour)
		rest := func(until time.Time) {
			for ; !next.After(until); next = next.Add(time.Hour) {
				time.Sleep(time.Until(next))
				synctest.Wait()
				look(store, ledger, tr.Moves(), next)
			}
			time.Sleep(time.Until(until))
		}
		for events := o.Events; len(events) > 0 && events[0].Arrive.Before(o.Truth.Ends); events = events[1:] {
			rest(events[0].Arrive)
			if err := tr.Record(t.Context(), []presence.Record{o.sent(t, events[0])}); err != nil {
				t.Fatal(err)
			}
		}
		rest(o.Truth.Ends)
		cancel()
		running.Wait()
	})
}

// TestEveryHoursRosterIsTrue: of an office in which nothing is lost, each hour's roster
// has each booking as the desk's ledger has it, and here is who is there.
func TestEveryHoursRosterIsTrue(t *testing.T) {
	people, days := 40, 2
	if racing {
		people, days = 6, 1
	}
	plan := Week(people)
	plan.Days, plan.Calm = days, true
	o := New(*first, plan)
	rules := o.Rules()
	found := map[presence.Fate]int{}
	hourly(t, o, rules, func(store *presence.Memory, l *Ledger, moves map[string]presence.Moves, now time.Time) {
		for _, site := range o.Sites {
			c := rosterCheck{t: t, o: o, l: l, site: site, now: now, rules: rules}
			c.roster(store)
			c.bookings()
			c.people()
			c.occupancy(moves[site.Name])
			for fate, n := range c.is.Fates {
				found[fate] += n
			}
		}
	})
	t.Logf("told over all hours: %v", found)
	for _, fate := range []presence.Fate{presence.FateByUs, presence.FateNotSeen, presence.FateWaiting, presence.FateWithout} {
		if found[fate] == 0 && !racing { // brief days need not have them all
			t.Errorf("no roster had anybody who is %s", fate)
		}
	}
}

// rosterCheck holds one site's roster at one moment against what is so.
type rosterCheck struct {
	t     *testing.T
	o     *Office
	l     *Ledger
	site  presence.Site
	now   time.Time
	rules presence.Rules
	is    presence.Roster
}

func (c *rosterCheck) errorf(format string, args ...any) {
	c.t.Errorf("%s at %s: %s", c.site.Name, c.now.Format("Mon 15:04"), fmt.Sprintf(format, args...))
}

// roster makes the roster of a reading that is made now.
func (c *rosterCheck) roster(store *presence.Memory) {
	roll := presence.Roll{At: c.now, Of: map[string][]presence.Booking{}}
	for user := range c.l.byUser {
		roll.Of[user], _ = c.l.Bookings(c.t.Context(), user, c.site.Name, c.now)
	}
	visits, err := store.History(c.t.Context(), "", time.Time{}, c.now.Add(time.Hour), 1<<20)
	if err != nil {
		c.t.Fatal(err)
	}
	people, err := store.People(c.t.Context(), "", 1<<20)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, p := range people {
		visits = append(visits, p.Visits...)
	}
	c.is = presence.Enrol(c.site, c.now, roll, visits, nil, c.rules)
}

// bookings holds each line's fate against the ledger.
func (c *rosterCheck) bookings() {
	told := map[string]presence.Enrolled{}
	for _, row := range c.is.Rows {
		if _, twice := told[row.Booking.ID]; twice && row.Booking.ID != "" {
			c.errorf("booking %s is there twice", row.Booking.ID)
		}
		told[row.Booking.ID] = row
	}
	in := map[string]bool{}
	for _, e := range c.l.effects {
		in[e.booking] = true
	}
	end := c.site.NextDay(c.now, c.rules.DayStarts)
	for _, b := range c.l.booked {
		v, there := b.at(c.now)
		moved := slices.ContainsFunc(b.Versions, func(other Version) bool { return other.Site != v.Site }) // where it was checked in, if it was, is another site's to tell
		if !there || moved || v.Site != c.site.Name || !v.Begin.Before(end) || !v.End.After(c.is.Day) || !v.End.After(c.now.Add(-12*time.Hour)) || !v.Begin.Before(c.now.Add(12*time.Hour)) {
			continue
		}
		switch row, is := told[b.ID]; {
		case c.l.status[b.ID] == "" && c.l.release(b, c.now): // as if it had never been: the ledger does not say by whom
		case !is:
			c.errorf("booking %s of %s is missing", b.ID, b.User)
		case in[b.ID] != (row.Fate == presence.FateByUs):
			c.errorf("booking %s of %s is %s, and checked in by us %v", b.ID, b.User, row.Fate, in[b.ID])
		case row.User != b.User:
			c.errorf("booking %s is told to be %s's, and not %s's", b.ID, row.User, b.User)
		}
	}
}

// release reports whether the desk has given the booking away by now.
func (l *Ledger) release(b *Booked, now time.Time) bool {
	at := b.released(l.Release)
	return !at.IsZero() && !now.Before(at)
}

// occupancy holds how many are counted against the roster's lines.
func (c *rosterCheck) occupancy(m presence.Moves) {
	here := map[string]bool{}
	for _, row := range c.is.Rows {
		if row.Visit.State == presence.Present || row.Visit.State == presence.Leaving {
			here[row.User] = true
		}
	}
	left := 0
	for _, n := range m.Left {
		left += n
	}
	if m.Present != len(here) || m.Arrived-left != m.Present {
		c.errorf("%d are counted as present, of %d who came and %d who left, and %d are here", m.Present, m.Arrived, left, len(here))
	}
}

// people holds who is told to be here against who is.
func (c *rosterCheck) people() {
	const lately = 150 * time.Minute // nobody is waited for any longer
	here, unseen := map[string]bool{}, map[string]bool{}
	for _, row := range c.is.Rows {
		if row.Visit.ID != "" && row.Visit.State != presence.Over {
			here[row.User] = true
		}
		if row.Fate == presence.FateNotSeen {
			unseen[row.User] = true
		}
	}
	if len(here) != c.is.Here {
		c.errorf("%d are here by the number, and %d by the lines", c.is.Here, len(here))
	}
	there := map[string]bool{} // themselves, and not only what they left on their desks
	for _, s := range c.o.Truth.Stays {
		there[s.User] = there[s.User] || s.Site == c.site.Name && s.From.Before(c.now.Add(-5*time.Minute)) && s.To.After(c.now)
	}
	for _, s := range c.o.Truth.Signs {
		if !there[s.User] || s.Site != c.site.Name || s.Mute || s.Back || s.anchor || s.Shown.After(c.now.Add(-2*time.Minute)) || !s.From.After(c.is.Day) {
			continue
		}
		if c.site.Within(s.From) && s.Until.After(c.now) && s.by(c.now).After(c.now.Add(-lately)) && !here[s.User] {
			c.errorf("%s is on the air since %s, and not here", s.User, s.From.Format("15:04"))
		}
		if c.site.Within(s.From) && unseen[s.User] {
			c.errorf("%s was on the air at %s, and is said not to have been seen", s.User, s.From.Format("15:04"))
		}
	}
	for user := range here { // they, or what they left on their desks
		if !slices.ContainsFunc(c.o.Truth.Signs, func(s Sign) bool {
			return s.User == user && s.Site == c.site.Name && !s.Shown.After(c.now) && later(s.Until, s.Quiet).After(c.now.Add(-lately))
		}) {
			c.errorf("%s is told to be here, and nothing of theirs has been for hours", user)
		}
	}
}
