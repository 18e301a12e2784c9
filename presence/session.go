package presence

import "time"

// SessionState is how far a session has come.
type SessionState string

// The states of a session.
const (
	Open    SessionState = "open"    // alive as far as is known
	Suspect SessionState = "suspect" // ended or fell silent by the infrastructure's fault; held as present
	Ended   SessionState = "ended"
	Expired SessionState = "expired" // only max_session ended it; when it really ended is unknown
)

// Session is one accounting session of one device. Ended and expired sessions
// stay as tombstones for a while so that nothing late revives them.
type Session struct {
	ID      string        `json:"id,omitempty"`    // Acct-Session-Id
	Multi   string        `json:"multi,omitempty"` // Acct-Multi-Session-Id, of which the AP is a part (RFC 3580 2.2); dropped when the session ends
	Device  string        `json:"device"`
	Site    string        `json:"site"`
	SSID    string        `json:"ssid,omitempty"`
	NAS     string        `json:"nas,omitempty"`   // as Record.NAS names it; dropped soon after the session ends
	AP      string        `json:"ap,omitempty"`    // dropped when the session ends
	BSSID   string        `json:"bssid,omitempty"` // dropped when the session ends
	State   SessionState  `json:"state"`
	Began   time.Time     `json:"began"`             // event time of its start
	Exact   bool          `json:"exact,omitempty"`   // its Start was heard, so Began is no estimate
	Seen    time.Time     `json:"seen"`              // latest event time at which it was alive
	Steady  time.Time     `json:"steady,omitzero"`   // event time of its latest record that tells of no roam: interims count from there
	Heard   time.Time     `json:"heard"`             // arrival of its latest record: ageing runs on our own clock
	Ended   time.Time     `json:"ended,omitzero"`    // event time of its end
	Age     time.Duration `json:"age,omitempty"`     // Acct-Session-Time of its latest record
	Interim time.Duration `json:"interim,omitempty"` // learned interval between interims; 0: none seen
	Cause   Cause         `json:"cause,omitempty"`   // why it ended or became suspect
	Hold    time.Time     `json:"hold,omitzero"`     // a suspect session is believed ended from here on; zero: not while its NAS is silent
}

// Live reports whether the session counts as present: open, or suspect.
func (s *Session) Live() bool { return s.State == Open || s.State == Suspect }

// alive notes that the session was alive at the sighting, the latest so far.
func (s *Session) alive(n Sighting) {
	if n.Status != Interim {
		s.Steady = n.At
	} else if n.AP == s.AP && n.BSSID == s.BSSID { // else it tells of a roam, and not of an interval
		s.learn(n.At.Sub(s.Steady))
		s.Steady = n.At
	}
	s.State, s.Ended, s.Cause, s.Hold = Open, time.Time{}, 0, time.Time{}
	s.Seen, s.Heard = n.At, later(s.Heard, n.Heard)
	if n.HasAge {
		s.Age = n.Age
	}
	s.Site, s.NAS, s.BSSID = n.Site, n.NAS, n.BSSID
	s.SSID, s.AP = kept(s.SSID, n.SSID), kept(s.AP, n.AP)
	if n.Multi != "" {
		s.Multi = kept(s.Multi, n.Multi)
	}
}

// learn takes the gap between two signs of life for an interim interval. It
// grows at once and shrinks slowly, because a lost interim lengthens a gap and
// an event (an address, a roam) shortens it, and too short is the mistake
// that costs a desk.
func (s *Session) learn(gap time.Duration) {
	switch {
	case gap < shortestInterim || gap > longestInterim:
	case gap > s.Interim:
		s.Interim = gap
	default:
		s.Interim -= (s.Interim - gap) / 4
	}
}

// end ends the session at the event time t; held until hold if that is the
// infrastructure's doing.
func (s *Session) end(t time.Time, cause Cause, hold time.Time) {
	s.State, s.Ended, s.Cause, s.Hold = Ended, t, cause, time.Time{}
	if !hold.IsZero() {
		s.State, s.Hold = Suspect, hold
		return
	}
	s.AP, s.BSSID, s.Multi = "", "", ""
}

// silent is when the session will be believed to have fallen silent; zero if
// it has sent no interims, which is no reason to expect any. An interval heard
// only once can have been anything: a NAS may send an Interim for a roam, or
// for a roam back when that of the roam was lost. It is not counted on before
// it had the time to be heard twice.
func (s *Session) silent(w World) time.Time {
	interval := s.Interim
	switch {
	case interval == 0:
		return time.Time{}
	case s.Steady.Sub(s.Began) < interval*3/2:
		interval = max(interval, unsureInterim)
	}
	return later(s.Heard.Add(max(missedInterims*interval, minSilence)), w.Listening.Add(interval+retries))
}

// pass lets time pass up to now, and returns when to look again; zero if
// there is no need.
func (s *Session) pass(now time.Time, w World) time.Time {
	expires := s.Heard.Add(w.MaxSession)
	if s.State == Open {
		silent, nas := s.silent(w), w.NAS(s.NAS)
		switch {
		case silent.IsZero():
		case now.Before(silent):
			return silent
		case !nas.heardAfter(s.Heard.Add(s.Interim)).IsZero() && !nas.Since.After(s.Heard):
			s.end(s.Seen, Silence, time.Time{})
			return time.Time{}
		default: // its NAS fell silent as a whole, if only for a while: nobody's departure
			s.State, s.Ended, s.Cause = Suspect, s.Seen, NASSilent
		}
	}
	if s.State == Suspect && s.Hold.IsZero() {
		if again := w.NAS(s.NAS).heardAfter(s.Heard.Add(s.Interim)); !again.IsZero() {
			s.Hold = again.Add(w.OutageHold)
		}
	}
	if s.State == Suspect && !s.Hold.IsZero() {
		if hold := later(s.Hold, w.Holding); now.Before(hold) {
			return hold
		}
		s.end(s.Ended, s.Cause, time.Time{})
		return time.Time{}
	}
	if expires = later(expires, w.Holding); now.Before(expires) {
		if s.State == Suspect { // nothing tells us when its NAS is heard again
			return earlier(expires, now.Add(nasGap))
		}
		return expires
	}
	s.end(s.Seen, MaxSession, time.Time{})
	s.State = Expired
	return time.Time{}
}

// carriesOn reports whether the device's streak runs on to its next session,
// at t. A suspect session is believed, but not for a night: then its end was
// lost, and the device is new in the morning.
func (s *Session) carriesOn(t time.Time, w World) bool {
	return s.State == Open || t.Before(later(s.Seen, s.Ended).Add(s.Interim+w.OutageHold+w.Linger))
}

// moment is what clocks that count whole seconds, and packets that overtake
// each other, can make of one moment.
const moment = 5 * time.Second

// began is when the session that the sighting is of began, as far as it says.
func (n Sighting) began() time.Time {
	if n.Status == Start {
		return n.At
	}
	return n.At.Add(-n.Age)
}

// renews reports whether the sighting is of a later session than s that has
// the same id: ids repeat after a boot and on NASes that count alike, and
// hostapd has been seen to give one again to the station that it was of. Of an
// Interim the count of seconds tells: it began anew, or from when s was over.
func (n Sighting) renews(s *Session) bool {
	switch {
	case n.Status == Interim && !n.HasAge:
		return false
	case n.Status == Interim && n.Age >= s.Age: // it has lasted longer by now than s had
		return !s.Live() && n.began().After(s.Ended.Add(time.Minute))
	case s.Live():
		return n.At.After(s.Seen) && n.began().After(s.Began.Add(moment))
	case s.Exact && s.Cause != Superseded && n.began().After(s.Began) && !n.began().Before(s.Ended):
		return true // it was told that s had ended
	}
	// Clocks err, and a Start close to when the session began is its own.
	return n.began().After(s.Began.Add(moment)) && !n.began().Before(s.Ended.Add(-moment))
}

// precedes reports whether the Stop is of an earlier session than s that has
// the same id: one that by its own count of seconds began long before. It can
// come after the Start of s, and even, by clocks that count whole seconds, be
// stamped after it.
func (n Sighting) precedes(s *Session) bool {
	if !s.Exact || !n.HasAge {
		return false
	}
	sooner := s.Began.Sub(n.began())
	return n.NAS != s.NAS && sooner > time.Minute || sooner > moment && !n.At.After(s.Began.Add(moment))
}

// goesOn reports whether the session is, or was, believed to go on until t.
func (s *Session) goesOn(t time.Time, w World) bool {
	return !s.Seen.After(t) && (s.Live() || s.State == Expired && t.Before(s.Heard.Add(w.MaxSession)))
}

// after reports whether the sighting is later than the session's end. The
// session's own count of seconds decides where there is one: clocks err, and
// some NASes send an interim just after the Stop.
func (n Sighting) after(s *Session) bool {
	if !n.At.After(s.Ended) {
		return false
	}
	return !n.HasAge || s.Age == 0 || n.Age > s.Age
}

// later and earlier return the later and the earlier of two times; earlier
// takes zero for never.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
