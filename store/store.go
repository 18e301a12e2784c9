// Package store keeps people, notes and history in one bbolt file. What it
// acknowledges is synced to disk, all or nothing, and a crash at any moment
// leaves the file as it was before or after.
package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/presenced/presenced/presence"
)

// Version is the format of the files that this package writes.
const Version = 1

// Store is a [presence.Store] in one file.
type Store struct {
	db   *bbolt.DB
	path string
}

var _ presence.Store = (*Store)(nil)

// The buckets.
var (
	meta    = []byte("meta")    // "version" → decimal
	people  = []byte("people")  // user → moments indexed, and the person
	notes   = []byte("notes")   // kind NUL key → value
	history = []byte("history") // arrival (8 bytes, nanoseconds) and visit id → visit
	visits  = []byte("visits")  // user NUL arrival id → nothing: whose visits those are
	queues  = [...][]byte{presence.Wakes: []byte("wakes"), presence.Errands: []byte("errands")}
)

const lockWait = 900 * time.Millisecond

// Open opens the file at path, and makes it, with mode 0600, if it is not
// there. It fails within a second if another process has it open.
func Open(path string) (*Store, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("create store %s: %w", path, err)
		}
	}
	return open(path, false)
}

// OpenReadOnly opens a file that no daemon is serving, for reading.
func OpenReadOnly(path string) (*Store, error) { return open(path, true) }

func open(path string, readOnly bool) (*Store, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockWait, ReadOnly: readOnly, FreelistType: bbolt.FreelistMapType,
		NoFreelistSync: true, InitialMmapSize: 1 << 30, PreLoadFreelist: !readOnly,
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("open store %s: another process has it open; is presenced running?", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("open store %s: not a store of presenced, or damaged: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s := &Store{db: db, path: path}
	if err := s.checkVersion(); err != nil {
		db.Close()
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

// create makes an empty store: first under another name, because a power cut
// while bbolt initialises a file leaves one that cannot be opened.
func create(path string) error {
	tmp := path + ".new"
	defer os.Remove(tmp)
	db, err := bbolt.Open(tmp, 0o600, &bbolt.Options{Timeout: lockWait, NoFreelistSync: true})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{meta, people, notes, history, visits, queues[0], queues[1]} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return tx.Bucket(meta).Put([]byte("version"), []byte(strconv.Itoa(Version)))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) checkVersion() error {
	return s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(meta)
		if b == nil {
			return errors.New("a bbolt file, but not of presenced")
		}
		v, err := strconv.Atoi(string(b.Get([]byte("version"))))
		switch {
		case err != nil:
			return fmt.Errorf("format version: %w", err)
		case v > Version:
			return fmt.Errorf("its format is version %d, and this presenced reads up to %d: install the newer presenced, or restore a backup", v, Version)
		}
		return nil
	})
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Path returns where the file is.
func (s *Store) Path() string { return s.path }

// Update implements [presence.Store].
func (s *Store) Update(ctx context.Context, changes []presence.Change, set []presence.Note) (err error) {
	if len(changes)+len(set) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := s.db.Begin(true)
	if err != nil {
		return fmt.Errorf("write to store %s: %w", s.path, err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write to store %s: a change panicked: %v", s.path, p)
		}
		if err != nil {
			tx.Rollback()
		}
	}()
	u := update{tx: tx, loaded: map[string]*document{}}
	for _, c := range changes {
		if err := u.change(c); err != nil {
			return err
		}
	}
	if err := u.save(); err != nil {
		return fmt.Errorf("write to store %s: %w", s.path, err)
	}
	for _, n := range set {
		if err := u.note(n); err != nil {
			return fmt.Errorf("write to store %s: %w", s.path, err)
		}
	}
	if !u.dirty {
		return tx.Rollback()
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write to store %s: %w", s.path, err)
	}
	return nil
}

// Person implements [presence.Store].
func (s *Store) Person(_ context.Context, user string) (p presence.Person, err error) {
	p.User = user
	err = s.db.View(func(tx *bbolt.Tx) error {
		d, err := load(tx, user)
		if err == nil {
			p = d.Person
		}
		return err
	})
	return p, err
}

// People implements [presence.Store].
func (s *Store) People(_ context.Context, after string, limit int) (all []presence.Person, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(people).Cursor()
		for k, v := seekAfter(c, []byte(after)); k != nil && len(all) < limit; k, v = c.Next() {
			d, err := decode(string(k), v)
			if err != nil {
				return err
			}
			all = append(all, d.Person)
		}
		return nil
	})
	return all, err
}

// seekAfter moves the cursor to the first key after the given one.
func seekAfter(c *bbolt.Cursor, after []byte) (k, v []byte) {
	k, v = c.Seek(after)
	if k != nil && bytes.Equal(k, after) {
		k, v = c.Next()
	}
	return k, v
}

// Due implements [presence.Store].
func (s *Store) Due(_ context.Context, q presence.Queue, by time.Time, limit int) (users []string, next time.Time, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(queues[q]).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			at, user := splitMoment(k)
			if at.After(by) || len(users) == limit {
				next = at
				return nil
			}
			users = append(users, string(user))
		}
		return nil
	})
	return users, next, err
}
