package store

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// write runs f in a transaction and records what it changed, all or nothing.
// The verb begins the text of an error.
func (s *Store) write(verb string, f func(*update) error) (err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a page that the disk cannot read
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic at %s: %v", panicked(), p)
		}
		if err != nil {
			err = fmt.Errorf("%s store %s: %w", verb, s.path, err)
		}
	}()
	if s.db.IsReadOnly() {
		return bolterrors.ErrDatabaseReadOnly
	}
	if s.late != nil {
		if err := s.checkpoint(nil); err != nil {
			return err
		}
	}
	u := &update{store: s, loaded: map[string]*document{}, noted: map[string][]byte{}}
	err = s.db.View(func(tx *bbolt.Tx) error {
		u.view = view{tx, s.pending}
		return f(u)
	})
	if err != nil || len(u.changes) == 0 {
		return err
	}
	return s.record(u)
}

const checkpointEvery = time.Minute

// record has what the update changed be on disk, and then be seen.
func (s *Store) record(u *update) error {
	began := time.Now()
	entry := u.entry(nil)
	if !s.journal.fits(entry) || s.pending.Len() > 0 && began.Sub(s.since) > checkpointEvery {
		if err := s.checkpoint(nil); err != nil {
			return err
		}
	}
	if !s.journal.fits(entry) {
		return s.checkpoint(u)
	}
	if err := s.journal.append(entry); err != nil {
		return err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	s.take(u.changes, began)
	s.people += u.people
	took := time.Since(began)
	s.commit.Store(int64(took))
	if s.Committed != nil {
		s.Committed(took)
	}
	return nil
}

// take has the changes, which are in the journal, be pending.
func (s *Store) take(c changes, now time.Time) {
	if s.pending.Len() == 0 {
		s.since = now
	}
	for _, c := range c {
		s.pending.Set(c.key, c.value)
	}
}

// catchUp has the file take in what is pending.
func (s *Store) catchUp() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.checkpoint(nil)
}

// checkpoint has the file take in what is pending, and then what the update
// changes if it is too much for the journal. Until a checkpoint that failed is
// made up for, nothing is recorded: the journal could take more, but nobody
// would hear of the fault before it is full.
func (s *Store) checkpoint(more *update) error {
	if s.pending.Len() == 0 && more == nil {
		return nil
	}
	s.late = sound(func() error { return s.commitAll(more) })
	return s.late
}

func (s *Store) commitAll(more *update) error {
	tx, err := s.begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing once it is committed
	m := newMark()
	f := filer{tx: tx}
	s.pending.Scan(f.put)
	if more != nil {
		slices.SortStableFunc(more.changes, func(a, b change) int { return strings.Compare(a.key, b.key) })
		for _, c := range more.changes {
			f.put(c.key, c.value)
		}
	}
	if f.err != nil {
		return f.err
	}
	if err := tx.Bucket(meta).Put([]byte("journal"), m); err != nil {
		return err
	}
	count := s.people
	if more != nil {
		count += more.people
	}
	if err := tx.Bucket(people.name()).SetSequence(uint64(count)); err != nil {
		return err
	}
	s.doubt = true
	if err := tx.Commit(); err != nil {
		return err
	}
	s.doubt = false
	s.journal.reset(mark(m))
	s.reading.Lock()
	defer s.reading.Unlock()
	s.pending, s.people = new(pending), count
	return nil
}

// filer writes what was pending to the buckets.
type filer struct {
	tx     *bbolt.Tx
	of     bucket
	bucket *bbolt.Bucket // named of
	err    error
}

func (f *filer) put(key string, value []byte) bool {
	if of := bucket(key[0]); f.bucket == nil || f.of != of {
		f.of, f.bucket = of, f.tx.Bucket(of.name())
		if of == history {
			f.bucket.FillPercent = 0.9 // visits come nearly in the order of their keys
		}
	}
	if value == nil {
		f.err = f.bucket.Delete([]byte(key[1:]))
	} else {
		f.err = f.bucket.Put([]byte(key[1:]), value)
	}
	return f.err == nil
}

// begin begins a transaction that writes to the file.
func (s *Store) begin() (*bbolt.Tx, error) {
	if err := s.settleDoubt(); err != nil {
		return nil, err
	}
	return s.db.Begin(true)
}

// settleDoubt has the state that readers see be on disk, if the commit that
// made it failed. A commit ends with writing a meta page and syncing it. When
// that sync fails the page is seen and yet may never reach the disk, because
// the kernel does not try twice. The next commit would take the pages of the
// state on disk for free. So the meta pages are written once more.
func (s *Store) settleDoubt() error {
	if !s.doubt {
		return nil
	}
	pages := make([]byte, 2*s.db.Info().PageSize)
	if _, err := s.file.ReadAt(pages, 0); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(pages, 0); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.doubt = false
	return nil
}
