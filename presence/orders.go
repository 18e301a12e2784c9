package presence

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Zap ends the live sessions that match, of everybody, and returns them as
// they were. With dry it only returns them.
func (t *Tracker) Zap(ctx context.Context, match func(user string, s Session) bool, dry bool) (zapped map[string][]Session, err error) {
	zapped = map[string][]Session{}
	w := t.world()
	err = t.walk(ctx, func(people []Person) error {
		var changes []Change
		for _, p := range people {
			hit := slices.DeleteFunc(slices.Clone(p.Sessions), func(s Session) bool { return !s.Live() || !match(p.User, s) })
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
			return nil
		}
		return t.commit(ctx, changes, nil)
	})
	return zapped, err
}

// Forget erases the user: what is remembered of them, their history, and
// which devices were last theirs.
func (t *Tracker) Forget(ctx context.Context, user string) error {
	t.mu.Lock()
	maps.DeleteFunc(t.heartbeats, func(k heartbeat, _ *Sighting) bool { return k.user == user })
	t.unmatched.forget(user)
	t.mu.Unlock()
	err := t.disown(ctx, func(o owner, _ string) (bool, error) { return o.User == user, nil })
	if err != nil {
		return err
	}
	return t.store.Forget(ctx, user)
}

// Housekeep drops the notes of devices and NASes that nobody has any more, and
// then prunes what is older than keep. It is for once an hour or so.
func (t *Tracker) Housekeep(ctx context.Context, keep time.Duration) error {
	if err := errors.Join(t.dropDevices(ctx), t.dropNASes(ctx)); err != nil {
		return err
	}
	_, err := t.store.Prune(ctx, time.Now().Add(-keep))
	return err
}
