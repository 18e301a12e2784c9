package store

import (
	"fmt"
	"runtime/debug"
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
	if err := s.noticeCheckpoint(); err != nil {
		return err
	}
	u := &update{store: s, loaded: map[string]*document{}, noted: map[string][]byte{}}
	done := false // nor is it if f panics
	defer func() { s.recent.take(u.loaded, done) }()
	err = s.db.View(func(tx *bbolt.Tx) error {
		u.view = s.view(tx)
		return f(u)
	})
	if err == nil && len(u.changes) > 0 {
		err = s.record(u)
	}
	done = err == nil
	return err
}

// record has what the update changed be on disk, and then be seen.
func (s *Store) record(u *update) error {
	began := time.Now()
	entry := u.entry(append(s.entry[:0], make([]byte, entryHeader)...))
	if len(entry) < journalGrow { // a large one is rare
		s.entry = entry
	}
	if !s.journal().fits(entry) || s.pending.Len() > 0 && began.Sub(s.since) > checkpointEvery {
		if err := s.beginCheckpoint(); err != nil {
			return err
		}
	}
	if !s.journal().fits(entry) {
		return s.recordLarge(u)
	}
	if err := s.journal().append(entry); err != nil {
		return err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	s.take(u.changes, began)
	s.people += u.people
	took := time.Since(began)
	s.latest.Store(int64(took))
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

// recordLarge has the file take in at once what is too much for a journal.
func (s *Store) recordLarge(u *update) error {
	if err := s.checkpoint(); err != nil {
		return err
	}
	c := &checkpoint{pending: new(pending), people: s.people + u.people, order: s.order}
	c.order.marks[c.order.first] = newMark() // nothing that failed before is found after it
	for _, change := range u.changes {
		c.pending.Set(change.key, change.value)
	}
	if err := s.commit(c); err != nil {
		return err
	}
	s.follow(c.order)
	s.reading.Lock()
	defer s.reading.Unlock()
	s.people = c.people
	return nil
}
