package upgrade

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/presenced/presenced/store"
)

// rulesChanged says whether the rules of presence are others than those that
// version 1 was written under: what expected.json says under "differs" counts.
const rulesChanged = true

// closed is when the kept store was left, and opened when this version takes
// it over.
var (
	closed = time.Date(2000, 1, 3, 16, 0, 0, 0, time.UTC)
	opened = closed.Add(30 * time.Second)
)

// layDown lays a kept store down as this version finds it, and returns its
// path: "closed" was closed, "killed" was left by a process that was killed,
// with all that it held in a journal.
func layDown(t *testing.T, how string) string {
	t.Helper()
	path := filepath.Join(inMemory(t), "presenced.db")
	suffixes := []string{"", ".journal0", ".journal1"}
	if how == "closed" {
		suffixes = suffixes[:1]
	}
	for _, suffix := range suffixes {
		if err := os.WriteFile(path+suffix, kept(t, how+".db"+suffix), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// inMemory returns a folder that no disk is behind, if there can be one: a
// night is thousands of syncs, and none is on trial here.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "presenced-upgrade-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func decode[T any](t *testing.T, name string) (v T) {
	t.Helper()
	if err := json.Unmarshal(kept(t, name), &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func TestKeptStoreOpensWithAllThatItHeld(t *testing.T) {
	want := decode[holding](t, "holds.json")
	for _, how := range []string{"closed", "killed"} {
		t.Run(how, func(t *testing.T) {
			s, err := store.Open(layDown(t, how))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got := holds(t, s)
			same(t, "person", want.People, got.People)
			same(t, "visit of history", want.History, got.History)
			same(t, "note", want.Notes, got.Notes)
		})
	}
}

// same reports how two lists differ, element by element.
func same[T any](t *testing.T, what string, want, got []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d of %s, want %d", len(got), what, len(want))
	}
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) {
			g, _ := json.Marshal(got[i])
			w, _ := json.Marshal(want[i])
			t.Errorf("%s %d:\n got %s\nwant %s", what, i, g, w)
		}
	}
}

func TestKeptStoreGoesOnAsItWouldHave(t *testing.T) {
	branches := decode[map[string]*branch](t, "expected.json")
	for _, how := range []string{"closed", "killed"} {
		for _, name := range slices.Sorted(maps.Keys(branches)) {
			if how == "killed" && name != "stop" { // it holds the same: one will do
				continue
			}
			t.Run(how+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := branches[name]
				became := goOn(t, layDown(t, how), name, b.Until)
				for _, user := range slices.Sorted(maps.Keys(b.People)) {
					b.People[user].check(t, user, became[user])
				}
				for _, user := range slices.Sorted(maps.Keys(became)) {
					if b.People[user] == nil {
						t.Errorf("%s appears from nowhere: %+v", user, became[user])
					}
				}
			})
		}
	}
}

// check holds what became of a person against what is expected.
func (e *expected) check(t *testing.T, user string, got *outcome) {
	t.Helper()
	if got == nil {
		got = &outcome{}
	}
	wants := []outcome{e.outcome}
	if rulesChanged && len(e.Differs) > 0 {
		wants = e.Differs
		if e.StillRight {
			wants = append(wants, e.outcome)
		}
	}
	for _, want := range wants {
		if got.unlike(want) == "" {
			return
		}
	}
	for _, want := range wants {
		t.Errorf("%s: %s %s", user, got.unlike(want), want.Why)
	}
}
