// Package kv is an ordered map on disk: a bbolt file and two journals in front
// of it (package journal). What an update changed is on disk when Update
// returns, all or nothing, after one sync; a crash at any moment leaves the map
// as it was before or after. What is erased is nowhere in the files once they
// are scrubbed, and a copy is one file, whole and checked.
//
// Keys are in buckets, which a [Layout] names. What keys and values mean is the caller's. Errors of opening say
// what an operator of presenced can do.
package kv

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/store/journal"
)

// Layout is what a file consists of.
type Layout struct {
	Version int      // of the format: a file of a newer one is refused, one of an older one becomes one of this
	Buckets [][]byte // their names, by their numbers
	Rising  Bucket   // whose new keys come nearly in their order, so that its pages are filled
}

// Bucket is the number of a bucket in the layout, by which a journal names it.
type Bucket byte

func (l *Layout) name(b Bucket) []byte { return l.Buckets[b] }

// Map is a map in one file and its two journals. Its methods may be called
// from any goroutine; there is one writer at a time, and readers never wait for
// its disk.
//
// An update is one entry of a journal, written in place and synced once: a
// tenth of what it costs to commit it to the file. Until the journal is full,
// or a minute has passed, the newest value of what was written is held in
// memory too, where every read looks first. Then the file takes all of it in
// with one commit, a checkpoint, while updates go on in another journal.
type Map struct {
	// Committed is told how long each update took to be on disk, if it is set
	// before the first one.
	Committed func(took time.Duration)

	layout Layout
	db     *bbolt.DB
	file   *os.File // the descriptor that db uses, locked
	path   string

	origin Origin

	settled atomic.Int64 // how often a commit in doubt was settled

	writing  sync.Mutex // held while writing; guards what follows
	journals [2]*journal.Journal
	order    order      // of the journals' entries; the first is the one that is written
	entry    []byte     // the latest, whose memory is used again
	done     chan error // of one: what came of the checkpoint that ran
	since    time.Time  // when the oldest of what is pending was written
	doubt    bool       // the latest commit failed: what a reader of the file sees may not be on disk

	reading sync.RWMutex // held for reading by every short read; guards what follows
	pending *pending     // what the current journal holds, and the file does not
	taking  *checkpoint  // the other journal's, if the file does not have it yet
}

// The file's own bucket.
var (
	meta       = []byte("meta")
	versionKey = []byte("version") // → decimal
	orderKey   = []byte("journal") // → order of the entries that the file does not have; for more see origin.go
)

// Close takes in what is pending and closes the files, once reads and writes
// under way are done.
func (m *Map) Close() error {
	m.writing.Lock()
	defer m.writing.Unlock()
	if !m.db.IsReadOnly() {
		_ = m.checkpoint() // what it cannot take in now stays in the journal, for the next start
	}
	return errors.Join(m.db.Close(), m.journals[0].Close(), m.journals[1].Close())
}

// journal is the one that is written.
func (m *Map) journal() *journal.Journal { return m.journals[m.order.first] }

// LimitJournals makes the journals take so many octets of entries at the most,
// and not [journal.Most]: a checkpoint comes sooner.
func (m *Map) LimitJournals(octets int64) {
	m.writing.Lock()
	defer m.writing.Unlock()
	for _, j := range m.journals {
		j.Limit(octets)
	}
}

// Path returns where the file is.
func (m *Map) Path() string { return m.path }

// Is reports whether the path leads to one of the map's files.
func (m *Map) Is(path string) bool {
	there, err := os.Stat(path)
	if err != nil {
		return false
	}
	for _, stat := range [...]func() (fs.FileInfo, error){m.file.Stat, m.journals[0].Stat, m.journals[1].Stat} {
		if in, err := stat(); err == nil && os.SameFile(in, there) {
			return true
		}
	}
	return false
}

// Stats says how the map fares.
type Stats struct {
	Size      int64 // of the file and its journals, octets
	Pending   int   // keys that the file does not have yet, those that it is taking in once more if they are written again
	FreePages int   // of the file, to be used again, as of the latest write
	Readers   int   // read transactions that are open
}

// Stats costs a few microseconds, however large the map is.
func (m *Map) Stats() Stats {
	db := m.db.Stats()
	all := Stats{FreePages: db.FreePageN + db.PendingPageN, Readers: db.OpenTxN}
	for _, path := range [...]string{m.path, journalPath(m.path, 0), journalPath(m.path, 1)} {
		if info, err := os.Stat(path); err == nil {
			all.Size += info.Size()
		}
	}
	m.reading.RLock()
	defer m.reading.RUnlock()
	all.Pending = m.pending.Len()
	if m.taking != nil {
		all.Pending += m.taking.pending.Len()
	}
	return all
}

// Check looks at every key of the file, and whether its pages fit together. It waits for a commit that is under way, and
// nothing is written meanwhile.
func (m *Map) Check() error {
	m.writing.Lock()
	defer m.writing.Unlock()
	m.awaitCommit() // tx.Check does not bear another's
	return m.db.View(func(tx *bbolt.Tx) error {
		if err := walk(tx); err != nil {
			return err
		}
		var all []error
		for err := range tx.Check() {
			all = append(all, err)
		}
		return errors.Join(all...)
	})
}
