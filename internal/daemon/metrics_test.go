package daemon

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
)

// scrape returns the value of every metric, by its name and labels as they
// are written.
func (d served) scrape(t *testing.T) map[string]float64 {
	t.Helper()
	code, text := d.get(t, "/metrics")
	if code != 200 {
		t.Fatalf("/metrics: %d, %s", code, text)
	}
	values := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][^ {]*(?:\{.*\})?) (\S+)$`).FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Errorf("%s: %v", m[0], err)
		}
		values[m[1]] = value
	}
	return values
}

// TestCase103MetricsTellWhatPacketsDid sends real ones: good ones, repeats, wrong
// secrets, garbage and anonymous names.
func TestCase103MetricsTellWhatPacketsDid(t *testing.T) {
	t.Parallel()
	s := serveHere(t, testbed.Settings{})
	before := s.scrape(t)
	if n := before[`presenced_radius_requests_total{client="wlc"}`]; n != 0 || before["presenced_recording"] != 1 {
		t.Errorf("at first there are %v requests", n)
	}
	sent := 0.0 // one at least for each request, more on a busy host
	s.wlc.Told = func(who, _ string) {
		if who == controller.Asks {
			sent++
		}
	}
	ann := controller.Ann()
	eve := &controller.Association{Identity: "anonymous@example.com", Device: "02:00:00:00:00:02", SSID: "Corp", AP: "lobby"}
	for _, send := range []func() error{
		func() error { return s.wlc.Start(t.Context(), ann, true) }, // the answer is lost, and so it comes again
		func() error { return s.wlc.Interim(t.Context(), ann, "kitchen") },
		func() error { return s.wlc.Start(t.Context(), eve, false) },
	} {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	wrong, err := controller.Dial(s.conn.LocalAddr().(*net.UDPAddr), "another secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	p := wrong.Packet(rfc2866.AcctStatusType_Value_Start)
	wrong.Station(p, ann)
	octets, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, datagram := range [][]byte{octets, []byte("no RADIUS"), []byte("nor this")} {
		if _, err := wrong.Conn.Write(datagram); err != nil {
			t.Fatal(err)
		}
	}
	const malformed = `presenced_radius_malformed_requests_total{client="wlc"}`
	const responses = `presenced_radius_responses_total{client="wlc"}`
	var got map[string]float64
	testbed.Eventually(t, "everything has been read and answered", func() bool {
		got = s.scrape(t)
		return got[malformed] == 2 && got[responses] == sent
	})
	if sent < 4 {
		t.Errorf("%v datagrams were sent", sent)
	}
	for name, want := range map[string]float64{
		malformed: 2,
		`presenced_radius_requests_total{client="wlc"}`:                                        sent + 3,
		`presenced_radius_dup_requests_total{client="wlc"}`:                                    sent - 3,
		`presenced_radius_bad_authenticators_total{client="wlc"}`:                              1,
		`presenced_radius_packets_dropped_total{client="wlc"}`:                                 0,
		`presenced_radius_invalid_requests_total`:                                              0,
		`presenced_radius_kernel_drops_total`:                                                  0,
		`presenced_radius_answer_seconds_count`:                                                3,
		`presenced_radius_batch_records_sum`:                                                   3,
		`presenced_identities_total{client="wlc",identity="named"}`:                            2,
		`presenced_identities_total{client="wlc",identity="anonymous"}`:                        1,
		`presenced_unmatched{kind="identity"}`:                                                 1,
		`presenced_unmatched_records_total{kind="identity",reason="anonymous outer identity"}`: 1,
		`presenced_nases{client="wlc",state="heard"}`:                                          1,
		`presenced_nases{client="wlc",state="silent"}`:                                         0,
		`presenced_store_people`:                                                               1,
		`presenced_dry_run`:                                                                    0,
		`presenced_config_refused`:                                                             0,
		fmt.Sprintf(`presenced_build_info{goversion=%q,version=%q}`, runtime.Version(), strings.TrimSuffix(Version(), " "+runtime.Version())): 1,
	} {
		if value, there := got[name]; !there || value != want {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
	if n := got["presenced_store_commit_seconds_count"]; n < 2 || got["presenced_store_commit_seconds_sum"] <= 0 || got["presenced_radius_answer_seconds_sum"] <= 0 {
		t.Errorf("%v commits took %v s, the answers %v s", n, got["presenced_store_commit_seconds_sum"], got["presenced_radius_answer_seconds_sum"])
	}
	if skew := got[`presenced_radius_clock_skew_seconds{client="wlc"}`]; skew < -60 || skew > 60 {
		t.Errorf("the clock is off by %v", skew)
	}
	if heard := time.Unix(int64(got[`presenced_radius_last_heard_timestamp_seconds{client="wlc"}`]), 0); time.Since(heard) > time.Hour {
		t.Errorf("last heard: %s", heard)
	}
	for name := range got {
		for _, told := range []string{"ann", "anonymous@", "02:00", "02-00", "kitchen", "Corp"} {
			if strings.Contains(name, told) && !strings.Contains(name, "anonymous outer identity") {
				t.Errorf("%s tells of %s", name, told)
			}
		}
	}
}

// TestMetricsTellHowKadenceFares, of which there are none without it.
func TestMetricsTellHowKadenceFares(t *testing.T) {
	t.Parallel()
	api := sandbox.New("test", "secret")
	building := api.AddBuilding("HQ", time.UTC)
	api.Book(sandbox.Booking{
		User: api.AddUser("ann@example.com"), Building: building, Begin: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour),
	})
	server := limited(t, api)
	s := serveHere(t, testbed.Settings{API: server.URL, ClientID: "test", Secret: "secret"})
	if err := s.wlc.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	const checkIn = `presenced_kadence_calls_total{operation="POST /v1/public/bookings/{id}/check-in",result="201"}`
	testbed.Eventually(t, "ann is checked in", func() bool { return s.scrape(t)[`presenced_check_ins_total{result="done",site="london"}`] == 1 })
	got := s.scrape(t)
	for name, want := range map[string]float64{
		`presenced_kadence_calls_total{operation="POST /oauth2/token",result="200"}`: 1,
		`presenced_kadence_credentials_refused`:                                      0,
		`presenced_kadence_rate_limit`:                                               300,
		`presenced_kadence_rate_remaining`:                                           299,
		`presenced_kadence_failures`:                                                 0,
		`presenced_check_ins_total{result="done",site="london"}`:                     1,
		`presenced_check_ins_total{result="denied",site="london"}`:                   0,
		`presenced_holds_total{cause="mass_end"}`:                                    0,
		`presenced_kadence_resting`:                                                  0,
		`presenced_kadence_skipped_bookings_total`:                                   0,
	} {
		if value, there := got[name]; !there || value != want {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
	if took := got[strings.Replace(checkIn, "calls_total", "call_seconds_sum", 1)]; took <= 0 {
		t.Errorf("the check-in took %v s", took)
	}
	if expires := got["presenced_kadence_token_expiry_timestamp_seconds"]; expires < float64(time.Now().Unix()) {
		t.Errorf("the token expires at %v", expires)
	}
	lint(t, s)

	for name := range serveHere(t, testbed.Settings{}).scrape(t) {
		if strings.HasPrefix(name, "presenced_kadence") {
			t.Errorf("without [kadence] there is %s", name)
		}
	}
}

// limited serves a sandbox that says how many calls it allows.
func limited(t *testing.T, api *sandbox.Server) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-RateLimit-Limit", "300")
		w.Header().Set("X-RateLimit-Remaining", "299")
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

// lint holds what is told against Prometheus's own rules for names and helps.
func lint(t *testing.T, s served) {
	t.Helper()
	problems, err := testutil.GatherAndLint(s.metrics.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestMetricsTellWhoIsHere: of people, sessions and errands there is only how
// many.
func TestMetricsTellWhoIsHere(t *testing.T) {
	t.Parallel()
	s := serveHere(t, testbed.Settings{})
	if err := s.wlc.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	var got map[string]float64
	testbed.Eventually(t, "people are counted", func() bool {
		got = s.scrape(t)
		return got["presenced_people_counted_timestamp_seconds"] > 0
	})
	for name, want := range map[string]float64{
		`presenced_people{site="london",state="present"}`:            1,
		`presenced_people{site="london",state="leaving"}`:            0,
		`presenced_sessions{site="london",state="open"}`:             1,
		`presenced_sessions{site="london",state="suspect"}`:          0,
		`presenced_client_sessions{client="wlc",interims="not_yet"}`: 1,
	} {
		if value, there := got[name]; !there || value != want {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
	const pending = `presenced_errands{errand="check_in",status="pending"}` // until the courier has looked
	if n, told := got[pending]; !told || n > 1 {
		t.Errorf("%s is %v", pending, n)
	}
}
