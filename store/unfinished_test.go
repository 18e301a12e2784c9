package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatDiedInTheMiddleIsEnded: a process that was killed while it made a
// copy, or cleared what it had erased, leaves nobody's data where no order
// reaches it.
func TestWhatDiedInTheMiddleIsEnded(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, filepath.Join(dir, "presenced.db"))
	put1(t, s, tell("ann", "one"))
	temp := filepath.Join(dir, "backup.db.new1")
	begin := func(what string) {
		t.Helper()
		if err := s.write("test", func(u *update) error { u.begun(what); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	begin(copying + temp)
	begin(copying + filepath.Join(dir, "gone.db.new2")) // by whoever removed it by hand
	if err := os.WriteFile(temp, []byte("ann"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.write("test", func(u *update) error {
		u.begun(scrubbing)
		return u.forget("ann")
	}); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), "presenced.db")
	if err := copyFiles(s.Path(), left); err != nil { // as kill -9 leaves it
		t.Fatal(err)
	}
	again := must(Open(left))
	if err := again.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(temp); !os.IsNotExist(err) {
		t.Errorf("the incomplete copy: %v", err)
	}
	if notes := must(again.Notes(t.Context(), unfinished, "", 10)); len(notes) > 0 {
		t.Errorf("still unfinished: %v", notes)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range files(left) {
		if strings.Contains(string(must(os.ReadFile(path))), "ann") {
			t.Errorf("%s still names ann", path)
		}
	}
}

// TestAKillWhileItIsCreatedLeavesNoFile, once it has been started again; what
// only has a name that is alike stays.
func TestAKillWhileItIsCreatedLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "presenced.db")
	for name, want := range map[string]bool{"presenced.db.creating123": false, "presenced.db.new": true, "other.db.creating1": true} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
				t.Errorf("%s: %v", name, err)
			}
		}()
	}
	s := must(Open(path))
	if err := errors.Join(s.Resume(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestABackupLeavesNoNote, nor a file beside it, whether it succeeds or not.
func TestABackupLeavesNoNote(t *testing.T) {
	s := openNew(t)
	put1(t, s, tell("ann", "one"))
	dir := t.TempDir()
	if err := s.Backup(t.Context(), filepath.Join(dir, "backup.db")); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), filepath.Join(dir, "no folder", "backup.db")); err == nil {
		t.Error("written to no folder")
	}
	if err := os.Mkdir(filepath.Join(dir, "a folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), filepath.Join(dir, "a folder")); err == nil {
		t.Error("written over a folder")
	}
	if notes := must(s.Notes(t.Context(), unfinished, "", 10)); len(notes) > 0 {
		t.Errorf("unfinished: %v", notes)
	}
	if there := must(os.ReadDir(dir)); len(there) != 2 {
		t.Errorf("there are %v", there)
	}
}
