package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/storetest"
)

// hurried has journals for a few updates.
func hurried(s *Store) *Store { return s.withJournals(4 << 10) }

// fitting is a store of which the end shows whether all fits together.
type fitting struct{ *Store }

func (f fitting) Close() error { return errors.Join(whole(f.Store), f.Store.Close()) }

// The file is a store, whenever it is closed, checkpointed or killed.
func TestTheFileKeepsTheContract(t *testing.T) {
	t.Parallel()
	n := 0
	open := func(t testing.TB) presence.Store {
		n++
		s, err := Open(filepath.Join(t.TempDir(), fmt.Sprint(n)))
		if err != nil {
			t.Fatal(err)
		}
		return fitting{hurried(s)}
	}
	again := func(s presence.Store, path string) (presence.Store, error) {
		next, err := Open(path)
		if err != nil {
			return nil, err
		}
		return fitting{hurried(next)}, s.(fitting).Store.Close()
	}
	storetest.Run(t, open,
		storetest.Meanwhile{Name: "restart", Do: func(s presence.Store) (presence.Store, error) {
			f := s.(fitting)
			if err := f.Close(); err != nil {
				return nil, err
			}
			next, err := Open(f.Path())
			return fitting{hurried(next)}, err
		}},
		storetest.Meanwhile{Name: "kill", Do: func(s presence.Store) (presence.Store, error) { // what is left of it goes on
			path := s.(fitting).Path() + "'"
			if err := copyFiles(s.(fitting).Path(), path); err != nil {
				return nil, err
			}
			read, err := OpenReadOnly(path)
			if err != nil {
				return nil, err
			}
			if err := errors.Join(whole(read), read.Close()); err != nil {
				return nil, err
			}
			return again(s, path)
		}},
		storetest.Meanwhile{Name: "checkpoint", Do: func(s presence.Store) (presence.Store, error) {
			return s, s.(fitting).kv.Checkpoint()
		}},
	)
}
