package presence

import (
	"cmp"
	"slices"
	"time"
)

// massAtOnce is how many ends at once may be a mass end.
const massAtOnce = 5

// ends are the Stops of devices at a NAS that came within massEnd of the latest, and after
// which the device has not come back. They are counted by the second, so that what one more
// costs does not grow with how many there are.
type ends struct {
	of      map[string]end // by device
	latest  time.Time      // arrival of the latest
	seconds []second       // in order; none is empty
}

// end is the Stop of a device.
type end struct {
	at  time.Time // arrival
	own bool      // it named a cause of the station's own
}

// second is what ended within one second.
type second struct {
	unix    int64
	devices map[string]struct{}
	own     int // of them
}

// add notes a Stop. One that comes late, from another daemon, may be too old to count.
func (e *ends) add(device string, at time.Time, own bool) {
	e.remove(device)
	if e.latest.Sub(at) > massEnd {
		return
	}
	if e.of == nil {
		e.of = map[string]end{}
	}
	e.of[device] = end{at, own}
	i, is := e.find(at.Unix())
	if !is {
		e.seconds = slices.Insert(e.seconds, i, second{unix: at.Unix(), devices: map[string]struct{}{}})
	}
	s := &e.seconds[i]
	s.devices[device] = struct{}{}
	if own {
		s.own++
	}
	if at.After(e.latest) {
		e.latest = at
		e.forget(at.Add(-massEnd).Unix())
	}
}

// remove takes out a device, which has come back.
func (e *ends) remove(device string) {
	was, is := e.of[device]
	if !is {
		return
	}
	delete(e.of, device)
	i, _ := e.find(was.at.Unix())
	s := &e.seconds[i]
	if delete(s.devices, device); was.own {
		s.own--
	}
	if len(s.devices) == 0 {
		e.seconds = slices.Delete(e.seconds, i, i+1)
	}
}

// forget takes out what ended before that second.
func (e *ends) forget(unix int64) {
	old, _ := e.find(unix)
	for _, s := range e.seconds[:old] {
		for device := range s.devices {
			delete(e.of, device)
		}
	}
	e.seconds = slices.Delete(e.seconds, 0, old)
}

func (e *ends) find(unix int64) (int, bool) {
	return slices.BinarySearchFunc(e.seconds, unix, func(s second, unix int64) int { return cmp.Compare(s.unix, unix) })
}

// mass reports whether they are the end of most people at a NAS where so many are alive yet.
// Stops that name a cause of the station's own count only if they came within seconds.
func (e *ends) mass(live int) bool {
	if len(e.of) < massAtOnce || len(e.of) <= live {
		return false
	}
	gone, at := len(e.of), e.latest.Add(-atOnce).Unix()
	for _, s := range e.seconds {
		if s.unix < at {
			gone -= s.own
		}
	}
	return gone >= massAtOnce && gone > live+len(e.of)-gone
}
