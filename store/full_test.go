package store

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/presenced/presenced/store/journal"
)

// While the disk is full, be it for the journal or for the file, updates fail
// and nothing else does; when there is space again they succeed, without a
// restart.
func TestAFullDiskIsAnErrorUntilThereIsSpace(t *testing.T) {
	for name, octets := range map[string]int64{"journal": journal.Most, "file": 100 << 10} {
		t.Run(name, func(t *testing.T) { fillDisk(t, octets) })
	}
}

func fillDisk(t *testing.T, octets int64) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1300k"); err != nil {
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
	s.withJournals(octets)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	n := 0
	try := func() error {
		err := s.Update(t.Context(), step(n+1))
		if err == nil {
			n++
		}
		return err
	}
	for failures := 0; failures < 3; { // a checkpoint that failed may find what a reader has freed since
		err := try()
		switch {
		case err == nil && n < 1e5:
			failures = 0
			continue
		case !errors.Is(err, syscall.ENOSPC):
			t.Fatalf("after %d updates: %v", n, err)
		}
		failures++
		if err := holds(s, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("closed while the disk is full: %v", err)
	}
	if s, err = Open(filepath.Join(dir, "presenced.db")); err != nil {
		t.Fatalf("opened while the disk is full: %v", err)
	}
	s.withJournals(octets)
	if err := holds(s, n); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=6m"); err != nil {
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
