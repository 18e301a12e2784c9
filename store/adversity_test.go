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

// What only a journal has was acknowledged. So one that is not there, or is not
// the one that was, is no beginning: nothing is served until somebody says so,
// and then it is told.
func TestAnAbsentJournalIsNoBeginning(t *testing.T) {
	other := openNew(t)
	crowd(t, other, "eve", "eva")
	for name, c := range map[string]struct {
		journal []byte
		says    string
	}{
		"none":            {nil, "not there"},
		"short":           {[]byte("short"), "no journal of this file"},
		"a text":          {bytes.Repeat([]byte("text\n"), 1<<18), "no journal of this file"},
		"of another file": {must(os.ReadFile(journalPath(other.Path(), 0))), "no journal of this file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "presenced.db")
			s := must(Open(path))
			put1(t, s, tell("ann", "one"))
			if err := errors.Join(s.Close(), os.Remove(journalPath(path, 0))); err != nil {
				t.Fatal(err)
			}
			if c.journal != nil {
				if err := os.WriteFile(journalPath(path, 0), c.journal, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, open := range []func(string) (*Store, error){OpenReadOnly, Open} {
				if _, err := open(path); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "to go on without") {
					t.Errorf("opened: %v", err)
				}
			}
			if err := os.WriteFile(journalPath(path, 0), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s = reopen(t, path)
			same(t, s.Origin().Emptied, []string{journalPath(path, 0)})
			put1(t, s, tell("ann", "two"), tell("bob", "one"))
			left := copied(t, s)
			same(t, left.Stats().People, 2)
			same(t, len(must(left.Person(t.Context(), "ann")).Story), 2)
			same(t, left.Origin().Emptied, nil) // it has been told
		})
	}
}

// A file that is put back as it once was lacks what its journals have gone on
// with since: they are not written over.
func TestAnOlderFileDoesNotTakeLaterJournals(t *testing.T) {
	s := openNew(t)
	put1(t, s, tell("ann", "one"))
	path := filepath.Join(t.TempDir(), "presenced.db")
	older := must(os.ReadFile(s.Path()))
	if err := s.kv.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	put1(t, s, tell("ann", "two"))
	if err := s.kv.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	put1(t, s, tell("ann", "three"))
	if err := errors.Join(copyFiles(s.Path(), path), os.WriteFile(path, older, 0o600)); err != nil {
		t.Fatal(err)
	}
	before := must(os.ReadFile(journalPath(path, 0)))
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "later state") {
		t.Errorf("opened: %v", err)
	}
	if !bytes.Equal(before, must(os.ReadFile(journalPath(path, 0)))) {
		t.Error("the journal was changed")
	}
}

// A copy of the file without its journals is not the store: what was recorded
// last is not in it.
func TestACopyWithoutItsJournalsIsRefused(t *testing.T) {
	s := openNew(t)
	put1(t, s, tell("ann", "in the journal only"))
	path := filepath.Join(t.TempDir(), "presenced.db")
	if err := os.WriteFile(path, must(os.ReadFile(s.Path())), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "not there, and what only it has was acknowledged") {
		t.Errorf("opened: %v", err)
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
	if err := copyFiles(s.Path(), path); err != nil {
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
	if err := s.kv.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	whole := must(os.ReadFile(s.Path()))
	if err := os.Truncate(s.Path(), 2*4096); err != nil { // what is behind the end cannot be read
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
		return s.Update(t.Context(), changes)
	}
	clear(s.recent.people) // who would not be read
	if err := put(); err == nil {
		t.Error("what was not read was changed")
	}
	if err := os.WriteFile(s.Path(), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	same(t, len(must(s.People(t.Context(), "", 1000))), 200)
	if err := errors.Join(put(), s.kv.Checkpoint()); err != nil {
		t.Error(err)
	}
}
