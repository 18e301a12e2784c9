package daemon

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/internal/web"
)

// TestEveryTroubleIsToldAlike puts the facts of each trouble in the place of the
// daemon's own: page, status, systemd, metrics and probes tell of it and of no
// other, in one text. (What the command line prints, it prints of the status.)
func TestEveryTroubleIsToldAlike(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	log := logrus.New()
	log.Out = io.Discard
	d, err := Open(t.Context(), testbed.Load(t, file), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	now := time.Now()
	get := func(h http.Handler, path string) (int, string) {
		out := httptest.NewRecorder()
		h.ServeHTTP(out, httptest.NewRequestWithContext(web.Looking(t.Context(), web.Viewer{Sees: web.Everything}), http.MethodGet, "http://127.0.0.1:9813"+path, nil))
		return out.Code, html.UnescapeString(out.Body.String())
	}
	// told is what each outlet says, with whether the probes are green.
	told := func() (said map[string]string, well, ready bool) {
		page := d.page()
		probes := d.web(page).Handler(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9813})
		said = map[string]string{"systemd": d.summary()}
		for name, h := range map[string]http.Handler{"/": page.Handler(), "/v1/status": d.control(nil).Handler(), "/metrics": d.metrics.Handler(), "/healthz": probes, "/readyz": probes} {
			var code int
			code, said[name] = get(h, name)
			well, ready = well || name == "/healthz" && code == http.StatusOK, ready || name == "/readyz" && code == http.StatusOK
		}
		return said, well, ready
	}
	d.facts = func() control.Status { return testbed.Well(now) }
	if said, well, ready := told(); !well || !ready || strings.Contains(said["/"], `class="troubles"`) || !strings.HasPrefix(said["systemd"], "STATUS=recording; 0 NASes") ||
		strings.Contains(said["/metrics"], "presenced_troubles{") || !strings.Contains(said["/v1/status"], `"troubles":[]`) {
		t.Fatalf("of a daemon that is well: %q", said)
	}
	amiss := testbed.Amiss(now)
	for _, kind := range control.Kinds() {
		change := amiss[kind]
		if change == nil {
			t.Errorf("nobody knows how %s comes about", kind)
			continue
		}
		facts := func() control.Status {
			s := testbed.Well(now)
			change(&s)
			return s
		}
		s := facts()
		s.Judge(now)
		if len(s.Troubles) != 1 || s.Troubles[0].Kind != kind {
			t.Errorf("of %s comes %+v", kind, s.Troubles)
			continue
		}
		d.facts = facts
		said, well, ready := told()
		trouble, metric := s.Troubles[0], fmt.Sprintf(`presenced_troubles{grade="%s",kind="%s"} 1`, s.Troubles[0].Grade, kind)
		text, _, _ := strings.Cut(trouble.Text(now), " (for ")
		for outlet, want := range map[string]string{"/": text[1:], "systemd": text, "/metrics": metric, "/healthz": text, "/readyz": text} {
			counts := outlet != "/healthz" && outlet != "/readyz" || outlet == "/healthz" && trouble.Unwell() || outlet == "/readyz" && (trouble.Unready() || trouble.Barring())
			if strings.Contains(said[outlet], want) != counts {
				t.Errorf("%s: %s says %q, which is to have %q: %v", kind, outlet, said[outlet], want, counts)
			}
		}
		var status control.Status
		if err := json.Unmarshal([]byte(said["/v1/status"]), &status); err != nil || len(status.Troubles) != 1 || status.Troubles[0].Text(now) != trouble.Text(now) {
			t.Errorf("%s: the status has %+v (%v)", kind, status.Troubles, err)
		}
		if well == trouble.Unwell() || ready == trouble.Unready() || status.Ready != (trouble.Grade != control.Down) {
			t.Errorf("%s is %s: healthy %v, ready %v, and its status %v", kind, trouble.Grade, well, ready, status.Ready)
		}
		if recording := strings.Contains(said["/metrics"], "presenced_recording 1"); recording != (kind != control.NotRecording) {
			t.Errorf("%s: recording is %v", kind, recording)
		}
	}
	d.facts = func() control.Status {
		s := testbed.Well(now)
		amiss[control.DryRun](&s)
		amiss[control.NotRecording](&s)
		return s
	}
	if line := d.summary(); !strings.HasPrefix(line, "STATUS=recording fails") || !strings.Contains(line, "; 1 more (presenced status)") {
		t.Errorf("of two troubles systemd is told %q", line)
	}
	if len(amiss) != len(control.Kinds()) {
		t.Errorf("%d kinds are tried, there are %d", len(amiss), len(control.Kinds()))
	}
}

// TestTheWorstComesFirst, whatever was found first, and judging again adds nothing.
func TestTheWorstComesFirst(t *testing.T) {
	now := time.Now()
	s, amiss := testbed.Well(now), testbed.Amiss(now)
	for _, kind := range []control.Kind{control.DryRun, control.WrongSecret, control.Recalls, control.AnswersLate, control.NotRecording} {
		amiss[kind](&s)
	}
	s.Judge(now)
	var grades []string
	for _, trouble := range s.Troubles {
		grades = append(grades, string(trouble.Grade))
	}
	if got := strings.Join(grades, " "); got != "down late early bad odd" {
		t.Errorf("in the order %s", got)
	}
	before := len(s.Troubles)
	if s.Judge(now); len(s.Troubles) != before {
		t.Errorf("judged twice, there is %d times as much", len(s.Troubles)/before)
	}
}
