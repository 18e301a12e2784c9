package demo

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// TestDemoAtNoon plays the demo's configuration at twelve o'clock, by its site's
// time: whoever leaves has left after its linger, as at any other hour.
func TestDemoAtNoon(t *testing.T) {
	const linger = 7500 * time.Millisecond
	file, err := Setting{API: "http://127.0.0.1:1", Hour: linger}.Configure(t.TempDir(), "127.0.0.1:0", "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	config, err := configs.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(12 * time.Hour) // the bubble begins at midnight UTC, and the site has no other zone yet
		s, err := store.Open(filepath.Join(t.TempDir(), "demo.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		tr := presence.NewTracker(s, &config.Mapping, config.Rules, slog.New(slog.NewTextHandler(io.Discard, nil)))
		done := make(chan error)
		ctx, stop := context.WithCancel(t.Context())
		go func() { done <- tr.Run(ctx) }()
		hear := func(status presence.Status) {
			now := time.Now()
			err := tr.Record(t.Context(), []presence.Record{{
				Client: "wlc-demo", Site: "house", Heard: now, At: now, Status: status, UserName: "ann", Device: "02:00:00:00:00:01",
				Session: "a", SSID: "Corp", NASID: "wlc", Cause: presence.UserRequest,
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute) // listening is over
		hear(presence.Start)
		time.Sleep(20 * time.Second)
		hear(presence.Stop)
		time.Sleep(linger + 6*time.Second)
		synctest.Wait()
		gone := true
		p, err := s.Person(t.Context(), "ann@example.com")
		for i := range p.Visits {
			gone = gone && p.Visits[i].State == presence.Over
		}
		if err != nil || !gone {
			t.Errorf("%v: still there after linger: %+v", err, p.Visits)
		}
		history, err := s.History(t.Context(), "ann@example.com", time.Time{}, time.Now(), 9)
		if err != nil || len(p.Visits)+len(history) == 0 {
			t.Errorf("%v: nobody came", err)
		}
		stop()
		<-done
	})
}
