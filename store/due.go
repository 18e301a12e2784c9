package store

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/kv"
)

// Due implements [presence.Store]. Whoever asked writes the people whom it names too early;
// if they have not by the next time, Due puts the entry right.
func (s *Store) Due(ctx context.Context, q presence.Queue, by time.Time, limit int) (users []string, next time.Time, err error) {
	asked := s.ask(q, by)
	var early []string
	err = s.read(func(v kv.View) error {
		for k := range v.From(queues[q], nil) {
			at, user := SplitMoment(k)
			if at.After(by) || len(users) >= limit {
				next = at
				return nil
			}
			if nanoseconds(at) <= asked {
				d, err := decode(string(user), v.Get(people, user))
				if err != nil {
					return err
				}
				if d.Moment(q).After(by) {
					early = append(early, d.User)
					continue
				}
			}
			users = append(users, string(user))
		}
		return nil
	})
	for some := range slices.Chunk(early, putRight) {
		if err == nil {
			err = s.write("put a queue right in", func(u *update) error { return u.loadAll(some) })
		}
	}
	if err == nil && len(early) > 0 { // they may be the next
		return s.Due(ctx, q, by, limit)
	}
	return users, next, err
}

// putRight is how many entries of a queue one transaction puts right.
const putRight = 256

// ask notes, before they are read, up to when people may have been named, and returns
// up to when they may have been before.
func (s *Store) ask(q presence.Queue, by time.Time) (before int64) {
	for {
		before = s.asked[q].Load()
		if nanoseconds(by) <= before || s.asked[q].CompareAndSwap(before, nanoseconds(by)) {
			return before
		}
	}
}

// NewlyDue implements [presence.Store]. It goes on in the queue where it ended, and puts
// right what names somebody too early.
func (s *Store) NewlyDue(_ context.Context, by time.Time, limit int, anew bool) (users []string, next time.Time, err error) {
	t := &s.naming
	t.asking.Lock()
	defer t.asking.Unlock()
	s.ask(presence.Errands, by)
	if anew {
		t.from = nil
	}
	users, more := t.Take(by, limit, anew)
	if more {
		next = by
	}
	var early []string
	last := bytes.Clone(t.from)
	err = s.read(func(v kv.View) error {
		for k := range v.From(errands, t.from) {
			at, user := SplitMoment(k)
			if at.After(by) || len(users) >= limit {
				if next.IsZero() || at.Before(next) {
					next = at
				}
				return nil
			}
			d, err := decode(string(user), v.Get(people, user))
			if err != nil {
				return err
			}
			if d.NextErrand.After(by) {
				early = append(early, d.User)
			} else {
				users = append(users, d.User)
			}
			last = append(append(last[:0], k...), 0)
		}
		return nil
	})
	t.from = last
	for some := range slices.Chunk(early, putRight) {
		next = by // they may be the next
		if err == nil {
			err = s.write("put a queue right in", func(u *update) error { return u.loadAll(some) })
		}
	}
	if err != nil {
		t.from = nil // whom it would have named is named the next time
		return nil, time.Time{}, err
	}
	return users, next, nil
}

// naming is how far NewlyDue is.
type naming struct {
	Rewritten
	asking sync.Mutex // held by NewlyDue; guards what follows
	from   []byte     // in the queue of errands
}

// Rewritten are those who were written since NewlyDue may have named them. Its methods
// may be called from any goroutine.
type Rewritten struct {
	asks  atomic.Bool // it was ever asked
	mu    sync.Mutex  // guards what follows
	by    time.Time   // the latest moment up to which it may have named people
	again map[string]bool
}

// Note notes that the user was written, whose errand was due at one moment and is at the
// other, zero for none.
func (t *Rewritten) Note(user string, was, is time.Time) {
	if !t.asks.Load() || was.IsZero() && is.IsZero() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !was.IsZero() && !was.After(t.by) || !is.IsZero() && !is.After(t.by) {
		t.again[user] = true
	}
}

// Take takes out up to limit of them, and reports whether there are more. It is called before the queue is read up to by.
func (t *Rewritten) Take(by time.Time, limit int, anew bool) (users []string, more bool) {
	t.asks.Store(true)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.again == nil || anew {
		t.by, t.again = time.Time{}, map[string]bool{}
	}
	if t.by.Before(by) {
		t.by = by
	}
	for user := range maps.Keys(t.again) {
		if len(users) >= limit {
			return users, true
		}
		users = append(users, user)
		delete(t.again, user)
	}
	return users, false
}
