package office

import (
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// session is an accounting session as its NAS keeps it.
type session struct {
	name, user string   // identity before it is spelled, and whose it is; user is "" if nobody's
	renamed    []naming // who signed in on the device during it
	anchor     bool     // it is the anchor controller's of the site
	roamed     bool     // it began with a roam
	device     string
	ssid       string
	network    *network
	hops       []hop
	began      time.Time
	left       time.Time // when the station was gone
	ended      time.Time // when the NAS noticed, and says Stop
	cause      presence.Cause
	fell       bool // the NAS went down under it, and says nothing
	upWith     bool // it began just after its NAS said that it had come up
	back       bool // the station was there before its access point went down, and came up again with it
	open       bool // it outlives the days that are told of
	lost       bool // the answer to its Start is, the first time

	serial  int       // among those of the NAS since it booted
	booted  time.Time // when the NAS did
	roaming time.Time // when the first session of an unbroken roam began
	id      string
	multi   string
}

// hop is a station's coming to an access point.
type hop struct {
	at time.Time
	ap *ap
}

// by returns the access point that a session is on at t.
func (s *session) by(t time.Time) *ap {
	at := s.hops[0].ap
	for _, h := range s.hops {
		if !h.at.After(t) {
			at = h.ap
		}
	}
	return at
}

// who returns the identity that a session is under at t, and whose that is.
func (s *session) who(t time.Time) (name, user string) {
	name, user = s.name, s.user
	for _, n := range s.renamed {
		if !n.at.After(t) {
			name, user = n.name, n.user
		}
	}
	return name, user
}

// roam is how soon after leaving an access point a station is at the next.
const roam = 2 * time.Second

// associate turns what a device did into sessions, as the networks that it was
// on keep them.
func (g *generator) associate(p *person, d *device, uses []use) {
	var all []*session
	var s *session
	behind := map[*ap]*session{} // left by a roam
	for i, u := range uses {
		n := u.ap.network
		if was := behind[u.ap]; n.make.resumes && was != nil && was.device == u.mac && u.from.Sub(was.left) < n.make.idle && s != nil &&
			s.device == u.mac && u.from.Sub(s.left) <= roam {
			g.end(s, uses[i-1], uses[i:])
			behind[s.hops[0].ap] = s
			s = was // its access point never noticed
			s.left = u.to
			continue
		}
		if s != nil && s.network == n && n.make.keeps && s.device == u.mac && !s.over(u.from, uses[i-1]) {
			if u.ap != s.hops[len(s.hops)-1].ap {
				s.hops = append(s.hops, hop{u.from, u.ap})
			}
			s.left = u.to
			continue
		}
		if s != nil {
			g.end(s, uses[i-1], uses[i:])
			if n.make.resumes {
				behind[s.hops[len(s.hops)-1].ap] = s
			}
		}
		if u.boots && d.machine && !n.make.signsIn {
			all = append(all, g.machine(d, &u))
		}
		s = &session{
			name: p.name, user: p.user(), device: u.mac, ssid: u.ssid, network: n,
			hops: []hop{{u.from, u.ap}}, began: u.from, left: u.to, lost: u.lost,
			back: u.back, roamed: i > 0 && uses[i-1].mac == u.mac && u.from.Sub(uses[i-1].to) <= roam,
		}
		all = append(all, s)
	}
	if s != nil {
		g.end(s, uses[len(uses)-1], nil)
	}
	for i := 0; i < len(all); i++ {
		if s := all[i]; s.network.timeout > 0 && s.left.Sub(s.began) > s.network.timeout {
			all = append(all, s.timesOut(s.began.Add(s.network.timeout)))
		}
	}
	for _, s := range all {
		if s.network.make.signsIn {
			s.sign(d.signed)
		}
	}
	g.sessions = append(g.sessions, all...)
	if len(all) > 0 && all[0].network.make.anchors {
		g.sessions = append(g.sessions, anchored(all)...)
	}
}

// sign shows who signs in on the device during the session.
func (s *session) sign(signed []naming) {
	for _, n := range signed {
		switch {
		case !n.at.After(s.began):
			s.name, s.user = n.name, n.user
		case n.at.Before(s.left):
			s.renamed = append(s.renamed, n)
		}
	}
}

// anchored returns the sessions of the anchor controller behind those of a
// device: one from the first association to the last, however often the station
// goes from one controller to another.
func anchored(all []*session) (anchors []*session) {
	for _, s := range all {
		if s.network.make.anchors {
			n := len(anchors)
			if n > 0 && anchors[n-1].device == s.device && anchors[n-1].network.site == s.network.site && s.began.Sub(anchors[n-1].left) <= roam && !anchors[n-1].fell {
				a := anchors[n-1]
				a.left, a.ended, a.cause, a.fell, a.open = s.left, s.ended, s.cause, s.fell, s.open
				continue
			}
			a := *s
			a.anchor, a.began = true, s.began.Add(150*time.Millisecond)
			a.hops = []hop{{a.began, s.hops[0].ap}}
			anchors = append(anchors, &a)
		}
	}
	return anchors
}

// glance moves a phone to another access point for a moment, and back.
func (g *generator) glance(uses []use) (all []use) {
	for _, u := range uses {
		for g.chance(0.5) {
			from := u.from.Add(g.minutes(20, 200))
			back := from.Add(roam/2 + g.between(25*time.Second, 60*time.Second))
			if !back.Add(10 * time.Minute).Before(u.to) {
				break
			}
			other := u
			for other.ap == u.ap {
				other.ap = pick(g.dice, u.ap.network.aps)
			}
			if slices.ContainsFunc(other.ap.down, func(o outage) bool { return o.from.Before(back) && from.Before(o.to) }) {
				break
			}
			before := u
			before.to, before.bye, before.fell = from, false, nil
			other.from, other.to, other.bye, other.fell, other.boots = from.Add(roam/2), back, false, nil, false
			all = append(all, before, other)
			u.from, u.boots = back.Add(roam/2), false
		}
		all = append(all, u)
	}
	return all
}

// over reports whether a session that a station left on its last use had ended
// by the time the station came back.
func (s *session) over(back time.Time, last use) bool {
	if last.fell != nil && last.fell.cold {
		return true
	}
	gap := back.Sub(s.left)
	return gap > roam && (last.bye || gap >= s.network.make.idle)
}

// end ends a session whose last use is over; next is what the device does
// after that.
func (g *generator) end(s *session, last use, next []use) {
	m := s.network.make
	s.left = last.to
	s.ended, s.cause = s.left, presence.UserRequest
	silent := !last.bye
	if !g.scripted && len(next) > 0 && next[0].from.Sub(s.left) <= roam {
		silent = g.chance(m.lateStop)
	}
	switch {
	case !s.left.Before(g.ends): // it goes on
		s.ended, s.open = g.ends, true
		return
	case last.fell != nil && last.fell.cold:
		s.fell = !last.fell.graceful
		s.ended, s.cause = last.to, presence.AdminReboot
		return
	case silent:
		s.ended, s.cause = s.left.Add(m.idle), presence.IdleTimeout
	}
	for _, u := range next { // whoever comes back is noticed to have been gone
		if u.from.After(s.ended) {
			break
		}
		if u.mac == s.device && (u.ap == last.ap || !m.standalone && u.ap.network == s.network) {
			s.ended, s.cause = later(s.left, u.from.Add(-100*time.Millisecond)), presence.LostCarrier
			break
		}
	}
	s.fell = last.ap.fellIn(s.left, s.ended)
}

// timesOut ends the session by Session-Timeout and returns the one that the
// station begins at once.
func (s *session) timesOut(at time.Time) *session {
	rest := *s
	rest.began = at.Add(300 * time.Millisecond)
	rest.hops = []hop{{rest.began, s.by(at)}}
	for _, h := range s.hops {
		if h.at.After(rest.began) {
			rest.hops = append(rest.hops, h)
		}
	}
	s.hops = slices.DeleteFunc(slices.Clone(s.hops), func(h hop) bool { return h.at.After(at) })
	s.ended, s.left, s.cause, s.fell, s.open = at, at, presence.SessionTimeout, false, false
	return &rest
}

// machine returns the session that a laptop begins before its user has signed
// in, and begins the user's after it.
func (g *generator) machine(d *device, u *use) *session {
	s := &session{
		name: "host/pc" + bare(u.mac) + ".corp." + Domain, device: u.mac, ssid: u.ssid, network: u.ap.network,
		hops: []hop{{u.from, u.ap}}, began: u.from, cause: presence.UserRequest,
	}
	s.ended = earlier(u.from.Add(g.between(10*time.Second, 50*time.Second)), u.from.Add(u.to.Sub(u.from)/2))
	s.left = s.ended
	u.from = s.ended.Add(200 * time.Millisecond)
	return s
}

// change cuts what a device does where it changes its address.
func (g *generator) change(d *device) (uses []use) {
	for _, u := range d.uses {
		u.mac = g.mac(d, u.from)
		if turn := g.turn(d, u.from); d.private != fixed && turn.Before(u.to) {
			rest := u
			u.to, u.bye = turn, !g.ofOneMake() || g.chance(0.5)
			rest.from, rest.mac, rest.boots = turn.Add(3*time.Second), g.mac(d, turn), false
			uses = append(uses, u)
			u = rest
		}
		if u.from.Before(u.to) {
			uses = append(uses, u)
		}
	}
	return uses
}

// turn returns when the device changes its address after t.
func (g *generator) turn(d *device, t time.Time) time.Time {
	day := g.dayOf(t)
	if turn := g.clock(day, 12); d.private == noon && t.Before(turn) {
		return turn
	}
	return g.midnight(day + 1)
}

// cut cuts what a device does where an access point is down: it comes back
// soon after that does.
func (g *generator) cut(uses []use) (left []use) {
	for _, u := range uses {
		u.back = false
		for i := range u.ap.down {
			o := &u.ap.down[i]
			if !o.from.Before(u.to) || !u.from.Before(o.to) {
				continue
			}
			if u.from.Before(o.from) {
				before := u
				before.to, before.bye, before.fell = o.from, false, o
				left = append(left, before)
				u.back = o.cold
			}
			u.from, u.boots = o.to.Add(g.between(5*time.Second, 2*time.Minute)), false
		}
		if u.from.Before(u.to) {
			left = append(left, u)
		}
	}
	return left
}

// flap drops stations off the air for seconds where the equipment is like that.
func (g *generator) flap(uses []use) (all []use) {
	for _, u := range uses {
		for u.ap.network.make.flaps {
			to := u.from.Add(g.between(30*time.Second, 25*time.Minute))
			if !to.Add(time.Minute).Before(u.to) {
				break
			}
			short := u
			short.to, short.bye, short.fell = to, true, nil
			all = append(all, short)
			u.from, u.boots = to.Add(g.between(time.Second, time.Minute)), false
		}
		all = append(all, u)
	}
	return all
}
