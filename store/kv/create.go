package kv

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/store/journal"
)

// creating, and something behind it, follows the name of a map in that of
// the file that is to become it.
const creating = ".creating"

// RemoveUncreated removes what a process left behind that died while it created
// the map that is open now.
func (m *Map) RemoveUncreated() error {
	there, err := os.ReadDir(filepath.Dir(m.path))
	for _, file := range there {
		if strings.HasPrefix(file.Name(), filepath.Base(m.path)+creating) {
			err = errors.Join(err, os.Remove(filepath.Join(filepath.Dir(m.path), file.Name())))
		}
	}
	return err
}

// Create makes an empty map at path, with mode 0600, if nobody else just did.
func Create(path string, l Layout) error {
	if err := create(path, l); err != nil {
		return explain(path, err)
	}
	return nil
}

// create makes the file under another name first, because a power cut while
// bbolt initialises it leaves one that cannot be opened.
func create(path string, l Layout) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+creating+"*")
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
		for _, name := range slices.Concat(l.Buckets, [][]byte{meta}) {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		if err := tx.Bucket(meta).Put(orderKey, order{}.next().bytes()); err != nil {
			return err
		}
		version := []byte(strconv.Itoa(l.Version))
		return errors.Join(tx.Bucket(meta).Put(writtenAs, version), tx.Bucket(meta).Put(versionKey, version))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := journal.Point("create: before it has its name"); err != nil {
		return err
	}
	// Unlike a rename, a link does not replace what another process just made,
	// which then may have removed ours.
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, made := os.Stat(path); made != nil {
			return err
		}
	}
	if err := journal.Point("create: before its other name is removed"); err != nil {
		return err
	}
	return journal.SyncDir(filepath.Dir(path))
}
