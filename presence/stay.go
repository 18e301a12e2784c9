package presence

import (
	"cmp"
	"time"
)

// What comes in: a person's sessions as they stand. What goes out: their stays at a
// site, oldest first. A stay goes on over absences shorter than linger.

// stay is how long a person is believed to have been at a site.
type stay struct {
	from, to time.Time
	raw      time.Time // to, by the Stop's own stamp
	last     stretch   // the stretch that ended last
	due      time.Time // when leaving is believed, if nothing is alive
	why      HeldBy
	alive    bool
	until    time.Time // when time alone ends it, if it is alive; zero if it does not
	old      bool      // its begin was old news
	divided  time.Time // arrival of its first record, if it began only because yesterday's Stop was not heard by then
}

// stretches returns no stretches, with room for n.
func (r *room) stretches(n int) []stretch {
	if r == nil {
		return make([]stretch, 0, n)
	}
	at := len(r.parts)
	if cap(r.parts)-at < n {
		r.parts, at = make([]stretch, 0, 2*cap(r.parts)+n), 0
	}
	r.parts = r.parts[:at+n]
	return r.parts[at : at : at+n]
}

// stretches returns from when to when the sessions show the person's devices at
// which site, device by device and in order of time, and joins them into streaks.
func (p *Person) stretches(all []Session, now time.Time, w *World) (parts []stretch) {
	parts = w.room.stretches(len(p.Devices) + len(p.Over) + len(all))
	for i := range p.Devices {
		d := &p.Devices[i]
		if !d.Last.IsZero() {
			parts = append(parts, stretch{device: d.ID, site: d.Site, from: d.Began, to: d.Last, raw: d.Last, leave: d.Last, sure: true})
		}
	}
	for i := range p.Over {
		parts = append(parts, p.Over[i].thawed())
	}
	for i := range all {
		if s := &all[i]; !s.foreign && s.Site != "" && s.Site != noSite {
			parts = append(parts, p.stretchOf(s, all[i+1:], now, w))
		}
	}
	for i := range parts {
		s := &parts[i]
		s.linger, s.why = p.linger(s, w)
	}
	inOrder(parts, func(a, b *stretch) bool {
		switch {
		case a.device != b.device:
			return a.device < b.device
		case a.site != b.site:
			return a.site < b.site
		}
		return a.from.Before(b.from)
	})
	var leave time.Time // when the streak so far ends
	for i := range parts {
		s := &parts[i]
		var was *Session // that it goes on with after a boot
		if i > 0 && s.alike(&parts[i-1]) && !leave.IsZero() {
			was = broughtUp(parts, i)
		}
		switch {
		case was != nil || i > 0 && s.alike(&parts[i-1]) && !leave.IsZero() && !s.from.After(leave) && !p.believedGone(&parts[i-1], s, w):
			s.streak, s.divided = parts[i-1].streak, parts[i-1].divided
			s.lone = s.lone || was != nil && s.from.Sub(was.Seen) >= w.MaxSession // it was given up: that it is docked still is nobody's return
		case s.lone:
			leave = time.Time{}
			continue
		default:
			s.streak, leave = s.from, time.Time{}
		}
		until := s.leave.Add(s.linger)
		if s.why == HeldByDoze {
			until = until.Add(-1) // a doze does not bridge the gap that first showed it
		}
		leave = later(leave, until)
		if s.why == HeldByDoze && s.session == nil && i+1 < len(parts) && s.alike(&parts[i+1]) {
			s.awake = w.LingerAfter(s.to, s.site)
		}
	}
	return parts
}

// alike reports whether both are of one device at one site.
func (s *stretch) alike(o *stretch) bool { return s.device == o.device && s.site == o.site }

// broughtUp returns the session before stretch i with which it goes on after the boot of
// their NAS; nil if there is none. If several NASes tell of a station, it may be another
// of the stretches that began at the same moment.
func broughtUp(parts []stretch, i int) *Session {
	s, before := &parts[i], &parts[i-1]
	for j := i; j < len(parts) && parts[j].alike(s) && within(parts[j].from, s.from, moment); j++ {
		n := parts[j].session
		if n == nil || n.boot.IsZero() {
			continue
		}
		for k := i - 1; k >= 0 && parts[k].alike(s) && within(parts[k].from, before.from, moment); k-- {
			if was := parts[k].session; was != nil && was.broughtUp(n) {
				return was
			}
		}
	}
	return nil
}

// believedGone reports whether the person was believed to have left between the two
// stretches, and only a doze that was learned afterwards would bridge the gap.
func (p *Person) believedGone(a, b *stretch, w *World) bool {
	floor := p.floorAt(a.site)
	return !floor.Before(a.raw) && floor.Before(b.from) && b.from.After(later(a.leave, a.raw).Add(w.LingerAfter(a.to, a.site)))
}

// linger returns how long the device must be gone after the stretch to have left,
// and which rule says so.
func (p *Person) linger(s *stretch, w *World) (time.Duration, HeldBy) {
	linger, why := w.LingerAfter(s.to, s.site), HeldByLinger
	if linger > w.Linger {
		why = HeldByLunch
	}
	if w.NoDozes || s.over != nil || s.session != nil && (s.session.next >= 0 || s.session.end.Status == Stop && s.session.Cause != IdleTimeout) {
		return linger, why // the device is elsewhere, or its Stop said that it went
	}
	if d := p.doze(s.device); d > 0 && d+s.raw.Sub(s.to) > linger { // a doze runs from the Idle-Timeout
		d += s.raw.Sub(s.to)
		linger, why = d, HeldByDoze
	}
	return linger, why
}

// stretchOf returns from when to when the session shows its device at its site; rest
// are the sessions after it.
func (p *Person) stretchOf(s *Session, rest []Session, now time.Time, w *World) stretch {
	t := stretch{
		device: s.Device, site: s.Site, from: s.Began, divided: s.divides, to: s.Seen, session: s, lone: s.lone,
		old: s.first.Heard.Sub(s.first.At) > fresh,
	}
	if s.Live() {
		t.alive, t.to, t.raw, t.leave, t.until = true, now, now, now, s.Until
		return t
	}
	stopped := s.ended && s.end.Status == Stop
	switch {
	case stopped:
		t.to = later(s.Seen, s.Ended)
		t.sure = !s.Cause.Infrastructure()
		if t.raw = t.to; s.Cause == IdleTimeout {
			t.to = later(s.Seen, s.Ended.Add(-w.NAS(s.facts.Place.NAS).Idle))
		}
	case s.ended && (s.Cause == NASReset || s.Cause == Renamed || s.Cause == Moved || s.Cause == Zapped):
		t.to = later(s.Seen, s.Ended)
		t.sure = s.Cause != NASReset
	case s.Cause == Silence:
		t.found = s.end.Heard.Add(min(s.Interim, slowestBelief))
	case s.Cause == MaxSession:
		t.unknown = true
	}
	if len(rest) > 0 && rest[0].Device == s.Device && !stopped { // believed until the device's next session began
		n := &rest[0]
		switch {
		case !n.Began.After(t.to) || n.Began.After(s.believed(w)):
		case overnight(s, n, w):
			n.divides = true
		default:
			t.to, t.unknown, t.found = n.Began, false, time.Time{}
		}
	}
	t.leave, t.raw = t.to, later(t.raw, t.to)
	if !s.Hold.IsZero() && s.State != Suspect && s.Hold.After(t.leave) {
		t.leave, t.held = s.Hold, true
	}
	return t
}

// believed returns until when the session is, or was, believed to go on although
// nothing is heard of it.
func (s *Session) believed(w *World) time.Time {
	if s.Interim == 0 {
		return later(s.Seen.Add(w.MaxSession), s.Hold)
	}
	return later(s.Seen.Add(max(missedInterims*s.Interim+retryTime, s.Interim+w.OutageHold+w.Linger)), s.Hold)
}

// overnight reports whether the later session n began on a day on which nothing had
// been heard of s: its Start is an arrival, although yesterday's Stop was lost. It is
// none if n goes on with s after the boot of their NAS.
func overnight(s, n *Session, w *World) bool {
	site := w.Sites[n.Site]
	if !n.exact || !s.life(w).Before(site.Day(n.Began, w.DayStarts)) {
		return false
	}
	unheard := s.ended && s.Cause == NASSilent && !n.Began.After(later(s.Hold, s.end.Heard.Add(w.OutageHold))) // the NAS may have booted without saying so
	return !s.broughtUp(n) && (!unheard || s.nas != n.first.NAS || s.ap != n.first.AP)
}

// firstStay returns the first of the person's stays at the site that have life after
// the floor: of streaks that began within [from, to), and in the site's hours or since
// the visit that is on.
func firstStay(parts []stretch, site Site, from, to, floor, since time.Time, w *World) (y stay, there bool) {
	counted := w.room.stretches(len(parts))
	for i := range parts {
		s := &parts[i]
		if s.site != site.Name || s.streak.Before(from) || !s.streak.Before(to) {
			continue
		}
		if !since.IsZero() && !s.streak.Before(since) || site.Within(s.streak) {
			if counted = append(counted, *s); !counted[len(counted)-1].after(floor) {
				counted = counted[:len(counted)-1]
			}
		}
	}
	inOrder(counted, func(a, b *stretch) bool { return a.from.Before(b.from) })
	for i := range counted {
		switch s := &counted[i]; {
		case there && y.runsOnTo(s):
			y.extend(s)
		case s.lone:
		case there: // the next one
			return y, true
		default:
			y, there = stay{from: s.from, old: s.old}, true
			if s.divided && s.session != nil {
				y.divided = s.session.first.Heard
			}
			y.extend(s)
		}
	}
	return y, there
}

// after cuts the stretch off at the floor, and reports whether anything is left. A
// session that was believed to have ended goes on from where its facts say that it
// did. A Stop alone shows no new stay.
func (s *stretch) after(floor time.Time) bool {
	switch {
	case s.from.After(floor):
		return true
	case !s.raw.After(floor):
		return false
	case s.from.Equal(floor):
		return true
	}
	s.from = floor
	s.lone = s.lone || s.session == nil || !s.session.Seen.After(floor)
	if !s.lone {
		s.from = s.session.facts.resumed(floor)
	}
	return true
}

// runsOnTo reports whether the stay goes on with s. A gap longer than linger divides
// them only if the end before it was sure and s is old news: at the time, the
// departure would have been believed.
func (y *stay) runsOnTo(s *stretch) bool {
	return y.alive || !s.from.After(y.last.leave.Add(y.last.linger)) || !s.from.After(y.due) || !y.last.sure || !s.old
}

// extend adds the stretch to the stay.
func (y *stay) extend(s *stretch) {
	if due, why := s.due(); due.After(y.due) {
		y.due, y.why = due, why
	}
	if s.alive {
		if !y.alive {
			y.until = s.until
		} else if y.until.IsZero() || s.until.IsZero() {
			y.until = time.Time{}
		} else {
			y.until = later(y.until, s.until)
		}
	}
	y.alive = y.alive || s.alive
	y.raw = later(y.raw, s.raw)
	if y.to.IsZero() || s.to.After(y.to) || s.to.Equal(y.to) && !s.unknown {
		y.to, y.last = s.to, *s
	}
}

// nas returns what is known of the NAS where the device was last: by its name, or by
// its hash when the name has been dropped.
func (s *stretch) nas(w *World) NAS {
	switch {
	case s.session != nil:
		return s.session.knownNAS(w)
	case s.over != nil && w.NASByHash != nil:
		return w.NASByHash(s.over.NAS)
	}
	return NAS{}
}

// knownNAS returns what is known of the session's NAS: by its name, or by its hash when the
// name has been dropped.
func (s *Session) knownNAS(w *World) NAS {
	if name := s.facts.Place.NAS; name != "" || w.NASByHash == nil {
		return w.NAS(name)
	}
	return w.NASByHash(cmp.Or(s.nas, s.first.NAS))
}

// due returns when the device is believed to have left, as far as the stretch tells,
// and what that waits for.
func (s *stretch) due() (time.Time, HeldBy) {
	due, why := s.leave.Add(s.linger), s.why
	if s.awake > 0 {
		due, why = s.leave.Add(s.awake), HeldByLinger
	}
	if s.held && why == HeldByLinger {
		why = HeldByOutage
	}
	if s.found.IsZero() {
		return due, why
	}
	due = due.Add(2 * moment) // the interval may have become linger: the next interim is due now, or is sent again in seconds
	if s.found.After(due) {
		return s.found, HeldBySilence
	}
	return due, why
}

// thawed returns the stretch as decisions look at it.
func (s *Stretch) thawed() stretch {
	is := func(t Traits) bool { return s.Traits&t != 0 }
	return stretch{
		device: s.Device, site: s.Site, from: s.From, to: s.To, raw: s.Raw, leave: s.Leave, found: s.Found, over: s,
		held: is(heldThere), sure: is(surelyLeft), unknown: is(endUnknown), old: is(oldNews),
	}
}
