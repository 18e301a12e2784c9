package etcd

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
	"github.com/presenced/presenced/store/etcdstore"
	"github.com/presenced/presenced/store/transfer"
)

// kept copies a store that an earlier version wrote, and adds so many people to it and, of
// each kind, what it may lack.
func kept(t *testing.T, version string, people int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "presenced.db")
	for _, end := range []string{"", ".journal0", ".journal1"} {
		unpack(t, filepath.Join("..", "upgrade", "testdata", version+".db"+end+".gz"), path+end)
	}
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	over := presence.Facts{ID: "S1", Device: "02:00:5e:00:00:01", Marks: []presence.Mark{{Status: presence.Start, At: now, Heard: now, Age: -1}}}
	var changes []presence.Change
	for i := range people {
		user := fmt.Sprintf("n%04d@example.com", i)
		changes = append(changes, presence.Change{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Devices = append(p.Devices, presence.Device{ID: "02:00:5e:00:00:01", Last: now})
			p.Wake, p.NextErrand = now.Add(time.Duration(i)*time.Second), now.Add(time.Duration(i)*time.Minute)
			p.Over = append(p.Over, presence.Stretch{Of: []presence.Apart{{Key: over.Key(), Last: now, Heard: now}}, Device: over.Device, Site: "london", From: now.Add(-time.Hour), To: now, Raw: now, Leave: now, Began: now, Clear: now})
			p.Past = append(p.Past, over)
			p.Story = append(p.Story, presence.Entry{At: now, Kind: presence.Heard, Text: "at the lobby"})
			return presence.Outcome{
				Archived: []presence.Visit{{ID: fmt.Sprint("v", i), Site: "london", Arrived: now.Add(-time.Hour), Departed: now, State: presence.Over}},
				Notes:    []presence.Note{{Kind: "owner", Key: user, Value: []byte(user)}, {Kind: "empty", Key: user, Value: []byte{}}},
			}
		}})
	}
	if err := errors.Join(s.Update(t.Context(), changes), s.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// unpack unpacks a file, if it is there.
func unpack(t *testing.T, name, path string) {
	t.Helper()
	packed, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	from, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(from)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func inEtcd(e *embed.Etcd) *configs.Store {
	return &configs.Store{Etcd: &configs.Etcd{
		Endpoints: []string{"http://" + e.Clients[0].Addr().String()}, Prefix: fmt.Sprintf("moved%d/", tenants.Add(1)), Name: "d1",
	}}
}

func noMatter(string, int, int) {}

// opened opens the store in etcd, to read it.
func opened(t *testing.T, c *configs.Store) *etcdstore.Store {
	t.Helper()
	s, err := etcdstore.OpenToRead(etcdstore.Config{Endpoints: c.Etcd.Endpoints, Prefix: c.Etcd.Prefix, Name: "reader"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func readOnly(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// What moves from a file of whichever version into etcd, back into a file, and into etcd
// again, is the same in every row, and for whoever reads it.
func TestAStoreMovesIntoEtcdAndBackAndIsTheSame(t *testing.T) {
	e := one(t)
	for _, version := range []string{"v1/closed", "v3/killed"} {
		t.Run(version, func(t *testing.T) {
			path, first, second := kept(t, version, 300), inEtcd(e), inEtcd(e)
			plan, err := daemon.PlanMigration(t.Context(), first, path)
			if err != nil || plan.All() < 2000 || !plan.Since.IsZero() {
				t.Fatalf("the plan is %+v, %v", plan, err)
			}
			there, err := daemon.Migrate(t.Context(), first, path, noMatter)
			if err != nil {
				t.Fatal(err)
			}
			people := 0
			for _, h := range there.Holds {
				if h.Rows == 0 {
					t.Errorf("no %s were moved", h.What)
				}
				if h.What == "people" {
					people = h.Rows
				}
			}
			file := filepath.Join(t.TempDir(), "back.db")
			back, err := daemon.Export(t.Context(), first, file, noMatter)
			if err != nil || back.Sum != there.Sum || len(back.Serving) != 0 {
				t.Fatalf("back comes %+v of %+v, %v", back, there, err)
			}
			left, err := os.ReadDir(filepath.Dir(file))
			if err != nil || len(left) != 3 { // the file and its journals
				t.Errorf("beside it are %v, %v", left, err)
			}
			if _, err := daemon.Migrate(t.Context(), second, file, noMatter); err != nil {
				t.Fatal(err)
			}
			a, b := readOnly(t, path), readOnly(t, file)
			if _, _, err := transfer.Compare(t.Context(), a, b, func(int) {}); err != nil {
				t.Errorf("the files differ: %v", err)
			}
			if n := b.Stats().People; n != people || !b.Origin().Copied.IsZero() || b.Origin().Older {
				t.Errorf("the file counts %d people, and is %+v", n, b.Origin())
			}
			all := map[string]presence.Store{"etcd": opened(t, first), "etcd again": opened(t, second), "the file": b}
			everybody, err := a.People(t.Context(), "", 10_000)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range everybody {
				want, err := a.Person(t.Context(), p.User)
				if err != nil {
					t.Fatal(err)
				}
				visits, err := a.History(t.Context(), p.User, time.Time{}, time.Now().Add(1e6*time.Hour), 100)
				if err != nil {
					t.Fatal(err)
				}
				for name, s := range all {
					got, err := s.Person(t.Context(), p.User)
					if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("%s has of %s %v, not %v, %v", name, p.User, got, want, err)
					}
					had, err := s.History(t.Context(), p.User, time.Time{}, time.Now().Add(1e6*time.Hour), 100)
					if err != nil || fmt.Sprint(had) != fmt.Sprint(visits) {
						t.Errorf("%s has of %s the visits %v, not %v, %v", name, p.User, had, visits, err)
					}
				}
			}
		})
	}
}

// A daemon comes for whoever was in a queue of the file.
func TestADaemonComesForWhoWasInAQueueOfTheFile(t *testing.T) {
	e := one(t)
	c := inEtcd(e)
	if _, err := daemon.Migrate(t.Context(), c, kept(t, "v1/closed", 3), noMatter); err != nil {
		t.Fatal(err)
	}
	s, err := etcdstore.Open(etcdstore.Config{Endpoints: c.Etcd.Endpoints, Prefix: c.Etcd.Prefix, Name: "d1", Late: etcdstore.Late})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for q, name := range map[presence.Queue]string{presence.Wakes: "wakes", presence.Errands: "errands"} {
		users, _, err := s.Due(t.Context(), q, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), 10_000)
		if err != nil || !strings.Contains(fmt.Sprint(users), "n0002@example.com") {
			t.Errorf("%s: %v, %v", name, users, err)
		}
	}
	if err := remember(t, s, "x"); err != nil {
		t.Error(err)
	}
}

// Whatever interrupts a migration, nobody serves what is half there, and the next one goes on
// with it, although the file has changed meanwhile.
func TestAMigrationThatIsInterruptedGoesOn(t *testing.T) {
	e := one(t)
	path, c := kept(t, "v1/closed", 3000), inEtcd(e)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m, err := daemon.Migrate(ctx, c, path, func(step string, done, of int) {
		if step == "writing" && done > of/2 {
			cancel()
		}
	})
	if err == nil || m.Written == 0 || m.Written >= m.All() {
		t.Fatalf("%d of %d rows were written, %v", m.Written, m.All(), err)
	}
	s, err := etcdstore.Open(etcdstore.Config{Endpoints: c.Etcd.Endpoints, Prefix: c.Etcd.Prefix, Name: "early"})
	if err != nil {
		t.Fatal(err)
	}
	if err := remember(t, s, "x"); !errors.Is(err, etcdstore.ErrRefused) || !strings.Contains(err.Error(), "presenced migrate "+path) {
		t.Errorf("a daemon that starts meanwhile: %v", err)
	}
	if _, err := daemon.Export(t.Context(), c, filepath.Join(t.TempDir(), "half.db"), noMatter); !errors.Is(err, etcdstore.ErrRefused) {
		t.Errorf("half a store is exported: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Forget(t.Context(), "n0001@example.com"), f.Forget(t.Context(), "n2999@example.com"), f.Close()); err != nil {
		t.Fatal(err)
	}
	plan, err := daemon.PlanMigration(t.Context(), c, path)
	if err != nil || plan.Since.IsZero() {
		t.Errorf("the plan is %+v, %v", plan, err)
	}
	again, err := daemon.Migrate(t.Context(), c, path, noMatter)
	if err != nil || again.Written == 0 || again.Written >= again.All() || !again.Since.Equal(plan.Since) {
		t.Errorf("%d of %d rows were written then, %v", again.Written, again.All(), err)
	}
	snapshot, err := opened(t, c).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := transfer.Compare(t.Context(), readOnly(t, path), snapshot, func(int) {}); err != nil {
		t.Error(err)
	}
}

// An export that is interrupted leaves no file of that name, and the next one goes on with what
// there is; while a daemon runs, what comes of it is a backup.
func TestAnExportThatIsInterruptedGoesOn(t *testing.T) {
	e := one(t)
	c, file := inEtcd(e), filepath.Join(t.TempDir(), "back.db")
	if _, err := daemon.Migrate(t.Context(), c, kept(t, "v1/closed", 3000), noMatter); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m, err := daemon.Export(ctx, c, file, func(step string, done, of int) {
		if step == "writing" && done > of/2 {
			cancel()
		}
	})
	if _, there := os.Stat(file); err == nil || m.Written == 0 || !errors.Is(there, os.ErrNotExist) {
		t.Fatalf("%d rows were written, %v, %v", m.Written, err, there)
	}
	s, err := etcdstore.Open(etcdstore.Config{Endpoints: c.Etcd.Endpoints, Prefix: c.Etcd.Prefix, Name: "serves"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Forget(t.Context(), "n0001@example.com"); err != nil {
		t.Fatal(err)
	}
	for {
		if there, err := s.Present(t.Context()); err == nil && len(there) == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	again, err := daemon.Export(t.Context(), c, file, noMatter)
	if err != nil || again.Written == 0 || again.Written >= again.All() || fmt.Sprint(again.Serving) != "[serves]" {
		t.Errorf("%d of %d rows were written then, beside %v, %v", again.Written, again.All(), again.Serving, err)
	}
	f, err := store.OpenReadOnly(file)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := f.Person(t.Context(), "n0001@example.com"); err != nil || !p.Unknown() {
		t.Errorf("who was forgotten meanwhile is there: %v, %v", p, err)
	}
	if f.Origin().Copied.IsZero() {
		t.Error("the file does not say that it is a backup")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := daemon.Export(t.Context(), c, file, noMatter); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a file that is there: %v", err)
	}
	if _, err := daemon.Migrate(t.Context(), inEtcd(e), file, noMatter); err == nil || !strings.Contains(err.Error(), "is a backup") {
		t.Errorf("a backup: %v", err)
	}
}

// Nothing is moved into etcd that holds something, or that a daemon serves, nor from a file
// that one serves; and with hash_devices by the file's own key only.
func TestWhatMustNotMoveStays(t *testing.T) {
	e := one(t)
	path, c := kept(t, "v1/closed", 1), inEtcd(e)
	refused := func(what, says string) {
		t.Helper()
		for name, move := range map[string]func() (daemon.Move, error){
			"the plan": func() (daemon.Move, error) { return daemon.PlanMigration(t.Context(), c, path) },
			"the move": func() (daemon.Move, error) { return daemon.Migrate(t.Context(), c, path, noMatter) },
		} {
			if _, err := move(); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s, %s: %v", what, name, err)
			}
		}
	}
	f, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	refused("a file that is served", "stop that first")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	c.HashDevices, c.Etcd.DeviceKey = true, filepath.Join(t.TempDir(), "key")
	refused("hashed devices, no key", ".key, by which the file's devices are hashed")
	for name, key := range map[string]string{path + ".key": strings.Repeat("a", 32), c.Etcd.DeviceKey: strings.Repeat("b", 32)} {
		if err := os.WriteFile(name, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused("hashed devices, another key", "device_key_file is not the key of the file")
	c.HashDevices = false
	s, err := etcdstore.Open(etcdstore.Config{Endpoints: c.Etcd.Endpoints, Prefix: c.Etcd.Prefix, Name: "serves"})
	if err != nil {
		t.Fatal(err)
	}
	for {
		if there, err := s.Present(t.Context()); err == nil && len(there) == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	refused("a daemon", "it is served by serves: stop every daemon first")
	if err := errors.Join(remember(t, s, "x"), s.Close()); err != nil {
		t.Fatal(err)
	}
	refused("somebody", "it is not empty")
	c.Etcd = nil
	refused("no etcd", "names no etcd")
}
