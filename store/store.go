// Package store keeps people, notes and history in a map on disk (package kv),
// which is a bbolt file with journals in front of it (package journal). What it
// acknowledges is synced to disk, all or nothing, and a crash at any moment
// leaves the store as it was before or after.
package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/kv"
)

// Version is the format of the files that this package writes. A file of an
// older one is of this one as soon as it is open for writing, although what it
// holds is rewritten only as it changes: every document tells its own version.
const Version = 4

// Store is a [presence.Store] in one file and its two journals. Its methods may be
// called from any goroutine; there is one writer at a time, and readers never
// wait for its disk.
type Store struct {
	// Committed is told how long each update took to be on disk, if it is set
	// before the first one.
	Committed func(took time.Duration)

	kv *kv.Map

	asked  [len(queues)]atomic.Int64 // the latest moment up to which Due may have named people
	naming naming
	latest atomic.Int64 // nanoseconds that the latest update took to be on disk

	writing sync.Mutex // held while updating; guards what follows
	recent  recent     // what was read and written lately

	lengthy sync.Mutex // held by what reads or rewrites the whole file
}

var _ presence.Store = (*Store)(nil)

// The buckets.
const (
	people  kv.Bucket = iota // user → document; they are counted
	notes                    // kind NUL key → value
	history                  // arrival, user NUL visit id → visit
	visits                   // user NUL arrival, visit id → nothing: the history of one user
	wakes                    // moment, user → nothing
	errands                  // moment, user → nothing
	past                     // user NUL key of facts → facts of sessions that are over, of which the person keeps the stretches
	lines                    // user NUL moment, kind and text → line of a story
	counts                   // of what → how many
)

var (
	layout = kv.Layout{
		Version: Version,
		Buckets: [][]byte{people: []byte("people"), notes: []byte("notes"), history: []byte("history"), visits: []byte("visits"), wakes: []byte("wakes"), errands: []byte("errands"), past: []byte("past"), lines: []byte("lines"), counts: []byte("counts")},
		Rising:  history, // visits end nearly in the order of their arrivals
	}
	queues = [...]kv.Bucket{presence.Wakes: wakes, presence.Errands: errands}
)

// Open opens the file at path, and makes it, with mode 0600, if it is not
// there. It fails within a second if another process has it open. What cannot
// be served, because it is no store, damaged or of a newer version, is an
// error and stays as it is.
func Open(path string) (*Store, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := kv.Create(path, layout); err != nil {
			return nil, fmt.Errorf("create store %s: %w", path, err)
		}
	}
	return opened(path, kv.Open)
}

// OpenReadOnly opens a file that no daemon is serving, for reading.
func OpenReadOnly(path string) (*Store, error) { return opened(path, kv.OpenReadOnly) }

func opened(path string, open func(string, kv.Layout) (*kv.Map, error)) (*Store, error) {
	m, err := open(path, layout)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s := &Store{kv: m, recent: recent{people: map[string]*document{}, notes: map[string][]byte{}}}
	m.Committed = func(took time.Duration) {
		s.latest.Store(int64(took))
		if s.Committed != nil {
			s.Committed(took)
		}
	}
	return s, nil
}

// Close takes in what is pending and closes the file, once reads and writes
// under way are done.
func (s *Store) Close() error { return s.kv.Close() }

// Path returns where the file is.
func (s *Store) Path() string { return s.kv.Path() }

// Origin says what is odd about a store that was opened: that it is a backup,
// or that a journal of it was emptied.
type Origin = kv.Origin

// Origin says what is odd about the store, as it was when it was opened.
func (s *Store) Origin() Origin { return s.kv.Origin() }

// Settled notes that the store is a copy no longer: it was told that what it
// holds is of the past.
func (s *Store) Settled() error {
	if err := s.kv.Settled(); err != nil {
		return fmt.Errorf("write to store %s: %w", s.Path(), err)
	}
	return nil
}

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
	m, n := s.kv.Stats(), 0
	_ = s.read(func(v kv.View) error { // a page that cannot be read is told by whoever needs it
		n = counted(v)
		return nil
	})
	return Stats{Size: m.Size, People: n, Commit: time.Duration(s.latest.Load()), FreePages: m.FreePages, Readers: m.Readers}
}

// ofPeople is the key in counts of the number of people.
var ofPeople = []byte("people")

// counted returns the number of people. No older version wrote it where this one does:
// until somebody comes or goes, it is counted.
func counted(v kv.View) (n int) {
	if value := v.Get(counts, ofPeople); value != nil {
		n, _ := binary.Uvarint(value)
		return int(n)
	}
	for range v.From(people, nil) {
		n++
	}
	return n
}
