package main

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/radiusacct"
)

// TestRehearsalWithTheSandbox has the daemon use the sandbox as its own output
// says it is to be used.
func TestRehearsalWithTheSandbox(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	var out, faults testbed.LogText
	status := make(chan int)
	go func() {
		status <- run(ctx, []string{"sandbox", "--listen", "127.0.0.1:0", "--user", "ann@example.com"}, &out, &faults)
	}()
	var found []string
	testbed.Eventually(t, "the sandbox says how to use it", func() bool {
		found = regexp.MustCompile(`(?s)api_url *= "([^"]+)".*client_id *= "([^"]+)".*client_secret = "([^"]+)"`).FindStringSubmatch(out.String())
		return found != nil
	})
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{API: found[1], ClientID: found[2], Secret: found[3], Linger: "60m"})
	log := logrus.New()
	log.SetOutput(io.Discard)
	d, err := daemon.Open(ctx, testbed.Load(t, file), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := radiusacct.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- d.Run(ctx, []*net.UDPConn{conn}, nil) }()
	c, err := controller.Dial(conn.LocalAddr().(*net.UDPAddr), testbed.RadiusSecret, func(string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Start(ctx, controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the sandbox tells the check-in", func() bool {
		return strings.Contains(out.String(), "/check-in  →  201: the booking is checkedIn")
	})
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if got := <-status; got != succeeded {
		t.Errorf("the sandbox ends with status %d: %s", got, &faults)
	}
}

func TestSandboxRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{{"--early-check-in", "never"}, {"--time-zone", "Europe/Lodnon"}, {"--building", "HQ=Europe/Lodnon"}, {"--user", "ann@example.com=Paris"}} {
		var faults testbed.LogText
		if got := run(t.Context(), append([]string{"sandbox"}, args...), io.Discard, &faults); got != wrongUse {
			t.Errorf("%v: status %d, want %d", args, got, wrongUse)
		}
		if text := faults.String(); !strings.Contains(text, args[1]) {
			t.Errorf("%v: %s", args, text)
		}
	}
}
