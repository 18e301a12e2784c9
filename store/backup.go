package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Backup writes a consistent copy, with mode 0600, to path while the store is
// in use. The copy appears under its name, in place of what was there, when it
// is whole, checked and on disk.
func (s *Store) Backup(ctx context.Context, path string) error {
	s.lengthy.Lock()
	defer s.lengthy.Unlock()
	if err := s.backup(ctx, path); err != nil {
		return fmt.Errorf("back up store %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, path string) error {
	if there, err := os.Stat(path); err == nil {
		for _, f := range [...]*os.File{s.file, s.journals[0].file, s.journals[1].file} {
			if in, err := f.Stat(); err == nil && os.SameFile(in, there) {
				return fmt.Errorf("%s is the store itself: give another name", path)
			}
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := s.catchUp(); err != nil {
		return errors.Join(err, f.Close())
	}
	settled := s.settled.Load()
	err = s.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(whileIn(ctx, f))
		return err
	})
	if err == nil && s.settled.Load() != settled { // a read this long is not waited for
		err = errors.New("a write to the store failed meanwhile: try again")
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := disown(f.Name()); err != nil {
		return err
	}
	if err := verify(f.Name()); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// disown has the copy take no journals for its own: where it is restored, that
// of what it replaces may lie.
func disown(path string) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, NoFreelistSync: true})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(meta).Put([]byte("journal"), newOrder().bytes()) })
	return errors.Join(err, db.Close())
}

// verify reads the whole copy and checks that its pages fit together.
func verify(path string) error {
	s, err := open(path, true)
	if err != nil {
		return err
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		if err := walk(tx); err != nil {
			return err
		}
		var all []error
		for err := range tx.Check() {
			all = append(all, err)
		}
		return errors.Join(all...)
	})
	return errors.Join(err, s.Close())
}

type contextWriter struct {
	ctx context.Context
	io.Writer
}

// whileIn is w until ctx ends.
func whileIn(ctx context.Context, w io.Writer) io.Writer { return contextWriter{ctx, w} }

func (w contextWriter) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Writer.Write(b)
}
