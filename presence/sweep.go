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
	err = t.advanceWhere(ctx, now, func(p *Person) bool {
		return slices.ContainsFunc(all, func(r Reset) bool { return r.Covers(p, w) })
	}, "a NAS was reset: its sessions are suspect")
	if err != nil {
		return err
	}
	return t.commit(ctx, now, WriteNotes(notes...))
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

// advancing returns the change that lets time pass for the user.
func advancing(user string, now time.Time, w World) Change {
	return Change{User: user, Apply: func(p *Person, _ [][]byte) Outcome { return Outcome{Archived: p.Advance(now, w)} }}
}
