package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestPageShowsWhatPacketsTell: a station associates, and whoever looks at the
// page sees its user, the day so far, and what led to nobody.
func TestPageShowsWhatPacketsTell(t *testing.T) {
	t.Parallel()
	s := serveHere(t, settings{})
	eventually(t, "it is ready", func() bool {
		code, _ := s.get(t, "/readyz")
		return code == http.StatusOK
	})
	for _, a := range []*association{
		{identity: "ann@example.com", device: "02-00-5E-10-00-01", ssid: "Corp", ap: "lobby"},
		{identity: "bob@example.com", device: "02-00-5E-10-00-02", ssid: "<script>alert(1)</script>", ap: "lobby"},
	} {
		if err := s.wlc.start(t.Context(), a, false); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "ann is on the page", func() bool {
		_, text := s.get(t, "/")
		return strings.Contains(text, `<a href="/person?user=ann%40example.com">`) && strings.Contains(text, "1 person here")
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
