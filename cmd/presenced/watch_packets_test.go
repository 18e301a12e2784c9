package main

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// TestWatchShowsPackets: whose, by which rule, and those that lead nowhere or are refused,
// without a name or a device; and at its end the five ticks.
func TestWatchShowsPackets(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	b.serve()
	wlc := b.controller()
	lines, objects := b.watch("--packets", "--client", "wlc"), b.watch("--packets", "--json")
	testbed.Eventually(t, "the packets are shown", func() bool { // once they are listened for
		if err := wlc.Start(t.Context(), controller.Ann(), false); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(lines.text.String(), " person ") && strings.Contains(objects.text.String(), `"person"`)
	})
	lines.shows(t, `^\d\d:\d\d:\d\d  person   wlc  Start  02:00:00:…  a…@example\.com  at london  on Corp  of wlc/wlc-demo/192\.0\.2\.1$`)
	lines.shows(t, `^ +site by .*, user by it has \[identity\] domain$`)
	objects.shows(t, `^\{"at":"20[^"]+Z","client":"wlc","source":"127\.0\.0\.1:\d+","status":"Start","user":"a…@example\.com","device":"02:00:00:…",.*"verdict":"person"`)

	anonymous := controller.Ann()
	anonymous.Identity = "anonymous@example.com"
	if err := wlc.Start(t.Context(), anonymous, false); err != nil {
		t.Fatal(err)
	}
	lines.shows(t, `^\S+  nobody   wlc  Start `)
	lines.shows(t, `^ +anonymous outer identity; have the RADIUS server return User-Name`)

	other := b.controller()
	other.Secret = []byte("another secret")
	impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = other.Start(impatient, controller.Ann(), false) // nobody answers
	lines.shows(t, `^\S+  refused  wlc$`)
	lines.shows(t, `^ +wrong secret: the authenticator does not match`)

	if err := lines.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := lines.cmd.Wait(); err != nil {
		t.Errorf("watch ended: %v", err)
	}
	lines.shows(t, `^client wlc$`)
	for _, tick := range []string{`heard  `, `secret right .*`, `names real .*`, `interims regular  not known yet`, `clock right .*within a minute`} {
		lines.shows(t, `^  (.|good|note|doubtful|WRONG) +`+tick)
	}
	if leak := regexp.MustCompile(`ann@|anonymous@|00:00:01`).FindString(lines.text.String()); leak != "" {
		t.Errorf("%q is shown:\n%s", leak, lines.text)
	}
}
