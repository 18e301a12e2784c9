package office

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/presenced/presenced/presence"
)

// Concluded is a visit as a daemon concluded it by the end.
type Concluded struct {
	presence.Visit
	Believed time.Time // when the departure was believed; zero if it was not
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

	// Invented are visits that begin while their user was not there, and
	// Machines visits that do so because a device that was left behind came on
	// the air after having been off it for linger: no packet can tell those.
	Invented, Machines int

	// Departures are the ends of presences during which there was a visit.
	Departures int

	// False are departures believed while the user was there, or away for less
	// than linger. It is the price of linger: somebody whose devices were all
	// off the air for that long is among them.
	False int

	// Hasty are departures believed although a delivered record shows a device
	// on the air less than linger before. No linger excuses one.
	Hasty int

	// Unnoticed are departures that were not believed before the user was back
	// or the office closed, and Hidden those of them that no packet shows: a
	// device stayed behind or came back, or its end was not told.
	Unnoticed, Hidden int

	// Misdated are departures stamped at another time than the last end, where
	// packets tell of all ends. Up to straggle later is right as well.
	Misdated int

	Delays []time.Duration // from true departures to believing them, sorted
	Notes  []string        // one for each Missed, Invented, Hasty, Misdated and each Unnoticed that is not Hidden
}

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
	c := comparison{truth: truth, rules: rules, linger: rules.Linger, books: map[subject]*book{}}
	for _, s := range truth.Stays {
		b := c.book(s.User, s.Site)
		b.stays = append(b.stays, interval{s.From, s.To})
	}
	for _, s := range truth.Signs {
		b := c.book(s.User, s.Site)
		b.signs = append(b.signs, s)
	}
	for _, v := range visits {
		b := c.book(v.User, v.Site)
		b.visits = append(b.visits, v)
	}
	for _, s := range c.order {
		b := c.books[s]
		slices.SortFunc(b.visits, func(a, b Concluded) int { return a.Arrived.Compare(b.Arrived) })
		b.streak(c.linger)
		c.presences(s, b)
		c.visits(s, b)
	}
	slices.Sort(c.score.Delays)
	return c.score
}

// comparison is a Compare on its way.
type comparison struct {
	truth  Truth
	rules  presence.Rules
	linger time.Duration
	order  []subject
	books  map[subject]*book
	score  Score
}

type subject struct{ user, site string }

// book is everything about a user at a site, in order of time.
type book struct {
	stays   []interval
	signs   []Sign      // by device
	streaks []time.Time // when the streak began that each sign is of
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

func (c *comparison) note(s subject, format string, args ...any) {
	c.score.Notes = append(c.score.Notes, s.user+" at "+s.site+" "+fmt.Sprintf(format, args...))
}

// presences counts what became of the presences.
func (c *comparison) presences(s subject, b *book) {
	all := merge(b.stays, c.linger)
	for i, p := range all {
		if at, ok := c.appears(s, b, p); ok {
			c.score.Arrivals++
			if !slices.ContainsFunc(b.visits, func(v Concluded) bool { return v.covers(interval{at, at}) }) {
				c.score.Missed++
				c.note(s, "arrived unseen %s", clock(at))
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
	if last == nil || next.Sub(p.to) < c.linger+blur {
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
		c.note(s, "left unnoticed %s: %s %s–%s", clock(p.to), last.End, clock(last.Arrived), clock(last.Departed))
	}
}

// hidden reports whether no packet shows the user to have been gone for linger
// between the end of a presence and their coming back.
func (c *comparison) hidden(sub subject, b *book, p interval, next time.Time) bool {
	for _, s := range c.bearing(sub, b, p.from) {
		if s.From.Before(next) && s.Until.After(p.from) && (!s.Told || s.Until.Add(c.linger+blur).After(next)) {
			return true
		}
	}
	return false
}

// appears returns when, during a presence, a device is first shown to appear
// that was away for linger.
func (c *comparison) appears(sub subject, b *book, p interval) (first time.Time, ok bool) {
	site := c.rules.Sites[sub.site]
	for i, s := range b.signs {
		if s.Only || s.From.Before(p.from.Add(-blur)) || s.From.After(p.to) || !site.Within(s.From.Add(-blur)) || !site.Within(s.From.Add(blur)) {
			continue
		}
		if i > 0 && b.signs[i-1].Device == s.Device {
			before := b.signs[i-1]
			if s.From.Before(before.Until.Add(c.linger+blur)) || s.From.Before(before.Quiet.Add(blur)) {
				continue
			}
		}
		if !ok || s.From.Before(first) {
			first, ok = s.From, true
		}
	}
	return first, ok
}

// visits counts what is wrong with the visits.
func (c *comparison) visits(s subject, b *book) {
	here := merge(b.stays, c.linger)
	for _, v := range b.visits {
		if !within(b.stays, v.Arrived, blur) {
			if c.comesOn(b, v.Arrived) {
				c.score.Machines++
			} else {
				c.score.Invented++
				c.note(s, "never arrived %s", clock(v.Arrived))
			}
		}
		if v.Believed.IsZero() || v.End != presence.Left && v.End != presence.Unknown {
			continue
		}
		if within(here, v.Believed, 0) {
			c.score.False++
		}
		if seen := c.seen(s, b, v); v.Believed.Before(seen.Add(c.linger - 5*time.Second)) {
			c.score.Hasty++
			c.note(s, "visit of %s believed over %s, seen %s", clock(v.Arrived), clock(v.Believed), clock(seen))
		}
		if first, last, ok := c.told(s, b, v); ok && (v.Departed.Before(first.Add(-blur)) || v.Departed.After(last.Add(straggle))) {
			c.score.Misdated++
			c.note(s, "visit of %s departed %s, last end %s", clock(v.Arrived), clock(v.Departed), clock(first))
		}
	}
}

// comesOn reports whether at t a device comes on the air of which no Start and
// no Interim had been delivered for linger.
func (c *comparison) comesOn(b *book, t time.Time) bool {
	return slices.ContainsFunc(b.signs, func(on Sign) bool {
		return !on.Only && on.From.Sub(t).Abs() <= blur && !slices.ContainsFunc(b.signs, func(s Sign) bool {
			return !s.Only && s.Device == on.Device && s.From.Before(on.From) && on.From.Before(s.Until.Add(c.linger))
		})
	})
}

// bearing returns the signs that bear on a visit that began at t: those of
// streaks that began on its day, and within the site's hours or during it. A
// device left behind the day before, or that came on by itself at night, says
// nothing about its owner.
func (c *comparison) bearing(s subject, b *book, t time.Time) (signs []Sign) {
	site := c.rules.Sites[s.site]
	day := site.Day(t, c.rules.DayStarts)
	for i, sign := range b.signs {
		if began := b.streaks[i]; !began.Before(day) && (site.Within(began) || !began.Before(t)) {
			signs = append(signs, sign)
		}
	}
	return signs
}

// streak finds out when the streak of each sign began: those of one device
// that are less than linger apart are of one, and those that may be. A Stop
// alone lengthens a streak that is there, and begins none.
func (b *book) streak(linger time.Duration) {
	last := -1 // of the same device, and of its latest streak
	for i, s := range b.signs {
		began, on := s.From, false
		if last >= 0 && b.signs[last].Device == s.Device {
			before := b.signs[last]
			on = s.From.Before(before.Until.Add(linger)) || s.From.Before(before.Quiet)
		}
		if on {
			began = b.streaks[last]
		}
		if on || !s.Only {
			last = i
		}
		b.streaks = append(b.streaks, began)
	}
}

// seen returns the last moment before the departure of v was believed at which
// records that had arrived by then, or were bound to, show a device.
func (c *comparison) seen(s subject, b *book, v Concluded) (last time.Time) {
	for _, sign := range c.bearing(s, b, v.Arrived) {
		if !sign.Only && !sign.Shown.After(v.Believed) {
			last = later(last, earlier(sign.Until, v.Believed))
		}
	}
	return last
}

// told returns between when and when the last end of any device during the
// visit was, if packets tell of all of them: at the first if only the signs
// that bear on it do, and at the last if all do.
func (c *comparison) told(s subject, b *book, v Concluded) (first, last time.Time, ok bool) {
	for _, sign := range c.bearing(s, b, v.Arrived) {
		switch {
		case sign.Only || sign.Shown.After(v.Believed) || sign.Until.Before(v.Arrived):
		case !sign.Told:
			return first, last, false
		default:
			first, ok = later(first, sign.Until), true
		}
	}
	for _, sign := range b.signs {
		if !sign.Shown.After(v.Believed) {
			last = later(last, sign.Until)
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

// merge joins intervals in order that are less than gap apart.
func merge(all []interval, gap time.Duration) (joined []interval) {
	for _, i := range all {
		if n := len(joined); n > 0 && i.from.Sub(joined[n-1].to) < gap {
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

func clock(t time.Time) string { return t.UTC().Format("Mon 15:04:05") }

// Row is one line of a table: what a score is of.
type Row struct {
	Of string
	Score
}

// Print writes scores as a table. Under each fault no linger excuses there are
// its notes.
func Print(w io.Writer, of string, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, strings.Join([]string{
		of, "arrivals", "missed", "invented", "machines", "departures", "false", "hasty", "misdated", "unnoticed", "hidden",
		"median", "90 %", "99 %", "longest", "",
	}, "\t"))
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t", r.Of, r.Arrivals, r.Missed, r.Invented, r.Machines,
			r.Departures, r.False, r.Hasty, r.Misdated, r.Unnoticed, r.Hidden)
		for _, p := range []float64{0.5, 0.9, 0.99, 1} {
			fmt.Fprintf(t, "%s\t", short(r.Delay(p)))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// short writes a duration in whole minutes.
func short(d time.Duration) string {
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
