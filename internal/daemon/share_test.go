package daemon

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// TestMadeUpPeopleAreTold: long before a client has brought as many people as it
// may, status, page and metrics say so; and when it has, what became of it. Who
// is of another client does not notice.
func TestMadeUpPeopleAreTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m", Presence: "max_people = 20"})
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("test", "secret"), file: file}
		w.up()
		synctest.Wait() // whom it remembers is counted: else who comes meanwhile may be counted twice until the next hour
		bring := func(client string, from, to int) {
			for i := from; i < to; i++ {
				now := time.Now()
				err := w.daemon.Tracker.Record(t.Context(), []presence.Record{{
					Client: client, Site: "london", Heard: now, At: now, Status: presence.Start, SSID: "Corp", NASID: "ap",
					Session: fmt.Sprint(client, i), UserName: fmt.Sprint(client, i), Device: fmt.Sprintf("02:00:00:00:%02x:%02x", len(client), i),
				}})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		get := func(handler http.Handler, path string) string {
			out := httptest.NewRecorder()
			handler.ServeHTTP(out, httptest.NewRequestWithContext(web.Looking(t.Context(), web.Viewer{Sees: web.Everything}), http.MethodGet, path, nil))
			return out.Body.String()
		}
		told := func() (s control.Status, page, metrics string) {
			if err := json.Unmarshal([]byte(get(w.daemon.control(nil).Handler(), "/v1/status")), &s); err != nil {
				t.Fatal(err)
			}
			return s, get(w.daemon.page().Handler(), "/"), get(w.daemon.metrics.Handler(), "/metrics")
		}
		bring("wlc", 0, 10)
		if s, page, _ := told(); len(s.Shares) > 0 || strings.Contains(page, "one client may") {
			t.Errorf("told too early: %+v", s.Shares)
		}
		bring("wlc", 10, 15)
		s, page, metrics := told()
		if len(s.Shares) != 1 || s.Shares[0].Held != 15 || s.Shares[0].Refused != 0 || !strings.Contains(page, "has brought 15 people of the 20 that one client may") {
			t.Errorf("not told before it is too late: %+v\n%s", s.Shares, page)
		}
		if !strings.Contains(metrics, `presenced_client_share_used{client="wlc",of="people"} 15`) || !strings.Contains(metrics, `presenced_client_share{of="people"} 20`) {
			t.Errorf("metrics:\n%s", metrics)
		}
		bring("wlc", 15, 50)
		bring("other", 0, 1)
		s, page, metrics = told()
		if s.People != 21 || len(s.Shares) != 1 || s.Shares[0].Held != 20 || s.Shares[0].Refused != 30 || !strings.Contains(page, "and 30 more since the start") {
			t.Errorf("%d people, told: %+v\n%s", s.People, s.Shares, page)
		}
		if !strings.Contains(metrics, `presenced_client_share_refused_total{client="wlc",of="people"} 30`) {
			t.Errorf("metrics:\n%s", metrics)
		}
		w.down()
	})
}
