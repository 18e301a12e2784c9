package daemon

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/radiusacct"
)

// TestWatchdogIsFedOnlyWhileLoopsTurn asks before, while and after they do.
func TestWatchdogIsFedOnlyWhileLoopsTurn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	log := logrus.New()
	log.SetOutput(io.Discard)
	d, err := Open(t.Context(), testbed.Load(t, file), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.turning(time.Minute) {
		t.Error("fed before anything is listened to")
	}
	conn, err := radiusacct.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx, []*net.UDPConn{conn}, nil) }()
	testbed.Eventually(t, "the loops turn", func() bool { return d.turning(time.Minute) })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d.turning(time.Minute) {
		t.Error("fed after the end")
	}
}
