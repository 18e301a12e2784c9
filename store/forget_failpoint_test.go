//go:build failpoints

package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/presenced/presenced/store/journal"
)

// left is what a kill at some point leaves of a store, and what was told before.
type left struct {
	point, path string
	told        told
}

// killedAtEach runs f, which tells what is acknowledged, and returns what kills at
// the points that it comes by would leave of the store at path. What another kill
// leaves, too, before which the same was told, is returned once, and never again
// with the same seen: between most points and the next only a sync is done.
func killedAtEach(t *testing.T, path string, before told, seen map[string]bool, f func(tell func(string)) error) (all []left) {
	t.Helper()
	dir := t.TempDir()
	var mu sync.Mutex // a checkpoint runs beside the rest
	journal.AtPoint = func(point string) error {
		mu.Lock()
		defer mu.Unlock()
		state, err := stateOf(path)
		is := fmt.Sprint(before, state.sum())
		if err != nil || seen[is] {
			return err
		}
		seen[is] = true
		l := left{point, filepath.Join(dir, fmt.Sprint(len(all)), "presenced.db"), before}
		all = append(all, l)
		return errors.Join(os.Mkdir(filepath.Dir(l.path), 0o700), state.write(l.path))
	}
	defer func() { journal.AtPoint = func(string) error { return nil } }()
	err := f(func(line string) {
		mu.Lock()
		defer mu.Unlock()
		before.line(line)
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// state is what the files of a store hold; what of a file's size is not in data
// is a hole.
type state []image

// stateOf reads the file of a store, and then its journals. A checkpoint writes
// to the file alone and an update to a journal alone, and what is read in the
// middle of either is what a kill leaves, too.
func stateOf(path string) (all state, err error) {
	for _, path := range files(path) {
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		all = append(all, image{bytes.TrimRight(data, "\x00"), int64(len(data))})
	}
	return all, nil
}

func (all state) sum() string {
	h := sha256.New()
	for _, m := range all {
		fmt.Fprintln(h, m.size, len(m.data))
		h.Write(m.data)
	}
	return string(h.Sum(nil))
}

func (all state) write(path string) error {
	for i, m := range all {
		path := files(path)[i]
		if err := errors.Join(os.WriteFile(path, m.data, 0o600), os.Truncate(path, m.size)); err != nil {
			return err
		}
	}
	return nil
}

// TestAtEveryPointOfForgetting: wherever the process is killed while somebody is
// forgotten, and again while the next start ends that, and wherever after that,
// found finds what it should.
func TestAtEveryPointOfForgetting(t *testing.T) {
	const ann = "ann.forgotten@example.com"
	for name, c := range map[string]struct {
		journals int64              // octets
		before   func(*Store) error // she is forgotten
	}{
		"the journal has her":                 {journal.Most, nil},
		"the file has her":                    {journal.Most, func(s *Store) error { return s.kv.Checkpoint() }},
		"the file is taking her in meanwhile": {journal.Most, func(s *Store) error { s.withJournals(2 << 10); return nil }},
		"every update goes to the file":       {1, nil},
		"there are many checkpoints":          {someUpdates, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "presenced.db")
			s := must(Open(path)).withJournals(c.journals)
			var before told
			write := func(tell func(string)) error {
				n := before.written + 1
				if err := s.Update(t.Context(), step(n)); err != nil {
					return err
				}
				before.written = n
				tell(fmt.Sprint("written ", n))
				return nil
			}
			for range 2 * crew {
				must(0, write(before.line))
			}
			must(0, s.Update(t.Context(), guest(ann)))
			before.line("kept " + ann)
			if c.before != nil {
				must(0, c.before(s))
			}
			seen := map[string]bool{}
			killed := killedAtEach(t, path, before, seen, func(tell func(string)) error {
				if err := s.Forget(t.Context(), ann); err != nil {
					return err
				}
				tell("forgotten " + ann)
				s.withJournals(min(c.journals, someUpdates/2)) // a checkpoint follows, and another
				for range 6 {
					if err := write(tell); err != nil {
						return err
					}
				}
				return s.Close()
			})
			again := 0
			for _, l := range killed {
				if len(l.told.gone) > 0 { // there is nothing left to end
					if err := found(l.path, l.told); err != nil {
						t.Errorf("killed at %q: %v", l.point, err)
					}
					continue
				}
				for _, next := range killedAtEach(t, l.path, l.told, seen, func(func(string)) error { return found(l.path, l.told) }) {
					again++
					if err := found(next.path, next.told); err != nil {
						t.Errorf("killed at %q, and then at %q: %v", l.point, next.point, err)
					}
				}
			}
			t.Logf("killed at %d points, and again at %d of the next starts", len(killed), again)
		})
	}
}
