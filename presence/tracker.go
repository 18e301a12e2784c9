package presence

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Tracker takes in records, and lets time pass for the people in the store. When
// Record returns, the changes that follow from its records are durable; only a
// heartbeat, which changes nothing but the time last heard, is written some seconds
// later.
type Tracker struct {
	HasWork func()        // called after every update that may have given the courier work
	Shared  bool          // other daemons record in the same store; it is set before Run and before the first record
	Ahead   time.Duration // of its clock, before that of this process: for several in one process, as daemons on other hosts are

	store  Store
	log    *slog.Logger
	room   *room                // World.room
	shown  World                // what every World has of the tracker
	isBeat func(*Sighting) bool // of a rehearsal: counts an Interim that changes nothing but the time last heard; nil: nothing is rehearsed
	policy atomic.Pointer[policy]
	kick   chan struct{}

	reloaded   atomic.Bool  // Run has to advance everybody once
	recalled   atomic.Bool  // recall has read the stored NASes and people
	recalling  sync.Mutex   // guards the reading of the stored NASes
	nasesKnown atomic.Bool  // the stored NASes have been read
	turned     atomic.Int64 // up to when time has passed, in nanoseconds of the Unix epoch

	counts counting // who comes and goes

	learned time.Time // when learn last read what others noted

	sweeps time.Time // when Run may walk over everybody again for what befell a NAS
	swept  bool      // … and that it has since Run last saw to that

	mu         sync.Mutex // guards what follows
	listening  time.Time  // World.Listening
	holding    time.Time  // World.Holding
	looked     time.Time  // when the clock was last looked at
	failing    error      // of the latest attempt to record
	failed     time.Time  // since when attempts fail; zero: they do not
	again      time.Time  // since when they do not, if the other daemons are not told yet
	outage     outage     // the latest
	ticked     time.Time
	nases      map[NASName]*nas
	hashes     map[uint32]*nas        // by hash32 of their names
	spoke      map[*nas]struct{}      // heard since their notes were last written
	signs      signs                  // of stations, for the other daemons and from them
	at         map[string][]*nas      // where a person's device is alive
	named      map[string]*sessionIDs // by client
	sources    map[string]*source     // by client
	heartbeats map[string][]*Sighting // by user: those to be written by the next flush
	shares     shares
	told       map[shareKey]time.Time // when it was last said that something is over a share
	unnoted    []NASName              // NASes that are forgotten, and whose notes are to be
	crowds     map[string]time.Time   // users known to be shared accounts, and until when
	unmatched  unmatched
	owned      map[string]owned     // by device: what lately was read or written of their notes
	fallen     map[NASName]struct{} // NASes that lost most of their people, at which nobody has looked yet
	reasons    map[Reason]uint64
	identities map[string]Identities // by client
	next       time.Time             // when Run looks at who is due
	flushed    time.Time             // when Run last flushed
	with       []time.Duration       // scratch of habit
}

// policy is what records mean and what follows from them: a reload replaces it
// as a whole.
type policy struct {
	mapping Mapping
	rules   Rules
}

const (
	flushEvery  = 5 * time.Second // how long a heartbeat may wait to be written
	recallAgain = time.Second     // how long a shared store that cannot be asked is left alone before Run asks it again
	learnEvery  = 15 * time.Second
	tickChunk   = 256 // people whom one commit lets time pass for, or notes that it writes
	sweepShare  = 10  // one part in so many of the time goes into walks for resets and mass ends
)

// NewTracker returns a tracker over what is in the store.
func NewTracker(store Store, mapping Mapping, rules Rules, log *slog.Logger) *Tracker {
	return newTracker(time.Now(), store, mapping, rules, log)
}

// newTracker returns a tracker that listens from now on. The clock is looked at by
// NewTracker, Record, Run and what operators ask for, and by nothing below them: a
// [Rehearsal] has no clock.
func newTracker(now time.Time, store Store, mapping Mapping, rules Rules, log *slog.Logger) *Tracker {
	t := &Tracker{
		HasWork: func() {}, store: store, log: log, kick: make(chan struct{}, 1), looked: now, ticked: now,
		nases: map[NASName]*nas{}, hashes: map[uint32]*nas{}, spoke: map[*nas]struct{}{}, at: map[string][]*nas{}, heartbeats: map[string][]*Sighting{}, unmatched: unmatched{},
		reasons: map[Reason]uint64{}, fallen: map[NASName]struct{}{},
		owned: map[string]owned{}, named: map[string]*sessionIDs{}, sources: map[string]*source{}, identities: map[string]Identities{},
		counts: counting{sites: map[string]Moves{}},
		shares: shares{}, told: map[shareKey]time.Time{}, crowds: map[string]time.Time{},
	}
	t.shown = World{NAS: t.nas, NASByHash: t.nasByHash, Behind: t.behindUntil}
	t.Reload(mapping, rules)
	t.listen(t.looked, retryTime)
	return t
}

// now is what time it is by this daemon's clock.
func (t *Tracker) now() time.Time { return time.Now().Add(t.Ahead) }

// listen notes that records may have been missed before now. It holds departures
// for the time in which controllers send those records again, but no longer than
// linger.
func (t *Tracker) listen(now time.Time, hold time.Duration) {
	t.listening, t.holding = now, now.Add(min(hold, t.policy.Load().rules.Linger))
	t.reloaded.Store(true) // what was told of deadlines has changed
}

// World returns what decisions have to know at this moment, for packages that tell
// of them.
func (t *Tracker) World() World {
	w := t.world(t.now())
	w.room = nil // whoever has it may look at several people at once
	return w
}

// Reload replaces mapping and rules from now on.
func (t *Tracker) Reload(mapping Mapping, rules Rules) {
	t.policy.Store(&policy{mapping, rules})
	t.mu.Lock()
	for _, n := range t.nases {
		n.Site = "" // by the mapping before
	}
	t.mu.Unlock()
	t.reloaded.Store(true) // deadlines may be sooner now
	t.wake()
}

// Healthy reports whether the latest attempt to record succeeded.
func (t *Tracker) Healthy() bool { return t.Failing() == nil }

// Failing returns why the latest attempt to record did not succeed; nil if it
// did.
func (t *Tracker) Failing() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failing
}

// FailingSince returns since when no attempt to record has succeeded; zero if
// the latest did.
func (t *Tracker) FailingSince() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// outage is a time in which nothing could be recorded.
type outage struct {
	from, to time.Time // without to: it lasts
	why      string
}

// Outage returns the latest time in which nothing could be recorded, and why; to is
// zero while it lasts, and both are if there was none.
func (t *Tracker) Outage() (from, to time.Time, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outage.from, t.outage.to, t.outage.why
}

// Recalled reports whether [Tracker.Run] has read what is stored of the NASes,
// and so can tell their faults from people's departures.
func (t *Tracker) Recalled() bool { return t.recalled.Load() }

// Ticked returns when Run last let time pass, which it does every few seconds.
func (t *Tracker) Ticked() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ticked
}

// world returns what decisions have to know at this moment, which is now.
func (t *Tracker) world(now time.Time) World {
	t.mu.Lock()
	defer t.mu.Unlock()
	rules := t.policy.Load().rules
	if stepped(now.Round(0).Sub(t.looked.Round(0)), now.Sub(t.looked)) {
		t.log.Warn("the clock was set, or the host slept: departures are held for linger")
		t.listen(now, rules.Linger)
	}
	t.looked = now
	w := t.shown
	w.Rules, w.Listening, w.Holding, w.Passed, w.room = rules, t.listening, t.holding, time.Unix(0, t.turned.Load()), t.room
	w.Shared = t.Shared
	if w.room == nil {
		w.room = &room{}
	}
	return w
}

// wake makes Run tick now. It never blocks.
func (t *Tracker) wake() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// owned is what is believed of a device's names.
type owned struct {
	names        // with what is kept in memory only
	note  []byte // what the store has, or has once the batch is recorded; nil: nothing
	news  bool   // the tracker does not remember it like this
}

// behindUntil returns until when the client counts as sending old news; it is
// World.Behind.
func (t *Tracker) behindUntil(client string) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sources[client]
	if s == nil || s.old.IsZero() {
		return time.Time{}
	}
	return s.old.Add(min(max(3*s.gap, fresh), behindMost))
}
