package office

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// Script is a day at one site that was chosen and not made up: what every
// device does on it. What the equipment makes of that, and sends, is as on any
// other day; nothing goes wrong but what the script says.
type Script struct {
	Site         presence.Site
	Begins, Ends time.Time
	Networks     []Network
	Parts        []Part
	Reboots      []Fault // of access points, each by its name in Where
}

// Network is access points of one make. It is configured to no interims.
type Network struct {
	Make       string // as in Event.Make
	Controller string // its name, where the make has one
	APs        []string
}

// Part is what one device does for a while, on one access point.
type Part struct {
	Name     string // before the make spells it: a local part of an address, or, with an @ or a /, an identity of nobody's
	Device   string // its MAC address for this while
	AP       string
	SSID     string    // "": the company's
	From, To time.Time // without To it stays
	Silent   bool      // it goes without a word: the access point takes its Idle-Timeout to notice
	Lost     bool      // the answer to its Start is
}

// Play returns the day of a script. An error means that it names equipment or
// access points that there are not.
func Play(s Script) (*Office, error) {
	g := &generator{dice: dice{rand.New(rand.NewPCG(0, 0))}, scripted: true, first: s.Begins, ends: s.Ends}
	g.plan = Plan{Days: 1, Begins: s.Begins, Sites: []presence.Site{s.Site}, Calm: true}
	aps := map[string]*ap{}
	for j, n := range s.Networks {
		m := byName[n.Make]
		if m == nil {
			return nil, fmt.Errorf("play script: no equipment is called %q", n.Make)
		}
		network := newNetwork(0, j, s.Site.Name, m, n.Controller, n.APs)
		g.networks = append(g.networks, network)
		for _, a := range network.aps {
			aps[a.name] = a
		}
	}
	for _, r := range s.Reboots {
		if aps[r.Where] == nil {
			return nil, fmt.Errorf("play script: no access point is called %q", r.Where)
		}
		aps[r.Where].fails(outage{interval: interval{r.From, r.To}, cold: true})
		g.office.Faults = append(g.office.Faults, r)
	}
	type who struct{ name, device string }
	var order []who
	uses := map[who][]use{}
	parts := slices.SortedStableFunc(slices.Values(s.Parts), func(a, b Part) int { return a.From.Compare(b.From) })
	for _, p := range parts {
		u := use{ap: aps[p.AP], mac: p.Device, ssid: cmp.Or(p.SSID, corporate), from: p.From, to: p.To, bye: !p.Silent, lost: p.Lost}
		if u.ap == nil {
			return nil, fmt.Errorf("play script: no access point is called %q", p.AP)
		}
		if u.to.IsZero() {
			u.to = s.Ends
		}
		w := who{p.Name, p.Device}
		if uses[w] == nil {
			order = append(order, w)
		}
		uses[w] = append(uses[w], u)
	}
	for _, w := range order {
		p := &person{name: w.name}
		for _, u := range uses[w] {
			if p.user() != "" {
				g.office.Truth.Stays = append(g.office.Truth.Stays, Stay{p.user(), s.Site.Name, u.from, u.to})
			}
		}
		g.associate(p, &device{}, g.cut(uses[w]))
	}
	o := g.finish()
	o.Truth.join()
	return o, nil
}

// join makes one stay of those of a user that meet: somebody is there while
// any device of theirs is.
func (t *Truth) join() {
	var joined []Stay
	for _, s := range t.Stays {
		if n := len(joined); n > 0 && joined[n-1].User == s.User && !s.From.After(joined[n-1].To.Add(roam)) {
			joined[n-1].To = later(joined[n-1].To, s.To)
			continue
		}
		joined = append(joined, s)
	}
	t.Stays = joined
}

// Faster returns the event as it is on a day that begins at another time and
// passes so many times as fast. Its second is as long as any: what the
// equipment counts in whole seconds becomes coarser.
func (e Event) Faster(begins, other time.Time, speed float64) Event {
	at := func(t time.Time) time.Time { return other.Add(time.Duration(float64(t.Sub(begins)) / speed)) }
	less := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) / speed).Truncate(time.Second)
	}
	e.Arrive = at(e.Arrive)
	if e.Stamp.Year() > 1971 { // else no clock was ever set
		e.Stamp = at(e.Stamp).Truncate(time.Second)
	}
	e.Delay, e.Record.Age = less(e.Delay), less(e.Record.Age)
	e.date()
	return e
}
