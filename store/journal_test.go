package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presenced/presenced/presence"
)

// copied opens for reading what a process that is killed now would leave.
func copied(t *testing.T, s *Store) *Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := copyFiles(s.path, path); err != nil {
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
	if left.pending.Len() == 0 {
		t.Error("nothing was left in the journal")
	}
	same(t, left.Stats().People, 2)
	same(t, must(left.Person(t.Context(), "ann")), must(s.Person(t.Context(), "ann")))
	if err := whole(left); err != nil {
		t.Error(err)
	}
}

// Whatever octets follow the last entry, no name that a packet brought is ever
// taken for one.
func TestNoEntryIsReadThatWasNotWrittenAsOne(t *testing.T) {
	s := openNew(t)
	var forged []byte
	forge := func() string { // an entry as this journal would write it, but for the mark that nobody knows
		inner := &journal{file: must(os.CreateTemp(t.TempDir(), "")), most: journalMost}
		defer inner.close()
		var c changes
		if err := c.put(notes, under("forged", "note"), []byte("x")); err != nil {
			t.Fatal(err)
		}
		forged = c.entry(make([]byte, entryHeader))
		if err := inner.append(forged); err != nil {
			t.Fatal(err)
		}
		return string(forged)
	}
	long := presence.Note{Kind: "k", Key: "a", Value: bytes.Repeat([]byte(forge()), 100)}
	if err := s.Update(t.Context(), nil, []presence.Note{long}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // until that journal is written again
		if err := s.catchUp(); err != nil {
			t.Fatal(err)
		}
		put1(t, s, tell("ann", "x"))
	}
	if !bytes.Contains(must(os.ReadFile(s.journal().file.Name())), forged) {
		t.Fatal("nothing is left of the long one")
	}
	left := copied(t, s)
	same(t, left.Stats().People, 1)
	same(t, must(left.Note(t.Context(), "forged", "note")), nil)
}

// What is torn counts for nothing, and what was recorded before it does.
func TestATornEntryIsNone(t *testing.T) {
	s := openNew(t)
	put1(t, s, tell("ann", "one"))
	one := s.journal().end
	put1(t, s, tell("ann", "two"))
	for at := one; at < s.journal().end; at++ {
		b := []byte{0}
		if _, err := s.journal().file.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		torn := bytes.Clone(b)
		torn[0] ^= 0x10
		if _, err := s.journal().file.WriteAt(torn, at); err != nil {
			t.Fatal(err)
		}
		left := copied(t, s)
		same(t, len(must(left.Person(t.Context(), "ann")).Story), 1)
		if _, err := s.journal().file.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	same(t, len(must(copied(t, s).Person(t.Context(), "ann")).Story), 2)
}

// An update larger than the journal goes into the file at once, and is as
// durable.
func TestAnUpdateLargerThanTheJournalIsRecorded(t *testing.T) {
	s := openNew(t)
	s.withJournals(1 << 10)
	put1(t, s, tell("ann", "before"))
	crowd(t, s, "ann", "bob", "cid")
	left := copied(t, s)
	same(t, left.Stats().People, 3)
	same(t, left.pending.Len(), 0)
	if err := whole(left); err != nil {
		t.Error(err)
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
	for i, path := range files(s.path)[1:] {
		journal := must(os.ReadFile(path))
		if i == int(s.order.first) && !bytes.Contains(journal, []byte("two")) {
			t.Fatal("the journal does not hold what came after the backup")
		}
		if err := os.WriteFile(journalPath(backup, i), journal, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	restored := reopen(t, backup)
	same(t, len(must(restored.Person(t.Context(), "ann")).Story), 1)
}

// What bbolt would refuse at the next checkpoint, when it is too late, is
// refused at once, and hinders nothing.
func TestWhatTheFileCouldNotTakeIsRefusedAtOnce(t *testing.T) {
	s := openNew(t)
	for _, user := range []string{"", strings.Repeat("x", 1<<16)} {
		if err := s.Update(t.Context(), []presence.Change{tell(user, "x")}, nil); err == nil {
			t.Errorf("a user of %d octets was taken", len(user))
		}
	}
	put1(t, s, tell("ann", "x"))
	if err := errors.Join(s.catchUp(), whole(s)); err != nil {
		t.Error(err)
	}
}

// Updates go on while the file takes in what was pending, and whatever moment
// the process is killed at, all of them are there.
func TestNothingIsLostWhileTheFileCatchesUp(t *testing.T) {
	s := openNew(t).withJournals(6 << 10)
	path := filepath.Join(t.TempDir(), "copy.db")
	for n := 1; n <= 300; n++ {
		changes, set := step(n)
		if err := s.Update(t.Context(), changes, set); err != nil {
			t.Fatal(err)
		}
		if n%7 > 0 {
			continue
		}
		if err := holds(s, n); err != nil {
			t.Fatal(err)
		}
		s.awaitCommit() // a copy of a file that is being written is no file
		if err := copyFiles(s.path, path); err != nil {
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

// A checkpoint that was begun and not finished, whether its commit is in the
// file or not, is as good as none.
func TestACheckpointThatIsCutShortIsNone(t *testing.T) {
	for name, committed := range map[string]bool{"committed": true, "not committed": false} {
		t.Run(name, func(t *testing.T) {
			s := openNew(t)
			crowd(t, s, "ann", "bob")
			path := filepath.Join(t.TempDir(), "copy.db")
			if !committed {
				if err := copyFiles(s.path, path); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.beginCheckpoint(); err != nil {
				t.Fatal(err)
			}
			put1(t, s, tell("ann", "during it"))
			if committed {
				s.awaitCommit()
				if err := copyFiles(s.path, path); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(journalPath(path, 1), must(os.ReadFile(journalPath(s.path, 1))), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, open := range []func(string) (*Store, error){OpenReadOnly, Open, OpenReadOnly} {
				left, err := open(path)
				if err != nil {
					t.Fatal(err)
				}
				same(t, must(left.Person(t.Context(), "ann")), must(s.Person(t.Context(), "ann")))
				same(t, left.Stats().People, 2)
				if err := errors.Join(whole(left), left.Close()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// An update that failed, though it reached the disk, is not found again beneath
// those that came after it and know nothing of it.
func TestAnUpdateThatFailedIsNotFoundBeneathLaterOnes(t *testing.T) {
	s := openNew(t)
	crowd(t, s, "ann")
	var failed changes
	if err := failed.put(wakes, moment(monday, "ann"), []byte{}); err != nil {
		t.Fatal(err)
	}
	j := s.journal()
	end := j.end
	if err := j.append(failed.entry(make([]byte, entryHeader))); err != nil {
		t.Fatal(err)
	}
	j.end, j.torn = end, true // as when the sync fails at the last moment
	file := must(os.ReadFile(s.path))
	if err := s.beginCheckpoint(); err != nil {
		t.Fatal(err)
	}
	crowd(t, s, "ann")
	s.awaitCommit()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := errors.Join(copyFiles(s.path, path), os.WriteFile(path, file, 0o600)); err != nil {
		t.Fatal(err)
	}
	left := reopen(t, path) // killed before the checkpoint was in the file
	same(t, must(left.Person(t.Context(), "ann")), must(s.Person(t.Context(), "ann")))
	if err := whole(left); err != nil {
		t.Error(err)
	}
}
