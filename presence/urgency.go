package presence

import (
	"time"
)

// How urgent what is due of somebody is, and until when.

// urgency orders the people who are due; the lowest is the most urgent.
type urgency int

const (
	checkIns  urgency = iota
	checkOuts         // the booking has stood all day, and can wait a moment
	refreshes         // looking for changed bookings, in a reading of the building
	lookUps           // no reading lists the user: each costs a question of its own
	nothing
)

// due returns what is due of the person, and the most urgent of it, but for what is due
// at sites that rest.
func (p *Person) due(now time.Time, r Rules, rests func(site string) bool) due {
	d := due{user: p.User, since: p.NextErrand, urgency: nothing, rises: p.rises(now, r)}
	for i := range p.Visits {
		v := &p.Visits[i]
		if u := v.urgency(now, r); u < d.urgency && !rests(v.Site) {
			d.urgency, d.site = u, v.Site
		}
	}
	return d
}

func (p *Person) isDue(now time.Time, r Rules) bool {
	return p.due(now, r, func(string) bool { return false }).urgency < nothing
}

func (v *Visit) urgency(now time.Time, r Rules) urgency {
	switch e := v.errand(); {
	case e == nil || e.Next.After(now):
		return nothing
	case v.State == Over:
		return checkOuts
	case e.Status == Pending, v.tryingCheckIn(), v.dueAt(now, r), len(e.Bookings) == 0 && now.Sub(v.Arrived) < refresh:
		return checkIns
	}
	return refreshes
}

// due is what is due of somebody, as they were read.
type due struct {
	user, site string
	urgency    urgency
	since      time.Time
	many       bool      // they may be looked at together with others
	rises      time.Time // when to read them again; zero: not before they are written
}

// rises returns when time alone may make the person, who is due, more urgent: something
// else becomes due of them, or a booking that is known; zero if nothing does.
func (p *Person) rises(now time.Time, r Rules) (at time.Time) {
	for i := range p.Visits {
		v := &p.Visits[i]
		e := v.errand()
		if e == nil {
			continue
		}
		if e.Next.After(now) {
			at = earlier(at, e.Next)
			continue
		}
		for _, c := range v.Claims {
			if begins := later(c.Begin.Add(-r.Early), c.Next); v.State != Over && c.In.IsZero() && begins.After(now) && begins.Before(c.End) {
				at = earlier(at, begins)
			}
		}
	}
	return at
}

// unbooked returns the visit that is due, if it is the only one, is on, and nothing is
// known to be booked for it, nor to be; else nil.
func (p *Person) unbooked(now time.Time, r Rules) (due *Visit) {
	for i := range p.Visits {
		v := &p.Visits[i]
		switch e := v.errand(); {
		case e == nil || e.Next.After(now):
			continue
		case due != nil, v.State == Over, len(v.Claims)+len(e.Bookings)+e.Attempts > 0, e.Status != Waiting && e.Status != Pending,
			r.Sites[v.Site].WalkIns.Rule == WalkInsOnsite:
			return nil
		}
		due = v
	}
	return due
}
