package office

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/presenced/presenced/presence"
)

// Ledger is the desk of an office, and keeps what became of each booking: its
// own truth, told from the bookings and never from the calls.
type Ledger struct {
	Release time.Duration // what nobody has checked in so long after its begin is cancelled

	mu       sync.Mutex // guards what follows
	booked   []*Booked
	byUser   map[string][]*Booked
	status   map[string]presence.BookingStatus
	effects  []effect
	readings map[string]time.Time                     // by site: the latest
	seen     map[string]map[string][]presence.Booking // by site, user: what it said
	calls    int                                      // but readings
	read     map[string][]time.Time                   // by site
}

// effect is a call that took effect.
type effect struct {
	booking string
	out     bool
	at      time.Time
}

var _ presence.Desk = (*Ledger)(nil)

// NewLedger returns the desk at which the bookings are.
func NewLedger(booked []*Booked) *Ledger {
	l := &Ledger{
		Release: 15 * time.Minute, booked: booked, byUser: map[string][]*Booked{}, status: map[string]presence.BookingStatus{},
		readings: map[string]time.Time{}, seen: map[string]map[string][]presence.Booking{}, read: map[string][]time.Time{},
	}
	for _, b := range booked {
		l.byUser[b.User] = append(l.byUser[b.User], b)
	}
	return l
}

// released returns when the booking is cancelled if nobody checks it in; zero
// if it changes before.
func (b *Booked) released(after time.Duration) time.Time {
	for i, v := range b.Versions {
		at := later(v.Begin, v.From).Add(after)
		if !v.Cancelled && at.Before(v.End) && (i+1 == len(b.Versions) || at.Before(b.Versions[i+1].From)) {
			return at
		}
	}
	return time.Time{}
}

// is returns the booking as the desk has it now, if it is at the site. Who calls
// holds the lock.
func (l *Ledger) is(b *Booked, site string, now time.Time) (presence.Booking, bool) {
	v, there := b.at(now)
	status := l.status[b.ID]
	switch release := b.released(l.Release); {
	case now.Before(b.Versions[0].From), there && v.Site != site:
		return presence.Booking{}, false
	case !there, status == "" && !release.IsZero() && !now.Before(release):
		status = presence.Cancelled
	case status == "":
		status = presence.Booked
	}
	if !now.Before(v.End) && status == presence.CheckedIn {
		status = presence.Completed
	}
	booking := presence.Booking{
		ID: b.ID, UserID: b.User, Type: "desk", Status: status, Begin: v.Begin, End: v.End, Eligible: true, Made: b.Versions[0].From, Changed: v.From, Read: now,
	}
	if status == presence.CheckedIn {
		booking.Method = "wifi"
	}
	return booking, v.Begin.Before(now.Add(12*time.Hour)) && v.End.After(now.Add(-12*time.Hour))
}

func (l *Ledger) of(user, site string, now time.Time) (all []presence.Booking) {
	for _, b := range l.byUser[user] {
		if is, there := l.is(b, site, now); there {
			all = append(all, is)
		}
	}
	return all
}

// Listed implements [presence.Desk].
func (l *Ledger) Listed(_ context.Context, user, site string, asOf time.Time) (presence.Listing, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	var news []string
	if at := l.readings[site]; at.IsZero() || at.Before(asOf) && now.Sub(at) >= 2*time.Second {
		seen := map[string][]presence.Booking{}
		for u := range l.byUser {
			if seen[u] = l.of(u, site, now); !at.IsZero() && !same(seen[u], l.seen[site][u]) {
				news = append(news, u)
			}
		}
		l.readings[site], l.seen[site] = now, seen
		l.read[site] = append(l.read[site], now)
	}
	return presence.Listing{Bookings: slices.Clone(l.seen[site][user]), At: l.readings[site], News: news}, nil
}

// same reports whether two readings say the same, but for what was done since.
func same(a, b []presence.Booking) bool {
	return slices.EqualFunc(a, b, func(a, b presence.Booking) bool {
		return a.ID == b.ID && a.Status == b.Status && a.Begin.Equal(b.Begin) && a.End.Equal(b.End)
	})
}

// Bookings implements [presence.Desk].
func (l *Ledger) Bookings(_ context.Context, user, site string, _ time.Time) ([]presence.Booking, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	return l.of(user, site, time.Now()), nil
}

// CheckIn implements [presence.Desk].
func (l *Ledger) CheckIn(_ context.Context, site string, b presence.Booking) (presence.Booking, error) {
	return l.act(site, b, presence.Booked, presence.CheckedIn)
}

// CheckOut implements [presence.Desk].
func (l *Ledger) CheckOut(_ context.Context, site string, b presence.Booking) (presence.Booking, error) {
	return l.act(site, b, presence.CheckedIn, presence.CheckedOut)
}

func (l *Ledger) act(site string, b presence.Booking, from, to presence.BookingStatus) (presence.Booking, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	i := slices.IndexFunc(l.byUser[b.UserID], func(o *Booked) bool { return o.ID == b.ID })
	if i < 0 {
		return b, &presence.DeniedError{Reason: "no such booking", Gone: true}
	}
	is, there := l.is(l.byUser[b.UserID][i], site, now)
	if now.Sub(b.Read) > 75*time.Second {
		l.calls++
		if !there {
			return b, &presence.DeniedError{Reason: "the booking is no longer at this building"}
		}
		if is.Status != from || !is.Begin.Equal(b.Begin) || !is.End.Equal(b.End) {
			return is, presence.ErrChanged
		}
	}
	l.calls++
	if !there || is.Status != from {
		return b, &presence.RefusedError{Reason: "it is " + string(is.Status)}
	}
	l.status[b.ID] = to
	l.effects = append(l.effects, effect{b.ID, to == presence.CheckedOut, now})
	is.Status, is.Method = to, "wifi"
	for i := range l.seen[site][b.UserID] { // what we did is known
		if o := &l.seen[site][b.UserID][i]; o.ID == b.ID {
			*o = is
		}
	}
	return is, nil
}

// Account counts what became of the bookings, against what should have.
type Account struct {
	Bookings int
	CheckIns int // that took effect
	Outs     int

	Missed   int // should have been checked in, and never was
	Late     int // … and was so two minutes too late
	Invented int // checked in while nobody was there, or too early, or of somebody else's
	Undone   int // should have been checked out before it ended, and was not

	Lost map[string]int // checked out, and its owner came back that day; by what they had done meanwhile
	Best int            // as many lost at the least, by any rule that goes by the time of leaving and makes as many check-outs

	Calls, Extra, Regular int // but readings; readings beside the regular ones; those
	Notes                 []string

	absences []absence
}

// absence is a time in which all devices of somebody were gone while a booking
// of theirs ran: all that packets tell a rule.
type absence struct {
	at    int           // when they left: half hours since midnight
	lasts time.Duration // until a device was back; 0: not that day
	left  time.Duration // for how long the booking still ran
}

// Add adds another office's account.
func (a *Account) Add(o Account) {
	a.Bookings, a.CheckIns, a.Outs = a.Bookings+o.Bookings, a.CheckIns+o.CheckIns, a.Outs+o.Outs
	a.Missed, a.Late, a.Invented, a.Undone = a.Missed+o.Missed, a.Late+o.Late, a.Invented+o.Invented, a.Undone+o.Undone
	a.Calls, a.Extra, a.Regular = a.Calls+o.Calls, a.Extra+o.Extra, a.Regular+o.Regular
	if a.Lost == nil {
		a.Lost = map[string]int{}
	}
	for cause, n := range o.Lost {
		a.Lost[cause] += n
	}
	a.Notes = append(a.Notes, o.Notes...)
	a.absences = append(a.absences, o.absences...)
}

// PerCheckIn is how many calls each check-in takes over the day, check-outs
// included, beside the regular readings.
func (a *Account) PerCheckIn() float64 { return float64(a.Calls+a.Extra) / float64(max(a.CheckIns, 1)) }

// Causes of a lost desk: what its owner had done before they came back.
var causes = []string{"lunch", "other building", "out", "there, off the air"}

// Settle works out Best.
func (a *Account) Settle() {
	made, lost := 0, 0
	for _, n := range a.Lost {
		lost += n
	}
	type option struct{ lost, made int }
	var bins [48][]option // what waiting so long comes to
	for wait := 6 * time.Hour; wait >= time.Hour; wait -= 15 * time.Minute {
		var sum [48]option
		for _, x := range a.absences {
			switch {
			case wait >= x.left:
			case x.lasts == 0:
				sum[x.at].made++
			case x.lasts > wait:
				sum[x.at].lost++
			}
		}
		for i := range sum {
			bins[i] = append(bins[i], sum[i])
		}
	}
	for made = a.Outs - lost; ; { // take what costs least, until as many are made
		var now option
		var at [48]option
		for i := range bins {
			at[i] = bins[i][0]
			now.lost, now.made = now.lost+at[i].lost, now.made+at[i].made
		}
		best, price := -1, 0.0
		for i := range bins {
			for j, o := range bins[i][1:] {
				if more := o.made - at[i].made; more > 0 {
					if p := float64(o.lost-at[i].lost) / float64(more); best < 0 || p < price {
						best, price = i<<8|j+1, p
					}
				}
			}
		}
		if a.Best = now.lost; now.made >= made || best < 0 {
			return
		}
		bins[best>>8] = bins[best>>8][best&255:]
	}
}

// PrintAccounts writes accounts as a table, one line each.
func PrintAccounts(w io.Writer, of string, names []string, all []Account) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, strings.Join(append(append([]string{of, "bookings", "check-ins", "missed", "late", "invented", "check-outs", "undone", "lost"}, causes...),
		"best rule", "calls", "other readings", "calls each", "regular readings", ""), "\t"))
	for i := range all {
		a := &all[i]
		lost := 0
		for _, n := range a.Lost {
			lost += n
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t", names[i], a.Bookings, a.CheckIns, a.Missed, a.Late, a.Invented, a.Outs, a.Undone, lost)
		for _, cause := range causes {
			fmt.Fprintf(t, "%d\t", a.Lost[cause])
		}
		fmt.Fprintf(t, "%d\t%d\t%d\t%.2f\t%d\t\n", a.Best, a.Calls, a.Extra, a.PerCheckIn(), a.Regular)
	}
	return t.Flush()
}
