package upgrade

import (
	"context"
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

// keptStore is a store that an earlier version wrote.
type keptStore struct {
	dir    string    // below testdata
	closed time.Time // when it was left
	how    []string  // "closed", and "killed": by a process that was killed, with all that it held in a journal
}

// opened is when this version takes the store over.
func (k keptStore) opened() time.Time { return k.closed.Add(30 * time.Second) }

var (
	v1 = keptStore{"v1", time.Date(2000, 1, 3, 16, 0, 0, 0, time.UTC), []string{"closed", "killed"}}
	v3 = keptStore{"v3", time.Date(2000, 1, 3, 19, 0, 0, 0, time.UTC), []string{"killed"}}

	keptStores = []keptStore{v1, v3}
)

// layDown lays a kept store down as this version finds it, and returns its
// path.
func (k keptStore) layDown(t *testing.T, how string) string {
	t.Helper()
	path := filepath.Join(inMemory(t), "presenced.db")
	suffixes := []string{"", ".journal0", ".journal1"}
	if how == "closed" {
		suffixes = suffixes[:1]
	}
	for _, suffix := range suffixes {
		if err := os.WriteFile(path+suffix, k.file(t, how+".db"+suffix), 0o600); err != nil {
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

func decode[T any](t *testing.T, k keptStore, name string) (v T) {
	t.Helper()
	if err := json.Unmarshal(k.file(t, name), &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func TestKeptStoreOpensWithAllThatItHeld(t *testing.T) {
	for _, k := range keptStores {
		want := decode[holding](t, k, "holds.json")
		for _, how := range k.how {
			t.Run(k.dir+"/"+how, func(t *testing.T) {
				s, err := store.Open(k.layDown(t, how))
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				k.holds(t, s, want)
			})
		}
	}
}

// holds has the store hold what is wanted.
func (k keptStore) holds(t *testing.T, s *store.Store, want holding) {
	t.Helper()
	got := k.held(t, s)
	for _, h := range []holding{want, got} { // lines of one moment are in another order since
		for i := range h.People {
			slices.Sort(h.People[i].Story)
		}
	}
	same(t, "person", want.People, got.People)
	same(t, "visit of history", want.History, got.History)
	same(t, "note", want.Notes, got.Notes)
}

// TestKeptStoreIsTakenOverWhereItLies: whoever was stored is rewritten, some at a time. If
// the process dies meanwhile the next goes on, and an open store holds the same all the
// while.
func TestKeptStoreIsTakenOverWhereItLies(t *testing.T) {
	for _, k := range keptStores {
		t.Run(k.dir, func(t *testing.T) {
			path, want := k.layDown(t, "killed"), decode[holding](t, k, "holds.json")
			for dies := range 3 { // at once, in the middle, not at all
				s, err := store.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				if !s.Origin().Older {
					t.Fatal("it is taken over already")
				}
				ctx, die := context.WithCancel(t.Context())
				if dies == 0 {
					die()
				}
				most := 0
				err = s.TakeOver(ctx, func(done, of int) {
					if most = done; dies == 1 {
						die()
					}
					if done > of || of != len(want.People) {
						t.Errorf("%d of %d are done", done, of)
					}
				})
				die()
				if dies < 2 && err == nil || dies == 2 && (err != nil || most != len(want.People) || s.Origin().Older) {
					t.Errorf("taken over are %d: %v", most, err)
				}
				k.holds(t, s, want)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			s, err := store.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			k.holds(t, s, want)
			if err := s.TakeOver(t.Context(), func(int, int) { t.Error("it is taken over again") }); err != nil || s.Origin().Older {
				t.Error(err)
			}
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
	for _, k := range keptStores {
		branches := decode[map[string]*branch](t, k, "expected.json")
		for _, how := range k.how {
			for _, name := range slices.Sorted(maps.Keys(branches)) {
				if len(k.how) > 1 && how == "killed" && name != "stop" { // it holds the same: one will do
					continue
				}
				t.Run(k.dir+"/"+how+"/"+name, func(t *testing.T) {
					t.Parallel()
					branches[name].check(t, k.goOn(t, k.layDown(t, how), name, branches[name].Until))
				})
			}
		}
	}
}

// check holds what became of everybody against what is expected.
func (b *branch) check(t *testing.T, became map[string]*outcome) {
	t.Helper()
	for _, user := range slices.Sorted(maps.Keys(b.People)) {
		b.People[user].check(t, user, became[user])
	}
	for _, user := range slices.Sorted(maps.Keys(became)) {
		if b.People[user] == nil {
			t.Errorf("%s appears from nowhere: %+v", user, became[user])
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
