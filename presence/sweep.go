package presence

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// What a NAS tells of all its stations at once, and the walk that applies it.

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
	held, err := t.advanceWhere(ctx, now, func(p *Person) bool {
		return slices.ContainsFunc(all, func(r Reset) bool { return r.Covers(p, w) })
	}, NASReset)
	if err != nil {
		return err
	}
	t.log.Info("a NAS was reset: its sessions are suspect", "people", held)
	t.counts.hold(EventNASReset, held)
	return t.commit(ctx, now, WriteNotes(append(notes, resetEvent(all, held, w).Note())...))
}

// Covers reports whether the reset ended any session of p.
func (r Reset) Covers(p *Person, w World) bool {
	for _, s := range p.look(r.Heard, &w) {
		if r.covers(&s) {
			return true
		}
	}
	return false
}

// advanceWhere lets time pass for everybody for whom is returns true, and returns how
// many of them are held as present then for that cause.
func (t *Tracker) advanceWhere(ctx context.Context, now time.Time, is func(*Person) bool, cause Cause) (held int, err error) {
	w := t.world(now)
	for people, err := range Everybody(ctx, t.store, "") {
		if err != nil {
			return held, err
		}
		var changes []Change
		for i := range people {
			if is(&people[i]) {
				changes = append(changes, Change{User: people[i].User, Apply: func(p *Person, _ [][]byte) Outcome {
					archived, one := p.advance(now, &w, nil), 0
					if p.suspectFor(cause, now, &w) {
						one = 1
					}
					return Outcome{Archived: archived, Then: func() { held += one }}
				}})
			}
		}
		if len(changes) == 0 {
			continue
		}
		if err := t.commit(ctx, now, changes...); err != nil {
			return held, err
		}
	}
	return held, nil
}

// suspectFor reports whether a session of the person is held for the cause.
func (p *Person) suspectFor(cause Cause, now time.Time, w *World) bool {
	return slices.ContainsFunc(p.look(now, w), func(s Session) bool {
		if cause == MassEnd { // the Stop goes on to say why it ended
			return s.State == Suspect && !s.foreign && s.Cause != NASReset && !s.hold.IsZero()
		}
		return s.State == Suspect && !s.foreign && s.Cause == cause
	})
}

// advancing returns the change that lets time pass for the user.
func advancing(user string, now time.Time, w *World) Change {
	return Change{User: user, Apply: func(p *Person, _ [][]byte) Outcome { return Outcome{Archived: p.advance(now, w, nil)} }}
}
