package presence

import (
	"cmp"
	"slices"
	"time"
)

// What comes in: everything remembered of a person. What goes out: less of it.
// Facts that no late record can change any more are dropped, and access points are
// forgotten soon after the person has left.

// prune drops the facts, devices, story and floors that are too old or too many, and
// sets Wake to when the rest will be too old.
func (p *Person) prune(c *picture) {
	past := c.now.Add(-tombstoneAge)
	newest := p.pruneStory(past)
	var ended, strange []int
	for i := range p.Facts {
		f := &p.Facts[i]
		if live, counts := c.live(f); counts {
			continue
		} else if live {
			strange = append(strange, i)
			continue
		}
		ended = append(ended, i)
		newest = later(newest, f.heard())
		p.Wake = earlier(p.Wake, p.forgetPlace(f, c))
	}
	most := maxEnded
	if c.now.Before(p.News) { // the rest of a replay may be about them
		most *= 4
	}
	byAge := func(a, b int) int { return p.Facts[a].lasted(c.w).Compare(p.Facts[b].lasted(c.w)) }
	slices.SortStableFunc(ended, byAge)
	most -= p.dropOver(c, len(ended), most, past)
	drop := make([]bool, len(p.Facts))
	dropped := false
	bury := func(i int) {
		p.bury(&p.Facts[i], time.Time{}, c)
		drop[i], dropped = true, true
	}
	for n, i := range ended {
		if n < len(ended)-most || p.Facts[i].heard().Before(past) {
			bury(i)
		}
	}
	for i := range p.Over {
		for _, is := range p.Over[i].Of {
			newest = later(newest, is.Heard)
		}
	}
	if over := len(strange) - max(maxStrange, c.w.MaxDevices); over > 0 {
		slices.SortStableFunc(strange, byAge)
		for _, i := range strange[:over] {
			bury(i)
		}
	}
	for i := range p.Facts {
		if f := &p.Facts[i]; len(f.Marks) > marksKept {
			p.shorten(f, c)
		}
	}
	if dropped {
		kept := p.Facts[:0]
		for i := range p.Facts {
			if !drop[i] {
				kept = append(kept, p.Facts[i])
			}
		}
		clear(p.Facts[len(kept):])
		p.Facts = kept
	}
	p.dropBuried()
	p.Devices = slices.DeleteFunc(p.Devices, func(d Device) bool {
		if slices.ContainsFunc(p.Facts, func(f Facts) bool { return f.Device == d.ID }) {
			return false
		}
		newest = later(newest, d.Last)
		return d.Last.Before(past)
	})
	if newest.After(past) {
		p.Wake = earlier(p.Wake, newest.Add(tombstoneAge+time.Second))
	}
	p.Floors = slices.DeleteFunc(p.Floors, func(f Floor) bool { return f.At.Before(past) && len(p.Facts)+len(p.Over) == 0 })
	if !c.now.Before(p.News) && len(p.Visits) == 0 && len(p.Facts)+len(p.Over) == 0 {
		p.News = time.Time{}
	}
}

// pruneStory drops the lines that are too old, and returns when the latest was that is
// left.
func (p *Person) pruneStory(past time.Time) (newest time.Time) {
	p.Story = slices.DeleteFunc(p.Story, func(e Entry) bool { return e.At.Before(past) })
	if p.apart.lacks&AllLines != 0 {
		if p.Told.To.Before(past) || p.Told.From.Before(past.Add(-time.Hour)) { // one by one they would cost too much
			p.Want(AllLines)
		}
		newest = p.Told.To
	}
	for _, e := range p.Story {
		newest = later(newest, e.At)
	}
	return newest
}

// dropOver drops facts that are stored apart and too old, or too many with so many others
// of ended sessions, the oldest first. It returns of how many ids they are that are left.
func (p *Person) dropOver(c *picture, others, most int, past time.Time) (left int) {
	old := false
	for i := range p.Over {
		for _, is := range p.Over[i].Of {
			left, old = left+1, old || is.Heard.Before(past)
		}
	}
	if left+others <= most && !old {
		return left
	}
	var byAge []Apart
	for i := range p.Over {
		byAge = append(byAge, p.Over[i].Of...)
	}
	slices.SortStableFunc(byAge, func(a, b Apart) int { return a.Last.Compare(b.Last) })
	for n, is := range byAge {
		if n+most < left+others || is.Heard.Before(past) {
			p.forgetApart(is.Key, c)
			left--
			others++ // so that the sum stays as it was
		}
	}
	return left
}

// forgetApart drops facts that are stored apart. They are buried although others have the
// same stretch: once those are at hand again, nothing else tells when it began.
func (p *Person) forgetApart(key uint32, c *picture) {
	left := make([]Stretch, 0, len(p.Over))
	for _, s := range p.Over {
		of := slices.DeleteFunc(slices.Clone(s.Of), func(is Apart) bool { return is.Key == key })
		if len(of) < len(s.Of) {
			p.buryParts(c, func(part *stretch) bool {
				return part.over != nil && part.device == s.Device && part.site == s.Site && part.from.Equal(s.From)
			})
		}
		if s.Of = of; len(of) > 0 {
			left = append(left, s)
		}
	}
	p.Over = left
	p.Past = slices.DeleteFunc(slices.Clone(p.Past), func(f Facts) bool { return f.Key() == key })
}

// live reports whether the facts show a live session, and whether one counts: it is
// this person's, at a site.
func (c *picture) live(f *Facts) (live, counts bool) {
	for i := range c.sessions {
		if s := &c.sessions[i]; s.facts == f && s.Live() {
			live, counts = true, counts || !s.foreign && s.Site != "" && s.Site != noSite
		}
	}
	return live, counts
}

// dropBuried keeps few of the devices that have no facts any more: those that were
// there last.
func (p *Person) dropBuried() {
	if len(p.Devices) <= maxBuried {
		return
	}
	bare := func(d Device) bool {
		return !slices.ContainsFunc(p.Facts, func(f Facts) bool { return f.Device == d.ID })
	}
	slices.SortFunc(p.Devices, func(a, b Device) int { return cmp.Or(a.Last.Compare(b.Last), cmp.Compare(a.ID, b.ID)) })
	over := -maxBuried
	for _, d := range p.Devices {
		over += b2i(bare(d))
	}
	p.Devices = slices.DeleteFunc(p.Devices, func(d Device) bool {
		if over <= 0 || !bare(d) {
			return false
		}
		over--
		return true
	})
}

// shorten drops the oldest sessions of an id that its NAS gives again and again.
func (p *Person) shorten(f *Facts, c *picture) {
	var until time.Time
	left := len(f.Marks)
	for i := range c.sessions {
		s := &c.sessions[i]
		if s.facts != f || !s.first.At.After(f.Marks[0].At) {
			continue
		}
		before := slices.IndexFunc(f.Marks, func(m Mark) bool { return !m.At.Before(s.first.At) })
		if until = s.first.At; len(f.Marks)-before <= marksKept/2 {
			left = len(f.Marks) - before
			break
		}
	}
	if left > marksKept {
		return // of one session
	}
	p.bury(f, until, c)
	f.Marks = slices.DeleteFunc(f.Marks, func(m Mark) bool { return m.At.Before(until) })
}

// bury keeps, of facts that are to be dropped, from when to when they showed the
// device at a site: of the sessions before until, or of all if until is zero. If
// later sessions went on with the streak, bury keeps it up to the last of them: the
// facts that bridged the gaps between them are dropped.
func (p *Person) bury(f *Facts, until time.Time, c *picture) {
	if p.beside != nil {
		p.beside.bury(f, until, c)
		return
	}
	p.buryParts(c, func(s *stretch) bool {
		return s.session != nil && s.session.facts == f && !s.lone && (until.IsZero() || s.from.Before(until))
	})
}

func (p *Person) buryParts(c *picture, are func(*stretch) bool) {
	for i := range c.parts {
		s := &c.parts[i]
		if !are(s) {
			continue
		}
		last := s.raw
		for j := range c.parts[i+1:] {
			if n := &c.parts[i+1+j]; n.alike(s) && n.streak.Equal(s.streak) {
				last = later(last, n.from)
			}
		}
		d := p.device(s.device, s.site)
		switch {
		case d == nil:
			p.Devices = append(p.Devices, Device{ID: s.device, Site: s.site, Began: s.streak, Last: last})
		case d.Last.IsZero() || s.streak.After(d.Last):
			d.Began, d.Last = s.streak, last
		case last.Before(d.Began): // of an earlier streak
		default:
			d.Began, d.Last = earlier(d.Began, s.streak), later(d.Last, last)
		}
	}
}

// forgetPlace drops the access point from the facts of an id that has ended, and the
// NAS, which on much equipment is the access point, once it does not matter any
// more whose fault the end was: the device has come up elsewhere, or is gone for
// good. It returns when that will be, at the latest; zero if it is done. Without an
// id it keeps the NAS, by which the session is known.
func (p *Person) forgetPlace(f *Facts, c *picture) time.Time {
	f.Place.forgetAP()
	if f.Place.NAS == "" || f.ID == "" {
		return time.Time{}
	}
	until := f.heard().Add(c.w.longest() + c.w.OutageHold)
	elsewhere := slices.ContainsFunc(c.sessions, func(s Session) bool {
		return s.Device == f.Device && s.facts != f && s.Live()
	})
	left := !slices.ContainsFunc(p.Visits, func(v Visit) bool { return v.State != Over && v.Site == f.Place.Site }) &&
		(p.beside == nil || !p.beside.at(f.Place.Site))
	if c.now.Before(until) && !elsewhere && !left {
		return until
	}
	f.Place.NAS = ""
	return time.Time{}
}

// Of a backup that was put in place of the store: whoever was there when it was
// made may have left since.

// ofABackup is why a check-in waits for a record of the person.
const ofABackup = "the store is a backup, and nothing was heard of them since it was made"

// heardSince reports whether a record of the person came after then.
func (p *Person) heardSince(then time.Time) bool {
	return then.IsZero() || slices.ContainsFunc(p.Facts, func(f Facts) bool { return f.heard().After(then) }) ||
		slices.ContainsFunc(p.Over, func(s Stretch) bool {
			return slices.ContainsFunc(s.Of, func(is Apart) bool { return is.Heard.After(then) })
		})
}

// waitToBeHeard makes check-ins wait that are due at now, and reports whether there
// was one.
func (p *Person) waitToBeHeard(now time.Time) (waits bool) {
	for i := range p.Visits {
		if v := &p.Visits[i]; v.State != Over && !v.CheckIn.Next.IsZero() && !v.CheckIn.Next.After(now) {
			v.CheckIn.Next, v.CheckIn.Reason = now.Add(refresh), ofABackup
			waits = true
		}
	}
	p.NextErrand = p.nextErrand()
	return waits
}

// isHeard makes check-ins due that waited for that.
func (p *Person) isHeard(now time.Time) {
	for i := range p.Visits {
		if e := &p.Visits[i].CheckIn; e.Reason == ofABackup {
			e.Next, e.Reason = now, ""
		}
	}
}

// at reports whether a visit to the site is on under any of the rules.
func (b *beside) at(site string) bool {
	return slices.ContainsFunc(b.each, func(o otherwise) bool {
		return slices.ContainsFunc(o.visits, func(v brief) bool { return v.site == site })
	})
}

// on reports whether any visit is on.
func (b *beside) on() bool {
	return slices.ContainsFunc(b.each, func(o otherwise) bool { return len(o.visits) > 0 })
}

// bury is [Person.bury] under each of the rules. The person's own devices are those of
// the first.
func (b *beside) bury(f *Facts, until time.Time, c *picture) {
	for i := range slices.Backward(b.each) {
		o, as := &b.each[i], b.as(i, c)
		switch {
		case i == 0:
			as.Devices = c.Person.Devices
		case o.buried == nil:
			as.Devices = slices.Clone(c.Person.Devices)
		}
		as.bury(f, until, &b.guises[i].c)
		if o.buried = as.Devices; i == 0 {
			c.Person.Devices, o.buried = as.Devices, nil
		}
	}
}

// prune drops what the person has dropped, and ends the look.
func (b *beside) prune(p *Person) {
	for i := range b.guises {
		b.guises[i].on = false
	}
	for i := range b.each {
		if o := &b.each[i]; o.buried != nil {
			o.pruneBuried(p.Devices)
		}
	}
}

// pruneBuried keeps the devices that the person has, and forgets them if they are the
// same.
func (o *otherwise) pruneBuried(all []Device) {
	same := true
	buried := make([]Device, len(all))
	for i, is := range all {
		buried[i] = is
		for _, d := range o.buried {
			if d.ID == is.ID && d.Site == is.Site {
				d.Doze = is.Doze
				buried[i] = d
			}
		}
		same = same && buried[i] == is
	}
	if o.buried = buried; same {
		o.buried = nil
	}
}
