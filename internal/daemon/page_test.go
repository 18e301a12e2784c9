package daemon

import (
	"net/http"
	"strings"
	"testing"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// TestPageShowsWhatPacketsTell: a station associates, and whoever looks at the
// page sees its user, the day so far, and what led to nobody.
func TestPageShowsWhatPacketsTell(t *testing.T) {
	t.Parallel()
	s := serveHere(t, testbed.Settings{})
	testbed.Eventually(t, "it is ready", func() bool {
		code, _ := s.get(t, "/readyz")
		return code == http.StatusOK
	})
	for _, a := range []*controller.Association{
		{Identity: "ann@example.com", Device: "02-00-5E-10-00-01", SSID: "Corp", AP: "lobby"},
		{Identity: "bob@example.com", Device: "02-00-5E-10-00-02", SSID: "<script>alert(1)</script>", AP: "lobby"},
	} {
		if err := s.wlc.Start(t.Context(), a, false); err != nil {
			t.Fatal(err)
		}
	}
	testbed.Eventually(t, "ann is on the page", func() bool {
		_, text := s.get(t, "/")
		return strings.Contains(text, `<a href="/person?user=ann%40example.com" title="ann@example.com">`) && strings.Contains(text, "1 person here")
	})
	for path, want := range map[string]string{
		"/person?user=ann@example.com": "Start on Corp", "/network": "127.0.0.1, london", "/calls": "There is no [kadence]",
		"/unmatched": "&lt;script&gt;alert(1)&lt;/script&gt;", "/page.css": "color-scheme", "/page.js": "fetch(", "/icon.svg": "<svg",
	} {
		if code, text := s.get(t, path); code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d, without %q:\n%s", path, code, want, text)
		}
	}
}
