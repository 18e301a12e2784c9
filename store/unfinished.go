package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/journal"
)

// What leaves something behind if the process dies in the middle of it is noted
// before it begins, and no longer when it is done, so that the next start
// can end it. Nobody is named.
const (
	unfinished = "store-unfinished" // kind of the notes
	scrubbing  = "scrub"            // key: what is not in use is to be cleared
	copying    = "copy "            // key, with a path behind it: of an incomplete copy
)

// begun notes what is begun.
func (u *update) begun(what string) {
	u.note(presence.Note{Kind: unfinished, Key: what, Value: []byte{1}})
}

func (s *Store) ended(what string) error {
	return s.write("end in", func(u *update) error {
		u.note(presence.Note{Kind: unfinished, Key: what})
		return nil
	})
}

// Resume ends what was under way when the process that had the store open
// before died, or that died before there was a store: incomplete copies are
// removed, and what was erased is cleared from the disk. It is for once after the
// opening.
func (s *Store) Resume(ctx context.Context) error {
	s.lengthy.Lock()
	defer s.lengthy.Unlock()
	notes, err := s.Notes(ctx, unfinished, "", 1000)
	if err != nil {
		return err
	}
	all := []error{s.kv.RemoveUncreated()}
	for _, n := range notes {
		all = append(all, s.resume(ctx, n.Key))
	}
	return errors.Join(all...)
}

func (s *Store) resume(ctx context.Context, what string) error {
	if path, ok := strings.CutPrefix(what, copying); ok {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an incomplete copy: %w", err)
		}
		return s.ended(what)
	}
	return s.clear(ctx)
}

// clear scrubs, and then notes that it is done.
func (s *Store) clear(ctx context.Context) error {
	if err := journal.Point("clear: before anything"); err != nil {
		return err
	}
	if err := s.kv.Scrub(ctx); err != nil {
		return fmt.Errorf("clear what is not in use in store %s: %w", s.Path(), err)
	}
	if err := journal.Point("clear: before it is said to be done"); err != nil {
		return err
	}
	return s.ended(scrubbing)
}
