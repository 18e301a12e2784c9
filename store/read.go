package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/kv"
)

// read runs f with what the store holds. It is for short reads; see
// [kv.Map.View].
func (s *Store) read(f func(kv.View) error) error {
	if err := s.kv.View(f); err != nil {
		return fmt.Errorf("read store %s: %w", s.Path(), err)
	}
	return nil
}

// Person implements [presence.Store].
func (s *Store) Person(_ context.Context, user string) (p presence.Person, err error) {
	p.User = user
	err = s.read(func(v kv.View) error {
		d, err := decode(user, v.Get(people, []byte(user)))
		if err == nil {
			p = d.Person
		}
		return err
	})
	return p, err
}

// People implements [presence.Store].
func (s *Store) People(_ context.Context, after string, limit int) (all []presence.Person, err error) {
	err = s.read(func(v kv.View) error {
		for k, data := range v.From(people, next(after)) {
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
	err = s.read(func(v kv.View) error {
		for k := range v.From(queues[q], nil) {
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
	err = s.read(func(v kv.View) error {
		value = bytes.Clone(v.Get(notes, under(kind, key)))
		return nil
	})
	return value, err
}

// Notes implements [presence.Store].
func (s *Store) Notes(_ context.Context, kind, after string, limit int) (all []presence.Note, err error) {
	prefix := under(kind, "")
	err = s.read(func(v kv.View) error {
		for k, value := range v.From(notes, next(under(kind, after))) {
			if !bytes.HasPrefix(k, prefix) || len(all) == limit {
				break
			}
			all = append(all, presence.Note{Kind: kind, Key: string(k[len(prefix):]), Value: bytes.Clone(value)})
		}
		return nil
	})
	return all, err
}
