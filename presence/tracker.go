package presence

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Tracker takes in records, and lets time pass for the people in the store. When
// Record returns, the changes that follow from its records are durable; only a
// heartbeat, which changes nothing but the time last heard, is written some seconds
// later.
type Tracker struct {
	HasWork func() // called after every update that may have given the courier work

	store  Store
	log    *slog.Logger
	room   *room // World.room
	past   bool  // nothing is kept: no NAS leaves a note, and heartbeats wait until somebody looks at their user
	policy atomic.Pointer[policy]
	kick   chan struct{}

	reloaded   atomic.Bool  // Run has to advance everybody once
	recalled   atomic.Bool  // recall has read the stored NASes and people
	recalling  sync.Mutex   // guards the reading of the stored NASes
	nasesKnown atomic.Bool  // the stored NASes have been read
	turned     atomic.Int64 // up to when time has passed, in nanoseconds of the Unix epoch

	sweeps time.Time // when sweep may walk over everybody again
	swept  bool      // … and that it has since Run last saw to that

	mu         sync.Mutex // guards what follows
	listening  time.Time  // World.Listening
	holding    time.Time  // World.Holding
	looked     time.Time  // when the clock was last looked at
	failing    error      // of the latest attempt to record
	failed     time.Time  // since when attempts fail; zero: they do not
	ticked     time.Time
	nases      map[NASName]*nas
	hashes     map[uint32]*nas        // by hash32 of their names
	spoke      map[*nas]struct{}      // heard since their notes were last written
	at         map[string][]*nas      // where a person's device is alive
	named      map[string]*sessionIDs // by client
	sources    map[string]*source     // by client
	heartbeats map[string][]*Sighting // by user: those to be written by the next flush
	shares     shares
	told       map[shareKey]time.Time // when it was last said that something is over a share
	unnoted    []NASName              // NASes that are forgotten, and whose notes are to be
	crowds     map[string]time.Time   // users known to be shared accounts, and until when
	unmatched  unmatched
	owned      map[string]owned // by device: what lately was read or written of their notes
	fallen     []NASName        // NASes that lost most of their people, at which nobody has looked yet
	reasons    map[Reason]uint64
	identities map[string]Identities // by client
	next       time.Time             // when Run looks at who is due
	flushed    time.Time             // when Run last flushed
}

// policy is what records mean and what follows from them: a reload replaces it
// as a whole.
type policy struct {
	mapping Mapping
	rules   Rules
}

const (
	flushEvery = 5 * time.Second // how long a heartbeat may wait to be written
	tickChunk  = 256             // people whom one commit lets time pass for
	sweepShare = 10              // one part in so many of the time goes into such walks for resets
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
		reasons: map[Reason]uint64{},
		owned:   map[string]owned{}, named: map[string]*sessionIDs{}, sources: map[string]*source{}, identities: map[string]Identities{},
		shares: shares{}, told: map[shareKey]time.Time{}, crowds: map[string]time.Time{},
	}
	t.Reload(mapping, rules)
	t.listen(t.looked, retryTime)
	return t
}

// listen notes that records may have been missed before now. It holds departures
// for the time in which controllers send those records again, but no longer than
// linger.
func (t *Tracker) listen(now time.Time, hold time.Duration) {
	t.listening, t.holding = now, now.Add(min(hold, t.policy.Load().rules.Linger))
	t.reloaded.Store(true) // what was told of deadlines has changed
}

// World returns what decisions have to know at this moment, for packages that tell
// of them.
func (t *Tracker) World() World { return t.passed(t.world(time.Now())) }

// Reload replaces mapping and rules from now on.
func (t *Tracker) Reload(mapping Mapping, rules Rules) {
	t.policy.Store(&policy{mapping, rules})
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
	return World{Rules: rules, Listening: t.listening, Holding: t.holding, NAS: t.nas, NASByHash: t.nasByHash, Behind: t.behindUntil, room: t.room}
}

// passed returns w with the moment up to which time has passed: a record that
// arrived before that moment may be written after it.
func (t *Tracker) passed(w World) World {
	w.Passed = time.Unix(0, t.turned.Load())
	return w
}

// Run lets time pass until ctx ends. Before it returns it writes the heartbeats and
// the notes of NASes.
func (t *Tracker) Run(ctx context.Context) error {
	if err := t.recall(ctx, time.Now()); err != nil {
		return err
	}
	t.recalled.Store(true)
	said := ""
	for {
		began := time.Now()
		next, err := t.tick(ctx, began)
		if t.swept {
			t.swept, t.sweeps = false, time.Now().Add((sweepShare-1)*time.Since(began))
		}
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
			now := time.Now()
			return t.commit(context.WithoutCancel(ctx), now, WriteNotes(t.nasNotes(now, 0)...))
		case <-t.kick:
			timer.Stop()
		case <-timer.C:
		}
		t.mu.Lock()
		t.ticked = time.Now()
		t.mu.Unlock()
	}
}

// wake makes Run tick now. It never blocks.
func (t *Tracker) wake() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// tick writes the heartbeats, applies resets and mass ends, lets time pass for the
// people who are due, and returns when somebody is due next.
func (t *Tracker) tick(ctx context.Context, now time.Time) (next time.Time, err error) {
	if err := t.flush(ctx, now); err != nil {
		return time.Time{}, err
	}
	if err := errors.Join(t.sweep(ctx, now), t.advanceFallen(ctx, now)); err != nil {
		return time.Time{}, err
	}
	if t.reloaded.Swap(false) {
		if err := t.advanceEverybody(ctx, now); err != nil {
			t.reloaded.Store(true)
			return time.Time{}, err
		}
	}
	for ctx.Err() == nil {
		w := t.world(now)
		t.turned.Store(now.UnixNano())
		users, next, err := t.store.Due(ctx, Wakes, now, tickChunk)
		if err != nil || len(users) == 0 {
			return next, err
		}
		changes := make([]Change, len(users))
		for i, user := range users {
			changes[i] = advancing(user, now, w)
		}
		if err := t.commit(ctx, now, changes...); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, ctx.Err()
}

// advanceEverybody lets time pass for everybody, due or not.
func (t *Tracker) advanceEverybody(ctx context.Context, now time.Time) error {
	w := t.world(now)
	for people, err := range Everybody(ctx, t.store, "") {
		if err != nil {
			return err
		}
		changes := make([]Change, len(people))
		for i, p := range people {
			changes[i] = advancing(p.User, now, w)
		}
		if err := t.commit(ctx, now, changes...); err != nil {
			return err
		}
	}
	return nil
}

// advancing returns the change that lets time pass for the user.
func advancing(user string, now time.Time, w World) Change {
	return Change{User: user, Apply: func(p *Person, _ [][]byte) Outcome { return Outcome{Archived: p.Advance(now, w)} }}
}

// flush writes the heartbeats and the notes of NASes with news, every few seconds.
// While recording fails it writes a probe, which finds out when recording works
// again.
func (t *Tracker) flush(ctx context.Context, now time.Time) error {
	t.mu.Lock()
	waiting, failing := len(t.heartbeats), t.failing
	if t.past {
		waiting = 0
	}
	early := now.Before(t.flushed.Add(flushEvery))
	if !early {
		t.flushed = now
	}
	t.mu.Unlock()
	if early {
		return nil
	}
	notes := t.nasNotes(now, nasEvery)
	if failing != nil {
		notes = append(notes, probe(now))
	}
	if waiting == 0 && len(notes) == 0 {
		return nil
	}
	err := t.commit(ctx, now, WriteNotes(notes...))
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
	return Note{Kind: resets, Key: string(r.NAS) + "\x00" + r.BSSID + "\x00" + r.At.UTC().Format(time.RFC3339Nano), Value: value}
}

// sweep applies the noted resets to everybody whom they cover, by one walk over all.
// Resets that come meanwhile are left to the next walk: however many come, most of
// the time is left for other work.
func (t *Tracker) sweep(ctx context.Context, now time.Time) error {
	if now.Before(t.sweeps) {
		return nil
	}
	notes, err := t.store.Notes(ctx, resets, "", walkPage)
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
	for _, r := range all {
		t.reset(r)
	}
	all = slices.DeleteFunc(all, func(r Reset) bool { return !t.concerns(r) })
	if len(all) == 0 {
		return t.commit(ctx, now, WriteNotes(notes...))
	}
	w := t.world(now)
	t.swept = true
	err = t.advanceWhere(ctx, now, func(p *Person) bool {
		return slices.ContainsFunc(all, func(r Reset) bool { return r.Covers(p, w) })
	}, "a NAS was reset: its sessions are suspect")
	if err != nil {
		return err
	}
	return t.commit(ctx, now, WriteNotes(notes...))
}

// advanceFallen lets time pass for people whose sessions may have been part of a
// mass end.
func (t *Tracker) advanceFallen(ctx context.Context, now time.Time) error {
	t.mu.Lock()
	fallen := t.fallen
	t.fallen = nil
	t.mu.Unlock()
	if len(fallen) == 0 {
		return nil
	}
	err := t.advanceWhere(ctx, now, func(p *Person) bool {
		return slices.ContainsFunc(p.Facts, func(f Facts) bool { return slices.Contains(fallen, f.Place.NAS) })
	}, "a NAS lost most of its people at once: they are held")
	if err != nil {
		t.mu.Lock()
		t.fallen = append(t.fallen, fallen...)
		t.mu.Unlock()
	}
	return err
}

// advanceWhere lets time pass for everybody for whom is returns true, and logs what
// with their number.
func (t *Tracker) advanceWhere(ctx context.Context, now time.Time, is func(*Person) bool, what string) error {
	n, w := 0, t.world(now)
	defer func() {
		if n > 0 {
			t.log.Info(what, "people", n)
		}
	}()
	for people, err := range Everybody(ctx, t.store, "") {
		if err != nil {
			return err
		}
		var changes []Change
		for i := range people {
			if is(&people[i]) {
				changes = append(changes, advancing(people[i].User, now, w))
			}
		}
		if n += len(changes); len(changes) == 0 {
			continue
		}
		if err := t.commit(ctx, now, changes...); err != nil {
			return err
		}
	}
	return nil
}
