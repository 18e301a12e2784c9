package store

import (
	"bytes"
	"context"

	"github.com/presenced/presenced/presence"
)

// Forget implements [presence.Store]: it erases the person, their visits and
// what is noted under their address, and then clears what of the file and of
// the journal is not in use, which may still hold earlier states of all that.
func (s *Store) Forget(ctx context.Context, user string) error {
	s.lengthy.Lock()
	defer s.lengthy.Unlock()
	err := s.write("forget in", func(u *update) error {
		u.begun(scrubbing)
		return u.forget(user)
	})
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
	prefix := Under(user, "")
	for k := range u.From(visits, prefix) {
		if !bytes.HasPrefix(k, prefix) {
			break
		}
		arrived, id := SplitMoment(k[len(prefix):])
		if err := u.erase(user, arrived, string(id)); err != nil {
			return err
		}
	}
	u.eachKind(func(kind string) { u.note(presence.Note{Kind: kind, Key: user}) })
	return nil
}

// eachKind calls f with every kind that there are notes of.
func (u *update) eachKind(f func(kind string)) {
	for start := []byte(nil); ; {
		more := false
		for k := range u.From(notes, start) {
			kind, _, _ := bytes.Cut(k, []byte{0})
			start, more = append(bytes.Clone(kind), 1), true // the next kind
			f(string(kind))
			break
		}
		if !more {
			return
		}
	}
}
