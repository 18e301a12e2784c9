package presence

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Tracker takes records in and lets time pass over the people in the store.
// When Record returns, what the records change is durable; only a heartbeat,
// which changes nothing but the time last heard, waits for a few seconds.
type Tracker struct {
	Concluded func() // called after every update that may have given the courier work

	store Store
	log   *slog.Logger
	setup atomic.Pointer[setup]
	kick  chan struct{}

	reloaded  atomic.Bool  // everybody is to be looked at once
	recalled  atomic.Bool  // what is stored of the NASes has been read
	concluded atomic.Int64 // up to when time has passed, in nanoseconds of the Unix epoch

	mu         sync.Mutex // guards what follows
	listening  time.Time  // World.Listening
	holding    time.Time  // World.Holding
	looked     time.Time  // when the clock was last looked at
	failing    error      // of the latest attempt to record
	ticked     time.Time
	nases      map[string]*nas
	at         map[string]*nas // where a person's device is alive
	heartbeats map[heartbeat]*Sighting
	unmatched  unmatched
	owned      map[string]owner // by device: what lately was read or written of their notes
	disowned   int              // how often such notes were erased, or written by a batch
	reasons    map[Reason]uint64
	identities map[string]Identities // by client
	next       time.Time             // when Run looks at who is due
	flushed    time.Time             // when it last looked at what waits
}

// setup is what a reload replaces as a whole.
type setup struct {
	mapping Mapping
	rules   Rules
}

// heartbeat names the session that a heartbeat is of.
type heartbeat struct{ user, device, session string }

const (
	flushEvery = 5 * time.Second // how long a heartbeat may wait to be written
	tickChunk  = 256             // people whom one commit lets time pass for
	walkChunk  = 500             // people read at once on a walk over all
)

// NewTracker returns a tracker over what is in the store.
func NewTracker(store Store, mapping Mapping, rules Rules, log *slog.Logger) *Tracker {
	t := &Tracker{
		Concluded: func() {}, store: store, log: log, kick: make(chan struct{}, 1), looked: time.Now(), ticked: time.Now(),
		nases: map[string]*nas{}, at: map[string]*nas{}, heartbeats: map[heartbeat]*Sighting{}, unmatched: unmatched{},
		reasons: map[Reason]uint64{},
		owned:   map[string]owner{}, identities: map[string]Identities{},
	}
	t.Reload(mapping, rules)
	t.listen(t.looked, retries)
	return t
}

// listen begins a new time of listening: records may have been missed before
// now. Departures are held until controllers have had the time to send them
// again, but no longer than the linger that they had coming anyway.
func (t *Tracker) listen(now time.Time, hold time.Duration) {
	t.listening, t.holding = now, now.Add(min(hold, t.setup.Load().rules.Linger))
}

// Reload makes mapping and rules count from now on.
func (t *Tracker) Reload(mapping Mapping, rules Rules) {
	t.setup.Store(&setup{mapping, rules})
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

// Recalled reports whether [Tracker.Run] has read what is stored of the NASes,
// and so can tell their faults from people's departures.
func (t *Tracker) Recalled() bool { return t.recalled.Load() }

// Ticked returns when time last passed, which is every few seconds at least.
func (t *Tracker) Ticked() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ticked
}

// world returns what decisions have to know at this moment.
func (t *Tracker) world() World {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, rules := time.Now(), t.setup.Load().rules
	if stepped(now.Round(0).Sub(t.looked.Round(0)), now.Sub(t.looked)) {
		t.log.Warn("the clock was set, or the host slept: departures are held for linger")
		t.listen(now, rules.Linger)
	}
	t.looked = now
	return World{Rules: rules, Listening: t.listening, Holding: t.holding, NAS: t.nas}
}

// passed returns w with the moment up to which time has passed by now: a
// record that arrived before it may be committed after.
func (t *Tracker) passed(w World) World {
	w.Passed = time.Unix(0, t.concluded.Load())
	return w
}

// Run lets time pass until ctx ends, and writes what waits before it returns.
func (t *Tracker) Run(ctx context.Context) error {
	if err := t.recall(ctx); err != nil {
		return err
	}
	t.recalled.Store(true)
	said := ""
	for {
		next, err := t.tick(ctx)
		switch {
		case err == nil:
			said = ""
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			t.log.Error("let time pass", "error", err)
		}
		t.mu.Lock()
		t.next = earlier(t.flushed.Add(flushEvery), next)
		timer := time.NewTimer(time.Until(t.next))
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			timer.Stop()
			return t.commit(context.WithoutCancel(ctx), nil, t.nasNotes())
		case <-t.kick:
			timer.Stop()
		case <-timer.C:
		}
		t.mu.Lock()
		t.ticked = time.Now()
		t.mu.Unlock()
	}
}

func (t *Tracker) wake() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// tick writes what waits, sweeps what NASes reset, lets time pass for those
// who are due, and returns when somebody is due next.
func (t *Tracker) tick(ctx context.Context) (next time.Time, err error) {
	if err := t.flush(ctx); err != nil {
		return time.Time{}, err
	}
	if err := t.sweep(ctx); err != nil {
		return time.Time{}, err
	}
	if t.reloaded.Swap(false) {
		if err := t.everybody(ctx); err != nil {
			t.reloaded.Store(true)
			return time.Time{}, err
		}
	}
	for ctx.Err() == nil {
		now, w := time.Now(), t.world()
		t.concluded.Store(now.UnixNano())
		users, next, err := t.store.Due(ctx, Wakes, now, tickChunk)
		if err != nil || len(users) == 0 {
			return next, err
		}
		changes := make([]Change, len(users))
		for i, user := range users {
			changes[i] = Change{User: user, Apply: func(p *Person) []Visit { return p.Advance(now, w) }}
		}
		if err := t.commit(ctx, changes, nil); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, ctx.Err()
}

// everybody lets time pass for everybody, whoever is due.
func (t *Tracker) everybody(ctx context.Context) error {
	now, w := time.Now(), t.world()
	return t.walk(ctx, func(people []Person) error {
		changes := make([]Change, len(people))
		for i, p := range people {
			changes[i] = Change{User: p.User, Apply: func(p *Person) []Visit { return p.Advance(now, w) }}
		}
		return t.commit(ctx, changes, nil)
	})
}

// flush commits, every few seconds, the heartbeats that wait and what is new
// of the NASes. While recording fails it is what finds out that it works again.
func (t *Tracker) flush(ctx context.Context) error {
	t.mu.Lock()
	waiting, failing, now := len(t.heartbeats), t.failing, time.Now()
	early := now.Before(t.flushed.Add(flushEvery))
	if !early {
		t.flushed = now
	}
	t.mu.Unlock()
	if early {
		return nil
	}
	notes := t.nasNotes()
	if failing != nil {
		notes = append(notes, probe())
	}
	if waiting == 0 && len(notes) == 0 {
		return nil
	}
	err := t.commit(ctx, nil, notes)
	if err != nil {
		t.notNoted(notes)
	}
	return err
}

const resets = "reset" // kind of the notes that hold resets not yet swept

func resetNote(r Reset) Note {
	value, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and times
	}
	return Note{Kind: resets, Key: r.NAS + "\x00" + r.BSSID + "\x00" + r.At.UTC().Format(time.RFC3339Nano), Value: value}
}

// sweep applies the resets that are noted to everybody whom they cover.
func (t *Tracker) sweep(ctx context.Context) error {
	notes, err := t.store.Notes(ctx, resets, "", walkChunk)
	if err != nil || len(notes) == 0 {
		return err
	}
	var all []Reset
	for i, n := range notes {
		var r Reset
		if err := json.Unmarshal(n.Value, &r); err == nil {
			all = append(all, r)
		}
		notes[i].Value = nil
	}
	w := t.world()
	err = t.walk(ctx, func(people []Person) error {
		var changes []Change
		for _, p := range people {
			for _, r := range all {
				if r.Covers(p) {
					changes = append(changes, Change{User: p.User, Apply: func(p *Person) []Visit { return p.Reset(r, w) }})
				}
			}
		}
		if len(changes) == 0 {
			return nil
		}
		t.log.Info("a NAS was reset: its sessions are suspect", "people", len(changes))
		return t.commit(ctx, changes, nil)
	})
	if err != nil {
		return err
	}
	return t.commit(ctx, nil, notes)
}

// walk reads all people in short reads.
func (t *Tracker) walk(ctx context.Context, f func([]Person) error) error {
	for after := ""; ; {
		people, err := t.store.People(ctx, after, walkChunk)
		if err != nil || len(people) == 0 {
			return err
		}
		if err := f(people); err != nil {
			return err
		}
		after = people[len(people)-1].User
	}
}
