package presence

import (
	"time"
)

// What comes in: the sessions of a person as they stand at a moment, and other
// rules. What goes out: the visits that would have come of the same facts under
// those. Facts do not depend on linger, so that one pass over the records tells of
// any number of lingers.

func (b brief) visit(user string) Visit {
	v := Visit{User: user, Site: b.site, Arrived: b.arrived, State: b.state, Outlook: Outlook{Since: b.left}}
	v.CheckIn = Errand{Status: Pending, At: b.noticed} // no booking is ever read
	if b.state == Arriving {
		v.CheckIn.Status = Waiting
	}
	v.CheckOut.Status = Waiting
	return v
}

// conclude brings the visits in line with the sessions of the picture, as
// [Person.conclude] does, unless those stand as they did and it is too early for a
// change.
func (o *otherwise) conclude(p *Person, c *picture, stand uint64) {
	if o.last = c; stand == o.stood && (o.wake.IsZero() || c.now.Before(o.wake)) {
		return
	}
	as := o.picture(p).Person
	o.stood, o.wake = stand, as.conclude(o.seen)
	for i := range as.Visits {
		if v := &as.Visits[i]; v.State != Present {
			o.keep(as, c.now)
			return
		}
	}
	if o.wake.IsZero() { // nobody is there
		o.keep(as, c.now)
		return
	}
	o.wake = time.Time{} // while everybody stays, only the turn of the day changes anything
	for i := range as.Visits {
		o.wake = earlier(o.wake, as.Visits[i].endOfDay(*o.rules))
	}
	if !o.seen.wait.IsZero() || len(as.Visits) == 0 {
		o.wake = earlier(o.wake, c.now.Add(nasGap))
	}
	o.keep(as, c.now)
}

// picture returns what the person looks like under these rules.
func (o *otherwise) picture(p *Person) *picture {
	if o.seen == nil {
		as, world := o.person(p), *o.last.w
		world.Rules = *o.rules
		o.seen = as.pictured(o.last.sessions, o.last.now, &world)
	}
	return o.seen
}

// stand returns a number that is another one once the sessions stand differently: all
// but that those that are alive were heard again.
func (c *picture) stand() uint64 {
	const prime = 1099511628211
	sum := uint64(14695981039346656037)
	add := func(n int64) { sum = (sum ^ uint64(n)) * prime }
	add(c.News.UnixNano())
	for i := range c.sessions {
		s := &c.sessions[i]
		add(int64(len(s.State)) + int64(s.next)<<8 + int64(b2i(s.foreign))<<40 + int64(b2i(s.Live()))<<41 + int64(s.Cause)<<42)
		add(s.Began.UnixNano())
		add(int64(hash32(s.Site)) ^ s.first.At.UnixNano())
		if !s.Live() {
			add(s.Ended.UnixNano())
			add(s.Seen.UnixNano())
			add(s.Hold.UnixNano())
		}
	}
	return sum
}

// steady notes of which sessions another Interim would be no news.
func (c *picture) steady() {
	for i := range c.Facts {
		c.Facts[i].steady = false
	}
	for i := range c.sessions {
		if s := &c.sessions[i]; s.State == Open && s.Seen.Equal(s.facts.last()) && s.rhythm.interval() > 0 {
			s.facts.steady = true
		}
	}
}

// withdraw ends the visits at the sites, because the person turned out to be several.
func (o *otherwise) withdraw(p *Person, sites []string, now time.Time, w *World) {
	as, world := o.person(p), *w
	world.Rules = *o.rules
	as.withdraw(sites, now, &world)
	o.keep(as, now)
	o.wake = time.Time{}
}

// person returns the person as these rules have them.
func (o *otherwise) person(p *Person) *Person {
	as := &Person{User: p.User, Facts: p.Facts, Devices: p.Devices, Floors: o.floors, News: p.News, Client: p.Client, Shared: p.Shared}
	if o.buried != nil {
		as.Devices = o.buried
	}
	for _, b := range o.visits {
		as.Visits = append(as.Visits, b.visit(p.User))
	}
	return as
}

// keep takes over what became of the person, and tells of the visits that are over.
func (o *otherwise) keep(as *Person, now time.Time) {
	o.visits, o.floors = o.visits[:0], as.Floors
	for i := range as.Visits {
		v := &as.Visits[i]
		noticed := v.CheckIn.At
		if noticed.IsZero() && v.State != Arriving {
			noticed = now
		}
		if v.State == Over {
			o.told(*v, noticed)
			continue
		}
		o.visits = append(o.visits, brief{v.Site, v.Arrived, noticed, v.Outlook.Since, v.State})
	}
}
