package presence

import (
	"slices"
	"time"
)

// What comes in: when the stations of a NAS were heard. What goes out: the NAS's
// habits: how long it waits before it says Idle-Timeout, and the interval of its
// interims.

// What makes a habit.
const (
	witnesses = 5         // so many sessions make a habit of a NAS's
	longUse   = time.Hour // a station that has shown no interval for so long has none
	idleLeast = 30 * time.Second
	idleMost  = 30 * time.Minute
)

// roamed notes that the NAS said Idle-Timeout so long after the station's Start
// elsewhere: each roam shows how long the access point waits.
func (t *Tracker) roamed(name NASName, waited time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nases[name]
	if n != nil && waited >= idleLeast && waited <= idleMost {
		n.NAS = n.NAS.roamed(waited)
	}
}

// habit works out whether most of the NAS's sessions are heard by an interval, and
// by which, or most are not. If neither is clear, it leaves Interval as it was, unless
// all that show one show a longer one.
func (t *Tracker) habit(n *nas, now time.Time) {
	without := 0
	with := t.with[:0]
	for device, s := range n.live {
		switch interval := s.every; {
		case interval > 0 && n.Heard.Sub(s.heard) > max(missedInterims*interval+retryTime, minSilence):
			t.left(device, n) // the station fell silent, and the NAS did not
			n.quiet[device] = station{heard: s.heard, since: s.since}
		case interval > 0:
			with = append(with, interval)
		case now.Sub(s.since) >= longUse:
			without++
		}
	}
	t.with = with
	slices.Sort(with)
	if n.regular = len(with); n.regular > 0 {
		n.every = with[n.regular/2]
	}
	switch {
	case n.regular >= witnesses && n.regular > 2*without:
		n.Interval = with[n.regular-1]
	case without >= witnesses && without > n.regular:
		n.Interval = -1
	case n.regular >= 2 && n.Interval > 0 && with[0] > n.Interval*6/5: // nobody shows it any more: it was made longer
		n.Interval = with[n.regular-1]
	}
}
