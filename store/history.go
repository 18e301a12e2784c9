package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/kv"
)

// History implements [presence.Store].
func (s *Store) History(_ context.Context, user string, from, to time.Time, limit int) (all []presence.Visit, err error) {
	err = s.read(func(v kv.View) error {
		b, prefix := history, []byte{}
		if user != "" {
			b, prefix = visits, Under(user, "")
		}
		for k, data := range v.From(b, append(bytes.Clone(prefix), MomentKey(from, "")...)) {
			if !bytes.HasPrefix(k, prefix) || len(all) == limit {
				break
			}
			at, id := SplitMoment(k[len(prefix):])
			if !at.Before(to) {
				break
			}
			if user != "" {
				data = v.Get(history, HistoryKey(user, at, string(id)))
			}
			visit, err := DecodeVisit(data)
			if err != nil {
				return err
			}
			all = append(all, visit)
		}
		return nil
	})
	return all, err
}

const pruneChunk = 500 // visits that one transaction erases

// Prune implements [presence.Store]. Whatever it finds to prune, it clears the
// pages of the file that are not in use: they may hold earlier states of people
// too, with what is dropped from those.
func (s *Store) Prune(ctx context.Context, before time.Time) (pruned int, err error) {
	s.lengthy.Lock()
	defer s.lengthy.Unlock()
	if pruned, err = s.prune(ctx, before); err != nil {
		return pruned, err
	}
	return pruned, s.clear(ctx)
}

func (s *Store) prune(ctx context.Context, before time.Time) (pruned int, err error) {
	for ctx.Err() == nil {
		n := 0
		err := s.write("prune", func(u *update) (err error) {
			n, err = u.prune(before)
			return err
		})
		if err != nil {
			return pruned, err
		}
		pruned += n
		if n < pruneChunk {
			return pruned, nil
		}
	}
	return pruned, ctx.Err()
}

func (u *update) prune(before time.Time) (n int, err error) {
	for k := range u.From(history, nil) {
		user, arrived, id := SplitHistoryKey(k)
		if !arrived.Before(before) || n == pruneChunk {
			break
		}
		if err := u.erase(user, arrived, id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// erase erases a visit of the user from the history.
func (u *update) erase(user string, arrived time.Time, id string) error {
	if err := u.Put(history, HistoryKey(user, arrived, id), nil); err != nil {
		return fmt.Errorf("a visit of %q: %w", user, err)
	}
	return u.Put(visits, VisitKey(user, arrived, id), nil)
}
