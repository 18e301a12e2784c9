package presence

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// The loop that lets time pass: what is due, what was kept to be written, and what
// happened to whole NASes.

// Run lets time pass until ctx ends. Before it returns it writes the heartbeats and
// the notes of NASes.
func (t *Tracker) Run(ctx context.Context) error {
	said := ""
	for {
		err := t.recall(ctx, t.now())
		if err == nil {
			break
		}
		if !t.Shared {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if err.Error() != said { // nobody is answered, and nothing is lost, until the store can be asked
			said = err.Error()
			t.log.Error("read what is known of NASes: it is tried until it can be", "error", err)
		}
		_ = t.commit(ctx, t.now(), WriteNotes(probe(t.now()))) // so that it is known whether recording works
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(recallAgain):
		}
	}
	t.recalled.Store(true)
	said = ""
	for {
		began := t.now()
		next, err := t.tick(ctx, began)
		if t.swept {
			t.swept, t.sweeps = false, began.Add(sweepShare*t.now().Sub(began))
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
		timer := time.NewTimer(t.next.Sub(t.now()))
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			timer.Stop()
			now := t.now()
			return t.writeNotes(context.WithoutCancel(ctx), now, append(t.nasNotes(now, 0), t.signNotes(now)...))
		case <-t.kick:
			timer.Stop()
		case <-timer.C:
		}
		t.mu.Lock()
		t.ticked = t.now()
		t.mu.Unlock()
	}
}

// tick writes the heartbeats, applies resets and mass ends, lets time pass for the
// people who are due, and returns when somebody is due next.
func (t *Tracker) tick(ctx context.Context, now time.Time) (next time.Time, err error) {
	if err := t.flush(ctx, now); err != nil {
		return time.Time{}, err
	}
	if err := errors.Join(t.learn(ctx, now), t.sweep(ctx, now), t.advanceFallen(ctx, now)); err != nil {
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
			changes[i] = advancing(user, now, &w)
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
			changes[i] = advancing(p.User, now, &w)
		}
		if err := t.commit(ctx, now, changes...); err != nil {
			return err
		}
	}
	return nil
}

// flush writes the heartbeats and the notes of NASes with news, every few seconds.
// While recording fails it writes a probe, which finds out when recording works
// again.
func (t *Tracker) flush(ctx context.Context, now time.Time) error {
	t.mu.Lock()
	failing, again := t.failing, t.again
	early := now.Before(t.flushed.Add(flushEvery))
	if !early {
		t.flushed = now
	}
	t.mu.Unlock()
	if early {
		return nil
	}
	notes := append(t.nasNotes(now, nasEvery), t.signNotes(now)...)
	if failing != nil {
		notes = append(notes, probe(now))
	}
	if !again.IsZero() {
		notes = append(notes, Note{Kind: listeningKind, Key: listeningKey, Value: []byte(again.UTC().Format(time.RFC3339Nano))})
	}
	err := t.writeNotes(ctx, now, notes)
	if err == nil && !again.IsZero() {
		t.mu.Lock()
		if t.again.Equal(again) {
			t.again = time.Time{}
		}
		t.mu.Unlock()
	}
	return err
}

// writeNotes writes the notes and the heartbeats that wait, some in each commit: records
// wait for one of these at the most. What could not be stored is due again.
func (t *Tracker) writeNotes(ctx context.Context, now time.Time, notes []Note) error {
	t.mu.Lock()
	waiting := len(t.heartbeats)
	t.mu.Unlock()
	for ; len(notes) > 0 || waiting > 0; waiting -= tickChunk {
		some := notes[:min(len(notes), tickChunk)]
		if err := t.commit(ctx, now, WriteNotes(some...)); err != nil {
			t.notNoted(notes)
			return err
		}
		notes = notes[len(some):]
	}
	return nil
}

// advanceFallen lets time pass for people whose sessions may have been part of a
// mass end. What falls meanwhile is left to the next walk, as by sweep.
func (t *Tracker) advanceFallen(ctx context.Context, now time.Time) error {
	if now.Before(t.sweeps) {
		return nil
	}
	t.mu.Lock()
	fallen := t.fallen
	if len(fallen) > 0 {
		t.fallen = map[NASName]struct{}{}
	}
	t.mu.Unlock()
	if len(fallen) == 0 {
		return nil
	}
	t.swept = true
	held, err := t.advanceWhere(ctx, now, func(p *Person) bool {
		return slices.ContainsFunc(p.Facts, func(f Facts) bool { _, fell := fallen[f.Place.NAS]; return fell })
	}, MassEnd)
	if err == nil {
		t.log.Info("NASes lost most of their people at once: they are held", "nases", len(fallen), "people", held)
		t.counts.hold(EventMassEnd, held)
		err = t.commit(ctx, now, WriteNotes(massEndEvent(slices.Collect(maps.Keys(fallen)), held, now, t.world(now)).Note()))
	}
	if err != nil {
		t.mu.Lock()
		maps.Copy(t.fallen, fallen)
		t.mu.Unlock()
	}
	return err
}
