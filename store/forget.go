package store

import (
	"bytes"
	"context"
	"errors"

	"github.com/presenced/presenced/presence"
)

// Forget implements [presence.Store]: it erases the person, their visits and
// what is noted under their address, and then clears what of the file and of
// the journal is not in use, which may still hold earlier states of all that.
func (s *Store) Forget(ctx context.Context, user string) error {
	s.lengthy.Lock()
	defer s.lengthy.Unlock()
	err := s.write("forget in", func(u *update) error { return errors.Join(u.forget(user), u.begun(scrubbing)) })
	if err != nil {
		return err
	}
	return s.clear(ctx)
}

func (u *update) forget(user string) error {
	d, err := u.load(user)
	if err != nil {
		return err
	}
	d.Person = presence.Person{User: user}
	if err := u.saveOne(d); err != nil {
		return err
	}
	prefix := under(user, "")
	for k := range u.From(visits, prefix) {
		if !bytes.HasPrefix(k, prefix) {
			break
		}
		arrived, id := splitMoment(k[len(prefix):])
		if err := u.erase(user, arrived, string(id)); err != nil {
			return err
		}
	}
	return u.eachKind(func(kind string) error { return u.note(presence.Note{Kind: kind, Key: user}) })
}

// eachKind calls f with every kind that there are notes of.
func (u *update) eachKind(f func(kind string) error) error {
	for start := []byte(nil); ; {
		more := false
		for k := range u.From(notes, start) {
			kind, _, _ := bytes.Cut(k, []byte{0})
			start, more = append(bytes.Clone(kind), 1), true // the next kind
			if err := f(string(kind)); err != nil {
				return err
			}
			break
		}
		if !more {
			return nil
		}
	}
}
