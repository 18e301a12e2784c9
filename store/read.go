package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/presence"
)

// read runs f in a short read transaction. One that stays open has the file
// grow.
func (s *Store) read(f func(*bbolt.Tx) error) error {
	s.reading.RLock()
	defer s.reading.RUnlock()
	if err := s.db.View(f); err != nil {
		return fmt.Errorf("read store %s: %w", s.path, err)
	}
	return nil
}

// Person implements [presence.Store].
func (s *Store) Person(_ context.Context, user string) (p presence.Person, err error) {
	p.User = user
	err = s.read(func(tx *bbolt.Tx) error {
		d, err := decode(user, tx.Bucket(people).Get([]byte(user)))
		if err == nil {
			p = d.Person
		}
		return err
	})
	return p, err
}

// People implements [presence.Store].
func (s *Store) People(_ context.Context, after string, limit int) (all []presence.Person, err error) {
	err = s.read(func(tx *bbolt.Tx) error {
		c := tx.Bucket(people).Cursor()
		for k, v := seekAfter(c, []byte(after)); k != nil && len(all) < limit; k, v = c.Next() {
			d, err := decode(string(k), v)
			if err != nil {
				return err
			}
			all = append(all, d.Person)
		}
		return nil
	})
	return all, err
}

// Due implements [presence.Store].
func (s *Store) Due(_ context.Context, q presence.Queue, by time.Time, limit int) (users []string, next time.Time, err error) {
	s.ask(q, by)
	err = s.read(func(tx *bbolt.Tx) error {
		c := tx.Bucket(queues[q]).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			at, user := splitMoment(k)
			if at.After(by) || len(users) >= limit {
				next = at
				return nil
			}
			users = append(users, string(user))
		}
		return nil
	})
	return users, next, err
}

// ask notes, before they are read, up to when people may have been named.
func (s *Store) ask(q presence.Queue, by time.Time) {
	for {
		asked := s.asked[q].Load()
		if nanoseconds(by) <= asked || s.asked[q].CompareAndSwap(asked, nanoseconds(by)) {
			return
		}
	}
}

// Note implements [presence.Store].
func (s *Store) Note(_ context.Context, kind, key string) (value []byte, err error) {
	err = s.read(func(tx *bbolt.Tx) error {
		value = bytes.Clone(tx.Bucket(notes).Get(under(kind, key)))
		return nil
	})
	return value, err
}

// Notes implements [presence.Store].
func (s *Store) Notes(_ context.Context, kind, after string, limit int) (all []presence.Note, err error) {
	prefix := under(kind, "")
	err = s.read(func(tx *bbolt.Tx) error {
		c := tx.Bucket(notes).Cursor()
		for k, v := seekAfter(c, under(kind, after)); bytes.HasPrefix(k, prefix) && len(all) < limit; k, v = c.Next() {
			all = append(all, presence.Note{Kind: kind, Key: string(k[len(prefix):]), Value: bytes.Clone(v)})
		}
		return nil
	})
	return all, err
}
