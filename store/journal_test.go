package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// copied opens for reading what a process that is killed now would leave.
func copied(t *testing.T, s *Store) *Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := copyFiles(s.Path(), path); err != nil {
		t.Fatal(err)
	}
	left, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { left.Close() })
	return left
}

// What is not in the file yet is read from the journal, by a listing while the
// daemon is down too.
func TestAListingSeesWhatOnlyTheJournalHas(t *testing.T) {
	s := openNew(t)
	crowd(t, s, "ann", "bob")
	left := copied(t, s)
	if left.kv.Stats().Pending == 0 {
		t.Error("nothing was left in the journal")
	}
	same(t, left.Stats().People, 2)
	same(t, must(left.Person(t.Context(), "ann")), must(s.Person(t.Context(), "ann")))
	if err := whole(left); err != nil {
		t.Error(err)
	}
}

// An update larger than the journal goes into the file at once, and is as
// durable.
func TestAnUpdateLargerThanTheJournalIsRecorded(t *testing.T) {
	s := openNew(t)
	s.withJournals(1 << 8)
	put1(t, s, tell("ann", "before"))
	crowd(t, s, "ann", "bob", "cid")
	left := copied(t, s)
	same(t, left.Stats().People, 3)
	same(t, left.kv.Stats().Pending, 0)
	if err := whole(left); err != nil {
		t.Error(err)
	}
}

// A backup knows that it is one, and of when, until what it holds was told to
// be of the past; it has journals of its own from the first opening on.
func TestACopyKnowsThatItIsOne(t *testing.T) {
	s := openNew(t)
	put1(t, s, tell("ann", "one"))
	same(t, s.Origin(), Origin{})
	backup, before := filepath.Join(t.TempDir(), "backup.db"), time.Now()
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	same(t, s.Origin(), Origin{})
	for range 2 {
		restored := must(Open(backup))
		if at := restored.Origin().Copied; at.Before(before.Truncate(0)) || at.After(time.Now()) {
			t.Errorf("copied at %v, want after %v", at, before)
		}
		if err := restored.Close(); err != nil {
			t.Fatal(err)
		}
	}
	restored := must(Open(backup))
	if err := restored.Settled(); err != nil {
		t.Fatal(err)
	}
	same(t, restored.Origin(), Origin{})
	put1(t, restored, tell("ann", "two"))
	same(t, copied(t, restored).Origin(), Origin{})
	if err := restored.Close(); err != nil {
		t.Fatal(err)
	}
	for _, journal := range files(backup)[1:] {
		if err := os.Remove(journal); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenReadOnly(backup); err == nil || !strings.Contains(err.Error(), "not there") {
		t.Errorf("without its journals: %v", err)
	}
}

// A backup that is restored does not take in the journal of what it replaces.
func TestARestoredBackupIsWhatWasBackedUp(t *testing.T) {
	s := openNew(t)
	put1(t, s, tell("ann", "one"))
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	put1(t, s, tell("ann", "two"))
	later := false
	for i, path := range files(s.Path())[1:] {
		journal := must(os.ReadFile(path))
		later = later || bytes.Contains(journal, []byte("two"))
		if err := os.WriteFile(journalPath(backup, i), journal, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !later {
		t.Fatal("no journal holds what came after the backup")
	}
	restored := reopen(t, backup)
	same(t, len(must(restored.Person(t.Context(), "ann")).Story), 1)
}

// What bbolt would refuse at the next checkpoint, when it is too late, is
// refused at once, and hinders nothing.
func TestWhatTheFileCouldNotTakeIsRefusedAtOnce(t *testing.T) {
	s := openNew(t)
	for _, user := range []string{"", strings.Repeat("x", 1<<16)} {
		if err := s.Update(t.Context(), []presence.Change{tell(user, "x")}); err == nil {
			t.Errorf("a user of %d octets was taken", len(user))
		}
	}
	put1(t, s, tell("ann", "x"))
	if err := errors.Join(s.kv.Checkpoint(), whole(s)); err != nil {
		t.Error(err)
	}
}

// Updates go on while the file takes in what was pending, and whatever moment
// the process is killed at, all of them are there.
func TestNothingIsLostWhileTheFileCatchesUp(t *testing.T) {
	s := openNew(t).withJournals(6 << 10)
	path := filepath.Join(t.TempDir(), "copy.db")
	for n := 1; n <= 300; n++ {
		if err := s.Update(t.Context(), step(n)); err != nil {
			t.Fatal(err)
		}
		if n%7 > 0 {
			continue
		}
		if err := holds(s, n); err != nil { // it waits for a commit under way: a copy of a file that is being written is no file
			t.Fatal(err)
		}
		if err := copyFiles(s.Path(), path); err != nil {
			t.Fatal(err)
		}
		left, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(holds(left, n), left.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
