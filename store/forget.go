package store

import (
	"bytes"
	"context"
	"fmt"

	"github.com/presenced/presenced/presence"
)

// Forget implements [presence.Store]: it erases the person, their visits and
// what is noted under their address, and then clears the pages of the file
// that are not in use, which may still hold earlier states of all that.
func (s *Store) Forget(ctx context.Context, user string) error {
	s.lengthy.Lock()
	defer s.lengthy.Unlock()
	err := s.write("forget in", func(u *update) error { return u.forget(user) })
	if err != nil {
		return err
	}
	if err := s.scrub(ctx); err != nil {
		return fmt.Errorf("forget in store %s: clear unused pages: %w", s.path, err)
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
	c, prefix := u.tx.Bucket(visits).Cursor(), under(user, "")
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Seek(prefix) {
		arrived, id := splitMoment(k[len(prefix):])
		if err := u.erase(user, arrived, string(id)); err != nil {
			return err
		}
	}
	all := u.tx.Bucket(notes).Cursor()
	for k, _ := all.First(); k != nil; {
		kind, _, _ := bytes.Cut(k, []byte{0})
		kind = bytes.Clone(kind)
		if err := u.note(presence.Note{Kind: string(kind), Key: user}); err != nil {
			return err
		}
		k, _ = all.Seek(append(kind, 1)) // the next kind
	}
	return nil
}

const scrubChunk = 4096 // pages looked at while writers wait

// scrub writes zeros over every page of the file that is not in use. The last
// commit is on disk before, so that no crash makes one of them needed again.
func (s *Store) scrub(ctx context.Context) error {
	zeros := make([]byte, s.db.Info().PageSize)
	page := make([]byte, len(zeros))
	for first, more := 2, true; more; first += scrubChunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.write("write to", func(u *update) (err error) {
			var free []int
			if free, more, err = s.freePages(u, first); err != nil {
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
	return s.file.Sync()
}

// freePages lists the pages of a chunk that are not in use, neither by the
// state of the transaction nor by a reader of an earlier one.
func (s *Store) freePages(u *update, first int) (free []int, more bool, err error) {
	s.reading.Lock() // until no reader is left; the next ones read this state
	defer s.reading.Unlock()
	info, err := s.file.Stat()
	if err != nil {
		return nil, false, err
	}
	pages := int(info.Size()) / s.db.Info().PageSize
	for id := first; id < min(first+scrubChunk, pages); id++ {
		page, err := u.tx.Page(id)
		if err != nil {
			return nil, false, err
		}
		if page == nil || page.Type == "free" { // nil: grown, not used yet
			free = append(free, id)
		}
	}
	return free, first+scrubChunk < pages, nil
}
