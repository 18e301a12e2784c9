package kv

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presenced/presenced/internal/rigs/budget"
)

// The layout of the tests' maps.
const (
	words  Bucket = iota // counted
	places               // not counted
	days                 // rising
)

var tested = Layout{Version: 3, Buckets: [][]byte{[]byte("words"), []byte("places"), []byte("days")}, Rising: days}

// openNew opens a new map that the end of the test closes.
func openNew(t testing.TB) *Map {
	t.Helper()
	path := filepath.Join(t.TempDir(), "map.db")
	if err := Create(path, tested); err != nil {
		t.Fatal(err)
	}
	return reopen(t, path)
}

func reopen(t testing.TB, path string) *Map {
	t.Helper()
	m, err := Open(path, tested)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// put puts one word, which has to succeed.
func put(t testing.TB, m *Map, key, value string) {
	t.Helper()
	if err := m.Update(func(u *Update) error { return say(u, key, []byte(value)) }); err != nil {
		t.Fatal(err)
	}
}

// say puts a word.
func say(u *Update, key string, value []byte) error { return u.Put(words, []byte(key), value) }

// said is what the bucket holds.
func said(t testing.TB, m *Map, b Bucket) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := m.View(func(v View) error {
		for k, value := range v.From(b, nil) {
			all[string(k)] = string(value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func holds(t testing.TB, m *Map, want map[string]string) {
	t.Helper()
	if got := said(t, m, words); !maps.Equal(got, want) {
		t.Errorf("it holds %q, want %q", got, want)
	}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
}

// files are those of the map at path.
func files(path string) []string { return []string{path, journalPath(path, 0), journalPath(path, 1)} }

// copyFiles copies a map as a process that is killed now would leave it.
func copyFiles(from, to string) error {
	for i, path := range files(to) {
		data, err := os.ReadFile(files(from)[i])
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copied opens what a process that is killed now would leave.
func copied(t testing.TB, m *Map) *Map {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := copyFiles(m.path, path); err != nil {
		t.Fatal(err)
	}
	return reopen(t, path)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// as makes the test binary, started again, a program that the name is of.
const as = "PRESENCED_KV_TEST_AS"

var children = map[string]func(args []string) error{}

func TestMain(m *testing.M) {
	flag.Parse()
	if child, ok := children[os.Getenv(as)]; ok {
		if err := child(flag.Args()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// An update that fails, or panics, is none; the map goes on.
func TestAnUpdateIsAllOrNothing(t *testing.T) {
	m := openNew(t)
	put(t, m, "one", "1")
	wrong := errors.New("on purpose")
	err := m.Update(func(u *Update) error { return errors.Join(say(u, "two", []byte("2")), wrong) })
	if !errors.Is(err, wrong) {
		t.Errorf("it failed: %v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic was swallowed")
			}
		}()
		_ = m.Update(func(u *Update) error {
			if err := say(u, "two", []byte("2")); err != nil {
				return err
			}
			panic("on purpose")
		})
	}()
	put(t, m, "three", "3")
	holds(t, m, map[string]string{"one": "1", "three": "3"})
	holds(t, copied(t, m), map[string]string{"one": "1", "three": "3"})
}

// Update returns when what it changed is on disk, after one sync, and no
// earlier: a copy of the files is the map.
func TestWhatWasUpdatedIsInTheFiles(t *testing.T) {
	m := openNew(t)
	told := 0
	m.Committed = func(took time.Duration) { told++ }
	want := map[string]string{}
	for n := range 5 {
		key := fmt.Sprint(n)
		put(t, m, key, "x")
		want[key] = "x"
		holds(t, copied(t, m), want)
	}
	if told != 5 || m.Stats().Pending != 5 {
		t.Errorf("%d updates were told of, and %d keys are pending", told, m.Stats().Pending)
	}
}

func TestWhatIsScrubbedIsNowhere(t *testing.T) {
	m := openNew(t)
	const secret = "nobody is to know this"
	for n := range 200 {
		put(t, m, fmt.Sprint(n), fmt.Sprint(secret, n))
		if n%50 == 0 {
			if err := m.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	traces := func() (n int) {
		for _, path := range files(m.path) {
			n += bytes.Count(must(os.ReadFile(path)), []byte(secret))
		}
		return n
	}
	if err := m.Update(func(u *Update) error {
		for n := range 200 {
			if err := say(u, fmt.Sprint(n), nil); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if traces() == 0 {
		t.Fatal("the test looks in the wrong place")
	}
	if err := m.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := traces(); n > 0 {
		t.Errorf("%d are left", n)
	}
	holds(t, m, map[string]string{})
}

// What cannot be opened is let go of: whoever tries again and again does not
// run out of files.
func TestWhatCannotBeOpenedIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "map.db")
	if err := Create(path, tested); err != nil {
		t.Fatal(err)
	}
	m := must(Open(path, tested))
	put(t, m, "one", "1")
	if err := errors.Join(m.Close(), os.Remove(journalPath(path, int(m.order.first^1)))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, tested); err == nil {
		t.Fatal("it is open without one of its journals")
	}
	for _, entry := range must(os.ReadDir("/proc/self/fd")) {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name())); err == nil && slices.Contains(files(path), to) {
			t.Errorf("%s is open", to)
		}
	}
}

// Whatever is done in whatever order, the map is what maps in memory would be,
// and so is what a kill leaves of it.
func TestTheMapIsWhatMapsWouldBe(t *testing.T) {
	t.Parallel()
	n := 0
	key, value := rapid.SampledFrom([]string{"a", "aa", "ab", "b", "b\x00", "c\xff"}), rapid.SampledFrom([]string{"", "x", "y"})
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(t.TempDir(), fmt.Sprint(n))
		if err := Create(path, tested); err != nil {
			rt.Fatal(err)
		}
		open := func(path string) *Map {
			m, err := Open(path, tested)
			if err != nil {
				rt.Fatal(err)
			}
			m.db.NoSync = true // what a power cut leaves is tested elsewhere
			m.LimitJournals(300)
			return m
		}
		m := open(path)
		defer func() { m.Close() }()
		model := [3]map[string]string{{}, {}, {}}
		rt.Repeat(map[string]func(*rapid.T){
			"update": func(rt *rapid.T) {
				fails, next := rapid.IntRange(0, 9).Draw(rt, "fails") == 0, [3]map[string]string{}
				for b := range model {
					next[b] = maps.Clone(model[b])
				}
				err := m.Update(func(u *Update) error {
					for range rapid.IntRange(1, 5).Draw(rt, "changes") {
						b, k := rapid.IntRange(0, 2).Draw(rt, "bucket"), key.Draw(rt, "key")
						v := []byte(value.Draw(rt, "value"))
						if rapid.Bool().Draw(rt, "erase") {
							v = nil
							delete(next[b], k)
						} else {
							next[b][k] = string(v)
						}
						if err := u.Put(Bucket(b), []byte(k), v); err != nil {
							return err
						}
					}
					if fails {
						return errors.New("on purpose")
					}
					return nil
				})
				if (err != nil) != fails {
					rt.Fatal(err)
				}
				if !fails {
					model = next
				}
			},
			"read": func(rt *rapid.T) {
				b, start := rapid.IntRange(0, 2).Draw(rt, "bucket"), key.Draw(rt, "start")
				var want, got []string
				for _, k := range slices.Sorted(maps.Keys(model[b])) {
					if k >= start {
						want = append(want, k+"="+model[b][k])
					}
				}
				err := m.View(func(v View) error {
					for k, value := range v.From(Bucket(b), []byte(start)) {
						got = append(got, string(k)+"="+string(value))
						if is := v.Get(Bucket(b), k); is == nil || !bytes.Equal(is, value) {
							return fmt.Errorf("of %q there is %q, and in its order %q", k, is, value)
						}
					}
					return nil
				})
				if err != nil || !slices.Equal(got, want) {
					rt.Fatalf("from %q on it holds %q, want %q; %v", start, got, want, err)
				}
			},
			"checkpoint": func(rt *rapid.T) {
				if err := m.Checkpoint(); err != nil {
					rt.Fatal(err)
				}
			},
			"restart": func(rt *rapid.T) {
				if err := m.Close(); err != nil {
					rt.Fatal(err)
				}
				m = open(m.path)
			},
			"kill": func(rt *rapid.T) {
				m.awaitCommit() // a copy of a file that is being written is no file
				left := m
				defer left.Close()
				if err := copyFiles(left.path, left.path+"'"); err != nil {
					rt.Fatal(err)
				}
				m = open(left.path + "'")
			},
		})
		if err := m.Check(); err != nil {
			rt.Fatal(err)
		}
	})
}

// FuzzChanges: whatever an entry says, it is read or refused, at a cost that
// its size bounds; and what was written is read as it was.
func FuzzChanges(f *testing.F) {
	all := changes{{"\x00word", []byte("value")}, {"\x01place", nil}, {"\x02day", []byte{}}}
	f.Add(all.entry(nil))
	f.Add([]byte("text"))
	f.Add([]byte{2, 0, 'a', 1})
	f.Add(bytes.Repeat([]byte{2, 0, 'a', 1}, 10_000))
	f.Fuzz(func(t *testing.T, entry []byte) {
		var all changes
		var err error
		budget.Budget{Time: 50 * time.Millisecond, Each: 5 * time.Microsecond, Octets: 4096, More: 200}.Hold(t, len(entry), func() {
			all, err = readChanges(entry, len(tested.Buckets))
		})
		if err != nil {
			return
		}
		taken := 0
		for _, c := range all {
			taken += len(c.key) + len(c.value)
			if len(c.key) < 2 || int(c.key[0]) >= len(tested.Buckets) {
				t.Errorf("no bucket has the key %q", c.key)
			}
		}
		if taken > len(entry) {
			t.Errorf("%d octets out of %d", taken, len(entry))
		}
		again, err := readChanges(all.entry(nil), len(tested.Buckets))
		if err != nil || !slices.EqualFunc(again, all, func(a, b change) bool {
			return a.key == b.key && bytes.Equal(a.value, b.value) && (a.value == nil) == (b.value == nil)
		}) {
			t.Errorf("%q is read again as %q, %v", all, again, err)
		}
	})
}
