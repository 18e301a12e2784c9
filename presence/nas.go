package presence

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// What the tracker knows of a NAS and of a client, and what decisions see of it.

// nasesInTurn is how many NASes are looked at while others wait.
const nasesInTurn = 256

// nas is what the tracker knows of one NAS: more than is stored.
type nas struct {
	NAS
	noted  time.Time          // NAS.Heard as last stored
	live   map[string]station // people's devices that are alive there
	quiet  map[string]station // … that fell silent: what is heard of them again disproves their interval
	ends   ends               // devices that ended there lately and did not come back
	early  map[string]sign    // Stops of devices that are not known to be there, by device
	name   NASName
	stored bool // there is a note of it
	served bool // a record of a station came from it, or is remembered

	regular int           // stations that are heard by an interval of their own, at the last count
	every   time.Duration // the median of these intervals
}

// source is what is known of a client as a whole, and of its old news.
type source struct {
	all  NAS           // its NASes as if they were one
	live int           // people's devices that are alive at them
	old  time.Time     // arrival of the latest old record
	gap  time.Duration // time between the latest two old records
}

// nas returns what is known of a NAS; it is World.NAS. If one station is alone at
// the NAS, its silence cannot be told from the NAS's: then nas returns the times of
// all NASes of the client, which tell the station's silence from the site's.
func (t *Tracker) nas(name NASName) NAS {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known(t.nases[name])
}

// nasByHash is World.NASByHash.
func (t *Tracker) nasByHash(hash uint32) NAS {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known(t.hashes[hash])
}

// known is nas for a caller that holds t.mu.
func (t *Tracker) known(n *nas) NAS {
	if n == nil {
		return NAS{}
	}
	is := n.told()
	if s := t.sources[n.name.Client()]; is.Others == 0 && s != nil && s.live > massAtOnce {
		is.Others, is.Heard, is.Since = s.live-1, s.all.Heard, s.all.Since
	}
	return is
}

// told returns the NAS with the counts of its stations.
func (n *nas) told() NAS {
	is := n.NAS
	is.Others, is.Regular, is.Every = max(0, len(n.live)-1), n.regular, n.every
	return is
}

// NASes returns what is known of every NAS, by name.
func (t *Tracker) NASes() map[NASName]NAS {
	every := t.everyNAS()
	all := make(map[NASName]NAS, len(every))
	t.inTurn(every, func(n *nas) { all[n.name] = n.told() })
	return all
}

// CountNASes returns of how many NASes something is known.
func (t *Tracker) CountNASes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.nases)
}

// everyNAS returns the NASes, for inTurn.
func (t *Tracker) everyNAS() []*nas {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.nases))
}

// inTurn calls f, with t.mu held, for each of the NASes that is known still. Between some
// and the next it lets others have t.mu: no record waits for a walk over all NASes.
func (t *Tracker) inTurn(all []*nas, f func(*nas)) {
	for some := range slices.Chunk(all, nasesInTurn) {
		t.mu.Lock()
		for _, n := range some {
			if t.nases[n.name] == n {
				f(n)
			}
		}
		t.mu.Unlock()
	}
}

// ofSource returns the source of the NAS's client. The caller holds t.mu.
func (t *Tracker) ofSource(nas NASName) *source { return t.sourceOf(nas.Client()) }

// sourceOf returns the source of the client. The caller holds t.mu.
func (t *Tracker) sourceOf(client string) *source {
	s := t.sources[client]
	if s == nil {
		s = &source{}
		t.sources[strings.Clone(client)] = s
	}
	return s
}

// isOld notes that an old record arrived.
func (s *source) isOld(at time.Time) {
	switch {
	case at.Before(s.old):
		return
	case !s.old.IsZero() && at.Sub(s.old) < behindMost:
		s.gap = at.Sub(s.old)
	default:
		s.gap = 0
	}
	s.old = at
}

func newNAS(n NAS) *nas {
	return &nas{NAS: n, noted: n.Heard, live: map[string]station{}, quiet: map[string]station{}}
}

// station is a person's device that is alive at a NAS.
type station struct {
	session uint32                   // hash32 of its session's id
	heard   time.Time                // event time of its latest sign
	since   time.Time                // event time of its first
	begun   time.Time                // event time of its Start; zero if that was not heard
	gaps    [signsKept]time.Duration // the latest gaps between interims, the newest first
	n       int                      // how many gaps
	every   time.Duration            // the interval that they show; 0: none
}

// hear returns the station after another sign of life.
func (s station) hear(n *Sighting) station {
	s.session = hash32(n.Session)
	if n.Status == Start { // interims that follow every Start at the same distances are no interval
		s.n, s.every, s.begun = 0, 0, n.At
	}
	if s.since.IsZero() {
		s.since = n.At
	} else if gap := n.At.Sub(s.heard); gap >= shortestInterim && gap <= longestInterim && n.Status == Interim {
		copy(s.gaps[1:], s.gaps[:])
		s.gaps[0] = gap
		s.n = min(s.n+1, len(s.gaps))
		s.every = repeats(s.gaps[:s.n])
	}
	s.heard = later(s.heard, n.At)
	return s
}

// Of what daemons tell each other.

const signKind = "heard" // kind of the notes by which daemons tell each other what they heard

// sign is a sighting as the other daemons are told of it: as much as they have to know of a
// NAS's stations. It names nobody.
type sign struct {
	NAS     NASName   `json:"n"`
	Device  string    `json:"d"`
	Session string    `json:"i,omitempty"`
	Site    string    `json:"s,omitempty"`
	Status  Status    `json:"t"`
	Cause   Cause     `json:"c,omitempty"`
	At      time.Time `json:"a"`
	Heard   time.Time `json:"h"`
	Person  bool      `json:"p,omitempty"` // it is of a person's device
}

// signs are what a daemon has to tell, and what it was told.
type signs struct {
	name  string               // of this daemon, in this life
	new   []sign               // heard, and not told yet
	told  time.Time            // when it told last
	there map[string]time.Time // the notes that are there, and when they were written
}

// tell keeps what was heard of a station for the other daemons. The caller holds t.mu.
func (t *Tracker) tell(s *Sighting, person bool) {
	if !t.Shared || s.Device == "" || !person && s.Status != Stop && t.at[s.Device] == nil {
		return
	}
	t.signs.new = append(t.signs.new, sign{clone(s.NAS), strings.Clone(s.Device), strings.Clone(s.Session), strings.Clone(s.Site), s.Status, s.Cause, s.At, s.Heard, person})
}

// unsaid keeps what the notes hold, which could not be stored, to be told again. The caller
// holds t.mu.
func (t *Tracker) unsaid(n *Note) {
	var again []sign
	if n.Kind == signKind && json.Unmarshal(n.Value, &again) == nil {
		t.signs.new = append(again, t.signs.new...)
		t.signs.told = time.Time{}
	}
}

// earlyMost bounds how many Stops of one NAS are kept for whose Start another daemon may
// have heard.
const earlyMost = 512

// endsEarly keeps a Stop of a device that this daemon does not know to be there: another one
// may have heard it, and be about to say so.
func (n *nas) endsEarly(s *sign) {
	if n.early == nil {
		n.early = map[string]sign{}
	}
	if len(n.early) >= earlyMost {
		maps.DeleteFunc(n.early, func(_ string, was sign) bool { return s.Heard.Sub(was.Heard) > massEnd })
	}
	if len(n.early) >= earlyMost {
		clear(n.early)
	}
	n.early[s.Device] = *s
}
