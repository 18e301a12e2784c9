package office

import (
	"fmt"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// Concluded is a visit as a daemon concluded it by the end.
type Concluded struct {
	presence.Visit
	Noticed  time.Time // when the arrival was believed; zero if it was not, or is not known
	Believed time.Time // when the departure was; zero if it was not
}

// blur is how far two times may be apart that mean the same: clocks err, and
// so do seconds without fractions.
const blur = time.Minute

// straggle is for how long an access point may go on to tell of a station that
// has left it, and whether it came back or not.
const straggle = 5*time.Minute + blur

// Score counts how a daemon's visits differ from the truth.
//
// Two stays of somebody at a site are one presence if less than linger is
// between them, because so short an absence is none to a daemon that lingers.
type Score struct {
	// Arrivals are presences in which a delivered record shows, within the
	// site's hours, a device that had been away for at least linger, and whose
	// session before a daemon must have given up by then: see Sign.Quiet.
	// Nothing can be asked about a presence that no packet shows, or only a
	// device that never left.
	Arrivals int
	Missed   int // arrivals at whose moment there is no visit

	// Invented are visits that begin while their user was not there, or whose
	// arrival was believed when the user had been gone for linger and old news was
	// still coming that told so. Machines visits that do so because a device that was left behind came on
	// the air after having been off it for linger: no packet can tell those.
	Invented, Machines int

	// Departures are the ends of presences during which there was a visit.
	Departures int

	// False are departures believed while the user was there, or away for less
	// than linger. It is the price of linger: somebody whose devices were all
	// off the air for that long is among them.
	False int

	// Hasty are departures believed although a delivered record shows a device
	// on the air less than linger before, or while a NAS was silent as a whole on
	// which the user was, unheard. No linger excuses one.
	Hasty int

	// Dozed are a figure, and no fault: a doze is forgotten with the device, and other
	// devices decide too. They are those believed although the device that went last had been
	// seen to sleep for longer than it was gone.
	Dozed int

	// Unnoticed are departures that were not believed before the user was back
	// or the office closed, and Hidden those of them that no packet shows: a
	// device stayed behind or came back, or its end was not told.
	Unnoticed, Hidden int

	// Misdated are departures stamped at another time than the last end, where
	// packets tell of all ends. Up to straggle later is right as well.
	Misdated int

	Delays []time.Duration // from true departures to believing them, sorted
	Notes  []Note          // one for each Missed, Invented, Hasty, Misdated and each Unnoticed that is not Hidden
}

// Note is something that a daemon got wrong.
type Note struct {
	User, Site string
	At         time.Time // about when
	Text       string
}

// String returns what was got wrong, of whom.
func (n Note) String() string { return n.User + " at " + n.Site + " " + n.Text }

// Faults returns how many of the differences no linger and no equipment
// excuses.
func (s *Score) Faults() int { return s.Missed + s.Invented + s.Hasty + s.Misdated }

// Add adds another office's score.
func (s *Score) Add(o Score) {
	s.Arrivals += o.Arrivals
	s.Missed += o.Missed
	s.Invented += o.Invented
	s.Machines += o.Machines
	s.Departures += o.Departures
	s.False += o.False
	s.Hasty += o.Hasty
	s.Dozed += o.Dozed
	s.Unnoticed += o.Unnoticed
	s.Hidden += o.Hidden
	s.Misdated += o.Misdated
	s.Delays = append(s.Delays, o.Delays...)
	s.Notes = append(s.Notes, o.Notes...)
	slices.Sort(s.Delays)
}

// Delay returns the delay of noticing that the share p of the noticed
// departures did not exceed.
func (s *Score) Delay(p float64) time.Duration {
	if len(s.Delays) == 0 {
		return 0
	}
	return s.Delays[int(p*float64(len(s.Delays)-1))]
}

// Compare holds what was concluded under the rules against the truth.
func Compare(truth Truth, visits []Concluded, rules presence.Rules) Score {
	c := comparison{truth: truth, rules: rules, books: map[subject]*book{}}
	for _, s := range truth.Stays {
		b := c.book(s.User, s.Site)
		b.stays = append(b.stays, interval{s.From, s.To})
	}
	for _, s := range truth.Signs {
		b := c.book(s.User, s.Site)
		b.signs = append(b.signs, s)
	}
	for _, h := range truth.Holds {
		b := c.book(h.User, h.Site)
		b.holds = append(b.holds, h)
	}
	for _, v := range visits {
		b := c.book(v.User, v.Site)
		b.visits = append(b.visits, v)
	}
	for _, s := range c.order {
		b := c.books[s]
		slices.SortFunc(b.visits, func(a, b Concluded) int { return a.Arrived.Compare(b.Arrived) })
		c.streaks(s.site, b)
		c.presences(s, b)
		c.visits(s, b)
	}
	slices.Sort(c.score.Delays)
	return c.score
}

// comparison is a Compare on its way.
type comparison struct {
	truth Truth
	rules presence.Rules
	order []subject
	books map[subject]*book
	score Score
}

type subject struct{ user, site string }

// book is everything about a user at a site, in order of time.
type book struct {
	stays   []interval
	signs   []Sign   // by device
	streaks []streak // that each sign is of
	holds   []Hold
	visits  []Concluded
}

func (c *comparison) book(user, site string) *book {
	s := subject{user, site}
	if c.books[s] == nil {
		c.books[s] = &book{}
		c.order = append(c.order, s)
	}
	return c.books[s]
}

func (c *comparison) note(s subject, at time.Time, format string, args ...any) {
	c.score.Notes = append(c.score.Notes, Note{s.user, s.site, at, fmt.Sprintf(format, args...)})
}

// presences counts what became of the presences.
func (c *comparison) presences(s subject, b *book) {
	all := merge(b.stays, c.lingers(s.site))
	for i, p := range all {
		if at, ok := c.appears(s, b, p); ok {
			c.score.Arrivals++
			if !slices.ContainsFunc(b.visits, func(v Concluded) bool { return v.covers(interval{at, at}) }) {
				c.score.Missed++
				c.note(s, at, "arrived unseen %s", clock(at))
			}
		}
		next := c.truth.Ends
		if i+1 < len(all) {
			next = all[i+1].from
		}
		c.departure(s, b, p, next)
	}
}

// departure counts what became of the end of a presence; next is when the user
// was back, or the truth ends.
func (c *comparison) departure(s subject, b *book, p interval, next time.Time) {
	var last *Concluded
	for i := range b.visits {
		if v := &b.visits[i]; v.covers(p) {
			last = v
		}
	}
	if last == nil || next.Sub(p.to) < c.linger(p.to, s.site)+blur {
		return
	}
	c.score.Departures++
	gone := last.End == presence.Left || last.End == presence.Unknown
	switch {
	case gone && last.Believed.Before(p.to): // believed too early, and counted as False
	case gone && last.Believed.Before(next):
		c.score.Delays = append(c.score.Delays, last.Believed.Sub(p.to))
	default:
		c.score.Unnoticed++
		turn := c.rules.Sites[s.site].NextDay(last.Arrived, c.rules.DayStarts)
		if c.hidden(s, b, p, earlier(next, turn)) {
			c.score.Hidden++
			return
		}
		c.note(s, p.to, "left unnoticed %s: %s %s–%s", clock(p.to), last.End, clock(last.Arrived), clock(last.Departed))
	}
}

// hidden reports whether no packet shows the user to have been gone for linger
// between the end of a presence and their coming back.
func (c *comparison) hidden(sub subject, b *book, p interval, next time.Time) bool {
	for _, s := range c.bearing(sub, b, p.from) {
		if s.Until.After(p.from) && s.Until.Add(-s.Idle).Add(b.slept(s)).Add(blur).After(next) {
			return true // it was seen to doze for as long
		}
		due := c.gone(later(s.Until, s.Quiet), sub.site)
		for _, w := range s.deaf { // nothing is believed while the daemon does not run, nor while the NAS is silent
			if w.holds(due) {
				due = w.to
			}
		}
		if s.From.Before(next) && s.Until.After(p.from) && (!s.Told || due.Add(blur).After(next)) {
			return true
		}
	}
	return slices.ContainsFunc(b.holds, func(h Hold) bool { // nor is it known before a silent NAS speaks again
		return h.to.After(p.to) && c.gone(h.to.Add(hold), sub.site).Add(blur).After(next)
	})
}

// appears returns when, during a presence, a device is first shown to appear
// that was away for linger.
func (c *comparison) appears(sub subject, b *book, p interval) (first time.Time, ok bool) {
	site := c.rules.Sites[sub.site]
	for i, s := range b.signs {
		if s.Only || s.Mute || s.Vague || s.Back || s.From.Before(p.from.Add(-blur)) || s.From.After(p.to) || !site.Within(s.From.Add(-blur)) || !site.Within(s.From.Add(blur)) {
			continue
		}
		if s.Same && b.streaks[i].began.Before(site.Day(s.From, c.rules.DayStarts)) {
			continue // a laptop docked over night is heard again: its session goes on, and shows nobody's coming
		}
		if was := b.streaks[i].was; s.From.Before(c.gone(was.until, sub.site).Add(blur)) || s.From.Before(was.quiet.Add(blur)) {
			continue
		}
		if !ok || s.From.Before(first) {
			first, ok = s.From, true
		}
	}
	return first, ok
}

// visits counts what is wrong with the visits.
func (c *comparison) visits(s subject, b *book) {
	here := merge(b.stays, c.lingers(s.site))
	for _, v := range b.visits {
		if last, ok := c.left(s.site, b, v.Noticed); ok && !v.Noticed.IsZero() {
			c.score.Invented++
			c.note(s, v.Noticed, "visit of %s believed to have begun %s, left %s", clock(v.Arrived), clock(v.Noticed), clock(last))
		}
		if !within(b.stays, v.Arrived, blur) {
			if c.comesOn(s.site, b, v.Arrived) {
				c.score.Machines++
			} else {
				c.score.Invented++
				c.note(s, v.Arrived, "never arrived %s", clock(v.Arrived))
			}
		}
		if v.Believed.IsZero() || v.End != presence.Left && v.End != presence.Unknown {
			continue
		}
		if within(here, v.Believed, 0) {
			c.score.False++
		}
		if d := c.dozes(s, b, v); v.Believed.Before(d) {
			c.score.Dozed++
		}
		if seen := c.seen(s, b, v); v.Believed.Before(c.gone(seen, s.site).Add(-5 * time.Second)) {
			c.score.Hasty++
			c.note(s, v.Believed, "visit of %s believed over %s, seen %s", clock(v.Arrived), clock(v.Believed), clock(seen))
		}
		if first, last, ok := c.told(s, b, v); ok && (v.Departed.Before(first.Add(-blur)) || v.Departed.After(last.Add(straggle))) {
			c.score.Misdated++
			c.note(s, v.Departed, "visit of %s departed %s, last end %s", clock(v.Arrived), clock(v.Departed), clock(first))
		}
	}
}

// left returns when the user's last device had gone if at t all had been for
// linger, and records that were bound to come tell so.
func (c *comparison) left(site string, b *book, t time.Time) (last time.Time, ok bool) {
	for _, s := range b.signs {
		if s.From.After(t.Add(blur)) {
			continue
		}
		if !s.Told {
			return last, false
		}
		last = later(last, later(s.Until, s.Quiet))
	}
	return last, !last.IsZero() && c.gone(last, site).Add(blur).Before(t) && !within(b.stays, t, 0)
}

// dozes returns until when the device that went last during the visit may be
// asleep, for all that it has been seen to sleep; zero if it said that it went,
// or sleeps for less than linger.
func (c *comparison) dozes(s subject, b *book, v Concluded) time.Time {
	var last Sign
	for _, sign := range c.bearing(s, b, v.Arrived) {
		if !sign.Only && !sign.Shown.After(v.Believed) && sign.Until.After(last.Until) {
			last = sign
		}
	}
	longest := b.slept(last)
	if !last.Told || last.Until.After(v.Believed) || last.Mute || longest <= c.linger(last.Until, s.site) {
		return time.Time{}
	}
	return last.Until.Add(-last.Idle).Add(longest - blur)
}

// slept returns how long the device of a sign that ended without a word had been
// seen to sleep by then; 0 if the sign says that it went.
func (b *book) slept(s Sign) (longest time.Duration) {
	for i := 1; i < len(b.signs) && s.Idle > 0; i++ {
		on, off := b.signs[i], b.signs[i-1]
		if on.Device != s.Device || off.Device != s.Device || off.Idle == 0 || on.Only || !on.Shown.Before(s.Until) || on.from != off.at {
			continue
		}
		if slept := on.From.Sub(off.Until.Add(-off.Idle)); slept-off.Idle <= longestDoze {
			longest = max(longest, slept)
		}
	}
	return longest
}

// comesOn reports whether at t a device comes on the air of which no Start and
// no Interim had been delivered for linger.
func (c *comparison) comesOn(site string, b *book, t time.Time) bool {
	return slices.ContainsFunc(b.signs, func(on Sign) bool {
		return !on.Only && (!on.Back || c.unknown(b, on)) && on.From.Sub(t).Abs() <= blur && !slices.ContainsFunc(b.signs, func(s Sign) bool {
			return !s.Only && s.Device == on.Device && s.From.Before(on.From) && on.From.Before(c.gone(s.heard(), site))
		})
	})
}

// unknown reports whether nothing of the device had been delivered for so long
// that a daemon knows nothing of it: a boot may have brought it up again.
func (c *comparison) unknown(b *book, on Sign) bool {
	return !slices.ContainsFunc(b.signs, func(s Sign) bool {
		return s.Device == on.Device && s.From.Before(on.From) && on.From.Sub(s.heard()) < remembered
	})
}

// seen returns the last moment before the departure of v was believed at which
// records that had arrived by then, or were bound to, show a device.
func (c *comparison) seen(s subject, b *book, v Concluded) (last time.Time) {
	for _, sign := range c.bearing(s, b, v.Arrived) {
		if !sign.Only && !sign.Shown.After(v.Believed) && !c.anothers(s, b, v, sign) {
			on := sign.by(v.Believed)
			if sign.Lapses && !v.Believed.Before(sign.Until.Add(-blur)) {
				on = sign.life[len(sign.life)-1].at
			}
			last = later(last, on)
		}
	}
	for _, h := range b.holds {
		if !h.Back.IsZero() && h.Back.Before(v.Believed) && v.Believed.Before(h.to) {
			last = v.Believed
		}
	}
	return last
}

// anothers reports whether the sign is of a later visit, which began when the
// user had been gone for linger: it was told late, and so before the departure
// was believed.
func (c *comparison) anothers(s subject, b *book, v Concluded, sign Sign) bool {
	return slices.ContainsFunc(b.visits, func(u Concluded) bool {
		return u.Arrived.After(c.gone(v.Departed, s.site)) && !sign.From.Before(u.Arrived.Add(-blur))
	})
}

// told returns between when and when the last end of any device during the
// visit was, if packets tell of all of them: at the first if only the signs
// that bear on it do, and at the last if all do.
func (c *comparison) told(s subject, b *book, v Concluded) (first, last time.Time, ok bool) {
	for _, sign := range c.bearing(s, b, v.Arrived) {
		switch {
		case sign.Only || sign.Shown.After(v.Believed) || sign.Until.Before(v.Arrived) || c.anothers(s, b, v, sign):
		case !sign.Told:
			return first, last, false
		default:
			first, ok = later(first, earlier(sign.by(v.Believed), sign.Until.Add(-sign.Idle))), true
		}
	}
	for _, sign := range b.signs {
		if !sign.Shown.After(v.Believed) {
			last = later(last, later(sign.Until, sign.Echoed))
		}
	}
	return first, last, ok
}

// covers reports whether the visit has a moment in common with the interval.
func (v *Concluded) covers(i interval) bool {
	departed := v.Departed
	if v.State != presence.Over {
		departed = i.to.Add(1)
	}
	return !v.Arrived.After(i.to.Add(blur)) && !departed.Before(i.from.Add(-blur))
}

// linger returns how long somebody must be gone to have left who was last at
// the site at t.
func (c *comparison) linger(t time.Time, site string) time.Duration {
	return c.rules.LingerAfter(t, site)
}

// gone returns when somebody has left who was last at the site at t.
func (c *comparison) gone(t time.Time, site string) time.Time { return t.Add(c.linger(t, site)) }

// lingers returns linger at a site, for each time at which somebody was last there.
func (c *comparison) lingers(site string) func(time.Time) time.Duration {
	return func(t time.Time) time.Duration { return c.linger(t, site) }
}

// merge joins intervals in order that are less than the gap apart that counts
// after the first.
func merge(all []interval, gap func(time.Time) time.Duration) (joined []interval) {
	for _, i := range all {
		if n := len(joined); n > 0 && i.from.Sub(joined[n-1].to) < gap(joined[n-1].to) {
			joined[n-1].to = i.to
			continue
		}
		joined = append(joined, i)
	}
	return joined
}

// within reports whether t is within one of the intervals, or almost.
func within(all []interval, t time.Time, almost time.Duration) bool {
	return slices.ContainsFunc(all, func(i interval) bool {
		return !t.Before(i.from.Add(-almost)) && t.Before(i.to.Add(almost))
	})
}
