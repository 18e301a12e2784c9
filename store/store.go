// Package store keeps people, notes and history in one bbolt file, with a
// journal in front of it. What it acknowledges is synced to disk, all or
// nothing, and a crash at any moment leaves the store as it was before or
// after.
package store

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/presence"
)

// Version is the format of the files that this package writes.
const Version = 1

// Store is a [presence.Store] in one file and its two journals. Its methods may be
// called from any goroutine; there is one writer at a time, and readers never
// wait for its disk.
//
// An update is one entry of a journal, written in place and synced once: a
// tenth of what it costs to commit it to the file. Until the journal is full,
// or a minute has passed, the newest value of what was written is held in
// memory too, where every read looks first. Then the file takes all of it in
// with one commit, a checkpoint, while updates go on in another journal.
type Store struct {
	// Committed is told how long each update took to be on disk, if it is set
	// before the first one.
	Committed func(took time.Duration)

	db   *bbolt.DB
	file *os.File // the descriptor that db uses, locked
	path string

	asked   [len(queues)]atomic.Int64 // the latest moment up to which Due may have named people
	latest  atomic.Int64              // nanoseconds that the latest update took to be on disk
	settled atomic.Int64              // how often a commit in doubt was settled

	writing  sync.Mutex // held while writing; guards what follows
	journals [2]*journal
	order    order      // of the journals' entries; the first is the one that is written
	entry    []byte     // the latest, whose memory is used again
	done     chan error // of one: what came of the checkpoint that ran
	since    time.Time  // when the oldest of what is pending was written
	recent   recent     // people that were written lately
	doubt    bool       // the latest commit failed: what a reader of the file sees may not be on disk

	reading sync.RWMutex // held for reading by every short read; guards what follows
	pending *pending     // what the journal has that is written
	taking  *checkpoint  // the other journal's, if the file does not have it yet
	people  int          // who are remembered

	lengthy sync.Mutex // held by what reads or rewrites the whole file
}

var _ presence.Store = (*Store)(nil)

// bucket is a bucket of the file.
type bucket byte

// The buckets.
const (
	people  bucket = iota // user → document; the bucket's sequence counts them
	notes                 // kind NUL key → value
	history               // arrival, user NUL visit id → visit
	visits                // user NUL arrival, visit id → nothing: the history of one user
	wakes                 // moment, user → nothing
	errands               // moment, user → nothing
)

var (
	names  = [...][]byte{people: []byte("people"), notes: []byte("notes"), history: []byte("history"), visits: []byte("visits"), wakes: []byte("wakes"), errands: []byte("errands")}
	queues = [...]bucket{presence.Wakes: wakes, presence.Errands: errands}
	meta   = []byte("meta") // "version" → decimal, "journal" → order of the entries that the file does not have
)

func (b bucket) name() []byte { return names[b] }

// Close takes in what is pending and closes the file, once reads and writes
// under way are done.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if !s.db.IsReadOnly() {
		_ = s.checkpoint() // what it cannot take in now stays in the journal, for the next start
	}
	return errors.Join(s.db.Close(), s.journals[0].close(), s.journals[1].close())
}

// journal is the one that is written.
func (s *Store) journal() *journal { return s.journals[s.order.first] }

// Path returns where the file is.
func (s *Store) Path() string { return s.path }

// Stats says how the store fares.
type Stats struct {
	Size      int64         `json:"size"`           // of the file and its journals, bytes
	People    int           `json:"people"`         // who are remembered
	Commit    time.Duration `json:"last_commit_ns"` // how long the latest update took to be on disk; 0: none since the start
	FreePages int           `json:"free_pages"`     // of the file, to be used again, as of the latest write
	Readers   int           `json:"readers"`        // read transactions that are open
}

// Stats costs a few microseconds, however many people there are.
func (s *Store) Stats() Stats {
	db := s.db.Stats()
	all := Stats{Commit: time.Duration(s.latest.Load()), FreePages: db.FreePageN + db.PendingPageN, Readers: db.OpenTxN}
	for _, path := range [...]string{s.path, journalPath(s.path, 0), journalPath(s.path, 1)} {
		if info, err := os.Stat(path); err == nil {
			all.Size += info.Size()
		}
	}
	s.reading.RLock()
	defer s.reading.RUnlock()
	all.People = s.people
	return all
}
