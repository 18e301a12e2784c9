package kv

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// A copy replaces the one before, knows that it is one, and is a map without
// the journals that lie beside it.
func TestACopyIsWholeAndReplacesTheLast(t *testing.T) {
	m := openNew(t)
	path := filepath.Join(t.TempDir(), "copy.db")
	want := map[string]string{}
	for _, word := range []string{"one", "two"} {
		put(t, m, word, "x")
		want[word] = "x"
		if err := m.Copy(t.Context(), path, path+".new"); err != nil {
			t.Fatal(err)
		}
		for i, from := range files(m.path)[1:] { // of what it replaces, say
			if err := os.WriteFile(journalPath(path, i), must(os.ReadFile(from)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		copied := must(Open(path, tested))
		holds(t, copied, want)
		if copied.Origin().Copied.IsZero() || copied.Origin().Emptied != nil {
			t.Errorf("its origin is %+v", copied.Origin())
		}
		if err := errors.Join(copied.Settled(), copied.Close()); err != nil {
			t.Fatal(err)
		}
		copied = must(OpenReadOnly(path, tested))
		if at := copied.Origin().Copied; !at.IsZero() {
			t.Errorf("it is settled, and still a copy, of %v", at)
		}
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if m.Is(path) || !m.Is(m.path) || !m.Is(journalPath(m.path, 0)) || !m.Is(journalPath(m.path, 1)) {
		t.Error("it takes another file for its own, or its own for another's")
	}
}

func TestADamagedCopyIsNoCopy(t *testing.T) {
	m := openNew(t)
	for n := range 3 {
		put(t, m, strings.Repeat("x", 1+n), strings.Repeat("y", 3000)) // more than there is room for in the page of all buckets
	}
	if err := m.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	var root int64
	err := m.db.View(func(tx *bbolt.Tx) error {
		root = int64(tx.Bucket(tested.name(words)).Root())
		return nil
	})
	if err != nil || root == 0 {
		t.Fatalf("the bucket has no page of its own: %v", err)
	}
	path := filepath.Join(t.TempDir(), "copy")
	data := must(os.ReadFile(m.path))
	page := int64(m.db.Info().PageSize)
	clear(data[root*page : (root+1)*page])
	if err := errors.Join(copyFiles(m.path, path), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := verify(path, tested); err == nil || !strings.HasPrefix(err.Error(), "the file is damaged") {
		t.Error(err)
	}
}
