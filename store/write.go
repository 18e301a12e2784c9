package store

import (
	"fmt"
	"time"
)

// write runs f in a transaction and commits what it did, all or nothing. The
// verb begins the text of an error.
func (s *Store) write(verb string, f func(*update) error) (err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic at %s: %v", panicked(), p)
		}
		if err != nil {
			err = fmt.Errorf("%s store %s: %w", verb, s.path, err)
		}
	}()
	if err := s.settleDoubt(); err != nil {
		return err
	}
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing once it is committed
	u := &update{store: s, tx: tx, loaded: map[string]*document{}}
	if err := f(u); err != nil || !u.dirty {
		return err
	}
	began := time.Now()
	s.doubt = true
	if err := tx.Commit(); err != nil {
		return err
	}
	s.doubt = false
	took := time.Since(began)
	s.commit.Store(int64(took))
	if s.Committed != nil {
		s.Committed(took)
	}
	return nil
}

// settleDoubt has the state that readers see be on disk, if the commit that
// made it failed. A commit ends with writing a meta page and syncing it. When
// that sync fails the page is seen and yet may never reach the disk, because
// the kernel does not try twice. A repeat of the update would then find
// nothing to do and be acknowledged, and the next commit would take the pages
// of the state on disk for free. So the meta pages are written once more.
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
