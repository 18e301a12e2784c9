package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presenced/presenced/presence"
)

// What is not whole is only as good as none at the end: with whole entries
// behind it, something that was acknowledged is damaged, and is not dropped in
// silence.
func TestADamagedEntryAmongOthersIsNotDropped(t *testing.T) {
	s := openNew(t)
	var ends []int64
	for _, text := range []string{"one", "two", "three"} {
		put1(t, s, tell("ann", text))
		ends = append(ends, s.journal().end)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	file, data := must(os.ReadFile(s.path)), must(os.ReadFile(journalPath(s.path, 0)))
	for at := range ends[2] {
		damaged := bytes.Clone(data)
		damaged[at] ^= 0x10
		if err := errors.Join(os.WriteFile(path, file, 0o600), os.WriteFile(journalPath(path, 0), damaged, 0o600)); err != nil {
			t.Fatal(err)
		}
		if at >= ends[1] { // the last
			same(t, len(must(reopen(t, path).Person(t.Context(), "ann")).Story), 2)
			break
		}
		_, err := Open(path)
		if err == nil || !strings.HasPrefix(err.Error(), "open store "+path+": its journal "+journalPath(path, 0)+": damaged at octet ") {
			t.Fatalf("with octet %d damaged: %v", at, err)
		}
		if left := must(os.ReadFile(journalPath(path, 0))); !bytes.Equal(left, damaged) {
			t.Fatal("it was changed")
		}
	}
}

// Nor is the last of one journal, when there are entries in the other, which
// came after it.
func TestADamagedEntryBeforeTheOtherJournalIsNotDropped(t *testing.T) {
	s := openNew(t)
	put1(t, s, tell("ann", "one"))
	path := filepath.Join(t.TempDir(), "copy.db")
	file := must(os.ReadFile(s.path))
	if err := s.beginCheckpoint(); err != nil {
		t.Fatal(err)
	}
	put1(t, s, tell("bob", "two"))
	s.awaitCommit()
	if err := errors.Join(copyFiles(s.path, path), os.WriteFile(path, file, 0o600)); err != nil { // as before the commit
		t.Fatal(err)
	}
	journal := must(os.ReadFile(journalPath(path, 0)))
	journal[entryHeader] ^= 0x10
	if err := os.WriteFile(journalPath(path, 0), journal, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, open := range []func(string) (*Store, error){Open, OpenReadOnly} {
		_, err := open(path)
		if err == nil || err.Error() != "open store "+path+": its journal "+journalPath(path, 0)+": damaged at octet 0: restore a backup, or move it away to go on without what only it has" {
			t.Errorf("opened: %v", err)
		}
	}
}

// A journal that is not the file's, or none, is an empty one: nothing of it is
// taken in, and what is recorded next is kept.
func TestWhatIsNoJournalOfThisFileIsAnEmptyOne(t *testing.T) {
	other := openNew(t)
	crowd(t, other, "eve", "eva")
	for name, journal := range map[string][]byte{
		"none": nil, "empty": {}, "short": []byte("short"), "a text": bytes.Repeat([]byte("text\n"), 1<<18),
		"of another file": must(os.ReadFile(journalPath(other.path, 0))),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "presenced.db")
			s := must(Open(path))
			put1(t, s, tell("ann", "one"))
			if err := errors.Join(s.Close(), os.Remove(journalPath(path, 0))); err != nil {
				t.Fatal(err)
			}
			if journal != nil {
				if err := os.WriteFile(journalPath(path, 0), journal, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			read := must(OpenReadOnly(path))
			same(t, read.Stats().People, 1)
			if err := read.Close(); err != nil {
				t.Fatal(err)
			}
			s = reopen(t, path)
			same(t, s.Stats().People, 1)
			put1(t, s, tell("ann", "two"), tell("bob", "one"))
			left := copied(t, s)
			same(t, left.Stats().People, 2)
			same(t, len(must(left.Person(t.Context(), "ann")).Story), 2)
		})
	}
}

func TestAJournalThatCannotBeUsedIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "presenced.db")
	s := must(Open(path))
	if err := errors.Join(s.Close(), os.Remove(journalPath(path, 0)), os.Mkdir(journalPath(path, 0), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, open := range []func(string) (*Store, error){Open, OpenReadOnly} {
		_, err := open(path)
		if err == nil || !strings.HasPrefix(err.Error(), "open store "+path+": its journal "+journalPath(path, 0)+": ") {
			t.Error(err)
		}
	}
}

// By whatever name the file is opened, its journal is the same: a file that is
// found through a link one day and by its own name the next loses nothing.
func TestALinkToTheFileHasItsJournal(t *testing.T) {
	s := openNew(t)
	put1(t, s, tell("ann", "in the journal only"))
	dir := t.TempDir()
	path, link := filepath.Join(dir, "presenced.db"), filepath.Join(t.TempDir(), "link.db")
	if err := copyFiles(s.path, path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	linked := must(OpenReadOnly(link))
	same(t, linked.Stats().People, 1)
	if err := linked.Close(); err != nil {
		t.Fatal(err)
	}
	linked = reopen(t, link)
	same(t, linked.Stats().People, 1)
	put1(t, linked, tell("bob", "through the link"))
	left := copied(t, linked)
	same(t, left.Stats().People, 2)
	if _, err := os.Stat(journalPath(link, 0)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a journal beside the link: %v", err)
	}
}

// A page that the disk cannot read is an error of whoever wants it, and not
// the end of the process: another person's may well be read, and the disk may
// come to itself.
func TestAPageThatCannotBeReadIsAnError(t *testing.T) {
	s := openNew(t)
	var all []string
	for n := range 200 {
		all = append(all, citizen(n))
	}
	crowd(t, s, all...)
	if err := s.catchUp(); err != nil {
		t.Fatal(err)
	}
	whole := must(os.ReadFile(s.path))
	if err := os.Truncate(s.path, 2*4096); err != nil { // what is behind the end cannot be read
		t.Fatal(err)
	}
	_, err := s.People(t.Context(), "", 1000)
	if err == nil {
		t.Error("people were read who are not there")
	}
	put := func() error {
		var changes []presence.Change
		for _, user := range all {
			changes = append(changes, tell(user, "x"))
		}
		return s.Update(t.Context(), changes, nil)
	}
	clear(s.recent.people) // who would not be read
	if err := put(); err == nil {
		t.Error("what was not read was changed")
	}
	if err := os.WriteFile(s.path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	same(t, len(must(s.People(t.Context(), "", 1000))), 200)
	if err := errors.Join(put(), s.catchUp()); err != nil {
		t.Error(err)
	}
}
