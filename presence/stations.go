package presence

import (
	"slices"
	"time"
)

// What comes in: signs of life and Stops of persons' devices at NASes. What is kept:
// which device is alive where, and at which intervals it is told of.

// alive notes that the device is alive at the NAS. It has left another where it was in
// the same session, or was before this session's Start. Two NASes may tell of one
// station, in a session each that begin at the same moment: a foreign and an anchor
// controller do. Of more than toldBy the one that it was at for longest is left.
func (t *Tracker) alive(device string, n *nas, is station, start bool) {
	for _, o := range slices.Backward(t.at[device]) { // from behind, because left takes it out
		was := o.live[device]
		if o != n && (was.session == is.session || start && !within(was.heard, is.heard, moment)) {
			t.left(device, o)
		}
	}
	delete(n.quiet, device)
	if _, on := n.live[device]; !on {
		if at := t.at[device]; len(at) >= toldBy {
			t.left(device, at[0])
		}
		if !t.aliveAt(device, n.name.Client()) {
			t.ofSource(n.name).live++
		}
		t.at[device] = append(t.at[device], n)
	}
	n.live[device] = is
}

// toldBy is how many NASes may tell of a device at one time: more than any controller's
// way of handing stations on has, and few, because somebody may make them up.
const toldBy = 4

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

// leftBefore notes that the device, whose session that began at the given time has
// ended, is no longer alive where nothing was heard of it since: it had left there.
func (t *Tracker) leftBefore(device string, begun time.Time) {
	for _, n := range slices.Backward(t.at[device]) {
		if !n.live[device].heard.After(begun) {
			t.left(device, n)
		}
	}
}

// aliveAt reports whether the device is alive at a NAS of the client.
func (t *Tracker) aliveAt(device, client string) bool {
	return slices.ContainsFunc(t.at[device], func(n *nas) bool { return n.name.Client() == client })
}
