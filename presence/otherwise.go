package presence

import (
	"slices"
	"time"
)

// What comes in: the sessions of a person as they stand at a moment, and several
// rules. What goes out: the visits that come of the same facts under each. Facts do
// not depend on linger, so that one pass over the records tells of any number of
// lingers.

func (b brief) visit(user string) Visit {
	v := Visit{User: user, Site: b.site, Arrived: b.arrived, State: b.state, Outlook: Outlook{Since: b.left}}
	v.CheckIn = Errand{Status: Pending, At: b.noticed} // no booking is ever read
	if b.state == Arriving {
		v.CheckIn.Status = Waiting
	}
	v.CheckOut.Status = Waiting
	return v
}

// conclude brings the visits under all rules in line with the sessions of the picture,
// and returns when time alone will change them.
func (b *beside) conclude(c *picture) (next time.Time) {
	stand := c.stand(nil)
	for i := range b.each {
		o := &b.each[i]
		early := o.wake.IsZero() || c.now.Before(o.wake)
		switch {
		case early && stand == o.stood:
		case early && o.anchor != 0 && c.carries(o, b.rules[i].Linger):
			o.stood = stand
		default:
			b.concludeUnder(i, c, stand)
		}
		next = earlier(next, o.wake)
	}
	return next
}

// concludeUnder is [Person.conclude] under one of the rules.
func (b *beside) concludeUnder(i int, c *picture, stand uint64) {
	o, as := &b.each[i], b.as(i, c)
	o.stood, o.anchor, o.wake = stand, 0, as.conclude(&b.guises[i].c)
	present := len(as.Visits) > 0
	for j := range as.Visits {
		present = present && as.Visits[j].State == Present
	}
	if present { // while everybody stays, only the turn of the day changes anything
		o.wake = time.Time{}
		for j := range as.Visits {
			o.wake = earlier(o.wake, as.Visits[j].endOfDay(b.rules[i]))
		}
		if !b.guises[i].c.wait.IsZero() {
			o.wake = earlier(o.wake, c.now.Add(nasGap))
		}
		if len(as.Visits) == 1 {
			b.moor(i, c, &as.Visits[0])
		}
	} else if len(as.Visits) == 0 && !o.wake.IsZero() {
		o.wake = c.now.Add(nasGap)
	}
	b.keep(i, c.Person, as, c.now)
}

// moor notes what shows the visit present, until the day turns: while that session
// goes on, no other of that visit's time and site ends it.
func (b *beside) moor(i int, c *picture, v *Visit) {
	g, o := &b.guises[i], &b.each[i]
	y, there := g.c.of(v)
	turn := g.c.site(v.Site).NextDay(v.Arrived, g.w.DayStarts)
	if !there || !y.last.alive || y.last.session == nil || !c.now.Before(turn) {
		return
	}
	o.wake = earlier(o.wake, turn)
	o.anchor, o.apart = y.last.session.name(), c.stand(&brief{site: v.Site, arrived: v.Arrived})
}

// carries reports whether the visit that was present is still: the session goes on that
// showed it, or another took its place within linger, and none has changed but of that
// visit's time and site.
func (c *picture) carries(o *otherwise, linger time.Duration) bool {
	v := &o.visits[0]
	var was, is *Session
	for i := range c.sessions {
		switch s := &c.sessions[i]; {
		case s.name() == o.anchor:
			was = s
		case is == nil && s.Live() && s.of(v) && c.fresh(s, v):
			is = s
		}
	}
	switch {
	case was == nil || c.stand(v) != o.apart:
		return false
	case was.Live():
		return true
	case is == nil || is.Began.After(was.Seen.Add(linger)):
		return false
	}
	o.anchor = is.name()
	return true
}

// of reports whether the session is of the visit's time and site.
func (s *Session) of(v *brief) bool {
	return !s.foreign && s.Site == v.site && !s.Began.Before(v.arrived)
}

// fresh reports whether all that is known of the session's device is of the visit's time
// and site: its streak began then.
func (c *picture) fresh(s *Session, v *brief) bool {
	for i := range c.sessions {
		if o := &c.sessions[i]; o.Device == s.Device && !o.of(v) {
			return false
		}
	}
	return !slices.ContainsFunc(c.Devices, func(d Device) bool { return d.ID == s.Device && !d.Last.IsZero() })
}

// as returns the person as one of the rules has them, in the look that goes on.
func (b *beside) as(i int, c *picture) *Person {
	g := &b.guises[i]
	if !g.on {
		b.put(i, c.Person)
		g.on, g.w = true, *c.w
		g.w.Rules = b.rules[i]
		g.c = picture{Person: &g.as, w: &g.w, now: c.now, sessions: c.sessions}
		g.c.draw()
	}
	return &g.as
}

// put makes the person of the guise.
func (b *beside) put(i int, p *Person) {
	o, as := &b.each[i], &b.guises[i].as
	*as = Person{
		User: p.User, Facts: p.Facts, Devices: p.Devices, News: p.News, Client: p.Client, Shared: p.Shared,
		Floors: o.floors, Visits: as.Visits[:0], Story: as.Story[:0],
	}
	if o.buried != nil {
		as.Devices = o.buried
	}
	for _, v := range o.visits {
		as.Visits = append(as.Visits, v.visit(p.User))
	}
}

// keep takes over what became of the person, and tells of the visits that are over.
func (b *beside) keep(i int, p, as *Person, now time.Time) {
	o := &b.each[i]
	o.visits, o.floors = o.visits[:0], as.Floors
	for j := range as.Visits {
		v := &as.Visits[j]
		noticed := v.CheckIn.At
		if noticed.IsZero() && v.State != Arriving {
			noticed = now
		}
		if v.State == Over {
			b.told(i, p, *v, noticed)
			continue
		}
		o.visits = append(o.visits, brief{v.Site, v.Arrived, noticed, v.Outlook.Since, v.State})
	}
}

const (
	hashBasis = 14695981039346656037
	hashPrime = 1099511628211
)

// stand returns a number that is another one once the sessions stand differently: all
// but that those that are alive were heard again. Sessions that began at the site of v
// since its arrival do not count; v is nil if all do.
func (c *picture) stand(v *brief) uint64 {
	sum := uint64(hashBasis)
	add := func(n int64) { sum = (sum ^ uint64(n)) * hashPrime }
	add(c.News.UnixNano())
	for i := range c.sessions {
		s := &c.sessions[i]
		if v != nil && s.of(v) {
			continue
		}
		add(int64(len(s.State)) + int64(b2i(s.foreign))<<40 + int64(b2i(s.Live()))<<41 + int64(s.Cause)<<42)
		if v == nil {
			add(int64(s.next))
		}
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

// name returns a number that tells the session from the person's others; never 0.
func (s *Session) name() uint64 {
	return max(1, (uint64(hash32(s.ID))<<32|uint64(hash32(s.Device)))^uint64(s.Began.UnixNano())*hashPrime)
}

// withdraw ends the visits at the sites, because the person turned out to be several.
func (b *beside) withdraw(c *picture, sites []string) {
	for i := range b.each {
		as := b.as(i, c)
		as.withdraw(sites, c.now, &b.guises[i].w)
		b.keep(i, c.Person, as, c.now)
		b.each[i].wake, b.each[i].anchor = time.Time{}, 0
	}
}
