package presence

import (
	"strings"
	"time"
)

// What comes in: a sighting, or that time has passed. What goes out: the person as
// they then are, and the visits that are archived.

// Hear adds a sighting to the facts and concludes what follows. The same sighting
// twice changes nothing, in whatever order they come. It returns the visits that it
// archived.
func (p *Person) Hear(n Sighting, w World) []Visit { return p.hear(&n, &w) }

// hear is Hear without copies.
func (p *Person) hear(n *Sighting, w *World) []Visit {
	p.gather()
	now := p.on(later(n.Heard, w.Passed), w)
	var archived []Visit
	if !n.Heard.Before(p.Wake) { // else it arrived before Wake, and may only have been written late
		archived = p.advance(now, w, nil)
	}
	if now.Before(p.Shared.Until) {
		p.Shared.Count, p.Shared.Heard = p.Shared.Count+1, later(p.Shared.Heard, n.Heard)
		return archived
	}
	if p.Client == "" {
		p.Client = strings.Clone(n.NAS.Client())
	}
	if n.Heard.Sub(n.At) > fresh {
		p.News = later(p.News, n.Heard.Add(fresh))
		if client := n.NAS.Client(); p.Client != client {
			p.Client = kept(p.Client, client)
		}
	}
	if p.asksForPast(n) {
		return nil
	}
	if p.takeIn(n) {
		p.isHeard(now)
		return append(archived, p.advance(now, w, n)...)
	}
	return append(archived, p.advance(now, w, nil)...)
}

// Advance lets time pass up to now and concludes what follows.
func (p *Person) Advance(now time.Time, w World) []Visit { return p.advance(now, &w, nil) }

// advance concludes what follows at now. n is the sighting that was just heard, for
// the story; nil if none was.
func (p *Person) advance(now time.Time, w *World, n *Sighting) []Visit {
	p.gather()
	now = p.on(now, w)
	wake, news := p.Wake, n != nil
	c := p.picture(now, w)
	if !c.tells() && p.Want(PastFacts) {
		return nil
	}
	if n != nil {
		p.recount(n, c)
	}
	for p.keepFindings(c) { // a finding changes the sessions
		c, news = p.picture(now, w), true
	}
	if p.share(c) {
		p.Wake = p.Shared.Until
	} else {
		p.Wake = earlier(p.concludeAll(c), c.wakes())
		if !now.Before(p.News) { // else records between two sessions may still be missing
			p.learn(c)
		}
	}
	facts := len(p.Facts)
	p.prune(c)
	if p.beside != nil {
		p.beside.prune(p)
	}
	archived := p.archive()
	// Most records are of a session that goes on, and nothing is over for good because of them.
	if len(p.Facts) == facts && (n == nil || n.Status == Start) { // with other facts, what c knows of them is no longer so
		p.part(c)
	}
	p.NextErrand = p.nextErrand()
	if w.Shared && (news || !p.Wake.Equal(wake) || len(archived) > 0) { // else nothing is to be written
		p.concluded(now)
	}
	return archived
}

// concludeAll concludes what follows under the rules, or under all of a rehearsal's.
func (p *Person) concludeAll(c *picture) (next time.Time) {
	if p.beside == nil {
		return p.conclude(c)
	}
	c.pace()
	if p.beside.whole {
		c.draw()
		next = p.conclude(c)
	}
	return earlier(next, p.beside.conclude(c))
}

// keepFindings adds to the facts what the world says of the sessions now, and
// reports whether it said anything new.
func (p *Person) keepFindings(c *picture) (news bool) {
	for i := range c.sessions {
		s := &c.sessions[i]
		m, found := s.finding(c.now, c.w)
		if !found || !s.facts.join(m) {
			continue
		}
		news = true
		switch m.Cause {
		case MassEnd:
			p.tell(s.Ended, Concluded, s.Device+" ended together with most others on its NAS: held for outage_hold")
		case NASBack:
		default:
			p.tell(s.Seen, Concluded, s.Device+" is gone: "+m.Cause.String())
		}
	}
	return news
}

// wakes returns when time alone changes the state of a session next.
func (c *picture) wakes() (next time.Time) {
	for i := range c.sessions {
		s := &c.sessions[i]
		switch {
		case !s.Live(), s.facts.pace.steady(): // whoever counts the beats of a steady session knows when one is missing
		case s.Until.IsZero(): // nothing tells us when its NAS is heard again
			next = earlier(next, earlier(c.now.Add(nasGap), later(s.expires(c.w), c.now.Add(time.Second))))
		default:
			next = earlier(next, s.Until)
		}
	}
	return next
}

// learn notes how long a device dozed: the time from an Idle-Timeout to a Start at
// the same access point. A device that was away for longer was taken home.
func (p *Person) learn(c *picture) {
	var a *Session // the latest of theirs
	for i := range c.sessions {
		b := &c.sessions[i]
		if b.foreign || b.lone {
			continue
		}
		before := a
		if a = b; before == nil || before.Device != b.Device || before.Cause != IdleTimeout || !b.exact || before.nas != b.first.NAS || before.ap != b.first.AP {
			continue
		}
		d := p.device(b.Device, b.Site)
		if d != nil && d.Last.After(before.Ended) { // facts of what lay between them may have been dropped
			continue
		}
		if doze := b.Began.Sub(before.Ended); doze > 0 && doze <= dozeMost {
			if d == nil {
				p.Devices = append(p.Devices, Device{ID: b.Device, Site: b.Site, Doze: doze})
			} else {
				d.Doze = max(d.Doze, doze)
			}
		}
	}
}

// roams calls tell for each session of the device that ended by Idle-Timeout after
// the device had begun another at another NAS.
func (p *Person) roams(device string, now time.Time, w *World, tell func(nas NASName, waited time.Duration)) {
	all := p.look(now, w)
	for i := 1; i < len(all); i++ {
		a, b := &all[i-1], &all[i]
		if a.Device == device && b.Device == device && a.Cause == IdleTimeout && b.exact && a.nas != b.first.NAS && a.facts.Place.NAS != "" {
			tell(a.facts.Place.NAS, a.Ended.Sub(b.Began))
		}
	}
}

// share reports whether the person is a shared account, and makes them one until
// the day turns if more devices than max_devices are alive.
func (p *Person) share(c *picture) bool {
	if c.now.Before(p.Shared.Until) {
		return true
	}
	live, last := 0, ""
	for i := range c.sessions {
		if s := &c.sessions[i]; s.Live() && !s.foreign && s.Device != last {
			live, last = live+1, s.Device
		}
	}
	var sites []string
	if live > c.w.MaxDevices {
		c.draw()
		sites = p.sites(c.parts)
	}
	if len(sites) == 0 { // at no site they make nobody present
		p.Shared = Shared{}
		return false
	}
	p.withdraw(sites, c.now, c.w)
	if p.beside != nil {
		p.beside.withdraw(c, sites)
	}
	p.Facts, p.Over, p.Past, p.Devices = nil, nil, nil, nil
	p.Shared = Shared{Until: c.site(sites[0]).NextDay(c.now, c.w.DayStarts), Count: uint64(live), Heard: c.now}
	return true
}

// Crowd reports whether the identity is a shared account at now.
func (p *Person) Crowd(now time.Time) bool { return now.Before(p.Shared.Until) }

// Zap ends the live sessions that match, at an operator's request.
func (p *Person) Zap(match func(Session) bool, now time.Time, w World) []Visit {
	archived := p.Advance(now, w)
	for _, s := range p.look(now, &w) {
		if s.Live() && !s.foreign && match(s) {
			s.facts.join(Mark{Status: Other, At: s.Seen, Heard: now, Age: -1, Cause: Zapped, NAS: s.nas})
			p.tell(now, Heard, "an operator ended the session of "+s.Device)
		}
	}
	return append(archived, p.Advance(now, w)...)
}
