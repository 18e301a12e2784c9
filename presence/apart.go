package presence

import (
	"slices"
)

// What comes in: a person and what is concluded of their sessions. What goes out: which
// facts are over for good, so that their stretches are all that decisions need of them.

// frozen returns the stretch as it is kept of a session whose facts are stored apart.
func (s *stretch) frozen(w *World) Stretch {
	o := Stretch{
		Of:     []Apart{{s.session.facts.Key(), s.session.facts.lasted(w), s.session.facts.heard()}},
		Device: s.device, Site: s.site, From: s.from, To: s.to, Raw: s.raw, Leave: s.leave, Found: s.found,
		Began: s.session.Began, Clear: s.session.Seen, NAS: s.session.nas,
	}
	if s.session.end.Status != Stop {
		o.Clear = later(o.Clear, o.To)
	}
	for trait, is := range map[Traits]bool{heldThere: s.held, surelyLeft: s.sure, endUnknown: s.unknown, oldNews: s.old} {
		if is {
			o.Traits |= trait
		}
	}
	return o
}

// tells reports whether the stretches of the facts that are stored apart are all that
// decisions need of them: nothing else of their devices is older, or of a kind that is
// judged by what was before it.
func (c *picture) tells() bool {
	if len(c.Over) == 0 {
		return true
	}
	if len(c.miscounting()) > 0 {
		return false
	}
	for i := range c.sessions {
		s := &c.sessions[i]
		after := func(o Stretch) bool {
			return o.Device == s.Device && (s.Began.Before(o.Clear) || s.first.NAS != o.NAS && !s.Began.After(o.Began.Add(moment)))
		}
		if c.overOf(s.Device) && (!s.plain() || slices.ContainsFunc(c.Over, after)) {
			return false
		}
	}
	for i := range c.Over {
		o := &c.Over[i]
		if floor := c.floorAt(o.Site); o.From.Before(floor) && o.Raw.After(floor) || !c.outlived(o) {
			return false
		}
	}
	return true
}

// outlived reports whether facts that are at hand show the device at the site later
// than the stretch does.
func (c *picture) outlived(o *Stretch) bool {
	return slices.ContainsFunc(c.parts, func(s stretch) bool {
		return s.session != nil && s.device == o.Device && s.site == o.Site && !s.lone && !s.to.Before(o.To) && !s.raw.Before(o.Raw)
	})
}

// plain reports whether nothing about the session depends on what was before it.
func (s *Session) plain() bool {
	return s.ID != "" && !s.facts.nameless() && !s.facts.stopsOnly() && s.named && !s.foreign && !s.lone && !s.inherits && !s.divides &&
		s.Site != "" && s.Site != noSite
}

// part moves facts apart that are over for good: those without which everything is as it
// is with them.
func (p *Person) part(c *picture) {
	if !p.apart.is || c.now.Before(p.News) || slices.ContainsFunc(p.Visits, func(v Visit) bool { return v.State == Arriving }) {
		return
	}
	for from := 0; from < len(c.sessions); {
		to := from + 1
		for to < len(c.sessions) && c.sessions[to].Device == c.sessions[from].Device {
			to++
		}
		keys := c.partable(c.sessions[from:to])
		if len(keys) > 0 && !p.parted(keys, c) && len(keys) > 1 {
			p.parted(keys[:1], c)
		}
		from = to
	}
}

// partable returns the facts of a device whose stretches may be all that decisions need
// of them from now on, the oldest first: their sessions are over, the world says nothing
// of them any more, and other sessions of the device came after them.
func (c *picture) partable(all []Session) (keys []uint32) {
	for i := range all[:len(all)-1] {
		s := &all[i]
		if s.Live() || s.facts.Place.NAS != "" || s.end.Status != Stop && c.now.Sub(s.Heard) < lateStop || len(s.facts.Marks) > marksKept || !s.plain() {
			break
		}
		key := s.facts.Key()
		if slices.Contains(keys, key) || c.Apart(key) ||
			slices.ContainsFunc(all[i+1:], func(n Session) bool { return n.facts == s.facts }) {
			break // an id that was given again
		}
		keys = append(keys, key)
	}
	return keys
}

// parted moves the facts with the keys apart if that changes nothing, and reports whether
// it did.
func (p *Person) parted(keys []uint32, c *picture) bool {
	if len(p.miscounting()) > 0 {
		return false
	}
	as := Person{User: p.User, Devices: p.Devices, Floors: p.Floors, Visits: p.Visits, News: p.News, Client: p.Client}
	var over []Facts
	for i := range p.Facts {
		if f := &p.Facts[i]; slices.Contains(keys, f.Key()) {
			over = append(over, *f)
		} else {
			as.Facts = append(as.Facts, *f)
		}
	}
	as.Over = slices.Clone(p.Over)
	for i := range c.parts {
		if s := &c.parts[i]; s.session != nil && slices.Contains(keys, s.session.facts.Key()) {
			as.Over = append(as.Over, s.frozen(c.w))
		}
	}
	w := *c.w
	w.room = nil // what c knows is still looked at
	then := as.picture(c.now, &w)
	if len(then.parts) != len(c.parts) || !then.tells() {
		return false
	}
	for i := range then.parts {
		if !then.parts[i].like(&c.parts[i]) {
			return false
		}
	}
	p.Facts, p.Over, p.Past = as.Facts, then.joined(), append(p.Past, over...)
	return true
}

// joined returns the stretches of facts that are stored apart, with each streak of them as
// one, if decisions find the same in that.
func (c *picture) joined() (all []Stretch) {
	var before *stretch
	for i := range c.parts {
		s := &c.parts[i]
		if s.over == nil {
			continue
		}
		if before != nil && before.goesOnTo(s, c) {
			o, was := *s.over, all[len(all)-1]
			o.Of, o.From, o.Clear = slices.Concat(was.Of, o.Of), was.From, later(was.Clear, o.Clear)
			o.Traits = o.Traits&^oldNews | was.Traits&oldNews
			all[len(all)-1] = o
		} else {
			all = append(all, *s.over)
		}
		before = s
	}
	return all
}

// goesOnTo reports whether nothing is decided by the end of the stretch, because the next
// one, of the same streak, tells all that it does.
func (s *stretch) goesOnTo(n *stretch, c *picture) bool {
	due, _ := s.due()
	next, _ := n.due()
	floor := c.floorAt(s.site)
	return s.alike(n) && s.streak.Equal(n.streak) && !n.from.After(s.leave.Add(s.linger)) && !s.to.After(n.to) && !s.raw.After(n.raw) && !due.After(next) &&
		(s.over.NAS == n.over.NAS || s.raw.Add(s.linger).Before(c.now)) && (!s.from.Before(floor) || !n.raw.After(floor))
}

// like reports whether decisions find the same in both.
func (s *stretch) like(o *stretch) bool {
	return s.alike(o) && s.streak.Equal(o.streak) && s.from.Equal(o.from) && s.to.Equal(o.to) && s.raw.Equal(o.raw) && s.leave.Equal(o.leave) &&
		s.linger == o.linger && s.why == o.why && s.found.Equal(o.found) && s.until.Equal(o.until) && s.alive == o.alive && s.held == o.held &&
		s.sure == o.sure && s.lone == o.lone && s.unknown == o.unknown && s.old == o.old && s.divided == o.divided
}
