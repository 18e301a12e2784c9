package office

import (
	"cmp"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// Truth is what really happened, and what of it could be known.
type Truth struct {
	Stays []Stay // by user, then time; those of one user are apart
	Signs []Sign // by user, device, then time
	Holds []Hold // by user
	Ends  time.Time

	strict bool // a Start of a new day by a device not heard since is an arrival
}

// Stay is a time without a break in which somebody was at a site. Between two
// stays they were away, if only for a sandwich.
type Stay struct {
	User, Site string
	From, To   time.Time
}

// Sign is a time in which records that were delivered show a device of
// somebody's to be on the air at a site: a session, as far as it was told of,
// and as far as it was theirs. Its times are event times, as a daemon has to
// find them, but for Shown.
type Sign struct {
	User, Site, Device string

	From  time.Time // its Start's, or an Interim's less Acct-Session-Time; if the session was somebody else's before, when it was first under their name
	Shown time.Time // the arrival of the first record that shows it, and of one that names them

	// Until is when it was last known to be on the air: when its Stop says; if
	// no Stop was delivered, when the last delivered Interim was sent; if its
	// NAS sends no Interims, when it really went. It is no later than the
	// device's next sign begins.
	Until time.Time
	Told  bool          // a Stop says when it ended, or the device's next sign does, or another name
	Idle  time.Duration // how long before Until the station may have gone: Until is an Idle-Timeout's

	// Lapses is whether nothing ends it but max_session: until then it has to be
	// believed, and when it really ended is never known.
	Lapses bool

	// Stopped is when a Stop says that it ended, if it had lapsed by then, or if the
	// sign is cut short only because a second controller tells of the station as well.
	Stopped time.Time

	// Echoed is when its access point last told of it, if that went on after the
	// next had begun for about as long as access points go on about a station
	// that is elsewhere: it may be back there, or not.
	Echoed time.Time

	// Only is whether nothing but its Stop was delivered, which shows that a
	// device was there, and nobody's arrival.
	Only bool

	// Mute is whether no record that was delivered says whose it is, or none
	// says on what network. It is its owner's if the device was theirs less
	// than linger before, and else nobody's for all that can be told.
	Mute bool

	// Vague is whether when it began cannot be told: its Start was lost, and
	// its NAS writes nonsense into Acct-Session-Time.
	Vague bool

	// Back is whether it is a station's that was there when its NAS went down,
	// and that came up again with it, which the NAS has told: Accounting-On. It
	// shows no arrival.
	Back bool

	// Same is whether it goes on with the device's sign before, as its
	// Acct-Session-Id shows: the records between were not delivered.
	Same bool

	// Quiet is when a daemon that knows of nothing else has to have given it
	// up: when it ended, if that was told, and after outage_hold if that was
	// the infrastructure's doing; else after three missed Interims
	// and the time for which the infrastructure's failures are held, if it was
	// heard for long enough to show the interval; else, for the
	// interval is each session's own, three hours after an Interim
	// that is the only one, and 14 hours after a Start that is all there was.
	Quiet time.Time

	life []life // the delivered records that show it alive, in order of event time
	from string // the access point it began on
	at   string // … and that it ended on

	anchor bool       // it is of an anchor controller's
	booted bool       // it began just after its NAS said that it had come up
	deaf   []interval // when its NAS was silent as a whole
}

// by returns the last moment at which what had arrived by t, or was bound to, shows
// the device on the air. What was held back for hours shows nothing before it
// comes, unless its NAS could be seen to be silent as a whole.
func (s *Sign) by(t time.Time) time.Time {
	last := time.Time{}
	for _, l := range s.life {
		if l.arrive.After(t) {
			if deaf := slices.ContainsFunc(s.deaf, func(w interval) bool { return w.from.Before(t) && w.to.After(last) }); deaf || last.IsZero() || l.arrive.Sub(l.at) < late {
				break
			}
			return last
		}
		last = later(last, l.at)
	}
	return earlier(s.Until.Add(-s.Idle), t)
}

// late is how long a record is held back that nobody waits for any more.
const late = time.Hour

// life is a record that shows a session alive.
type life struct{ at, arrive time.Time }

// Hold is a time in which a NAS said nothing at all although it should have:
// several of its stations are told of by Interims. Who had left it less than an
// hour before cannot be said not to have come back.
type Hold struct {
	User, Site string
	interval
	Back time.Time // when they really were on its air again, unheard; zero if they were not
}

const (
	missed      = 3                // Interims whose absence shows an end
	patience    = 10 * time.Minute // … at the least
	once        = 3 * time.Hour    // … when one alone was heard, of whatever interval
	hold        = 30 * time.Minute // outage_hold as it comes
	unlimited   = 14 * time.Hour   // max_session as it comes
	ghost       = 5 * time.Minute  // for how long an access point tells of a station that is on another, at most
	remembered  = 30 * time.Hour   // for how long the past of a device is kept
	longestDoze = 2 * time.Hour    // for how long a device may be believed to sleep
	several     = 5                // stations whose Interims stay away together show that their NAS is silent
)

// signs returns what the delivered records of a session show of its users.
// While the session's NAS was silent as a whole nobody's silence shows
// anything.
func (s *session) signs(got []Event, silent []interval) (all []Sign) {
	got = slices.Clone(got)
	slices.SortStableFunc(got, func(a, b Event) int { return a.Record.At.Compare(b.Record.At) })
	users := []string{}
	for _, e := range append([]naming{{user: s.user}}, s.renamed...) {
		if e.user != "" && !slices.Contains(users, e.user) {
			users = append(users, e.user)
		}
	}
	for _, user := range users {
		all = append(all, s.signsOf(user, got, silent)...)
	}
	return all
}

// signsOf returns what the records, which are in order of event time, show of
// one user.
func (s *session) signsOf(user string, got []Event, silent []interval) (all []Sign) {
	field := s.network.field
	var stop *Event
	var last time.Time
	var heard interims
	others, over := false, false // somebody else had it before; it went over to somebody else
	for i := range got {
		e := &got[i]
		r := e.Record
		if r.Status == presence.Stop {
			if stop == nil || e.Arrive.Before(stop.Arrive) {
				stop = e
			}
			continue
		}
		n := len(all)
		if e.names != "" && e.names != user {
			others = true
			if n > 0 && !over {
				over = true
				all[n-1].Until, all[n-1].Told, all[n-1].Quiet = r.At, true, r.At
			}
			continue
		}
		if e.names == "" && (over || others && n == 0) {
			continue // it goes on for whoever had it
		}
		silence := s.silence(last)
		if n > 0 && !over && s.network.every(last) == 0 && r.At.Sub(last) > silence {
			all[n-1].Until, all[n-1].Lapses = last.Add(unlimited), true
		}
		if n == 0 || over || r.At.Sub(last)-shared(silent, last, r.At) > silence {
			from, vague := r.At, false
			if n == 0 && !others {
				from = from.Add(-r.Age)
				if nonsense := s.network.make.ages != nil; nonsense && r.HasAge {
					from, vague = r.At, true
				}
			}
			all = append(all, Sign{
				User: user, Site: s.network.site, Device: s.device, From: from, Shown: e.Arrive, Mute: true, Vague: vague,
				Back: s.back && n == 0, booted: s.upWith && n == 0, deaf: silent, from: e.AP,
				anchor: s.anchor, Same: n > 0 && !over && r.Status == presence.Interim,
			})
			over = false
		}
		heard.add(e)
		sign := &all[len(all)-1]
		switch {
		case e.names == "":
		case sign.Mute:
			sign.Mute = false
			sign.Shown = later(sign.Shown, e.Arrive)
		default:
			sign.Shown = earlier(sign.Shown, e.Arrive)
		}
		if len(all) > 1 && len(sign.life) == 0 {
			sign.Mute = sign.Mute && all[len(all)-2].Mute // it is the same session's
		}
		sign.life = append(sign.life, life{r.At, e.Arrive})
		sign.Until, last, sign.at = r.At, r.At, e.AP
		silence = s.silence(last)
		switch {
		case field && (s.network.every(last) == 0 || !heard.regular()):
			sign.Quiet = last.Add(unlimited)
		case heard.intervals == 0:
			sign.Quiet = last.Add(unlimited)
		case heard.intervals == 1:
			sign.Quiet = last.Add(max(silence, once) + hold)
		default:
			sign.Quiet = last.Add(silence + hold)
		}
		for _, w := range silent {
			if !w.from.After(sign.Quiet) && w.to.After(last) {
				sign.Quiet = later(sign.Quiet, w.to.Add(silence+hold))
			}
		}
	}
	if over {
		return all
	}
	if len(all) == 0 && stop == nil {
		return nil
	}
	if len(all) == 0 {
		r := stop.Record
		if stop.names != user {
			return nil
		}
		all = []Sign{{User: user, Site: s.network.site, Device: s.device, From: r.At.Add(-r.Age), Shown: stop.Arrive, Only: true, at: stop.AP}}
		if s.network.make.ages != nil || others {
			all[0].From = r.At
		}
	}
	sign := &all[len(all)-1]
	switch {
	case stop != nil && last.Sub(stop.Record.At) > again: // not told, but begun again
	case stop != nil && !sign.Only && field && stop.Record.At.Sub(last) > unlimited: // given up long ago
		sign.Until, sign.Lapses, sign.Stopped = last.Add(unlimited), true, stop.Record.At
	case stop != nil:
		sign.Until, sign.Told = later(stop.Record.At, sign.Until), true
		sign.Quiet = sign.Until
		if stop.Record.Cause.Infrastructure() {
			sign.Quiet = sign.Until.Add(hold)
		}
		if stop.Record.Cause == presence.IdleTimeout {
			sign.Idle = s.network.make.idle
		}
	case s.open || s.network.every(last) == 0:
		sign.Until = later(sign.Until, earlier(s.left, last.Add(unlimited)))
		sign.Lapses = !sign.Until.Before(last.Add(unlimited))
	}
	return all
}

// silence is how long after t nothing may be heard of the session that is on:
// three Interims, or max_session if there are none.
func (s *session) silence(t time.Time) time.Duration {
	every := s.network.every(t)
	if every == 0 {
		return unlimited
	}
	return max(missed*every, patience)
}

// shared returns how much of the time between a and b is of the intervals.
func shared(all []interval, a, b time.Time) (d time.Duration) {
	for _, i := range all {
		if from, to := later(i.from, a), earlier(i.to, b); from.Before(to) {
			d += to.Sub(from)
		}
	}
	return d
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
	gaps      []time.Duration
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
			n.gaps = append(n.gaps, gap)
		}
	}
	n.ap, n.at = e.AP, r.At
}

// regular reports whether the latest interval has come three times of the last
// seven, so that nobody can take it for events.
func (n *interims) regular() bool {
	lately := n.gaps[max(0, len(n.gaps)-7):]
	if len(lately) == 0 {
		return false
	}
	alike := 0
	for _, gap := range lately {
		if (gap - lately[len(lately)-1]).Abs() < 10*time.Second {
			alike++
		}
	}
	return alike >= 3
}

// settle puts everything in order, and ends each sign of a device where its next
// one begins: a station is on one access point at a time. What its old
// session says for longer than an access point goes on about a station that
// went elsewhere shows that it came back.
func (t *Truth) settle() {
	slices.SortStableFunc(t.Stays, func(a, b Stay) int { return cmp.Or(cmp.Compare(a.User, b.User), a.From.Compare(b.From)) })
	slices.SortStableFunc(t.Holds, func(a, b Hold) int { return cmp.Or(cmp.Compare(a.User, b.User), a.from.Compare(b.from)) })
	inOrder := func(a, b Sign) int {
		return cmp.Or(cmp.Compare(a.User+a.Device, b.User+b.Device), a.From.Compare(b.From))
	}
	slices.SortStableFunc(t.Signs, inOrder)
	for i := 1; i < len(t.Signs); i++ {
		s, was := &t.Signs[i], t.Signs[i-1]
		same := s.Device == was.Device && s.User == was.User && s.Site == was.Site && s.from == was.at
		if s.booted && same && !was.Told && was.Quiet.Before(s.From) {
			s.Back = true // who had brought it while the NAS was down sends the same
		}
	}
	for i := 0; i+1 < len(t.Signs); i++ {
		s, next := &t.Signs[i], t.Signs[i+1]
		if s.Device != next.Device || s.User != next.User || !s.Until.After(next.From) {
			continue
		}
		if s.Told && s.anchor != next.anchor && next.From.Sub(s.From) < again { // the station was on the air until then
			s.Stopped = later(s.Stopped, s.Until)
		}
		rest, goesOn := s.after(next)
		if !goesOn && !rest.From.IsZero() {
			s.Echoed = s.Until
		}
		s.Until, s.Told, s.Idle = later(next.From, s.From), true, 0
		s.Quiet = earlier(s.Quiet, s.Until)
		if goesOn {
			s.life = s.life[:len(s.life)-len(rest.life)]
			at, _ := slices.BinarySearchFunc(t.Signs[i+1:], rest, inOrder)
			t.Signs = slices.Insert(t.Signs, i+1+at, rest)
		}
	}
}

// after returns what shows that the sign goes on after the next one of its
// device has begun: the station is back on the session that it left. If it goes
// on for too short a time to be sure, that is returned too.
func (s *Sign) after(next Sign) (rest Sign, goesOn bool) {
	last := next.From // life of the next
	if n := len(next.life); n > 0 {
		last = next.life[n-1].at
	}
	if next.Told && next.Idle == 0 {
		last = later(last, next.Until)
	}
	for i, l := range s.life {
		elsewhere := later(last, next.From)
		if l.at.After(elsewhere.Add(ghost - blur)) {
			rest = *s
			rest.From, rest.Shown, rest.life = l.at, l.arrive, s.life[i:]
		}
		if l.at.After(elsewhere.Add(ghost + blur)) {
			return rest, true
		}
	}
	return rest, false
}
