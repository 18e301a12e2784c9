package daemon

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// hostile is a text that has a terminal do something: a title, a bell, a
// colour, a delete, and C1's introducer.
const hostile = "evil\x1b]0;title\x07\x1b[31m\x7f\u009b31m\u202e"

// wild returns what of the text a terminal, or a reader, could be led astray by.
func wild(text string) (all []rune) {
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || r == '\u202e') {
			all = append(all, r)
		}
	}
	return all
}

// TestNoNameReachesATerminal: whatever a packet calls a NAS, an access point, a
// network, a session or a user, no listing, page, metric or line of the log has
// it as it came.
func TestNoNameReachesATerminal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w := &week{t: t, api: sandbox.New("test", "secret"), file: file, log: &log}
		w.up()
		for i, session := range []string{"s1", hostile} {
			now := time.Now()
			err := w.daemon.Tracker.Record(t.Context(), []presence.Record{{
				Client: "wlc", Site: "london", Heard: now, At: now, AtFrom: "arrival", Status: presence.Start,
				Session: session, UserName: []string{"ann", "bob" + hostile}[i], Device: "02:00:00:00:00:01", SSID: "Corp", NASID: hostile, AP: hostile,
			}, {
				Client: "wlc", Site: "london", Heard: now, At: now, AtFrom: "arrival", Status: presence.AccountingOn, NASID: hostile, Session: hostile,
			}, {
				Client: "wlc", Site: "london", Heard: now, At: now, AtFrom: "arrival", Status: presence.Start,
				Session: session, UserName: "cid", Device: "02:00:00:00:00:02", SSID: hostile, NASID: hostile, AP: hostile,
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		shown := map[string]http.Handler{}
		for _, path := range []string{"/", "/person?user=ann@example.com", "/network", "/calls", "/unmatched", "/?q=" + "evil"} {
			shown[path] = w.daemon.page().Handler()
		}
		shown["/metrics"] = w.daemon.metrics.Handler()
		for _, path := range []string{"/v1/status", "/v1/people", "/v1/people/ann@example.com", "/v1/sessions?all=true", "/v1/visits", "/v1/unmatched"} {
			shown[path] = w.daemon.control(nil).Handler()
		}
		named := 0
		for path, handler := range shown {
			out := httptest.NewRecorder()
			handler.ServeHTTP(out, httptest.NewRequestWithContext(web.Looking(t.Context(), web.Viewer{Sees: web.Everything}), http.MethodGet, path, nil))
			if out.Code != http.StatusOK && out.Code != http.StatusNotFound {
				t.Errorf("%s: %d", path, out.Code)
			}
			if strings.Contains(out.Body.String(), "evil") {
				named++
			}
			if got := wild(out.Body.String()); len(got) > 0 {
				t.Errorf("%s: %q", path, got)
			}
		}
		if named < 4 {
			t.Errorf("%d of %d name it at all", named, len(shown))
		}
		if got := wild(log.String()); len(got) > 0 {
			t.Errorf("the log has %q", got)
		}
		w.down()
	})
}
