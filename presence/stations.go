package presence

import (
	"slices"
	"time"
)

// What comes in: the signs of people's devices. What goes out: at which NASes each is
// alive, and in which session.

// station is a person's device that is alive at a NAS.
type station struct {
	session uint32                   // hash32 of its session's id
	heard   time.Time                // event time of its latest sign
	since   time.Time                // event time of its first
	gaps    [signsKept]time.Duration // the latest gaps between interims, the newest first
	n       int                      // how many gaps
}

// alive notes that the device is alive at the NAS. It has left another where it was in
// the same session, or was before this session's Start. Two NASes may tell of one
// station, in a session each that begin at the same moment: a foreign and an anchor
// controller do.
func (t *Tracker) alive(device string, n *nas, is station, start bool) {
	for _, o := range slices.Backward(t.at[device]) { // from behind, because left takes it out
		was := o.live[device]
		if o != n && (was.session == is.session || start && !within(was.heard, is.heard, moment)) {
			t.left(device, o)
		}
	}
	delete(n.quiet, device)
	if _, on := n.live[device]; !on {
		if !t.aliveAt(device, n.name.Client()) {
			t.ofSource(n.name).live++
		}
		t.at[device] = append(t.at[device], n)
	}
	n.live[device] = is
}

// left notes that the device is no longer alive at the NAS.
func (t *Tracker) left(device string, n *nas) {
	if _, on := n.live[device]; !on {
		return
	}
	delete(n.live, device)
	if at := slices.DeleteFunc(t.at[device], func(o *nas) bool { return o == n }); len(at) > 0 {
		t.at[device] = at
	} else {
		delete(t.at, device)
	}
	if !t.aliveAt(device, n.name.Client()) {
		t.ofSource(n.name).live--
	}
}

// aliveAt reports whether the device is alive at a NAS of the client.
func (t *Tracker) aliveAt(device, client string) bool {
	return slices.ContainsFunc(t.at[device], func(n *nas) bool { return n.name.Client() == client })
}

// hear returns the station after another sign of life.
func (s station) hear(n *Sighting) station {
	s.session = hash32(n.Session)
	if n.Status == Start { // interims that follow every Start at the same distances are no interval
		s.n = 0
	}
	if s.since.IsZero() {
		s.since = n.At
	} else if gap := n.At.Sub(s.heard); gap >= shortestInterim && gap <= longestInterim && n.Status == Interim {
		copy(s.gaps[1:], s.gaps[:])
		s.gaps[0] = gap
		s.n = min(s.n+1, len(s.gaps))
	}
	s.heard = later(s.heard, n.At)
	return s
}
