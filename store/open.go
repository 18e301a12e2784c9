package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// lockWait is how long to wait for the lock of the file: a listing that reads
// it is done sooner.
const lockWait = 800 * time.Millisecond

// Open opens the file at path, and makes it, with mode 0600, if it is not
// there. It fails within a second if another process has it open. What cannot
// be served, because it is no store, damaged or of a newer version, is an
// error and stays as it is.
func Open(path string) (*Store, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("create store %s: %w", path, explain(path, err))
		}
	}
	s, err := open(path, true)
	if err == nil {
		err = s.db.View(walk)
		err = errors.Join(err, s.Close())
	}
	if err == nil {
		s, err = open(path, false)
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, explain(path, err))
	}
	return s, nil
}

// OpenReadOnly opens a file that no daemon is serving, for reading.
func OpenReadOnly(path string) (*Store, error) {
	s, err := open(path, true)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, explain(path, err))
	}
	return s, nil
}

func open(path string, readOnly bool) (s *Store, err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // the journals are beside the file, by whatever name that is opened
	}
	s = &Store{path: path, pending: new(pending), recent: recent{people: map[string]*document{}}, journals: [2]*journal{{}, {}}, done: make(chan error, 1)}
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a file: set [store] path to a file")
	case info.Size() == 0:
		return nil, errors.New("the file is empty: remove it, or restore a backup")
	}
	options := &bbolt.Options{
		Timeout: lockWait, ReadOnly: readOnly, FreelistType: bbolt.FreelistMapType,
		NoFreelistSync: true, // or every commit writes it
		// Address space only; a file that outgrows it would have writers wait for readers.
		InitialMmapSize: 1 << 30,
		OpenFile: func(path string, flag int, mode os.FileMode) (f *os.File, err error) {
			s.file, err = os.OpenFile(path, flag, mode)
			return s.file, err
		},
	}
	err = sound(func() (err error) {
		s.db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	if err != nil {
		s.file.Close() // again, or for bbolt if that panicked
		return nil, err
	}
	err = s.db.View(s.inspect)
	if err == nil {
		err = s.replay()
	}
	if err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

func journalPath(path string, which int) string { return path + ".journal" + strconv.Itoa(which) }

var errNoOrder = errors.New("the file does not say what its journals are: restore a backup")

// replay has what the journals hold be pending again, and the file take it in.
// While it cannot, nothing is recorded.
func (s *Store) replay() error {
	err := s.db.View(func(tx *bbolt.Tx) (err error) {
		var ok bool
		if s.order, ok = readOrder(tx.Bucket(meta).Get([]byte("journal"))); !ok {
			return errNoOrder
		}
		s.people = int(tx.Bucket(people.name()).Sequence())
		for n := range s.journals {
			i := int(s.order.first) ^ n
			s.journals[i], err = openJournal(journalPath(s.path, i), s.order.marks[i], !s.db.IsReadOnly(), func(entry []byte) error {
				return s.again(tx, entry)
			})
			if err != nil {
				return err
			}
		}
		if j := s.journal(); j.torn && s.journals[1-s.order.first].end > 0 { // the other is only written behind what is whole
			return j.damaged()
		}
		return nil
	})
	if err == nil && s.pending.Len() > 0 && !s.db.IsReadOnly() {
		s.begin(newOrder())
		_ = s.endCheckpoint() // it is made up for before the next update
	}
	return err
}

// again has what an entry says be pending.
func (s *Store) again(tx *bbolt.Tx, entry []byte) error {
	all, err := readChanges(entry)
	if err != nil {
		return err
	}
	before := s.view(tx)
	for _, c := range all {
		if bucket(c.key[0]) == people {
			s.people += count(c.value) - count(before.get(people, []byte(c.key[1:])))
		}
	}
	s.take(all, time.Now())
	return nil
}

// count counts who is stored.
func count(document []byte) int {
	if document == nil {
		return 0
	}
	return 1
}

// inspect finds out whether the file is a whole one that this package reads.
func (s *Store) inspect(tx *bbolt.Tx) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if tx.Size() > info.Size() {
		return fmt.Errorf("the file is cut short at %d of %d bytes: restore a backup", info.Size(), tx.Size())
	}
	var version []byte
	err = sound(func() error {
		if b := tx.Bucket(meta); b != nil {
			version = b.Get([]byte("version"))
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch v, err := strconv.Atoi(string(version)); {
	case err != nil:
		return errors.New("a bbolt file, but not of presenced: set [store] path to another")
	case v > Version:
		return fmt.Errorf("its format is version %d, and this presenced reads up to %d: install the newer presenced, or restore a backup", v, Version)
	}
	return nil
}

// walk looks at every key, so that a damaged page is an error here and not the
// end of the process later.
func walk(tx *bbolt.Tx) error {
	return sound(func() error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error { return nil })
		})
	})
}

// sound runs f and makes the panic of bbolt over a damaged page, or that of a
// page that the disk cannot read, an error.
func sound(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: restore a backup: %v", p)
		}
	}()
	return f()
}

// create makes an empty store: first under another name, because a power cut
// while bbolt initialises a file leaves one that cannot be opened.
func create(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return err
	}
	tmp := f.Name()
	defer os.Remove(tmp)
	if err := f.Close(); err != nil {
		return err
	}
	db, err := bbolt.Open(tmp, 0o600, &bbolt.Options{Timeout: lockWait, NoFreelistSync: true})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range append(names[:], meta) {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		if err := tx.Bucket(meta).Put([]byte("journal"), newOrder().bytes()); err != nil {
			return err
		}
		return tx.Bucket(meta).Put([]byte("version"), []byte(strconv.Itoa(Version)))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	// Unlike a rename, a link does not replace what another process just made.
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
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

// explain says what an error of opening the file means and what helps.
func explain(path string, err error) error {
	dir := filepath.Dir(path)
	var fault *fs.PathError
	if errors.As(err, &fault) && fault.Path != path && strings.Contains(filepath.Base(fault.Path), ".journal") {
		return fmt.Errorf("its journal %s: %w", fault.Path, explain(fault.Path, fault.Err))
	}
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%s has it open: stop that first", holder(path))
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return fmt.Errorf("not a store of presenced, or damaged: restore a backup, or set [store] path to another: %w", err)
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(dir); err != nil {
			return fmt.Errorf("there is no folder %s: make it, for the user that presenced runs as: %w", dir, fs.ErrNotExist)
		}
		return fmt.Errorf("there is no such file; presenced serve makes it: %w", fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("user id %d may not use it: run as the user that presenced runs as, or give that user %s: %w", os.Geteuid(), dir, fs.ErrPermission)
	}
	if fault != nil {
		return fault.Err // the path is said already
	}
	return err
}
