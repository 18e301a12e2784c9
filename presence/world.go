package presence

import (
	"slices"
	"strings"
	"time"
)

// World is what a decision about one person has to know beside the person. It moves
// on: presence keeps what it says of a session as a mark. Beyond that it may delay a
// conclusion, and never undo one.
type World struct {
	Rules
	Listening time.Time                     // since when no record can have been missed by our own fault
	Holding   time.Time                     // no departure, and no arrival of old news, is believed before
	Shared    bool                          // other daemons conclude of the same people, by clocks of their own
	Passed    time.Time                     // time has passed up to here for everybody: of a record that arrived sooner it is concluded as of here
	NAS       func(name NASName) NAS        // what is known of a NAS; never nil
	NASByHash func(hash uint32) NAS         // likewise, where a person's facts hold the name no longer; nil: nothing
	Behind    func(client string) time.Time // until when a client is taken to be sending old news; nil: none is

	room *room // where to look at a person; nil: anywhere
}

// NAS is what is known of one NAS as a whole.
type NAS struct {
	Heard    time.Time     `json:"heard"`             // arrival of its latest record
	Since    time.Time     `json:"since"`             // since when it has been heard without falling silent
	Fell     time.Time     `json:"fell,omitzero"`     // the latest mass end: when most of its people ended at once
	Interval time.Duration `json:"interval,omitzero"` // the interval of most of its sessions; negative: most have none; 0: not known
	Idle     time.Duration `json:"idle,omitzero"`     // how long it waits before it says Idle-Timeout; 0: not known

	// Roams are from a Start elsewhere to the Idle-Timeout here of the session before it: the
	// shortest, in order.
	Roams []time.Duration `json:"roams,omitempty"`

	Clock   Clock         `json:"clock,omitzero"`
	Resets  []Reset       `json:"resets,omitempty"` // the latest, oldest first
	Others  int           `json:"-"`                // people's devices that are alive there, less one
	Regular int           `json:"-"`                // devices there that are heard by an interval of their own
	Every   time.Duration `json:"-"`                // the median of these intervals
	Site    string        `json:"-"`                // of its records; noSite if of several, "" if of none
}

const (
	nasGap = 10 * time.Minute // a NAS unheard for this long may have fallen silent as a whole

	regulars   = 3                // so many stations with interims show a NAS silent that has no habit of them
	behindMost = 10 * time.Minute // how long presence waits for more old news at the most
	deafMost   = 4 * time.Hour    // how long somebody is waited for because their NAS is silent

	minSilence    = 10 * time.Minute // a session is never believed silent sooner
	slowestBelief = 15 * time.Minute // a departure is believed an interval after the device was found silent, or this long after it if the interval is longer

	tombstoneAge = 30 * time.Hour // how long the past of a person is kept: past the turn of the next day
	maxEnded     = 16             // ids of ended sessions that a person keeps at the most, the latest
	maxStory     = 48
	maxStrange   = 32            // live sessions that are somebody else's or at no site, of which a person keeps the latest
	maxBuried    = 32            // devices of which no session is kept, likewise
	dozeMost     = 2 * time.Hour // a longer absence is no doze
)

// longest returns the longest gap that a streak may run over.
func (w *World) longest() time.Duration { return max(w.Linger, w.LunchLinger, dozeMost) }

// gap returns how long the NAS may be unheard before it counts as silent.
func (n NAS) gap() time.Duration {
	if n.Interval <= 0 && n.Regular >= regulars {
		return max(nasGap, n.Every+retryTime)
	}
	return max(nasGap, n.Interval+retryTime)
}

// silent reports whether the NAS has fallen silent as a whole: a record was due, and
// none came.
func (n NAS) silent(now time.Time) bool {
	return n.speaks() && now.Sub(n.Heard) > n.gap()
}

// speaks reports whether the NAS can be expected to be heard: it sends interims, of
// more stations than one.
func (n NAS) speaks() bool { return n.Others > 0 && (n.Interval > 0 || n.Regular >= regulars) }

// heardAfter returns when the NAS was heard after t: when it came back, if it was
// silent at t, else its latest record; zero if it was not heard after t.
func (n NAS) heardAfter(t time.Time) time.Time {
	switch {
	case !n.Heard.After(t):
		return time.Time{}
	case n.Since.After(t):
		return n.Since
	}
	return n.Heard
}

// massEnd is within how long the sessions of most of a NAS's people end for it to be
// the network's doing; atOnce is the same for Stops that name causes of the stations'
// own: at closing time people leave within minutes, and not within seconds.
const (
	massEnd = 2 * time.Minute
	atOnce  = 10 * time.Second
)

// hear returns n with the arrival of a record at t.
func (n NAS) hear(t time.Time) NAS {
	if n.Heard.IsZero() || t.Sub(n.Heard) > n.gap() {
		n.Since = t
	}
	if t.After(n.Heard) {
		n.Heard = t
	}
	return n
}

// join returns n with what another daemon knows of the NAS: when it was heard, as long as
// that is one chain without silence, its latest mass end and its resets. What belongs to
// how it sends is known best by who heard it last.
func (n NAS) join(o NAS) NAS {
	latest, before := n, o
	if o.Heard.After(n.Heard) {
		latest, before = o, n
	}
	is := latest
	if is.Interval == 0 {
		is.Interval = before.Interval
	}
	if is.Idle == 0 {
		is.Idle = before.Idle
	}
	for _, waited := range before.Roams {
		is = is.roamed(waited)
	}
	if is.Clock.Since.IsZero() {
		is.Clock = before.Clock
	}
	if !before.Heard.IsZero() && latest.Since.Sub(before.Heard) <= is.gap() {
		is.Since = earlier(before.Since, latest.Since)
	}
	is.Fell = later(n.Fell, o.Fell)
	is.Resets = slices.Clone(n.Resets)
	for _, r := range o.Resets {
		if !slices.ContainsFunc(is.Resets, r.same) {
			is.Resets = append(is.Resets, r)
		}
	}
	slices.SortStableFunc(is.Resets, func(a, b Reset) int { return a.Heard.Compare(b.Heard) })
	is.Resets = is.Resets[max(0, len(is.Resets)-resetsKept):]
	is.Others, is.Regular, is.Every, is.Site = n.Others, n.Regular, n.Every, n.Site
	return is
}

const (
	roamsKept = 16
	idleAlike = 20 * time.Second // hostapd's 300 s come out as 300 to 317
)

// roamed returns n after another roam. It believes the shortest wait that three roams show
// alike: a station that came back unheard shows too long a wait.
func (n NAS) roamed(waited time.Duration) NAS {
	at, known := slices.BinarySearch(n.Roams, waited)
	if known {
		return n
	}
	n.Roams = slices.Insert(slices.Clone(n.Roams), at, waited)
	n.Roams = n.Roams[:min(len(n.Roams), roamsKept)]
	for i := range len(n.Roams) - 2 {
		if n.Roams[i+2]-n.Roams[i] <= idleAlike {
			n.Idle = n.Roams[i]
			break
		}
	}
	return n
}

const resetsKept = 16 // one for each BSS of an access point

// same reports whether both are told of by the same record.
func (r Reset) same(o Reset) bool { return r.At.Equal(o.At) && r.BSSID == o.BSSID }

// at returns n with the site of a record of it.
func (n NAS) at(site string) NAS {
	switch n.Site {
	case "":
		n.Site = strings.Clone(site)
	case site:
	default:
		n.Site = noSite
	}
	return n
}

// stepped reports whether the clock on the wall and the monotonic clock
// disagree about how long something took: the clock was set, or the host slept.
func stepped(wall, monotonic time.Duration) bool { return (wall - monotonic).Abs() > time.Minute }

// Reset is an Accounting-On or Accounting-Off.
type Reset struct {
	NAS   NASName   `json:"nas"`
	BSSID string    `json:"bssid,omitempty"` // covers only this BSS, if it names one
	At    time.Time `json:"at"`
	Heard time.Time `json:"heard"`
	Stamp time.Time `json:"stamp,omitzero"` // its Event-Timestamp as it stands; a boot that is told late is dated by its arrival
}

// lasted returns when the latest mark was, or until when a session may have lasted that only
// max_session ended.
func (f *Facts) lasted(w *World) time.Time {
	if f.Marks[len(f.Marks)-1].Cause == MaxSession {
		return f.last().Add(w.MaxSession)
	}
	return f.last()
}
