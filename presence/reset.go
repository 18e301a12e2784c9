package presence

import "time"

// covers reports whether the reset ended the session: it is on that NAS, began before
// the reset and was not seen alive since.
func (r Reset) covers(s *Session) bool {
	if s.NAS != r.NAS || s.foreign || !s.Began.Before(r.At) || s.Seen.After(r.At) || r.before(s) {
		return false
	}
	if s.State == Expired || s.Live() { // an expired session may have gone on unheard
		return s.yields() && !s.reset(r) && (r.BSSID == "" || r.BSSID == s.BSSID)
	}
	return r.stopped(s)
}

// before reports whether the session began after the reset by the NAS's own clock. That
// is asked only of what came with the reset or later: a boot may have set the clock back.
func (r Reset) before(s *Session) bool {
	return !r.Stamp.IsZero() && !s.Began.Before(r.Stamp) && s.first.Heard.After(r.Heard.Add(-fresh))
}

// reset reports whether the session has a mark of the reset already.
func (s *Session) reset(r Reset) bool { return s.end.Cause == NASReset && !s.end.Heard.Before(r.Heard) }

// stopped reports whether the session's Stop belongs to the reset: hostapd, when it
// is shut down, stops every session without a cause and then says Accounting-Off. It
// does not compare the BSS, which an ended session has forgotten.
func (r Reset) stopped(s *Session) bool {
	return s.State == Ended && s.hold.IsZero() && s.end.Status == Stop && s.Cause == 0 && !s.Ended.After(r.At) && within(s.Ended, r.At, bootTime)
}

// mark returns the mark that the reset leaves: the station has outage_hold to come
// back, and counts as gone since it was last seen if it does not.
func (r Reset) mark(s *Session) Mark {
	m := Mark{Status: Other, At: later(s.Seen, s.Ended), Heard: r.Heard, Age: -1, Cause: NASReset, NAS: s.nas}
	if s.State == Open && s.Interim == 0 { // no interim was missing, so it was alive until the reset
		m.At = later(m.At, r.At)
	}
	return m
}

// cameUp returns the arrival of the reset after which the NAS came up, if the session
// began just after it: a boot brings stations up again that were there, and that is
// nobody's arrival.
func (n *NAS) cameUp(s *Session, w *World) (boot time.Time) {
	for _, r := range n.Resets {
		if (r.BSSID == "" || r.BSSID == s.BSSID) && !s.Began.Before(r.At) && s.Began.Before(r.At.Add(w.OutageHold)) {
			boot = later(boot, r.Heard)
		}
	}
	return boot
}

// broughtUp reports whether session n goes on with s at the same access point after
// the boot of its NAS, which had ended s. If s was only not heard any more, or had been
// given up before the boot, its station may have gone home: then n has to come up within
// minutes.
func (s *Session) broughtUp(n *Session) bool {
	if !s.ended && !s.twin || n.boot.IsZero() || s.nas != n.first.NAS || s.ap != n.first.AP {
		return false
	}
	switch {
	case s.twin && !s.ended:
		return true
	case s.Cause.Infrastructure():
		return s.Hold.IsZero() || !s.Hold.Before(n.boot) || n.first.Heard.Sub(n.boot) <= upTime
	}
	return (s.Cause == Silence || s.Cause == MaxSession) && n.first.Heard.Sub(n.boot) <= upTime
}

const upTime = 5 * time.Minute // how long after a boot stations that were there before are on the air again

// fellWith reports whether the session's end was part of the NAS's latest mass
// end.
func (n NAS) fellWith(s *Session) bool {
	if n.Fell.IsZero() || s.Cause >= Superseded {
		return false
	}
	return within(s.end.Heard, n.Fell, massEnd)
}
