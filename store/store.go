// Package store keeps people, notes and history in one bbolt file. What it
// acknowledges is synced to disk, all or nothing, and a crash at any moment
// leaves the file as it was before or after.
package store

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/presence"
)

// Version is the format of the files that this package writes.
const Version = 1

// Store is a [presence.Store] in one file. Its methods may be called from any
// goroutine; there is one writer at a time, and readers never wait for it.
type Store struct {
	// Committed is told how long each commit took, if it is set before the
	// first write.
	Committed func(took time.Duration)

	db   *bbolt.DB
	file *os.File // the descriptor that db uses, locked
	path string

	asked  [len(queues)]atomic.Int64 // the latest moment up to which Due may have named people
	commit atomic.Int64              // nanoseconds that the latest commit took

	writing sync.Mutex   // held while writing; guards doubt
	doubt   bool         // the latest commit failed: what a reader sees may not be on disk
	reading sync.RWMutex // held for reading by every short read
	lengthy sync.Mutex   // held by what reads or rewrites the whole file
}

var _ presence.Store = (*Store)(nil)

// The buckets.
var (
	meta    = []byte("meta")    // "version" → decimal
	people  = []byte("people")  // user → document; the bucket's sequence counts them
	notes   = []byte("notes")   // kind NUL key → value
	history = []byte("history") // arrival, user NUL visit id → visit
	visits  = []byte("visits")  // user NUL arrival, visit id → nothing: the history of one user
	queues  = [...][]byte{presence.Wakes: []byte("wakes"), presence.Errands: []byte("errands")}
)

// Close closes the file once reads and writes under way are done.
func (s *Store) Close() error { return s.db.Close() }

// Path returns where the file is.
func (s *Store) Path() string { return s.path }

// Stats says how the store fares.
type Stats struct {
	Size      int64         `json:"size"`           // of the file, bytes
	People    int           `json:"people"`         // who are remembered
	Commit    time.Duration `json:"last_commit_ns"` // how long the latest commit took; 0: none since the start
	FreePages int           `json:"free_pages"`     // of the file, to be used again, as of the latest write
	Readers   int           `json:"readers"`        // read transactions that are open
}

// Stats costs a few microseconds, however many people there are.
func (s *Store) Stats() Stats {
	db := s.db.Stats()
	all := Stats{Commit: time.Duration(s.commit.Load()), FreePages: db.FreePageN + db.PendingPageN, Readers: db.OpenTxN}
	if info, err := os.Stat(s.path); err == nil {
		all.Size = info.Size()
	}
	_ = s.read(func(tx *bbolt.Tx) error { // of a closed store nothing is known
		all.People = int(tx.Bucket(people).Sequence())
		return nil
	})
	return all
}
