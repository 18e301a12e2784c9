package kv

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

	"github.com/presenced/presenced/store/journal"
)

// lockWait is how long to wait for the lock of the file: a listing that reads
// it is done sooner.
const lockWait = 800 * time.Millisecond

// Open opens the map at path. It fails within a second if another process has
// it open. What cannot be served, because it is no such map, damaged or of a
// newer version, is an error and stays as it is.
func Open(path string, l Layout) (*Map, error) {
	m, err := open(path, l, true)
	if err == nil {
		err = m.db.View(walk)
		err = errors.Join(err, m.Close())
	}
	if err == nil {
		m, err = open(path, l, false)
	}
	if err != nil {
		return nil, explain(path, err)
	}
	return m, nil
}

// OpenReadOnly opens a map that no process writes, for reading.
func OpenReadOnly(path string, l Layout) (*Map, error) {
	m, err := open(path, l, true)
	if err != nil {
		return nil, explain(path, err)
	}
	return m, nil
}

func open(path string, l Layout, readOnly bool) (m *Map, err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // the journals are beside the file, by whatever name that is opened
	}
	m = &Map{layout: l, path: path, pending: new(pending), journals: [2]*journal.Journal{{}, {}}, done: make(chan error, 1)}
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
			m.file, err = os.OpenFile(path, flag, mode)
			return m.file, err
		},
	}
	err = sound(func() (err error) {
		m.db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	if err != nil {
		m.file.Close() // again, or for bbolt if that panicked
		return nil, err
	}
	err = m.db.View(m.inspect)
	if err == nil && !readOnly {
		err = m.upgrade()
	}
	if err == nil {
		err = m.replay()
	}
	if err != nil {
		return nil, errors.Join(err, m.db.Close(), m.journals[0].Close(), m.journals[1].Close())
	}
	return m, nil
}

func journalPath(path string, which int) string { return path + ".journal" + strconv.Itoa(which) }

var errNoOrder = errors.New("the file does not say what its journals are: restore a backup")

// replay makes pending again what the journals hold, and writes it to the file.
// While that cannot be done, nothing is recorded.
func (m *Map) replay() error {
	has := false
	err := m.db.View(func(tx *bbolt.Tx) (err error) {
		var ok bool
		if m.order, ok = readOrder(tx.Bucket(meta).Get(orderKey)); !ok {
			return errNoOrder
		}
		m.origin, has = m.layout.readOrigin(tx)
		for n := range m.journals {
			i := int(m.order.first) ^ n
			options := journal.Options{Mark: m.order.marks[i], Latest: journal.Latest(m.order.marks[:]...), Begun: has, Write: !m.db.IsReadOnly()}
			j, err := journal.Open(journalPath(m.path, i), options, func(entry []byte) error { return m.again(entry) })
			if err != nil {
				return err
			}
			m.journals[i] = j
		}
		if j := m.journal(); j.Torn() && !m.journals[1-m.order.first].Empty() { // the other is only written behind what is whole
			return j.Damaged()
		}
		return nil
	})
	if err != nil || m.db.IsReadOnly() {
		return err
	}
	if m.pending.Len() > 0 {
		m.begin(m.order.next())
		if m.endCheckpoint() != nil {
			return nil // it is made up for before the next update
		}
	}
	_ = m.beginJournals(has) // on a disk that is full, say: the next start does
	return nil
}

// again makes pending what an entry says.
func (m *Map) again(entry []byte) error {
	all, err := readChanges(entry, len(m.layout.Buckets))
	if err != nil {
		return err
	}
	m.take(all, time.Now())
	return nil
}

// inspect finds out whether the file is a whole one that this package reads.
func (m *Map) inspect(tx *bbolt.Tx) error {
	info, err := m.file.Stat()
	if err != nil {
		return err
	}
	if tx.Size() > info.Size() {
		return fmt.Errorf("the file is cut short at %d of %d bytes: restore a backup", info.Size(), tx.Size())
	}
	var version []byte
	err = sound(func() error {
		if b := tx.Bucket(meta); b != nil {
			version = b.Get(versionKey)
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch v, err := strconv.Atoi(string(version)); {
	case err != nil:
		return errors.New("a bbolt file, but not of presenced: set [store] path to another")
	case v > m.layout.Version:
		return fmt.Errorf("its format is version %d, and this presenced reads up to %d: install the newer presenced, or restore a backup", v, m.layout.Version)
	}
	return nil
}

// upgrade marks a file of an older version as one of this, before anything is
// written to it that the older presenced cannot read: that then refuses it.
func (m *Map) upgrade() error {
	return sound(func() error {
		was, now := "", strconv.Itoa(m.layout.Version)
		err := m.db.View(func(tx *bbolt.Tx) error {
			was = string(tx.Bucket(meta).Get(versionKey))
			return nil
		})
		if err != nil || was == now {
			return err
		}
		return m.db.Update(func(tx *bbolt.Tx) error {
			for _, name := range m.layout.Buckets {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			return tx.Bucket(meta).Put(versionKey, []byte(now))
		})
	})
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
