package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/presence"
)

// Forget implements [presence.Store]: it erases the person, their visits and
// what is noted under their address, and then clears what of the file and of
// the journal is not in use, which may still hold earlier states of all that.
func (s *Store) Forget(ctx context.Context, user string) error {
	s.lengthy.Lock()
	defer s.lengthy.Unlock()
	err := s.write("forget in", func(u *update) error { return u.forget(user) })
	if err != nil {
		return err
	}
	if err := s.scrub(ctx); err != nil {
		return fmt.Errorf("forget in store %s: clear what is not in use: %w", s.path, err)
	}
	return nil
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
	for k := range u.from(visits, prefix) {
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
		for k := range u.from(notes, start) {
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

const scrubChunk = 4096 // pages looked at while writers wait

// scrub writes zeros over every page of the file that is not in use, and over
// what the journals have behind their entries. What was written is in the file before,
// on disk, so that no crash makes any of that needed again.
func (s *Store) scrub(ctx context.Context) error {
	if err := s.catchUp(); err != nil {
		return err
	}
	zeros := make([]byte, s.db.Info().PageSize)
	page := make([]byte, len(zeros))
	for first, more := 2, true; more; first += scrubChunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.alone(func(tx *bbolt.Tx) (err error) {
			var free []int
			if free, more, err = s.freePages(tx, first); err != nil {
				return err
			}
			for _, id := range free {
				at := int64(id) * int64(len(page))
				if _, err := s.file.ReadAt(page, at); err != nil {
					return err
				}
				if bytes.Equal(page, zeros) {
					continue
				}
				if _, err := s.file.WriteAt(zeros, at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	return errors.Join(s.journals[0].scrub(), s.journals[1].scrub())
}

// alone runs f in a transaction during which nothing is written to the store.
// It only reads: the end of one that may write, but does not, has bbolt look
// through the whole file for free pages.
func (s *Store) alone(f func(*bbolt.Tx) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.endCheckpoint(); err != nil {
		return err
	}
	if err := s.settleDoubt(); err != nil {
		return err
	}
	return s.db.View(f)
}

// freePages lists the pages of a chunk that are not in use, neither by the
// state of the transaction nor by a reader of an earlier one.
func (s *Store) freePages(tx *bbolt.Tx, first int) (free []int, more bool, err error) {
	s.reading.Lock() // until no reader is left; the next ones read this state
	defer s.reading.Unlock()
	info, err := s.file.Stat()
	if err != nil {
		return nil, false, err
	}
	pages := int(info.Size()) / s.db.Info().PageSize
	for id := first; id < min(first+scrubChunk, pages); id++ {
		page, err := tx.Page(id)
		if err != nil {
			return nil, false, err
		}
		if page == nil || page.Type == "free" { // nil: grown, not used yet
			free = append(free, id)
		}
	}
	return free, first+scrubChunk < pages, nil
}
