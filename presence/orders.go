package presence

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Zap ends the live sessions of everybody that match, and returns them as they were.
// With dry it only returns them.
func (t *Tracker) Zap(ctx context.Context, match func(user string, s Session) bool, dry bool) (map[string][]Session, error) {
	zapped, now := map[string][]Session{}, t.now()
	w := t.world(now)
	for people, err := range Everybody(ctx, t.store, "") {
		if err != nil {
			return zapped, err
		}
		hit := func(p *Person) []Session {
			return slices.DeleteFunc(p.Sessions(now, w), func(s Session) bool { return !s.Live() || !match(p.User, s) })
		}
		var changes []Change
		for i := range people {
			hits, user := hit(&people[i]), people[i].User
			switch {
			case len(hits) == 0:
			case dry:
				zapped[user] = hits
			default:
				changes = append(changes, Change{User: user, Apply: func(p *Person, _ [][]byte) Outcome {
					hits := hit(p)
					archived := p.Zap(func(s Session) bool { return match(user, s) }, now, w)
					return Outcome{Archived: archived, Then: func() { zapped[user] = hits }}
				}})
			}
		}
		if len(changes) == 0 {
			continue
		}
		if err := t.commit(ctx, now, changes...); err != nil {
			return zapped, err
		}
	}
	return zapped, nil
}

// forgetKind is the kind of the notes of users who are being forgotten. The store
// erases each together with the user.
const forgetKind = "forget"

// ToForget returns the note by which [Tracker.Resume] forgets the user, if nobody has by
// then.
func ToForget(user string) Note { return Note{Kind: forgetKind, Key: user, Value: []byte{1}} }

// Forget erases the user: the person, their history, and their names of devices. If
// the process dies in the middle, [Tracker.Resume] finishes it.
func (t *Tracker) Forget(ctx context.Context, user string) error {
	if err := t.store.Update(ctx, []Change{WriteNotes(ToForget(user))}); err != nil {
		return err
	}
	t.mu.Lock()
	delete(t.heartbeats, user)
	delete(t.crowds, user)
	t.unmatched.forget(user)
	t.mu.Unlock()
	if err := t.disown(ctx, user); err != nil {
		return err
	}
	p, err := t.store.Person(ctx, user)
	if err == nil {
		err = t.store.Forget(ctx, user)
	}
	if err == nil {
		t.counts.forget(p.stand(nil))
	}
	return err
}

// Resume forgets the users whom an earlier process began to forget. Call it once
// after the start.
func (t *Tracker) Resume(ctx context.Context) error {
	for notes, err := range AllNotes(ctx, t.store, forgetKind) {
		if err != nil {
			return err
		}
		for _, n := range notes {
			if err := t.Forget(ctx, n.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// Housekeep counts the shares anew, drops the notes of devices and NASes that nobody
// has any more, and prunes the history that is older than keep. Call it once an hour
// or so.
func (t *Tracker) Housekeep(ctx context.Context, keep time.Duration) error {
	return t.housekeep(ctx, t.now(), keep)
}

func (t *Tracker) housekeep(ctx context.Context, now time.Time, keep time.Duration) error {
	t.uncrowd(now)
	if err := errors.Join(t.count(ctx), t.dropDevices(ctx, now), t.dropNASes(ctx, now)); err != nil {
		return err
	}
	_, err := t.store.Prune(ctx, now.Add(-keep))
	return err
}

// dropDevices erases from the notes of devices the claims of users who know nothing
// of the device any more, and the records that have been kept for too long.
func (t *Tracker) dropDevices(ctx context.Context, now time.Time) error {
	past := now.Add(-tombstoneAge)
	return t.trim(ctx, func(device string, n names, users map[string]*Person) (changes []Change) {
		for _, c := range n.Claims {
			if !users[c.User].has(device) {
				changes = append(changes, t.trimming(c.User, device, func(p *Person, n *names) {
					n.Claims = slices.DeleteFunc(n.Claims, func(c claim) bool { return c.User == p.User && !p.has(device) })
				}))
			}
		}
		stale := func(f Facts) bool { return f.heard().Before(past) }
		if slices.ContainsFunc(n.Waiting, stale) {
			changes = append(changes, t.trimming("", device, func(_ *Person, n *names) { n.Waiting = slices.DeleteFunc(n.Waiting, stale) }))
		}
		if i := slices.IndexFunc(n.Waiting, func(f Facts) bool { return !stale(f) }); i >= 0 {
			t.brought(n.Waiting[i].Place.NAS.Client(), ShareOfDevices, 1)
		}
		return changes
	})
}

// disown erases the user's claims from the notes of devices.
func (t *Tracker) disown(ctx context.Context, user string) error {
	is := func(c claim) bool { return c.User == user }
	return t.trim(ctx, func(device string, n names, _ map[string]*Person) []Change {
		if !slices.ContainsFunc(n.Claims, is) {
			return nil
		}
		return []Change{t.trimming("", device, func(_ *Person, n *names) { n.Claims = slices.DeleteFunc(n.Claims, is) })}
	})
}

// trim makes the changes that f returns for the notes of devices, of whose claims it is
// given the users.
func (t *Tracker) trim(ctx context.Context, f func(device string, n names, users map[string]*Person) []Change) error {
	for notes, err := range AllNotes(ctx, t.store, devices) {
		if err != nil {
			return err
		}
		all, users := make([]names, len(notes)), map[string]*Person{}
		for i, note := range notes {
			if all[i], err = parseNames(note.Value); err != nil {
				return err
			}
			for _, c := range all[i].Claims {
				users[c.User] = nil
			}
		}
		people, err := t.store.Persons(ctx, slices.Collect(maps.Keys(users)))
		if err != nil {
			return err
		}
		for i := range people {
			users[people[i].User] = &people[i]
		}
		var changes []Change
		for i, note := range notes {
			changes = append(changes, f(note.Key, all[i], users)...)
		}
		if err := t.store.Update(ctx, changes); err != nil {
			return err
		}
	}
	return nil
}

// trimming returns the change that f makes of the names of the device, by what is
// stored of the user, if one is given.
func (t *Tracker) trimming(user, device string, f func(*Person, *names)) Change {
	return Change{User: user, Reads: []NoteKey{{devices, device}}, Apply: func(p *Person, notes [][]byte) Outcome {
		n, err := parseNames(notes[0])
		if err != nil {
			return Outcome{} // who reads it next says so
		}
		f(p, &n)
		return Outcome{Notes: []Note{{Kind: devices, Key: device, Value: n.note()}}, Then: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			delete(t.owned, device)
		}}
	}}
}
