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
	timeout    time.Duration // Session-Timeout that the RADIUS server gives; 0: none
	aps        []*ap
}

// ap is one access point, with one BSS.
type ap struct {
	network *network
	name    string
	bssid   string
	addr    netip.Addr
	skew    time.Duration // how far its clock is ahead
	down    []outage      // in order, apart
}

// outage is a time in which an access point serves nobody.
type outage struct {
	interval
	graceful bool // it said Stop for everybody first
	cold     bool // it lost its packets in flight and its counters: it booted
}

// Fault is something that went wrong with the network.
type Fault struct {
	Kind     string // "AP reboot", "controller upgrade", "power cut", "uplink cut"
	Site     string
	Where    string // the access point or controller, or "" for the whole site
	From, To time.Time
}

// build sets up every site's networks: enough makes that a walk through the
// building crosses from one to another.
func (g *generator) build() {
	g.cuts = map[string][]interval{}
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
