package kv

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/presenced/presenced/store/journal"
)

// opens are the ways to open a map.
var opens = []func(string, Layout) (*Map, error){OpenReadOnly, Open, OpenReadOnly}

// What is torn counts for nothing, and what was recorded before it does. What
// has whole entries behind it was acknowledged, and is not dropped in silence.
func TestADamagedEntryIsNoneOnlyAtTheEnd(t *testing.T) {
	m := openNew(t)
	put(t, m, "word", "one")
	put(t, m, "word", "two")
	before := len(bytes.TrimRight(must(os.ReadFile(journalPath(m.path, 0))), "\x00"))
	put(t, m, "word", "three")
	file, data := must(os.ReadFile(m.path)), must(os.ReadFile(journalPath(m.path, 0)))
	end := len(bytes.TrimRight(data, "\x00"))
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := copyFiles(m.path, path); err != nil {
		t.Fatal(err)
	}
	for at := range end {
		damaged := bytes.Clone(data)
		damaged[at] ^= 0x10
		if err := errors.Join(os.WriteFile(path, file, 0o600), os.WriteFile(journalPath(path, 0), damaged, 0o600)); err != nil {
			t.Fatal(err)
		}
		left, err := OpenReadOnly(path, tested)
		if at >= before {
			if err != nil {
				t.Fatalf("with octet %d of %d damaged: %v", at, end, err)
			}
			holds(t, left, map[string]string{"word": "two"})
			if err := left.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		says := "damaged at octet "
		if at < len(journal.Mark{}) {
			says = "no journal of this file"
		}
		_, again := Open(path, tested)
		for _, err := range []error{err, again} {
			if err == nil || !strings.HasPrefix(err.Error(), "its journal "+journalPath(path, 0)+": "+says) {
				t.Fatalf("with octet %d damaged: %v", at, err)
			}
		}
		if left := must(os.ReadFile(journalPath(path, 0))); !bytes.Equal(left, damaged) {
			t.Fatal("it was changed")
		}
	}
}

// Nor is the last of one journal, when there are entries in the other, which
// came after it.
func TestADamagedEntryBeforeTheOtherJournalIsNotDropped(t *testing.T) {
	m := openNew(t)
	put(t, m, "one", "1")
	path := filepath.Join(t.TempDir(), "copy.db")
	file := must(os.ReadFile(m.path))
	if err := m.beginCheckpoint(); err != nil {
		t.Fatal(err)
	}
	put(t, m, "two", "2")
	m.awaitCommit()
	if err := errors.Join(copyFiles(m.path, path), os.WriteFile(path, file, 0o600)); err != nil { // as before the commit
		t.Fatal(err)
	}
	data := must(os.ReadFile(journalPath(path, 0)))
	data[journal.Header] ^= 0x10
	if err := os.WriteFile(journalPath(path, 0), data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, open := range opens {
		_, err := open(path, tested)
		if err == nil || err.Error() != "its journal "+journalPath(path, 0)+": damaged at octet 0: restore a backup, or put an empty file in its place to go on without what only it has" {
			t.Errorf("opened: %v", err)
		}
	}
}

// Whatever octets follow the last entry, no value that a packet brought is ever
// taken for one.
func TestNoEntryIsReadThatWasNotWrittenAsOne(t *testing.T) {
	m := openNew(t)
	// An entry as this journal would write it, but for the mark that nobody knows.
	other := must(journal.Open(filepath.Join(t.TempDir(), "other"), journal.Options{Write: true}, func([]byte) error { return nil }))
	defer other.Close()
	var c changes
	if err := c.put(words, []byte("forged"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	forged := c.entry(make([]byte, journal.Header))
	if err := other.Append(forged); err != nil {
		t.Fatal(err)
	}
	put(t, m, "long", strings.Repeat(string(forged), 100))
	for range 2 { // until that journal is written again
		if err := m.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		put(t, m, "long", "x")
	}
	if !bytes.Contains(must(os.ReadFile(journalPath(m.path, int(m.order.first)))), forged) {
		t.Fatal("nothing is left of the long one")
	}
	holds(t, copied(t, m), map[string]string{"long": "x"})
}

// A checkpoint that was begun and not finished, whether its commit is in the
// file or not, is as good as none.
func TestACheckpointThatIsCutShortIsNone(t *testing.T) {
	for name, committed := range map[string]bool{"committed": true, "not committed": false} {
		t.Run(name, func(t *testing.T) {
			m := openNew(t)
			put(t, m, "one", "1")
			put(t, m, "two", "2")
			path := filepath.Join(t.TempDir(), "copy.db")
			if !committed {
				if err := copyFiles(m.path, path); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.beginCheckpoint(); err != nil {
				t.Fatal(err)
			}
			put(t, m, "two", "during it")
			put(t, m, "three", "3")
			if committed {
				m.awaitCommit()
				if err := copyFiles(m.path, path); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(journalPath(path, 1), must(os.ReadFile(journalPath(m.path, 1))), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, open := range opens {
				left, err := open(path, tested)
				if err != nil {
					t.Fatal(err)
				}
				holds(t, left, map[string]string{"one": "1", "two": "during it", "three": "3"})
				if err := left.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// An update that failed, though it reached the disk, is not found again beneath
// those that came after it and know nothing of it.
func TestAnUpdateThatFailedIsNotFoundBeneathLaterOnes(t *testing.T) {
	m := openNew(t)
	put(t, m, "one", "1")
	file := must(os.ReadFile(m.path))

	whole := syncsFail(t, journalPath(m.path, 0))
	err := m.Update(func(u *Update) error { return say(u, "failed", []byte("x")) })
	whole()
	if !errors.Is(err, syscall.EINVAL) {
		t.Fatalf("the sync did not fail: %v", err)
	}
	path := filepath.Join(t.TempDir(), "copy.db") // what is on the disk all the same is written beside it
	if err := copyFiles(m.path, path); err != nil {
		t.Fatal(err)
	}
	o := journal.Options{Mark: m.order.marks[0], Latest: journal.Latest(m.order.marks[:]...), Begun: true, Write: true}
	j := must(journal.Open(journalPath(path, 0), o, func([]byte) error { return nil }))
	var c changes
	if err := c.put(words, []byte("failed"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Append(c.entry(make([]byte, journal.Header))), j.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(journalPath(m.path, 0), must(os.ReadFile(journalPath(path, 0))), 0o600); err != nil {
		t.Fatal(err)
	}
	holds(t, copied(t, m), map[string]string{"one": "1", "failed": "x"})

	if err := m.beginCheckpoint(); err != nil {
		t.Fatal(err)
	}
	put(t, m, "two", "2")
	m.awaitCommit()
	if err := errors.Join(copyFiles(m.path, path), os.WriteFile(path, file, 0o600)); err != nil { // killed before the checkpoint was in the file
		t.Fatal(err)
	}
	holds(t, reopen(t, path), map[string]string{"one": "1", "two": "2"})
}

// syncsFail makes the writes of whoever has the file open go nowhere and their
// syncs fail, until whole is called.
func syncsFail(t *testing.T, path string) (whole func()) {
	t.Helper()
	null := must(os.OpenFile(os.DevNull, os.O_RDWR, 0))
	for _, entry := range must(os.ReadDir("/proc/self/fd")) {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name())); err != nil || to != path {
			continue
		}
		fd := must(strconv.Atoi(entry.Name()))
		kept := must(syscall.Dup(fd))
		must(0, syscall.Dup3(int(null.Fd()), fd, syscall.O_CLOEXEC))
		return func() {
			must(0, errors.Join(syscall.Dup3(kept, fd, syscall.O_CLOEXEC), syscall.Close(kept), null.Close()))
		}
	}
	t.Fatalf("nobody has %s open", path)
	return nil
}
