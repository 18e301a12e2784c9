package store

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// While the disk is full, updates fail and nothing else does; when there is
// space again they succeed, without a restart.
func TestAFullDiskIsAnErrorUntilThereIsSpace(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("SKIPPED, no disk is filled: mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := Open(filepath.Join(dir, "presenced.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	n := 0
	try := func() error {
		changes, set := step(n + 1)
		err := s.Update(t.Context(), changes, set)
		if err == nil {
			n++
		}
		return err
	}
	for err = try(); err == nil && n < 1e5; err = try() {
	}
	for range 3 {
		if err := try(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("after %d updates: %v", n, err)
		}
		if err := holds(s, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := try(); err != nil {
			t.Fatalf("with space again: %v", err)
		}
	}
	if err := holds(s, n); err != nil {
		t.Error(err)
	}
}
