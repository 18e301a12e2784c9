package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// served is a daemon that runs in this process, with a controller.
type served struct {
	*Daemon
	conn *net.UDPConn
	wlc  *controller
}

// serveHere runs a daemon with an HTTP address until the test ends.
func serveHere(t *testing.T, set settings) served {
	t.Helper()
	file := filepath.Join(t.TempDir(), "presenced.toml")
	set.linger, set.http = "60m", "127.0.0.1:0"
	writeConfig(t, file, set)
	log := logrus.New()
	log.Out = io.Discard
	cfg := load(t, file)
	d, err := Open(t.Context(), cfg, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Web, err = listenWeb(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	conn, err := radiusacct.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wlc, err := dialController(conn.LocalAddr().(*net.UDPAddr), radiusSecret, func(string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, []*net.UDPConn{conn}, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		wlc.close()
	})
	return served{d, conn, wlc}
}

// get returns the status and the text of an answer.
func (d served) get(t *testing.T, path string) (int, string) {
	t.Helper()
	answer, err := http.Get(strings.TrimSuffix(d.webURL(), "/") + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// TestReadyOnceItTakesPackets: before, /readyz says what is missing.
func TestReadyOnceItTakesPackets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "presenced.toml")
	writeConfig(t, file, settings{linger: "60m"})
	log := logrus.New()
	log.Out = io.Discard
	d, err := Open(t.Context(), load(t, file), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ready(); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("before it runs: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	s := serveHere(t, settings{})
	eventually(t, "it is ready", func() bool {
		code, text := s.get(t, "/readyz")
		return code == 200 && text == "ok\n"
	})
	if code, text := s.get(t, "/healthz"); code != 200 {
		t.Errorf("/healthz: %d, %s", code, text)
	}
}

// TestUnwellWhileRecordingFails: and it says why, until it records again.
func TestUnwellWhileRecordingFails(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "presenced.toml")
	writeConfig(t, file, settings{linger: "60m"})
	log := logrus.New()
	log.Out = io.Discard
	d, err := Open(t.Context(), load(t, file), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil { // nothing can be written to it any more
		t.Fatal(err)
	}
	record := presence.Record{Client: "wlc", Status: presence.AccountingOn}
	if err := d.Tracker.Record(t.Context(), []presence.Record{record}); err == nil {
		t.Fatal("it is recorded in a closed store")
	}
	if err := d.healthy(); err == nil || !strings.HasPrefix(err.Error(), "recording fails, nothing is answered: write to store "+filepath.Dir(file)) {
		t.Errorf("it is %v", err)
	}
}

// TestTokenOfTheNextConfigurationCounts: a reload changes the token, though
// not the address.
func TestTokenOfTheNextConfigurationCounts(t *testing.T) {
	t.Parallel()
	s := serveHere(t, settings{})
	if code, _ := s.get(t, "/"); code != 200 {
		t.Errorf("without a token: %d", code)
	}
	next := *s.setup.Load().config
	next.Control.Token = "0123456789abcdef"
	if err := s.Reload(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.get(t, "/"); code != http.StatusUnauthorized {
		t.Errorf("with a token, unasked: %d", code)
	}
}
