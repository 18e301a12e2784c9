package office

import (
	"slices"
	"time"
)

// box returns the name of the NAS that tells of a session, at its begin.
func (s *session) box() string { return s.boxOf(s.hops[0].ap) }

// boxOf returns that of the NAS that tells of it on an access point.
func (s *session) boxOf(a *ap) string {
	switch m := s.network.make; {
	case s.anchor:
		return s.network.site + "-anchor"
	case m.oneName:
		return s.network.site + "-ap"
	case m.standalone:
		return a.name
	}
	return s.network.controller
}

// silences returns, by NAS, when its silence shows nothing about any station:
// when the daemon did not run, and when it was silent as a whole. That is when
// nothing was heard of it at all for so long that an Interim of each of several
// of its stations stayed away. It needs no more than packets to see that, and that
// as many had been there at a time that had shown by then how often they are told
// of.
func (g *generator) silences() map[string][]interval {
	if !g.ofOneMake() {
		return nil
	}
	heard := map[string][]time.Time{}
	for i := range g.office.Events {
		e := &g.office.Events[i]
		heard[e.box] = append(heard[e.box], e.Arrive)
	}
	told := map[string][]*session{} // by Interims
	for _, s := range g.sessions {
		if s.network.interim > 0 {
			told[s.box()] = append(told[s.box()], s)
		}
	}
	all := map[string][]interval{}
	for _, s := range g.sessions {
		all[s.box()] = slices.Clone(g.office.downs)
	}
	for box, at := range heard {
		known := shown(told[box])
		if known.IsZero() {
			continue
		}
		slices.SortFunc(at, time.Time.Compare)
		for i := 1; i < len(at); i++ {
			gap := interval{at[i-1], at[i]}
			lasts := gap.to.Sub(gap.from)
			if lasts <= patience || gap.from.Before(known) {
				continue
			}
			due := 0
			for _, s := range told[box] {
				if s.began.Before(gap.from) && s.ended.After(gap.from) && s.network.every(gap.from) < lasts {
					due++
				}
			}
			if due >= several {
				all[box] = append(all[box], gap)
			}
		}
	}
	return all
}

// shown returns from when on several of the sessions, alive at a time, had shown
// by Interims how often they are told of; zero if they never had.
func shown(all []*session) (from time.Time) {
	const repeats = 3 // intervals
	shows := func(s *session) time.Time { return s.began.Add(repeats * s.network.every(s.began)) }
	for _, s := range all {
		t := shows(s)
		if s.network.every(s.began) == 0 || s.ended.Before(t) {
			continue
		}
		alike := 0
		for _, o := range all {
			if o.network.every(o.began) > 0 && !shows(o).After(t) && o.ended.After(t) {
				alike++
			}
		}
		if alike >= several && (from.IsZero() || t.Before(from)) {
			from = t
		}
	}
	return from
}

// holds notes who had left a NAS before it was silent as a whole, and whether
// they came back meanwhile.
func (g *generator) holds(silent map[string][]interval) {
	down := func(w interval) bool {
		return slices.ContainsFunc(g.office.downs, func(d interval) bool { return d.from.Before(w.to) && w.from.Before(d.to) })
	}
	of := map[string][]*session{}
	for _, s := range g.sessions {
		of[s.user] = append(of[s.user], s)
	}
	for _, s := range g.sessions {
		if s.user == "" {
			continue
		}
		for _, w := range silent[s.box()] {
			if down(w) || s.open || s.ended.After(w.to) || s.ended.Before(w.from.Add(-time.Hour)) {
				continue
			}
			h := Hold{User: s.user, Site: s.network.site, interval: w}
			for _, o := range of[s.user] {
				if o.box() == s.box() && o.began.After(w.from) && o.began.Before(w.to) && (h.Back.IsZero() || o.began.Before(h.Back)) {
					h.Back = o.began
				}
			}
			g.office.Truth.Holds = append(g.office.Truth.Holds, h)
		}
	}
}
