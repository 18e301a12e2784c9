package daemon

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
)

const (
	alertsFile    = "../../configs/prometheus/presenced-alerts.yml"
	dashboardFile = "../../configs/grafana/presenced.json"
)

// expression is a query of an alert or a panel, and where it is.
type expression struct{ where, text string }

// alert is one alert rule.
type alert struct {
	Alert, Expr string
	Labels      struct{ Severity string }
	Annotations struct{ Summary, Remedy string }
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	if err := yaml.Unmarshal([]byte(testbed.Read(t, alertsFile)), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("there are %d alerts", len(all))
	}
	return all
}

// panels returns the queries of the dashboard as Grafana would ask them.
func panels(t *testing.T) (all []expression) {
	t.Helper()
	var dashboard struct {
		Title, UID string
		Panels     []struct {
			ID          int
			Type, Title string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal([]byte(testbed.Read(t, dashboardFile)), &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for i, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d: %+v", i, p)
		}
		ids[p.ID] = true
		for _, other := range dashboard.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panel %q lies on %q", p.Title, other.Title)
			}
		}
		for _, target := range p.Targets {
			text := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(target.Expr)
			all = append(all, expression{"panel " + p.Title + " " + target.RefID, text})
		}
	}
	if dashboard.UID == "" || len(all) < 20 {
		t.Fatalf("the dashboard %q has %d queries", dashboard.UID, len(all))
	}
	return all
}

func everything(t *testing.T) (all []expression) {
	t.Helper()
	for _, a := range alerts(t) {
		all = append(all, expression{"alert " + a.Alert, a.Expr})
	}
	return append(all, panels(t)...)
}

// TestAlertsAndDashboardAskForWhatIsTold: every metric in them is one of ours,
// with these labels.
func TestAlertsAndDashboardAskForWhatIsTold(t *testing.T) {
	t.Parallel()
	labels := map[string][]string{"up": {"job", "instance"}}
	descs := make(chan *prometheus.Desc)
	s := serveHere(t, testbed.Settings{})
	go func() {
		s.metrics.Registry().Describe(descs)
		close(descs)
	}()
	described := regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([\w,]*)\}`)
	for d := range descs {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("not understood: %s", d)
		}
		own := append(strings.Split(m[2], ","), "job", "instance")
		labels[m[1]] = own
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			labels[m[1]+suffix] = append(own, "le")
		}
	}
	metric := regexp.MustCompile(`\b(up|presenced_\w+|go_\w+|process_\w+)\b(?:\{([^}]*)\})?`)
	quoted, label := regexp.MustCompile(`"[^"]*"`), regexp.MustCompile(`(\w+)\s*[=!]`)
	by := regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	asked := 0
	for _, e := range everything(t) {
		var had []string
		for _, m := range metric.FindAllStringSubmatch(withoutBraces(e.text), -1) {
			own, told := labels[m[1]]
			if !told {
				t.Errorf("%s asks for %s, which nobody tells", e.where, m[1])
			}
			had = append(had, own...)
			asked++
			for _, l := range label.FindAllStringSubmatch(quoted.ReplaceAllString(m[2], `""`), -1) {
				if !slices.Contains(own, l[1]) {
					t.Errorf("%s asks for the label %s of %s, which has %q", e.where, l[1], m[1], own)
				}
			}
		}
		for _, m := range by.FindAllStringSubmatch(e.text, -1) {
			for _, l := range strings.Split(m[1], ", ") {
				if !slices.Contains(had, l) {
					t.Errorf("%s is by %s, which nothing in it has", e.where, l)
				}
			}
		}
	}
	if asked < 60 {
		t.Errorf("only %d metrics were found in the queries", asked)
	}
}

// withoutBraces takes out of quoted texts what would end a list of labels.
func withoutBraces(query string) string {
	return regexp.MustCompile(`"[^"]*"`).ReplaceAllStringFunc(query, func(s string) string {
		return strings.NewReplacer("{", "", "}", "").Replace(s)
	})
}

// TestAlertsSayWhatToDo, and each is tried by a test of promtool's.
func TestAlertsSayWhatToDo(t *testing.T) {
	tests := testbed.Read(t, "../../configs/prometheus/presenced-alerts_test.yml") + testbed.Read(t, "../../configs/prometheus/presenced-weeks_test.yml")
	for _, a := range alerts(t) {
		if a.Annotations.Summary == "" || len(a.Annotations.Remedy) < 40 || !slices.Contains([]string{"critical", "warning", "info"}, a.Labels.Severity) {
			t.Errorf("%s: %+v", a.Alert, a)
		}
		if !strings.Contains(tests, a.Alert) {
			t.Errorf("%s has no test", a.Alert)
		}
	}
}

// tool returns the path of a program of Debian's package prometheus.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED, the alerts are not tried: %v (.ci/peers installs it)", err)
	}
	return path
}

func TestCase104AlertsFireAsTheyShould(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"check", "rules", "presenced-alerts.yml"},
		{"test", "rules", "presenced-alerts_test.yml"},
		{"test", "rules", "presenced-weeks_test.yml"},
	} {
		cmd := exec.Command(tool(t, "promtool"), args...)
		cmd.Dir = filepath.Dir(alertsFile)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// prom is a Prometheus that scrapes a daemon.
type prom struct{ url string }

// watch runs a Prometheus with the alerts until the test ends.
func watch(t *testing.T, s served) prom {
	t.Helper()
	program, dir := tool(t, "prometheus"), t.TempDir()
	rules, err := filepath.Abs(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	testbed.Write(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [%q]
scrape_configs: [{ job_name: presenced, static_configs: [{ targets: [%q] }] }]
`, rules, s.Web.Addr()))
	at, err := testbed.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	log := &testbed.LogText{}
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+at.String())
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("log of Prometheus:\n%s", log)
		}
	})
	return prom{"http://" + at.String()}
}

// ask returns what Prometheus answers, false while it does not.
func (p prom) ask(t *testing.T, path string, query url.Values, data any) bool {
	t.Helper()
	answer, err := http.Get(p.url + path + "?" + query.Encode())
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode == http.StatusServiceUnavailable {
		return false
	}
	got := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.Unmarshal(text, &got); err != nil || got.Status != "success" {
		t.Fatalf("%s %s: %v, %s", path, query.Get("query"), err, text)
	}
	return true
}

// query returns how many series a query has.
func (p prom) query(t *testing.T, query string) int {
	t.Helper()
	var data struct{ Result []any }
	p.ask(t, "/api/v1/query", url.Values{"query": {query}}, &data)
	return len(data.Result)
}

// ofSeveral matches what only daemons on one etcd tell.
var ofSeveral = regexp.MustCompile(`presenced_(daemons|etcd_|store_conflicts_|taken_over_)`)

// TestPrometheusShowsAllOfIt has a real one scrape a real daemon: every query
// is understood, every panel has something to show, and nothing is alarmed
// about a daemon that is well.
func TestPrometheusShowsAllOfIt(t *testing.T) {
	t.Parallel()
	api := sandbox.New("test", "secret")
	api.AddBuilding("HQ", time.UTC)
	server := limited(t, api)
	s := serveHere(t, testbed.Settings{API: server.URL, ClientID: "test", Secret: "secret"})
	for device, identity := range map[string]string{"02:00:00:00:00:01": "ann@example.com", "02:00:00:00:00:02": "anonymous@example.com"} {
		a := controller.Ann()
		a.Identity, a.Device = identity, device
		if err := s.wlc.Start(t.Context(), a, false); err != nil {
			t.Fatal(err)
		}
	}
	p := watch(t, s)
	testbed.Eventually(t, "people are counted, and rates can be told", func() bool {
		return p.query(t, `presenced_people{state="present"} == 1 and on () rate(presenced_radius_answer_seconds_count[1m]) >= 0`) == 1
	})
	for _, e := range panels(t) {
		if !ofSeveral.MatchString(e.text) && p.query(t, e.text) == 0 {
			t.Errorf("%s shows nothing: %s", e.where, e.text)
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError, State string }
		}
	}
	testbed.Eventually(t, "every alert has been looked at", func() bool {
		return p.ask(t, "/api/v1/rules", nil, &rules) && len(rules.Groups) > 0 && rules.Groups[0].Rules[0].Health != "unknown"
	})
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" || r.State == "firing" {
				t.Errorf("%+v", r)
			}
		}
	}
}
