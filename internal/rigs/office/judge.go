package office

import (
	"fmt"
	"time"

	"github.com/presenced/presenced/presence"
)

// Spell is a time in which a daemon took a visit to be in one state.
type Spell struct {
	User, Site string
	Arrived    time.Time // of the visit
	State      presence.VisitState
	From, To   time.Time
	Over       bool // the visit was over after it
	Gone       []Gone
}

// Gone is since when everybody was taken to be gone, from a moment on: a Stop that
// comes late makes it later.
type Gone struct{ From, Since time.Time }

// gone returns since when everybody was gone for all that was known at t.
func (s *Spell) gone(t time.Time) time.Time {
	since := s.From
	for _, g := range s.Gone {
		if !g.From.After(t) {
			since = later(since, g.Since)
		}
	}
	return since
}

const (
	soon    = 2 * time.Minute // after both are true, and the desk can know it
	reading = 5 * time.Minute // … and so long besides, for what changes while its owner is there
	early   = time.Hour       // as it comes
	nearby  = 10 * time.Minute
	unread  = 75 * time.Second // how old a reading may be that is acted upon without another
	ahead   = 6 * time.Hour    // a booking that begins later after the arrival, and on another day, is for that
)

// Judge holds what became of the bookings against what should have: by when the
// daemon knew that their owners were there and had left, and what really was.
func (l *Ledger) Judge(o *Office, spells []Spell, rules presence.Rules) (a Account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a = Account{Bookings: len(l.booked), Calls: l.calls, Lost: map[string]int{}}
	j := judge{l: l, o: o, rules: rules, spells: map[string][]Spell{}, stays: map[string][]Stay{}, in: map[string]time.Time{}, out: map[string]time.Time{}}
	for _, s := range spells {
		j.spells[s.User] = append(j.spells[s.User], s)
	}
	for _, s := range o.Truth.Stays {
		j.stays[s.User] = append(j.stays[s.User], s)
	}
	for _, e := range l.effects {
		if e.out {
			j.out[e.booking] = e.at
			a.Outs++
		} else {
			j.in[e.booking] = e.at
			a.CheckIns++
		}
	}
	for _, b := range l.booked {
		j.arrival(b, &a)
		j.departure(b, &a)
	}
	for _, all := range l.read {
		var last time.Time // the five minutes in which the last one was
		for _, at := range all {
			if in := at.Truncate(reading); in.After(last) {
				last, a.Regular = in, a.Regular+1
			} else {
				a.Extra++
			}
		}
	}
	return a
}

// judge is a Judge on its way.
type judge struct {
	l       *Ledger
	o       *Office
	rules   presence.Rules
	spells  map[string][]Spell
	stays   map[string][]Stay
	in, out map[string]time.Time
}

func (j *judge) note(a *Account, b *Booked, format string, args ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf("seed %d: %s of %s %s", j.o.Seed, b.ID, b.User, fmt.Sprintf(format, args...)))
}

// arrival holds the check-in of a booking against when its owner was there.
func (j *judge) arrival(b *Booked, a *Account) {
	in := j.in[b.ID]
	// What was changed at other hands within the last minute may not be known.
	if !in.IsZero() && !j.right(b, in, in) && !j.right(b, in, in.Add(-unread)) {
		a.Invented++
		j.note(a, b, "was checked in at %s for nothing: %v", clock(in), b.Versions)
	}
	release := b.released(j.l.Release)
	for i, v := range b.Versions {
		until := v.End
		if i+1 < len(b.Versions) {
			until = earlier(until, b.Versions[i+1].From)
		}
		if !release.IsZero() {
			until = earlier(until, release)
		}
		for _, s := range j.spells[b.User] {
			if v.Cancelled || s.Site != v.Site || s.State != presence.Present {
				continue
			}
			at := later(later(s.From, v.From), v.Begin.Add(-early))
			by := at.Add(soon)
			if j.there(b, v.From, at) {
				by = by.Add(reading)
			}
			midnight := time.Date(s.Arrived.Year(), s.Arrived.Month(), s.Arrived.Day()+1, 0, 0, 0, 0, s.Arrived.Location())
			tomorrow := !v.Begin.Before(midnight) && v.Begin.After(s.Arrived.Add(ahead))
			if !by.Before(earlier(s.To, until)) || tomorrow || !in.IsZero() && !in.After(by) {
				continue
			}
			if in.IsZero() {
				a.Missed++
				j.note(a, b, "was not checked in, due %s", clock(at))
			} else {
				a.Late++
				j.note(a, b, "was checked in at %s, due %s", clock(in), clock(at))
			}
			return
		}
	}
}

// right reports whether it was right to check the booking in at the time in, for
// all that it was at t: while its owner is there, or has gone for a while and
// it was there and due before.
func (j *judge) right(b *Booked, in, t time.Time) bool {
	v, is := b.at(t)
	here, due := false, v.Begin.Add(-early)
	for _, s := range j.spells[b.User] {
		if s.Site == v.Site && !in.Before(s.From) && !in.After(s.To.Add(soon/60)) {
			here = here || s.State == presence.Present || s.State == presence.Leaving && !later(v.From, due).After(s.gone(in))
		}
	}
	return is && here && !in.Before(due) && in.Before(v.End)
}

// there reports whether the booking's owner was there as it was made or changed
// at t, or only minutes away, or has another that is checked in: then a regular
// reading tells of it.
func (j *judge) there(b *Booked, t, due time.Time) bool {
	for _, s := range j.spells[b.User] {
		if !t.Before(s.From.Add(-time.Minute)) && !t.After(s.To) && (s.State == presence.Present || s.To.Sub(s.From) < nearby) {
			return true
		}
	}
	for _, other := range j.l.byUser[b.User] {
		in := j.in[other.ID]
		if v, is := other.at(due); other != b && is && !in.IsZero() && in.Before(due) && due.Before(v.End) && t.After(due.Add(-reading)) {
			return true
		}
	}
	return false
}

// departure holds the check-out of a booking against when its owner left, and
// what they did next.
func (j *judge) departure(b *Booked, a *Account) {
	in, out := j.in[b.ID], j.out[b.ID]
	if in.IsZero() {
		return
	}
	v, is := b.at(in)
	if v2, is2 := b.at(later(in, out)); is2 {
		v, is = v2, is && is2
	}
	if !is {
		return
	}
	if !out.IsZero() {
		if cause := j.lost(b.User, v, out); cause != "" {
			a.Lost[cause]++
		}
	}
	for i, s := range j.spells[b.User] {
		if s.Site != v.Site || s.State != presence.Leaving || !s.From.After(in) || !s.From.Before(v.End) || !out.IsZero() && s.From.After(out) {
			continue
		}
		x := absence{at: (s.From.Hour()*60 + s.From.Minute()) / 30, left: v.End.Sub(s.From)}
		elsewhere := false
		for _, next := range j.spells[b.User][i+1:] {
			if next.State == presence.Present && next.Site == v.Site && next.From.Before(v.End) && x.lasts == 0 {
				x.lasts = next.From.Sub(s.From)
			}
			elsewhere = elsewhere || next.Site != v.Site && next.From.Before(v.End)
		}
		for _, other := range j.spells[b.User] {
			elsewhere = elsewhere || other.Site != v.Site && other.From.Before(s.To) && other.To.After(s.To)
		}
		a.absences = append(a.absences, x)
		if now, is := b.at(v.End.Add(-time.Second)); s.Over && out.IsZero() && s.To.Add(soon).Before(v.End) && !elsewhere && is && now == v && s.To.Sub(s.Arrived) > time.Hour+j.rules.Brief+soon {
			a.Undone++
			j.note(a, b, "was not checked out, believed left %s", clock(s.To))
			return
		}
	}
}

// lost returns what somebody had done who lost their desk at t: they came back
// before it ended; "" if they did not.
func (j *judge) lost(user string, v Version, t time.Time) string {
	var left time.Time
	elsewhere := false
	for _, s := range j.stays[user] {
		switch {
		case s.Site != v.Site:
			elsewhere = elsewhere || s.To.After(left) && s.From.Before(v.End)
		case s.To.Before(t):
			left, elsewhere = s.To, false
		case !s.From.After(t):
			return causes[3]
		case s.From.Before(v.End) && elsewhere:
			return causes[1]
		case s.From.Before(v.End):
			if h := left.Hour()*60 + left.Minute(); h >= 11*60 && h < 14*60+30 {
				return causes[0]
			}
			return causes[2]
		}
	}
	return ""
}
