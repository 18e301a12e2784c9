package kadence

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// reaching is what [Desk.Reach] finds of one URL for API and token.
func reaching(t *testing.T, target string, transport http.RoundTripper) []Finding {
	t.Helper()
	d, err := New(Config{
		APIURL: target, AuthURL: target, ClientID: "id", Secret: func() (string, error) { return "secret", nil }, Transport: transport,
	}, nil, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return d.Reach(t.Context())
}

func TestWayToKadenceIsToldStepByStep(t *testing.T) {
	for name, c := range map[string]struct {
		date            string // that the server tells
		detail, err, do string // of the clock
	}{
		"as ours":  {"", "as Kadence's", "", ""},
		"ahead":    {time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), "", "ahead of Kadence's", "timedatectl"},
		"behind":   {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), "", "behind Kadence's", "timedatectl"},
		"a little": {time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat), "s behind Kadence's", "", ""},
	} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" || r.Method != http.MethodHead {
				t.Errorf("%s with %q", r.Method, r.Header.Get("Authorization"))
			}
			if c.date != "" {
				w.Header().Set("Date", c.date)
			}
		}))
		got := reaching(t, api.URL, nil)
		api.Close()
		if len(got) != 2 || got[0].Error != "" || !strings.Contains(got[0].Detail, "answers at "+api.Listener.Addr().String()) {
			t.Fatalf("%s: %+v", name, got)
		}
		clock := got[1]
		if !strings.Contains(clock.Detail, c.detail) || !strings.Contains(clock.Error, c.err) || (clock.Error == "") != (c.err == "") || !strings.Contains(clock.Remedy, c.do) {
			t.Errorf("%s: %+v", name, clock)
		}
	}
}

func TestWayToKadenceThatIsBarredSaysWhereToMendIt(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that we break off
	secure.StartTLS()
	defer secure.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	trusting := secure.Client().Transport.(*http.Transport).Clone()
	elsewhere := trusting.Clone()
	elsewhere.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, secure.Listener.Addr().String())
	}
	nameless := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "api.onkadence.co", IsNotFound: true}
	}}
	silent := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, context.DeadlineExceeded }}
	for name, c := range map[string]struct {
		url       string
		transport http.RoundTripper
		err, do   string
	}{
		"nobody listens":       {gone.URL, nil, "connection refused", "firewall"},
		"no name":              {"https://api.onkadence.co", nameless, "no such host", "/etc/resolv.conf"},
		"no answer":            {"https://api.onkadence.co", silent, "deadline exceeded", "HTTPS_PROXY"},
		"an unknown authority": {secure.URL, nil, "certificate", "ca-certificates"},
		"another's name":       {"https://api.onkadence.co", elsewhere, "not api.onkadence.co", "another host answers"},
	} {
		got := reaching(t, c.url, c.transport)
		if len(got) != 1 || !strings.Contains(got[0].Error, c.err) || !strings.Contains(got[0].Remedy, c.do) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	u, err := url.Parse(secure.URL)
	if err != nil {
		t.Fatal(err)
	}
	got := reaching(t, secure.URL, trusting)
	if got[0].Subject != u.Host || got[0].Error != "" || !strings.Contains(got[0].Detail, "TLS 1.3, certificate until ") {
		t.Errorf("a good way: %+v", got)
	}
}
