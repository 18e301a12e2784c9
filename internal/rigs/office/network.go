package office

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// network is a set of access points of one make at a site, under a controller
// if the make has one.
type network struct {
	site       string
	make       *equipment
	controller string
	addr       netip.Addr
	interim    time.Duration
	later      []interim     // how it was changed, in order
	timeout    time.Duration // Session-Timeout that the RADIUS server gives; 0: none
	aps        []*ap
	field      bool // it is a site's only make
}

// ap is one access point, with one BSS.
type ap struct {
	network *network
	name    string
	bssid   string
	addr    netip.Addr
	skew    time.Duration // how far its clock is ahead
	wrong   []wrong       // when it was far off, in order
	down    []outage      // in order, apart
}

// interim is an interim interval, from some time on.
type interim struct {
	from  time.Time
	every time.Duration
}

// wrong is a time in which a clock is far ahead.
type wrong struct {
	interval
	by time.Duration
}

// every returns the interim interval at t; 0 if there is none.
func (n *network) every(t time.Time) time.Duration {
	every := n.interim
	for _, l := range n.later {
		if !l.from.After(t) {
			every = l.every
		}
	}
	return every
}

// ahead returns how far the access point's clock is ahead at t.
func (a *ap) ahead(t time.Time) time.Duration {
	for _, w := range a.wrong {
		if w.holds(t) {
			return w.by
		}
	}
	return a.skew
}

// outage is a time in which an access point serves nobody.
type outage struct {
	interval
	graceful bool // it said Stop for everybody first
	cold     bool // it lost its packets in flight and its counters: it booted
}

// Fault is something that went wrong with the network.
type Fault struct {
	Kind     string // "AP reboot", "controller upgrade", "power cut", "uplink cut", "daemon down"
	Site     string
	Where    string // the access point or controller, or "" for the whole site
	From, To time.Time
}

// build sets up every site's networks: enough makes that a walk through the
// building crosses from one to another.
func (g *generator) build() {
	g.cuts = map[string][]interval{}
	if len(g.plan.Makes) > 0 {
		g.equip()
		return
	}
	order := g.Perm(len(makes))
	for i, site := range g.plan.Sites {
		for j := range 3 {
			m := makes[order[(3*i+j)%len(order)]]
			var names []string
			for k := range 3 + g.plan.People/60 {
				names = append(names, fmt.Sprintf("ap-%s-%d%02d", site.Name, j, k))
			}
			n := newNetwork(i, j, site.Name, m, fmt.Sprintf("wlc-%s-%d", site.Name, j), names)
			if n.interim = pick(g.dice, m.intervals); n.interim == 0 {
				n.timeout = 8 * time.Hour
			}
			for _, a := range n.aps {
				a.skew = time.Duration(g.IntN(5)-2) * time.Second
			}
			g.networks = append(g.networks, n)
		}
	}
}

// equip sets up every site's networks, all of the site's make.
func (g *generator) equip() {
	for i, site := range g.plan.Sites {
		m := byName[g.plan.Makes[i]]
		for j := range 2 {
			var names []string
			for k := range 3 + g.plan.People/len(g.plan.Sites)/20 {
				names = append(names, fmt.Sprintf("ap-%d-%d%02d", i, j, k))
			}
			n := newNetwork(i, j, site.Name, m, fmt.Sprintf("wlc-%d-%d", i, j), names)
			n.field = true
			if j == 0 || len(g.networks) == 0 || m.intervals[0] != 0 {
				n.interim = pick(g.dice, m.intervals)
			} else {
				n.interim = g.networks[len(g.networks)-1].interim // one configuration
			}
			if n.interim == 0 && g.chance(0.3) {
				n.timeout = 8 * time.Hour
			}
			if m.changes {
				n.interim, n.later = g.reconfigure()
			}
			for _, a := range n.aps {
				a.skew = time.Duration(g.IntN(5)-2) * time.Second
				if m.clock == apart {
					a.skew = g.between(-5*time.Minute, 5*time.Minute).Truncate(time.Second)
				}
			}
			g.networks = append(g.networks, n)
		}
	}
}

// newNetwork returns the j-th network of the i-th site.
func newNetwork(i, j int, site string, m *equipment, controller string, names []string) *network {
	n := &network{site: site, make: m, controller: controller, addr: netip.AddrFrom4([4]byte{10, byte(20 + i), byte(j), 1})}
	for k, name := range names {
		n.aps = append(n.aps, &ap{
			network: n, name: name, bssid: fmt.Sprintf("00:00:5e:%02x:%02x:%02x", i, j, k),
			addr: netip.AddrFrom4([4]byte{10, byte(20 + i), byte(j), byte(10 + k)}),
		})
	}
	return n
}

// at returns the networks of a site.
func (g *generator) at(site string) (all []*network) {
	for _, n := range g.networks {
		if n.site == site {
			all = append(all, n)
		}
	}
	return all
}

// breakThings plans the faults of the days.
func (g *generator) breakThings() {
	if len(g.plan.Makes) > 0 {
		g.breakAtWork()
		return
	}
	for _, site := range g.plan.Sites {
		g.fault("power cut", site.Name, "", g.sometime(7, 23), g.minutes(5, 40), g.at(site.Name)...)
		n := pick(g.dice, g.at(site.Name))
		g.fault("controller upgrade", site.Name, n.controller, g.sometime(9, 19), 25*time.Minute, n)
		for range 2 {
			from := g.sometime(7, 24)
			g.cuts[site.Name] = append(g.cuts[site.Name], interval{from, from.Add(g.minutes(2, 20))})
		}
		for _, cut := range g.cuts[site.Name] {
			g.office.Faults = append(g.office.Faults, Fault{Kind: "uplink cut", Site: site.Name, From: cut.from, To: cut.to})
		}
	}
	for _, n := range g.networks {
		for _, a := range n.aps {
			if g.chance(0.4) {
				from := g.sometime(0, 24)
				to := from.Add(g.minutes(1, 4))
				a.fails(outage{interval{from, to}, n.make.standalone && g.chance(0.5), n.make.standalone})
				g.office.Faults = append(g.office.Faults, Fault{"AP reboot", n.site, a.name, from, to})
			}
		}
	}
	slices.SortStableFunc(g.office.Faults, func(a, b Fault) int { return a.From.Compare(b.From) })
}

// sometime returns a time of some day between the given hours.
func (g *generator) sometime(from, to float64) time.Time {
	return g.clock(g.IntN(g.plan.Days), from+(to-from)*g.Float64()).Truncate(time.Millisecond)
}

func (g *generator) fault(kind, site, where string, from time.Time, lasts time.Duration, networks ...*network) {
	for _, n := range networks {
		for _, a := range n.aps {
			a.fails(outage{interval{from, from.Add(lasts)}, kind == "controller upgrade" && g.chance(0.5), true})
		}
	}
	g.office.Faults = append(g.office.Faults, Fault{kind, site, where, from, from.Add(lasts)})
}

// fails adds an outage, unless the access point is down at that time anyway.
func (a *ap) fails(o outage) {
	for _, p := range a.down {
		if o.from.Before(p.to.Add(5*time.Minute)) && p.from.Before(o.to.Add(5*time.Minute)) {
			return
		}
	}
	a.down = append(a.down, o)
	slices.SortFunc(a.down, func(a, b outage) int { return a.from.Compare(b.from) })
}

// fellIn reports whether it booted, so that it lost what it had in flight, at
// any time between the two.
func (a *ap) fellIn(from, to time.Time) bool {
	return slices.ContainsFunc(a.down, func(o outage) bool { return o.cold && o.from.Before(to) && from.Before(o.to) })
}

// booted returns when the access point's latest boot before t was over; it has
// been up since first if it never booted after that.
func (a *ap) booted(t, first time.Time) (at time.Time) {
	at = first
	for _, o := range a.down {
		if o.cold && !o.to.After(t) {
			at = o.to
		}
	}
	return at
}

// number gives the sessions their ids, in the order in which each NAS began
// them, counting anew after each boot.
func (g *generator) number() {
	slices.SortStableFunc(g.sessions, func(a, b *session) int {
		return cmp.Or(a.began.Compare(b.began), cmp.Compare(a.device, b.device))
	})
	type life struct {
		nas    string
		booted int64
	}
	serials := map[life]int{}
	last := map[[2]string]*session{} // by device and access point
	multi := map[string]*session{}   // by device
	for _, s := range g.sessions {
		a := s.hops[0].ap
		nas := s.network.controller
		if s.network.make.standalone {
			nas = a.name
		}
		s.booted = a.booted(s.began, g.first)
		l := life{nas, s.booted.Unix()}
		serials[l]++
		s.serial = serials[l]
		s.roaming = s.began
		before := multi[s.device]
		roamed := before != nil && before.network == s.network && s.began.Sub(before.left) < 5*time.Second
		if roamed {
			s.roaming = before.roaming
		}
		s.id = s.network.make.id(s, g)
		if again := last[[2]string{s.device, a.bssid}]; !g.scripted && s.network.make.name == "hostapd" && again != nil && again.name == s.name && g.chance(0.1) {
			s.id = again.id // it has been seen to use an id again for the next session of a station
		}
		if again := last[[2]string{s.device, a.bssid}]; s.network.make.sameID && again != nil && again.name == s.name && s.began.Sub(again.left) < s.network.make.idle {
			s.id = again.id
		}
		last[[2]string{s.device, a.bssid}] = s
		if f := s.network.make.multi; f != nil {
			s.multi = f(s, g)
			if roamed {
				s.multi = before.multi
			}
		}
		multi[s.device] = s
	}
}

// reconfigure makes up interim intervals that are changed while people work.
func (g *generator) reconfigure() (first time.Duration, changed []interim) {
	all := []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}
	first = pick(g.dice, all)
	for day := range g.plan.Days {
		if g.chance(0.5) {
			changed = append(changed, interim{g.clock(day, 8+8*g.Float64()), pick(g.dice, all)})
		}
		if g.chance(0.2) { // somebody looks for a fault, and changes it back
			from, was := g.clock(day, 16.5+g.Float64()), first
			if n := len(changed); n > 0 {
				was = changed[n-1].every
			}
			changed = append(changed, interim{from, 5 * time.Second}, interim{from.Add(g.minutes(10, 30)), was})
		}
	}
	return first, changed
}

// breakAtWork plans the faults of offices of one make each.
func (g *generator) breakAtWork() {
	if g.chance(0.4) {
		from := g.sometime(8, 17)
		down := interval{from, from.Add(g.minutes(20, 210))}
		g.office.downs = append(g.office.downs, down)
		for _, site := range g.plan.Sites {
			g.cuts[site.Name] = append(g.cuts[site.Name], down)
			g.office.Faults = append(g.office.Faults, Fault{Kind: "daemon down", Site: site.Name, From: down.from, To: down.to})
		}
	}
	for _, site := range g.plan.Sites {
		networks := g.at(site.Name)
		m := networks[0].make
		cut := func(from time.Time, lasts time.Duration) {
			g.cuts[site.Name] = append(g.cuts[site.Name], interval{from, from.Add(lasts)})
			g.office.Faults = append(g.office.Faults, Fault{Kind: "uplink cut", Site: site.Name, From: from, To: from.Add(lasts)})
		}
		if g.chance(0.5) || m.clock == behind {
			from := g.sometime(7, 17)
			g.fault("power cut", site.Name, "", from, g.minutes(5, 40), networks...)
			if m.clock == behind {
				g.misset(networks, from)
			}
		}
		if g.chance(0.3) { // before anybody comes, for longer than linger
			g.fault("controller upgrade", site.Name, networks[0].controller, g.sometime(3, 5), g.minutes(70, 150), networks...)
		}
		if g.chance(0.5) {
			cut(g.sometime(7, 24), g.minutes(2, 20))
		}
		switch {
		case m.queue != unqueued:
			cut(g.sometime(7.5, 15), g.minutes(60, 200))
		case g.chance(0.4):
			cut(g.sometime(11, 15), g.minutes(30, 150))
		}
		for _, n := range networks {
			for _, a := range n.aps {
				if g.chance(0.3) {
					from := g.sometime(0, 24)
					to := from.Add(g.minutes(1, 4))
					a.fails(outage{interval{from, to}, m.standalone && g.chance(0.5), m.standalone})
					g.office.Faults = append(g.office.Faults, Fault{"AP reboot", n.site, a.name, from, to})
				}
			}
		}
	}
	slices.SortStableFunc(g.office.Faults, func(a, b Fault) int { return a.From.Compare(b.From) })
}

// misset sets the clocks of the networks wrong by the power cut at t, until they
// are put right.
func (g *generator) misset(networks []*network, t time.Time) {
	by := -pick(g.dice, []time.Duration{3 * time.Hour, 30 * time.Hour, 4 * 24 * time.Hour, 20 * 24 * time.Hour})
	lasts := pick(g.dice, []time.Duration{2 * time.Minute, 40 * time.Minute, 10 * time.Hour})
	for _, n := range networks {
		for _, a := range n.aps {
			for _, o := range a.down {
				if o.from.Equal(t) {
					a.wrong = append(a.wrong, wrong{interval{o.to, o.to.Add(lasts)}, by})
				}
			}
		}
	}
}
