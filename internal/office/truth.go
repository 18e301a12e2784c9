package office

import (
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// Truth is what really happened, and what of it could be known.
type Truth struct {
	Stays []Stay // by user, then time; those of one user are apart
	Signs []Sign // by user, device, then time
	Ends  time.Time
}

// Stay is a time without a break in which somebody was at a site. Between two
// stays they were away, if only for a sandwich.
type Stay struct {
	User, Site string
	From, To   time.Time
}

// Sign is a time in which records that were delivered show a device of
// somebody's to be on the air at a site: a session, as far as it was told of.
// Its times are event times, as a daemon has to find them, but for Shown.
type Sign struct {
	User, Site, Device string

	From  time.Time // its Start's, or an Interim's less Acct-Session-Time
	Shown time.Time // the arrival of the first record that shows it

	// Until is when it was last known to be on the air: when its Stop says; if
	// no Stop was delivered, when the last delivered Interim was sent; if its
	// NAS sends no Interims, when it really went. It is no later than the
	// device's next sign begins.
	Until time.Time
	Told  bool // a Stop says when it ended, or the device's next sign does

	// Only is whether nothing but its Stop was delivered, which shows that a
	// device was there, and nobody's arrival.
	Only bool

	// Quiet is when a daemon that knows of nothing else has to have given it
	// up: when it ended, if that was told, and after outage_hold if that was
	// the infrastructure's doing; else after three missed Interims
	// and the time for which the infrastructure's failures are held, if it was
	// heard for long enough to show the interval; else, for the
	// interval is each session's own, three hours after an Interim
	// that is the only one, and 14 hours after a Start that is all there was.
	Quiet time.Time
}

const (
	missed    = 3                // Interims whose absence shows an end
	patience  = 10 * time.Minute // … at the least
	once      = 3 * time.Hour    // … when one alone was heard, of whatever interval
	hold      = 30 * time.Minute // outage_hold as it comes
	unlimited = 14 * time.Hour   // max_session as it comes
)

// signs returns what the delivered records of a session show.
func (s *session) signs(got []Event) (all []Sign) {
	got = slices.Clone(got)
	slices.SortStableFunc(got, func(a, b Event) int { return a.Record.At.Compare(b.Record.At) })
	silence := max(missed*s.network.interim, patience)
	var stop *Event
	var last time.Time
	var heard interims
	for i := range got {
		e := &got[i]
		r := e.Record
		if r.Status == presence.Stop {
			if stop == nil || e.Arrive.Before(stop.Arrive) {
				stop = e
			}
			continue
		}
		if n := len(all); n == 0 || s.network.interim > 0 && r.At.Sub(last) > silence {
			from := r.At
			if n == 0 {
				from = from.Add(-r.Age)
			}
			all = append(all, Sign{User: s.user, Site: s.network.site, Device: s.device, From: from, Shown: e.Arrive})
		}
		heard.add(e)
		sign := &all[len(all)-1]
		sign.Shown = earlier(sign.Shown, e.Arrive)
		sign.Until, last = r.At, r.At
		switch {
		case heard.intervals == 0:
			sign.Quiet = last.Add(unlimited)
		case heard.intervals == 1:
			sign.Quiet = last.Add(max(silence, once) + hold)
		default:
			sign.Quiet = last.Add(silence + hold)
		}
	}
	if len(all) == 0 && stop == nil {
		return nil
	}
	if len(all) == 0 {
		r := stop.Record
		all = []Sign{{User: s.user, Site: s.network.site, Device: s.device, From: r.At.Add(-r.Age), Shown: stop.Arrive, Only: true}}
	}
	sign := &all[len(all)-1]
	switch {
	case stop != nil && last.Sub(stop.Record.At) > again: // not told, but begun again
	case stop != nil:
		sign.Until, sign.Told = later(stop.Record.At, sign.Until), true
		sign.Quiet = sign.Until
		if stop.Record.Cause.Infrastructure() {
			sign.Quiet = sign.Until.Add(hold)
		}
	case s.open || s.network.interim == 0:
		sign.Until = later(sign.Until, s.left)
	}
	return all
}

// again is how long after its Stop a session that says Start has begun again
// for all that can be told: a copy of the Start that came by another path, of
// equipment that sends no times, looks like that of a session with its id.
const again = 5 * time.Second

// interims counts the intervals that Interims show: an event's is none, nor is
// that between records from two access points.
type interims struct {
	intervals int
	ap        string
	at        time.Time
}

func (n *interims) add(e *Event) {
	r := e.Record
	if r.Status == presence.Interim {
		if e.AP != n.ap {
			n.ap = e.AP
			return
		}
		if gap := r.At.Sub(n.at); !n.at.IsZero() && gap >= 55*time.Second && gap <= 4*time.Hour {
			n.intervals++
		}
	}
	n.ap, n.at = e.AP, r.At
}

// settle puts everything in order, and has each sign of a device end where its
// next one begins: a station is on one access point at a time.
func (t *Truth) settle() {
	slices.SortStableFunc(t.Stays, func(a, b Stay) int {
		if c := strings.Compare(a.User, b.User); c != 0 {
			return c
		}
		return a.From.Compare(b.From)
	})
	slices.SortStableFunc(t.Signs, func(a, b Sign) int {
		if c := strings.Compare(a.User+a.Device, b.User+b.Device); c != 0 {
			return c
		}
		return a.From.Compare(b.From)
	})
	for i := 1; i < len(t.Signs); i++ {
		s, next := &t.Signs[i-1], t.Signs[i]
		if s.Device == next.Device && s.User == next.User && s.Until.After(next.From) {
			s.Until, s.Told = later(next.From, s.From), true
			s.Quiet = earlier(s.Quiet, s.Until)
		}
	}
}
