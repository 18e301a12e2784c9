package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/presenced/presenced/presence"
)

// optOuts are the people who opted out at presenced itself, at their own page or by an
// operator's order. They are kept in the store, so that a backup has them, and beside it,
// so that a backup which is put back does not lose those who opted out since.
type optOuts struct {
	*hashes
	store presence.Store

	changing sync.Mutex // held by who brings store and list in line

	mu      sync.Mutex           // guards what follows
	known   bool                 // the store has been asked
	erasing map[string]time.Time // whose data is still to be erased, and when
	kick    chan struct{}        // of one: there is somebody more
}

// errErasing is why somebody cannot come back yet.
var errErasing = errors.New("what was remembered of them is still being erased: try again in a minute")

// openOptOuts reads the list beside the store, if it has one of its own.
func openOptOuts(store presence.Store, file string) (o *optOuts, beside bool, err error) {
	o = &optOuts{store: store, erasing: map[string]time.Time{}, kick: make(chan struct{}, 1)}
	o.hashes, beside, err = openHashes("who opted out", file, 0)
	return o, beside, err
}

// learn takes over what the store has; where a file is beside it, that one holds, and what
// the store has otherwise is brought in line. It reports whether the store lacked somebody.
func (o *optOuts) learn(ctx context.Context, beside bool) (lacked bool, err error) {
	o.changing.Lock()
	defer o.changing.Unlock()
	if !beside && o.file == "" { // several daemons have one key
		ours := presence.OptOutKeyNote(o.is.Load().key)
		err := o.store.Update(ctx, []presence.Change{{Reads: []presence.NoteKey{presence.OptOutKey}, Apply: func(_ *presence.Person, notes [][]byte) presence.Outcome {
			if notes[0] != nil {
				return presence.Outcome{}
			}
			return presence.Outcome{Notes: []presence.Note{ours}}
		}}})
		if err != nil {
			return false, err
		}
	}
	key, when, err := presence.OptOuts(ctx, o.store)
	if err != nil {
		return false, fmt.Errorf("read who opted out: %w", err)
	}
	switch {
	case beside:
		lacked, err = o.correct(ctx, key, when)
	case len(key) > 0:
		err = o.change(time.Now(), func(l *hashList) { *l = hashList{key, when} })
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known = err == nil
	return lacked, err
}

// correct makes the store have what is beside it.
func (o *optOuts) correct(ctx context.Context, key []byte, when map[string]time.Time) (lacked bool, err error) {
	is := o.is.Load()
	var notes []presence.Note
	for hash := range when {
		if is.when[hash].IsZero() {
			notes = append(notes, presence.OptOutNote(hash, time.Time{}))
		}
	}
	for hash, at := range is.when {
		if when[hash].IsZero() {
			notes, lacked = append(notes, presence.OptOutNote(hash, at)), true
		}
	}
	if len(notes) == 0 && bytes.Equal(key, is.key) {
		return false, nil
	}
	return lacked, o.store.Update(ctx, []presence.Change{presence.WriteNotes(append(notes, presence.OptOutKeyNote(is.key))...)})
}

// withdrew is what the mapping asks.
func (o *optOuts) withdrew(names ...string) bool { return !o.of(names...).IsZero() }

// out has a user opt out: from its return on nothing is recorded of them. What was is
// erased once what has been read before is recorded, after so long.
func (o *optOuts) out(ctx context.Context, user string, after time.Duration) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	now := time.Now()
	o.mu.Lock()
	known := o.known
	o.mu.Unlock()
	if !known {
		return errors.New("the store has not been asked yet who opted out")
	}
	if !o.withdrew(user) { // else the store may have failed before
		if err := o.add(user, now); err != nil {
			return err
		}
	}
	l := o.is.Load()
	err := o.store.Update(ctx, []presence.Change{presence.LeaveAlone(user,
		presence.OptOutKeyNote(l.key), presence.OptOutNote(presence.HashName(l.key, user), now), presence.ToForget(user))})
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.erasing[user] = now.Add(after)
	select {
	case o.kick <- struct{}{}:
	default:
	}
	return nil
}

// in takes whoever goes by the names off the list.
func (o *optOuts) in(ctx context.Context, names ...string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	if o.isErasing(names...) {
		return errErasing
	}
	l := o.is.Load()
	var notes []presence.Note
	for _, name := range names {
		notes = append(notes, presence.OptOutNote(presence.HashName(l.key, name), time.Time{}))
	}
	if err := o.store.Update(ctx, []presence.Change{presence.WriteNotes(notes...)}); err != nil {
		return err
	}
	return o.remove(names, time.Now())
}

// isErasing reports whether data of somebody who goes by one of the names is still to be
// erased.
func (o *optOuts) isErasing(names ...string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range names {
		if !o.erasing[name].IsZero() {
			return true
		}
	}
	return false
}

// count returns how many opted out.
func (o *optOuts) count() int { return len(o.is.Load().when) }

// due returns whose data is to be erased now, and when somebody else's is.
func (o *optOuts) due(now time.Time) (users []string, next time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for user, at := range o.erasing {
		switch {
		case !at.After(now):
			users = append(users, user)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return users, next
}

// erased notes that a user's data is.
func (o *optOuts) erased(user string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.erasing, user)
}

const (
	learnEvery = 15 * time.Second // how often it is looked at who opted out at another daemon
	eraseAgain = time.Minute      // after it failed
)

// expelAfter is how long after somebody opted out everything is recorded that was read
// before: by another daemon, before that has learned of it.
func (d *Daemon) expelAfter() time.Duration {
	if _, is := d.shared(); is {
		return expelAgain + 2*learnEvery
	}
	return expelAgain
}

// learnOptOuts learns at the start who opted out, and erases of whom the store does not
// know it: it is a backup, of before.
func (d *Daemon) learnOptOuts(ctx context.Context, beside bool) error {
	lacked, err := d.optOuts.learn(ctx, beside)
	if err != nil || !lacked {
		return err
	}
	gone := map[string]bool{}
	if err := d.barred(ctx, gone); err != nil {
		return err
	}
	return d.expelAllOf(ctx, gone)
}

// learnLate learns who opted out at other daemons. If that could not be learned at the
// start, they may have been recorded since.
func (d *Daemon) learnLate(ctx context.Context) error {
	d.optOuts.mu.Lock()
	known := d.optOuts.known
	d.optOuts.mu.Unlock()
	_, err := d.optOuts.learn(ctx, false)
	if err != nil || known || d.optOuts.count() == 0 {
		return err
	}
	gone := map[string]bool{}
	return errors.Join(d.barred(ctx, gone), d.expelAllOf(ctx, gone))
}

// followOptOuts erases what is remembered of those who opt out, one after the other.
func (d *Daemon) followOptOuts(ctx context.Context) error {
	_, shared := d.shared()
	for {
		now := time.Now()
		users, next := d.optOuts.due(now)
		for _, user := range users {
			if err := d.erase(ctx, user); err != nil {
				if ctx.Err() == nil {
					d.Log.WithError(err).Error("erase who opted out")
				}
				next = now.Add(eraseAgain)
				break
			}
			d.optOuts.erased(user)
			d.Log.Info("somebody opted out: what was remembered about them is erased")
		}
		var again, learn <-chan time.Time
		if !next.IsZero() {
			again = time.After(time.Until(next))
		}
		if shared {
			learn = time.After(learnEvery)
		}
		select {
		case <-ctx.Done():
			return nil // the next start erases them
		case <-again:
		case <-d.optOuts.kick:
		case <-learn:
			if err := d.learnLate(ctx); err != nil && ctx.Err() == nil {
				d.Log.WithError(err).Debug("learn who opted out at other daemons")
			}
		}
	}
}
