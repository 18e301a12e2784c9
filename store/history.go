package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/presence"
)

// History implements [presence.Store].
func (s *Store) History(_ context.Context, user string, from, to time.Time, limit int) (all []presence.Visit, err error) {
	err = s.read(func(tx *bbolt.Tx) error {
		b, prefix := tx.Bucket(history), []byte{}
		c := b.Cursor()
		if user != "" {
			prefix = under(user, "")
			c = tx.Bucket(visits).Cursor()
		}
		start := append(bytes.Clone(prefix), moment(from, "")...)
		for k, data := c.Seek(start); k != nil && bytes.HasPrefix(k, prefix) && len(all) < limit; k, data = c.Next() {
			at, id := splitMoment(k[len(prefix):])
			if !at.Before(to) {
				break
			}
			if user != "" {
				data = b.Get(historyKey(user, at, string(id)))
			}
			visit, err := decodeVisit(data)
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
	if err := s.scrub(ctx); err != nil {
		return pruned, fmt.Errorf("prune store %s: clear unused pages: %w", s.path, err)
	}
	return pruned, nil
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
	c := u.tx.Bucket(history).Cursor()
	for k, _ := c.First(); k != nil && n < pruneChunk; k, _ = c.First() {
		user, arrived, id := splitHistoryKey(k)
		if !arrived.Before(before) {
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
	u.dirty = true
	if err := u.tx.Bucket(history).Delete(historyKey(user, arrived, id)); err != nil {
		return fmt.Errorf("a visit of %q: %w", user, err)
	}
	return u.tx.Bucket(visits).Delete(visitKey(user, arrived, id))
}
