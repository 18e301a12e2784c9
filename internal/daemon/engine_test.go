package daemon

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/presence"
)

// Without a majority of etcd's members the daemon starts and stays up, answers nobody, is
// not ready, and says why.
func TestWithoutEtcdNobodyIsAnsweredAndTheDaemonStaysUp(t *testing.T) {
	s := serveHere(t, testbed.Settings{Store: "engine = \"etcd\"\nendpoints = [\"http://127.0.0.1:1\"]\nname = \"a\""})
	testbed.Eventually(t, "the daemon says that it is not ready, and why", func() bool {
		code, text := s.get(t, "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(text, "127.0.0.1:1")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := s.wlc.Start(ctx, controller.Ann(), false); err == nil {
		t.Error("accounting was answered")
	}
	if code, text := s.get(t, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d, %s", code, text)
	}
}

// told is a desk that Kadence may have told to slow down.
type told struct{ until time.Time }

func (d *told) Throttled() time.Time { return d.until }

func (d *told) Throttle(until time.Time) { d.until = until }

// What Kadence tells one daemon, the others do, too; and none of them goes on sooner because
// another one was told less.
func TestWhoeverIsToldToSlowDownTellsTheOthers(t *testing.T) {
	s, now := presence.NewMemory(), time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	a, b := &told{}, &told{}
	share := func(now time.Time) {
		t.Helper()
		for _, desk := range []*told{a, b, a} {
			if err := shareThrottling(t.Context(), s, desk, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	share(now)
	if !a.until.IsZero() || !b.until.IsZero() {
		t.Errorf("nobody was told, and they wait until %s and %s", a.until, b.until)
	}
	a.until = now.Add(time.Minute)
	share(now)
	if !b.until.Equal(now.Add(time.Minute)) {
		t.Errorf("the other daemon waits until %s", b.until)
	}
	b.until = now.Add(2 * time.Minute)
	share(now)
	if !a.until.Equal(now.Add(2*time.Minute)) || !b.until.Equal(a.until) {
		t.Errorf("they wait until %s and %s", a.until, b.until)
	}
	c := &told{}
	if err := shareThrottling(t.Context(), s, c, now.Add(time.Hour)); err != nil || !c.until.IsZero() {
		t.Errorf("long after, a daemon waits until %s, %v", c.until, err)
	}
}
