package store

import (
	"bytes"
	"context"
	"fmt"

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
			err = join(v, &d.Person, d.Lacks())
		}
		if err == nil {
			p = d.Person
			p.Told = presence.Told{}
		}
		return err
	})
	return p, err
}

// Persons implements [presence.Store].
func (s *Store) Persons(_ context.Context, users []string) (all []presence.Person, err error) {
	err = s.read(func(v kv.View) error {
		all = make([]presence.Person, len(users))
		for i, user := range users {
			d, err := decode(user, v.Get(people, []byte(user)))
			if err != nil {
				return err
			}
			all[i] = d.Person
		}
		return nil
	})
	return all, err
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

// Note implements [presence.Store].
func (s *Store) Note(ctx context.Context, kind, key string) ([]byte, error) {
	all, err := s.NotesOf(ctx, kind, []string{key})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// NotesOf implements [presence.Store].
func (s *Store) NotesOf(_ context.Context, kind string, keys []string) (all [][]byte, err error) {
	err = s.read(func(v kv.View) error {
		all = make([][]byte, len(keys))
		for i, key := range keys {
			all[i] = bytes.Clone(v.Get(notes, Under(kind, key)))
		}
		return nil
	})
	return all, err
}

// Notes implements [presence.Store].
func (s *Store) Notes(_ context.Context, kind, after string, limit int) (all []presence.Note, err error) {
	prefix := Under(kind, "")
	err = s.read(func(v kv.View) error {
		for k, value := range v.From(notes, next(Under(kind, after))) {
			if !bytes.HasPrefix(k, prefix) || len(all) == limit {
				break
			}
			all = append(all, presence.Note{Kind: kind, Key: string(k[len(prefix):]), Value: bytes.Clone(value)})
		}
		return nil
	})
	return all, err
}
