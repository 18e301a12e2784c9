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
// grow, and the writer wait. A page that the disk cannot read is an error.
func (s *Store) read(f func(view) error) error {
	s.reading.RLock()
	defer s.reading.RUnlock()
	err := sound(func() error {
		return s.db.View(func(tx *bbolt.Tx) error { return f(s.view(tx)) })
	})
	if err != nil {
		return fmt.Errorf("read store %s: %w", s.path, err)
	}
	return nil
}

// Person implements [presence.Store].
func (s *Store) Person(_ context.Context, user string) (p presence.Person, err error) {
	p.User = user
	err = s.read(func(v view) error {
		d, err := decode(user, v.get(people, []byte(user)))
		if err == nil {
			p = d.Person
		}
		return err
	})
	return p, err
}

// People implements [presence.Store].
func (s *Store) People(_ context.Context, after string, limit int) (all []presence.Person, err error) {
	err = s.read(func(v view) error {
		for k, data := range v.from(people, next(after)) {
			if len(all) == limit {
				break
			}
			d, err := decode(string(k), data)
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
	err = s.read(func(v view) error {
		for k := range v.from(queues[q], nil) {
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
	err = s.read(func(v view) error {
		value = bytes.Clone(v.get(notes, under(kind, key)))
		return nil
	})
	return value, err
}

// Notes implements [presence.Store].
func (s *Store) Notes(_ context.Context, kind, after string, limit int) (all []presence.Note, err error) {
	prefix := under(kind, "")
	err = s.read(func(v view) error {
		for k, value := range v.from(notes, next(under(kind, after))) {
			if !bytes.HasPrefix(k, prefix) || len(all) == limit {
				break
			}
			all = append(all, presence.Note{Kind: kind, Key: string(k[len(prefix):]), Value: bytes.Clone(value)})
		}
		return nil
	})
	return all, err
}
