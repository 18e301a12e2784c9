package kv

import (
	"errors"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/store/journal"
)

// Origin says what is odd about the map that was opened.
type Origin struct {
	// Copied is when the map was copied, if it is a copy that was put in
	// place, and nobody has said yet that what it holds is of the past; see
	// [Map.Settled].
	Copied time.Time

	// Older says that an older version made the map, and that nobody has said
	// yet that what it holds is as this version writes it; see [Map.TakenOver].
	Older bool

	// Emptied are the journals that somebody emptied to go on without what
	// they had, which was acknowledged.
	Emptied []string
}

// Keys of the file's meta bucket.
var (
	hasJournals = []byte("has journals") // → nothing: the journals beside it were begun, and belong to it
	copiedAt    = []byte("copied")       // → when, RFC 3339: it is a copy
	writtenAs   = []byte("written as")   // → the version, in decimal, as which all of it is written
)

// Origin says what is odd about the map, as it was when it was opened.
func (m *Map) Origin() Origin {
	m.reading.RLock()
	defer m.reading.RUnlock()
	return m.origin
}

func (l *Layout) readOrigin(tx *bbolt.Tx) (o Origin, has bool) {
	b := tx.Bucket(meta)
	o.Older = string(b.Get(writtenAs)) != strconv.Itoa(l.Version)
	o.Copied, _ = time.Parse(time.RFC3339Nano, string(b.Get(copiedAt)))
	return o, b.Get(hasJournals) != nil
}

// beginJournals begins journals for a file that has none yet, or had: whatever
// lies beside a copy is not its own. Of those that it has it looks for one that
// somebody emptied.
func (m *Map) beginJournals(has bool) error {
	for i, j := range m.journals {
		if j.Emptied() {
			m.origin.Emptied = append(m.origin.Emptied, journalPath(m.path, i))
		}
		if has && !j.Emptied() {
			continue
		}
		if err := j.Restart(); err != nil {
			return err
		}
	}
	if has {
		return nil
	}
	if err := journal.SyncDir(filepath.Dir(m.path)); err != nil {
		return err
	}
	o := order{}.next()
	err := m.putMeta(func(b *bbolt.Bucket) error {
		return errors.Join(b.Put(orderKey, o.bytes()), b.Put(hasJournals, []byte{}))
	})
	if err == nil {
		m.follow(o)
	}
	return err
}

// Settled notes that the map is a copy no longer: it was told that what it
// holds is of the past.
func (m *Map) Settled() error {
	return m.note(func(b *bbolt.Bucket) error { return b.Delete(copiedAt) }, func(o *Origin) { o.Copied = time.Time{} })
}

// TakenOver notes that all that the map holds is as this version writes it.
func (m *Map) TakenOver() error {
	return m.note(func(b *bbolt.Bucket) error { return b.Put(writtenAs, []byte(strconv.Itoa(m.layout.Version))) }, func(o *Origin) { o.Older = false })
}

// note changes what the file says of itself, and then what is known of its origin.
func (m *Map) note(inFile func(*bbolt.Bucket) error, known func(*Origin)) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	err := m.endCheckpoint()
	if err == nil {
		err = m.putMeta(inFile)
	}
	if err != nil {
		return err
	}
	m.reading.Lock()
	defer m.reading.Unlock()
	known(&m.origin)
	return nil
}

// putMeta changes what the file says of itself, while no checkpoint runs.
func (m *Map) putMeta(change func(*bbolt.Bucket) error) error {
	tx, err := m.beginTx()
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing once it is committed
	if err := change(tx.Bucket(meta)); err != nil {
		return err
	}
	m.doubt = true
	if err := tx.Commit(); err != nil {
		return err
	}
	m.doubt = false
	return nil
}
