package office

import (
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

const corporate = "Corp" // the network's name, unless a script has another

const (
	loss     = 0.01  // how often a packet is lost on its way
	unheard  = 0.005 // … and how often its answer is
	copied   = 0.003 // how often a record comes a second time by another path
	detained = 0.01  // how often a packet is overtaken by others
)

// message is one record as its NAS means to send it.
type message struct {
	at     time.Time
	status presence.Status
	cause  presence.Cause
	on     bool // Accounting-On, not of any session
	ap     *ap
}

// transmit sends all sessions, and notes what of them gets through.
func (g *generator) transmit() {
	g.number()
	size := 0
	for _, s := range g.sessions {
		size += 5
		if i := s.network.interim; i > 0 {
			size += int(s.ended.Sub(s.began) / i)
		}
	}
	g.office.Events = make([]Event, 0, size) // they are large, and growing costs
	for _, s := range g.sessions {
		var got []Event
		for _, m := range g.messages(s) {
			got = append(got, g.send(m, s)...)
		}
		if s.user != "" {
			g.office.Truth.Signs = append(g.office.Truth.Signs, s.signs(got)...)
		}
	}
	for _, n := range g.networks {
		if n.make.resets != silent {
			g.boots(n)
		}
	}
	g.office.Truth.settle()
}

// boots has everything of a network that booted say so.
func (g *generator) boots(n *network) {
	for i, a := range n.aps {
		if i > 0 && !n.make.standalone && n.make.resets == perNAS {
			break // the controller says it once
		}
		for _, o := range a.down {
			if o.cold {
				s := &session{network: n, ssid: corporate, id: bare(a.bssid), began: o.to}
				g.send(message{at: o.to, status: presence.AccountingOn, on: true, ap: a}, s)
			}
		}
	}
}

// messages returns what a NAS has to say about a session.
func (g *generator) messages(s *session) []message {
	m := s.network.make
	say := func(at time.Time, status presence.Status) message {
		return message{at: at, status: status, ap: s.by(at)}
	}
	all := []message{say(s.began, presence.Start)}
	if m.addressed && s.left.Sub(s.began) > 10*time.Second {
		all = append(all, say(s.began.Add(g.between(2*time.Second, 8*time.Second)), presence.Interim))
	}
	if m.tellsRoam {
		for _, h := range s.hops[1:] {
			all = append(all, say(h.at, presence.Interim))
		}
	}
	if s.network.interim > 0 {
		for at := s.began.Add(s.network.interim); at.Before(s.ended); at = at.Add(s.network.interim) {
			all = append(all, say(at, presence.Interim))
		}
	}
	if !s.fell && !s.open {
		stop := say(s.ended, presence.Stop)
		stop.cause = s.cause
		all = append(all, stop)
	}
	slices.SortStableFunc(all, func(a, b message) int { return a.at.Compare(b.at) })
	return all
}

// send sends a message as often as its NAS does, and returns what of it
// arrives.
func (g *generator) send(m message, s *session) (got []Event) {
	e := s.network.make
	sent, most := m.at, e.most
	if m.status == presence.Interim {
		most = 1
		if e.fresh {
			most = 5
		}
	}
	for n := range most {
		if m.ap.fellIn(m.at, sent) || m.status == presence.Interim && !sent.Before(s.ended) {
			break
		}
		if m.status == presence.Interim {
			m.at = sent // each is a fresh one
		}
		if !g.cutOff(s.network.site, sent) && !(!g.plan.Calm && g.chance(loss)) {
			event, i := g.arrive(m, s, sent), len(got)
			got = append(got, event)
			if !g.plan.Calm && g.chance(copied) {
				event.Arrive = event.Arrive.Add(g.between(time.Second, 20*time.Second))
				event.date()
				got = append(got, event)
			}
			lost := !g.plan.Calm && g.chance(unheard) || s.lost && m.status == presence.Start && n == 0
			if !lost {
				break
			}
			got[i].Lost = true
		}
		sent = sent.Add(e.waits(n))
	}
	g.office.Events = append(g.office.Events, got...)
	return got
}

// cutOff reports whether nothing from the site gets through at t.
func (g *generator) cutOff(site string, t time.Time) bool {
	return slices.ContainsFunc(g.cuts[site], func(i interval) bool { return i.holds(t) })
}

// date gives the record the event time that is to be found for it on its
// arrival: Event-Timestamp if that makes sense and is not in the future, else
// arrival less Acct-Delay-Time, else arrival.
func (e *Event) date() {
	r := &e.Record
	r.Heard = e.Arrive
	switch sent := e.Arrive.Add(-e.Delay); {
	case e.Stamp.Year() > 1971 && !e.Stamp.After(e.Arrive):
		r.At, r.AtFrom = e.Stamp, "Event-Timestamp"
	case e.Delay > 0:
		r.At, r.AtFrom = sent, "Acct-Delay-Time"
	default:
		r.At, r.AtFrom = e.Arrive, "arrival"
	}
}

// arrive returns the arrival of a message that was sent at the given time.
func (g *generator) arrive(m message, s *session, sent time.Time) Event {
	e := s.network.make
	way := g.between(time.Millisecond, 30*time.Millisecond)
	if !g.plan.Calm && g.chance(detained) {
		way = g.between(30*time.Millisecond, 3*time.Second)
	}
	event := Event{Arrive: sent.Add(way), Make: e.name, AP: m.ap.name}
	if e.delays {
		event.Delay = sent.Sub(m.at).Truncate(time.Second)
	}
	switch e.stamps {
	case stamped:
		event.Stamp = m.at.Add(m.ap.skew).Truncate(time.Second)
	case epoch:
		event.Stamp = time.Unix(0, 0).Add(m.at.Sub(m.ap.booted(m.at, g.first))).Truncate(time.Second)
	}
	event.date()
	r := &event.Record
	r.Client, r.Site, r.Status, r.Cause = s.network.site, s.network.site, m.status, m.cause
	r.Session, r.Multi = s.id, s.multi
	r.SSID, r.BSSID = s.ssid, m.ap.bssid
	if e.apAttr != 0 {
		r.AP = m.ap.name
	}
	r.NASID, r.NASAddr = s.network.controller, s.network.addr
	if e.standalone {
		r.NASID, r.NASAddr = m.ap.name, m.ap.addr
	}
	if m.on {
		if e.resets == perNAS {
			r.SSID, r.AP, r.BSSID = "", "", ""
		}
		return event
	}
	r.UserName, r.Device = s.name, s.device
	if s.user != "" {
		r.UserName = e.spells(s.name)
	}
	r.PortType, r.HasPortType = 19, true // Wireless - IEEE 802.11
	if m.status != presence.Start {
		r.Age, r.HasAge = m.at.Sub(s.began).Truncate(time.Second), true
	}
	return event
}
