package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
)

// Backup writes a consistent copy, with mode 0600, to path while the store is
// in use. The copy appears under its name, in place of what was there, when it
// is whole, checked and on disk.
func (s *Store) Backup(ctx context.Context, path string) error {
	s.lengthy.Lock()
	defer s.lengthy.Unlock()
	if err := s.backup(ctx, path); err != nil {
		return fmt.Errorf("back up store %s: %w", s.Path(), err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, path string) (err error) {
	if s.kv.Is(path) {
		return fmt.Errorf("%s is the store itself: give another name", path)
	}
	temp := path + ".new" + rand.Text()
	err = s.write("back up", func(u *update) error {
		u.begun(copying + temp)
		return nil
	})
	if err != nil {
		return err
	}
	defer func() {
		os.Remove(temp) // it is no longer there if all went well
		err = errors.Join(err, s.ended(copying+temp))
	}()
	return s.kv.Copy(ctx, path, temp)
}
