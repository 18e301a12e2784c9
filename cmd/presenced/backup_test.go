package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// TestBackupUnderLoadIsAllThatWasAcknowledged: a copy that was taken while
// records came in and bookings were checked in serves on another host, and has
// everything that was acknowledged before it was begun. What it checked in is
// not checked in again.
func TestBackupUnderLoadIsAllThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	first := b.serve()
	if err := b.controller().Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "ann is checked in", func() bool {
		v := b.visits()
		return len(v) == 1 && len(v[0].CheckIn.Bookings) == 1
	})

	const controllers, each = 4, 60
	var sent sync.WaitGroup
	var mu sync.Mutex
	acknowledged := map[string]bool{"ann@example.com": true}
	begun := make(chan struct{})
	for i := range controllers {
		c := b.controller()
		sent.Go(func() {
			for j := range each {
				user := fmt.Sprintf("user%d-%d@example.com", i, j)
				a := &controller.Association{Identity: user, Device: fmt.Sprintf("02:00:00:00:%02x:%02x", i+1, j), SSID: "Corp", AP: "lobby"}
				if err := c.Start(t.Context(), a, false); err != nil {
					t.Errorf("controller %d: %v", i, err)
					return
				}
				mu.Lock()
				acknowledged[user] = true
				if len(acknowledged) == controllers*each/2 {
					close(begun)
				}
				mu.Unlock()
			}
		})
	}
	<-begun
	mu.Lock()
	before := make([]string, 0, len(acknowledged))
	for user := range acknowledged {
		before = append(before, user)
	}
	mu.Unlock()
	there := &bench{t: t, dir: t.TempDir(), api: b.api, booking: b.booking, addr: b.addr}
	if out, err := exec.Command("presenced", "backup", filepath.Join(there.dir, "presenced.db"), "-c", b.file()).CombinedOutput(); err != nil {
		t.Fatalf("back up: %v\n%s", err, out)
	}
	sent.Wait()
	first.kill()

	for _, name := range []string{"presenced.toml", "opt-out.txt"} {
		testbed.Write(t, filepath.Join(there.dir, name), testbed.Read(t, filepath.Join(b.dir, name)))
	}
	if info, err := os.Stat(filepath.Join(there.dir, "presenced.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	there.serve()
	found := map[string]bool{}
	for s, err := range there.daemon().Sessions(t.Context(), control.SessionQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		found[s.User] = true
	}
	for _, user := range before {
		if !found[user] {
			t.Errorf("%s was acknowledged before the backup and is not in it", user)
		}
	}
	t.Logf("%d acknowledged before, %d in the copy, %d in the end", len(before), len(found), len(acknowledged))

	// It goes on where the copy was taken.
	visits := 0
	for v, err := range there.daemon().Visits(t.Context(), control.VisitQuery{User: "ann@example.com"}) {
		if err != nil {
			t.Fatal(err)
		}
		if visits++; len(v.CheckIn.Bookings) != 1 {
			t.Errorf("ann's visit: %+v", v)
		}
	}
	if err := there.controller().Start(t.Context(), &controller.Association{Identity: "late@example.com", Device: "02:00:00:00:00:99", SSID: "Corp", AP: "lobby"}, false); err != nil {
		t.Fatal(err)
	}
	if n := len(b.api.Effects(b.booking)); visits != 1 || n != 1 {
		t.Errorf("%d visits and %d check-ins of ann's", visits, n)
	}
}
