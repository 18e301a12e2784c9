package presence

import "time"

// World is what a decision about one person has to know beside the person.
type World struct {
	Rules
	Listening time.Time             // since when no record can have been missed by our own fault
	Holding   time.Time             // no departure is believed before
	Passed    time.Time             // time has passed up to here for everybody: nothing is concluded as of earlier
	NAS       func(name string) NAS // what is known of a NAS; never nil
}

// NAS is what is known of one NAS as a whole.
type NAS struct {
	Heard time.Time `json:"heard"`         // arrival of its latest record
	Since time.Time `json:"since"`         // since when it has been heard without a gap of nasGap
	Fell  time.Time `json:"fell,omitzero"` // the latest mass end: when most of its people ended at once
}

const (
	nasGap = 10 * time.Minute // a NAS unheard for this long has fallen silent as a whole

	minSilence      = 10 * time.Minute // a session is never believed silent sooner
	missedInterims  = 3                // … nor before this many interims are missing
	shortestInterim = 55 * time.Second // RFC 2869 5.16 allows no interval under 60 s; anything shorter is an event
	longestInterim  = 4 * time.Hour
	unsureInterim   = time.Hour // the longest interval that is common: what one heard only once may really be

	// retries is how long a controller may take to come back with what it
	// could not deliver: hostapd, the slowest known, retries every 120 s.
	retries = 150 * time.Second

	tombstoneAge = 30 * time.Hour // how long the past of a person is kept: past the turn of the next day
	maxEnded     = 16             // tombstones a person keeps at the most, the latest
	maxStory     = 48
)

// heardAfter returns the moment from which the NAS has been heard, if it has
// been heard after t; zero if it has not.
func (n NAS) heardAfter(t time.Time) time.Time {
	switch {
	case !n.Heard.After(t):
		return time.Time{}
	case n.Since.After(t):
		return n.Since
	}
	return n.Heard
}

// massEnd is how close together the ends of most of a NAS's people are when
// they are the network's doing.
const massEnd = 2 * time.Minute

// fellWith reports whether the session's end was part of the NAS's latest mass
// end, and that is to be held for still.
func (n NAS) fellWith(s *Session, now time.Time, hold time.Duration) bool {
	if n.Fell.IsZero() || !now.Before(n.Fell.Add(hold)) || s.Cause >= Superseded {
		return false
	}
	return s.Heard.After(n.Fell.Add(-massEnd)) && s.Heard.Before(n.Fell.Add(massEnd))
}

// hear returns n after a record that arrived at t.
func (n NAS) hear(t time.Time) NAS {
	if n.Heard.IsZero() || t.Sub(n.Heard) > nasGap {
		n.Since = t
	}
	if t.After(n.Heard) {
		n.Heard = t
	}
	return n
}

// stepped reports whether the clock on the wall and the monotonic clock
// disagree about how long something took: the clock was set, or the host slept.
func stepped(wall, monotonic time.Duration) bool { return (wall - monotonic).Abs() > time.Minute }
