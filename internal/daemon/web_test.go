package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/radiusacct"
)

// served is a daemon that runs in this process, with a controller.
type served struct {
	*Daemon
	conn *net.UDPConn
	wlc  *controller.Controller
}

// serveHere runs a daemon with an HTTP address until the test ends.
func serveHere(t *testing.T, set testbed.Settings) served {
	t.Helper()
	return serveIn(t, t.TempDir(), set)
}

// serveIn is serveHere with a folder for the store.
func serveIn(t *testing.T, dir string, set testbed.Settings) served {
	t.Helper()
	file := filepath.Join(dir, "presenced.toml")
	set.Linger, set.HTTP = "60m", "127.0.0.1:0"
	testbed.WriteConfig(t, file, set)
	log := logrus.New()
	log.Out = io.Discard
	cfg := testbed.Load(t, file)
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
	if cfg.Radsec != nil {
		if err := listen(t.Context(), &d.Radsec, cfg.Radsec.Listen, radiusacct.ListenTLS); err != nil {
			t.Fatal(err)
		}
	}
	wlc, err := controller.Dial(conn.LocalAddr().(*net.UDPAddr), testbed.RadiusSecret, func(string, string) {})
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
		wlc.Close()
	})
	return served{d, conn, wlc}
}

// get returns the status and the text of an answer.
func (d served) get(t *testing.T, path string) (int, string) {
	t.Helper()
	answer, err := http.Get(strings.TrimSuffix(d.URL(), "/") + path)
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
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	log := logrus.New()
	log.Out = io.Discard
	d, err := Open(t.Context(), testbed.Load(t, file), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ready(); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("before it runs: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	s := serveHere(t, testbed.Settings{})
	testbed.Eventually(t, "it is ready", func() bool {
		code, text := s.get(t, "/readyz")
		return code == 200 && text == "ok\n"
	})
	if code, text := s.get(t, "/healthz"); code != 200 {
		t.Errorf("/healthz: %d, %s", code, text)
	}
}

// TestUnwellWhileTheDiskIsFull: nothing is answered, and probes, Prometheus and
// whoever asks are told why, until there is space again.
func TestUnwellWhileTheDiskIsFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("SKIPPED, no disk is filled: mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := serveIn(t, dir, testbed.Settings{})
	if err := s.wlc.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	var enough atomic.Bool
	answered := make(chan error, 1)
	go func() {
		for i := 0; !enough.Load(); i++ { // until there is no place in what is the file's already, and then that one again and again
			a := &controller.Association{Identity: fmt.Sprintf("user%d@example.com", i), Device: fmt.Sprintf("02:00:00:00:01:%02x", i%256), SSID: "Corp", AP: "lobby"}
			if err := s.wlc.Start(t.Context(), a, false); err != nil {
				answered <- err
				return
			}
		}
		answered <- nil
	}()
	var text string
	testbed.Eventually(t, "it says that it is not well", func() bool {
		var code int
		code, text = s.get(t, "/healthz")
		return code == http.StatusServiceUnavailable
	})
	if !strings.HasPrefix(text, "recording fails, nothing is answered: ") || !strings.Contains(text, "no space left on device") {
		t.Errorf("it says %q", text)
	}
	testbed.Eventually(t, "it is not ready", func() bool { // a small write may find a place in between
		code, _ := s.get(t, "/readyz")
		return code == http.StatusServiceUnavailable
	})
	testbed.Eventually(t, "Prometheus is told", func() bool {
		got := s.scrape(t)
		return got["presenced_recording"] == 0 && got[`presenced_radius_packets_dropped_total{client="wlc"}`] > 0
	})
	select {
	case err := <-answered:
		t.Errorf("it is answered: %v", err)
	default:
	}
	enough.Store(true)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if code, text := s.get(t, "/healthz"); code != http.StatusOK || s.scrape(t)["presenced_recording"] != 1 {
		t.Errorf("with space again: %d, %s", code, text)
	}
}

// TestTokenOfTheNextConfigurationCounts: a reload changes the token, though
// not the address.
func TestTokenOfTheNextConfigurationCounts(t *testing.T) {
	t.Parallel()
	s := serveHere(t, testbed.Settings{})
	if code, _ := s.get(t, "/"); code != 200 {
		t.Errorf("without a token: %d", code)
	}
	next := *s.inForce.Load().config
	next.Control.Token = "0123456789abcdef"
	if err := s.Reload(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.get(t, "/"); code != http.StatusUnauthorized {
		t.Errorf("with a token, unasked: %d", code)
	}
	next.Control.Tokens = []configs.Token{{Name: "wallboard", Secret: "numbers of sixteen", Sees: configs.SeesNumbers}}
	next.Control.UserHeader, next.Control.UserFrom = "X-Remote-User", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if err := s.Reload(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	if err := s.wlc.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, token, user string
		code              int
		want              string
	}{
		{"/occupancy", "numbers of sixteen", "", 200, "Occupancy"}, {"/metrics", "numbers of sixteen", "", 200, "presenced_people"}, {"/", "numbers of sixteen", "", 403, ""},
		{"/", "0123456789abcdef", "", 200, "london"}, {"/me", "", "ann@example.com", 200, "is at london since"}, {"/", "", "ann@example.com", 403, ""}, {"/me", "", "no address", 403, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(s.URL(), "/")+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.token != "" {
			r.SetBasicAuth("", tt.token)
		}
		if tt.user != "" {
			r.Header.Set("X-Remote-User", tt.user)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != tt.code || !strings.Contains(string(text), tt.want) {
			t.Errorf("%s with token %q as %q: %d, %v\n%s", tt.path, tt.token, tt.user, answer.StatusCode, err, text)
		}
	}
}
