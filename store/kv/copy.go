package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/store/journal"
)

// Copy writes a consistent copy, with mode 0600, to path while the map is in
// use, under the name temp first: it appears at path, in place of what was
// there, when it is whole, checked and on disk. What is left at temp after an
// error, or a crash, is the caller's to remove.
func (m *Map) Copy(ctx context.Context, path, temp string) error {
	if err := journal.Point("backup: before its file is made"); err != nil {
		return err
	}
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	at := time.Now()
	if err := m.Checkpoint(); err != nil {
		return errors.Join(err, f.Close())
	}
	settled := m.settled.Load()
	err = m.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(whileIn(ctx, f))
		return err
	})
	if err == nil && m.settled.Load() != settled { // a read this long is not waited for
		err = errors.New("a write to the store failed meanwhile: try again")
	}
	if err := errors.Join(err, journal.Point("backup: before the sync"), f.Sync(), f.Close(), journal.Point("backup: after the sync")); err != nil {
		return err
	}
	if err := disown(temp, at); err != nil {
		return err
	}
	if err := verify(temp, m.layout); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if err := errors.Join(ctx.Err(), journal.Point("backup: before the rename")); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	if err := journal.Point("backup: after the rename"); err != nil {
		return err
	}
	return journal.SyncDir(filepath.Dir(path))
}

// disown writes into the copy that no journals are its own, because where it is
// restored, that of what it replaces may lie; and that it is a copy, and of
// when.
func disown(path string, at time.Time) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, NoFreelistSync: true})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(meta)
		return errors.Join(b.Put(orderKey, order{}.next().bytes()), b.Delete(hasJournals), b.Put(copiedAt, []byte(at.UTC().Format(time.RFC3339Nano))))
	})
	return errors.Join(err, db.Close())
}

// verify reads the whole copy and checks that its pages fit together.
func verify(path string, l Layout) error {
	m, err := open(path, l, true)
	if err != nil {
		return err
	}
	return errors.Join(m.Check(), m.Close())
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
