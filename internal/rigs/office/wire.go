package office

import (
	"net/netip"
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
	g.office.Events = make([]Event, 0, size)  // they are large, and growing costs
	sent := make([]int, 0, len(g.sessions)+1) // where the events of each session begin
	for _, s := range g.sessions {
		sent = append(sent, len(g.office.Events))
		for _, m := range g.messages(s) {
			g.send(m, s)
		}
	}
	sent = append(sent, len(g.office.Events))
	for _, n := range g.networks {
		if n.make.resets != silentBoot {
			g.boots(n)
		}
	}
	g.queued()
	silent, on := g.silences(), map[string][]time.Time{}
	for i := range g.office.Events {
		if e := &g.office.Events[i]; e.Record.Status == presence.AccountingOn {
			on[e.box] = append(on[e.box], e.Arrive)
		}
	}
	for i, s := range g.sessions {
		s.upWith = slices.ContainsFunc(on[s.box()], func(t time.Time) bool { return t.Sub(s.began).Abs() < ghost })
		s.back = s.back && s.upWith
		g.office.Truth.Signs = append(g.office.Truth.Signs, s.signs(g.office.Events[sent[i]:sent[i+1]], silent[s.box()])...)
	}
	g.holds(silent)
	g.office.Truth.settle()
}

// queued delivers what a proxy kept while the daemon could not be reached after
// that, in order, and what was sent meanwhile after it.
func (g *generator) queued() {
	for _, site := range g.plan.Sites {
		networks := g.at(site.Name)
		if len(networks) == 0 || networks[0].make.queue == unqueued {
			continue
		}
		q := networks[0].make.queue
		var of []*Event
		for i := range g.office.Events {
			if e := &g.office.Events[i]; e.Record.Site == site.Name {
				of = append(of, e)
			}
		}
		slices.SortStableFunc(of, func(a, b *Event) int { return a.Arrive.Compare(b.Arrive) })
		var last time.Time
		for _, e := range of {
			due := g.reached(site.Name, e.Arrive)
			waits := due.After(e.Arrive)
			if next := last.Add(q.pace()); !last.IsZero() && next.After(due) && (waits || next.Sub(e.Arrive) > time.Second) {
				due, waits = g.reached(site.Name, next), true
			}
			if !waits {
				continue
			}
			if q == delayed {
				e.Delay += due.Sub(e.Arrive).Truncate(time.Second)
			}
			e.Arrive, last = due, due
			e.date()
		}
	}
}

// reached returns when, from t on, the daemon can be reached from the site.
func (g *generator) reached(site string, t time.Time) time.Time {
	for _, out := range slices.Concat(g.cuts[site], g.office.downs) {
		if out.holds(t) {
			return g.reached(site, out.to)
		}
	}
	return t
}

// boots sends the Accounting-On of everything of a network that booted.
func (g *generator) boots(n *network) {
	for i, a := range n.aps {
		if i > 0 && !n.make.standalone && n.make.resets == perNAS {
			break // the controller says it once
		}
		for _, o := range a.down {
			if o.cold {
				s := &session{hops: []hop{{o.to, a}}, network: n, ssid: corporate, id: bare(a.bssid), began: o.to}
				g.send(message{at: o.to, status: presence.AccountingOn, on: true, ap: a}, s)
			}
		}
	}
}

// messages returns what a NAS has to say about a session.
func (g *generator) messages(s *session) []message {
	m := s.network.make
	if s.anchor {
		m = s.network.make.asAnchor()
	}
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
	for _, after := range m.events {
		if at := s.began.Add(after + g.between(-time.Second, time.Second)); at.Before(s.left) {
			all = append(all, say(at, presence.Interim))
		}
	}
	for _, n := range s.renamed {
		all = append(all, say(n.at, presence.Interim))
	}
	if s.network.interim > 0 {
		for at := s.began.Add(s.network.every(s.began)); at.Before(s.ended); {
			all = append(all, say(at, presence.Interim))
			next := at.Add(s.network.every(at))
			for _, l := range s.network.later {
				if l.from.After(at) && l.from.Before(next) { // it counts anew from there
					next = earlier(next, l.from.Add(l.every))
				}
			}
			at = next
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
		if (e.queue != unqueued || !g.cutOff(s.network.site, sent)) && !(!g.plan.Calm && g.chance(loss)) {
			event, i := g.arrive(m, s, sent), len(got)
			if e.queue == unqueued && slices.ContainsFunc(g.office.downs, func(d interval) bool { return d.holds(event.Arrive) }) {
				sent = sent.Add(e.waits(n))
				continue
			}
			got = append(got, event)
			if !g.plan.Calm && g.chance(copied) {
				event.Arrive = event.Arrive.Add(g.between(time.Second, 20*time.Second))
				event.date()
				if !slices.ContainsFunc(g.office.downs, func(d interval) bool { return d.holds(event.Arrive) }) {
					got = append(got, event)
				}
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
// arrival less Acct-Delay-Time, else arrival. How far a clock is off follows
// from what it stamps while nothing is delayed.
func (e *Event) date() {
	r := &e.Record
	r.Heard = e.Arrive
	stamp := e.Stamp.Add(-e.off)
	switch sent := e.Arrive.Add(-e.Delay); {
	case e.Stamp.Year() > 1971 && !stamp.After(e.Arrive):
		r.At, r.AtFrom = stamp, "Event-Timestamp"
	case e.Delay > 0:
		r.At, r.AtFrom = sent, "Acct-Delay-Time"
	default:
		r.At, r.AtFrom = e.Arrive, "arrival"
	}
}

// ordinary is how long a packet is on its way at the most, unless it is
// detained.
const ordinary = 30 * time.Millisecond

// arrive returns the arrival of a message that was sent at the given time.
func (g *generator) arrive(m message, s *session, sent time.Time) Event {
	e := s.network.make
	way := g.between(time.Millisecond, ordinary)
	if !g.plan.Calm && g.chance(detained) {
		way = g.between(ordinary, 3*time.Second)
	}
	event := Event{Arrive: sent.Add(way), Make: e.name, AP: m.ap.name, box: s.boxOf(m.ap)}
	if e.delays {
		event.Delay = sent.Sub(m.at).Truncate(time.Second)
	}
	switch e.stamps {
	case stamped:
		event.Stamp = m.at.Add(m.ap.ahead(m.at)).Truncate(time.Second)
	case epoch:
		event.Stamp = time.Unix(0, 0).Add(m.at.Sub(m.ap.booted(m.at, g.first))).Truncate(time.Second)
	}
	if by := m.ap.ahead(m.at); by.Abs() > 2*time.Second {
		event.off = by
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
	switch {
	case s.anchor:
		r.NASID, r.NASAddr = s.network.site+"-anchor", anchorAddr(s.network.addr)
	case e.oneName:
		r.NASID, r.NASAddr = "ap", netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case e.standalone:
		r.NASID, r.NASAddr = m.ap.name, m.ap.addr
	}
	if m.on {
		if e.resets == perNAS {
			r.SSID, r.AP, r.BSSID = "", "", ""
		}
		return event
	}
	name, user := s.who(m.at)
	r.UserName, r.Device = name, s.device
	event.names = "-"
	if user != "" {
		r.UserName, event.names = e.spells(name), user
	}
	r.PortType, r.HasPortType = 19, true // Wireless - IEEE 802.11
	if m.status != presence.Start {
		r.Age, r.HasAge = m.at.Sub(s.began).Truncate(time.Second), true
		if e.ages != nil {
			r.Age = e.ages(r.Age)
		}
	}
	if e.says != nil {
		u := utterance{Record: r, roamed: s.roamed || s.by(m.at) != s.hops[0].ap, dice: g.dice}
		if e.says(&u); u.mute {
			event.names = ""
		}
	}
	return event
}

// anchorAddr is the address of the anchor controller of the site in which addr
// is a controller's.
func anchorAddr(addr netip.Addr) netip.Addr {
	b := addr.As4()
	return netip.AddrFrom4([4]byte{b[0], b[1], 255, 1})
}
