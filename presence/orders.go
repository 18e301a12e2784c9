package presence

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Zap ends the live sessions of everybody that match, and returns them as they were.
// With dry it only returns them.
func (t *Tracker) Zap(ctx context.Context, match func(user string, s Session) bool, dry bool) (map[string][]Session, error) {
	zapped := map[string][]Session{}
	w := t.world()
	for people, err := range Everybody(ctx, t.store, "") {
		if err != nil {
			return zapped, err
		}
		var changes []Change
		for _, p := range people {
			hit := slices.DeleteFunc(p.Sessions(time.Now(), w), func(s Session) bool { return !s.Live() || !match(p.User, s) })
			if len(hit) == 0 {
				continue
			}
			zapped[p.User] = hit
			now := time.Now()
			changes = append(changes, Change{User: p.User, Apply: func(p *Person) []Visit {
				return p.Zap(func(s Session) bool { return match(p.User, s) }, now, w)
			}})
		}
		if dry || len(changes) == 0 {
			continue
		}
		if err := t.commit(ctx, changes, nil); err != nil {
			return zapped, err
		}
	}
	return zapped, nil
}

// forgetKind is the kind of the notes of users who are being forgotten. The store
// erases each together with the user.
const forgetKind = "forget"

// Forget erases the user: the person, their history, and their names of devices. If
// the process dies in the middle, [Tracker.Resume] finishes it.
func (t *Tracker) Forget(ctx context.Context, user string) error {
	if err := t.store.Update(ctx, nil, []Note{{Kind: forgetKind, Key: user, Value: []byte{1}}}); err != nil {
		return err
	}
	t.mu.Lock()
	for device, waiting := range t.heartbeats {
		t.heartbeats[device] = slices.DeleteFunc(waiting, func(n *Sighting) bool { return n.User == user })
	}
	delete(t.crowds, user)
	t.unmatched.forget(user)
	t.mu.Unlock()
	err := t.disown(ctx, func(c claim, _ string) (bool, error) { return c.User == user, nil }, func(Facts) bool { return false })
	if err != nil {
		return err
	}
	return t.store.Forget(ctx, user)
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
	t.uncrowd(time.Now())
	if err := errors.Join(t.count(ctx), t.dropDevices(ctx), t.dropNASes(ctx)); err != nil {
		return err
	}
	_, err := t.store.Prune(ctx, time.Now().Add(-keep))
	return err
}
