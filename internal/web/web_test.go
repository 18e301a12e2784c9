package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

const secret = "0123456789abcdef"

func addr(s string) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", s)
	if err != nil {
		panic(err)
	}
	return a
}

// everything is the access of whoever has the token; "" for none.
func everything(token string) Access {
	if token == "" {
		return Access{}
	}
	return Access{Tokens: []Token{{Secret: token, Sees: Everything}}}
}

// server shows a page, metrics and that it is well, to whoever has the token.
func server(token string) *Server {
	shown := func(what string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, what) })
	}
	return &Server{
		Healthy: func() error { return nil }, Ready: func() error { return nil }, Access: func() Access { return everything(token) },
		Page: shown("the page"), Metrics: shown("the metrics"), Log: slog.New(slog.DiscardHandler),
	}
}

// ask asks what is served at an address, and returns the answer and its text.
func ask(s *Server, at string, r *http.Request) (*http.Response, string) {
	w := httptest.NewRecorder()
	s.Handler(addr(at)).ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

func get(url string) *http.Request { return httptest.NewRequest(http.MethodGet, url, nil) }

func TestEverythingIsWhereItIsSaidToBe(t *testing.T) {
	for path, want := range map[string]string{"/": "the page", "/people/ann": "the page", "/metrics": "the metrics", "/healthz": "ok\n", "/readyz": "ok\n"} {
		if answer, got := ask(server(""), "127.0.0.1:9813", get("http://localhost:9813"+path)); answer.StatusCode != 200 || got != want {
			t.Errorf("%s: %s, %q", path, answer.Status, got)
		}
	}
}

// TestReadinessSaysWhatWouldBarTheNextStart, to strangers without the cause.
func TestReadinessSaysWhatWouldBarTheNextStart(t *testing.T) {
	for token, want := range map[string]string{"": "ok; the file is no good: line 7\n", "a token of sixteen": "ok; the file is no good\n"} {
		s := server(token)
		s.Barring = func() error { return errors.New("the file is no good: line 7") }
		if answer, got := ask(s, "127.0.0.1:9813", get("http://localhost:9813/readyz")); answer.StatusCode != 200 || got != want {
			t.Errorf("with token %q: %s, %q", token, answer.Status, got)
		}
	}
}

func TestNothingCanBeChanged(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PROPFIND"} {
		for _, path := range []string{"/", "/metrics", "/healthz"} {
			answer, _ := ask(server(""), "127.0.0.1:9813", httptest.NewRequest(method, "http://localhost"+path, strings.NewReader("x")))
			if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %s", method, path, answer.Status)
			}
		}
	}
	if answer, _ := ask(server(""), "127.0.0.1:9813", httptest.NewRequest("HEAD", "http://localhost/", nil)); answer.StatusCode != 200 {
		t.Errorf("HEAD: %s", answer.Status)
	}
}

// TestOnlyOnesOwnPageMayAskForSomething: what browsers say of where a form was, and what a
// proxy does to the name that was asked.
func TestOnlyOnesOwnPageMayAskForSomething(t *testing.T) {
	for name, c := range map[string]struct {
		path   string
		header http.Header
		code   int
	}{
		"ours":                          {"/me", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {"https://desks.example.com"}}, 200},
		"another site's":                {"/me", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		"another host's of the company": {"/me", http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		"nobody's":                      {"/me", http.Header{"Sec-Fetch-Site": {"none"}}, 403},
		"by HTTP":                       {"/me", http.Header{"Origin": {"http://localhost"}}, 200},
		"by HTTP, another's":            {"/me", http.Header{"Origin": {"http://evil.example"}}, 403},
		"by HTTP, of nowhere":           {"/me", http.Header{"Origin": {"null"}}, 403},
		"by HTTP, behind a proxy":       {"/me", http.Header{"Origin": {"http://desks.example.com"}, "X-Forwarded-Host": {"desks.example.com"}}, 200},
		"by HTTP, behind another":       {"/me", http.Header{"Origin": {"http://evil.example"}, "X-Forwarded-Host": {"desks.example.com"}}, 403},
		"by no browser":                 {"/me", http.Header{}, 200},
		"elsewhere":                     {"/person", http.Header{"Sec-Fetch-Site": {"same-origin"}}, 405},
		"nearly there":                  {"/me/", http.Header{"Sec-Fetch-Site": {"same-origin"}}, 405},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://localhost"+c.path, strings.NewReader("order=opt-out"))
		r.Header = c.header
		if answer, text := ask(server(""), "127.0.0.1:9813", r); answer.StatusCode != c.code {
			t.Errorf("%s: %s, %s", name, answer.Status, text)
		}
	}
	long := httptest.NewRequest(http.MethodPost, "http://localhost/me", strings.NewReader(strings.Repeat("x", mostAsked+1)))
	s := server("")
	s.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Error("more than a form is read")
		}
	})
	ask(s, "127.0.0.1:9813", long)
}

// TestOnlyWellnessIsShownWithoutTheToken: a token that is configured is asked
// for on loopback too.
func TestOnlyWellnessIsShownWithoutTheToken(t *testing.T) {
	with := func(how func(*http.Request)) *http.Request {
		r := get("http://presenced.example.com:9813/metrics")
		r.Host = "localhost"
		how(r)
		return r
	}
	header := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	for _, at := range []string{"127.0.0.1:9813", "192.0.2.1:9813", "[::]:9813"} {
		for _, test := range []struct {
			about string
			how   func(*http.Request)
			code  int
		}{
			{"none", func(*http.Request) {}, 401},
			{"bearer", header("Bearer " + secret), 200},
			{"bearer, in another case", header("bearer " + secret), 200},
			{"basic", func(r *http.Request) { r.SetBasicAuth("anybody", secret) }, 200},
			{"basic, without a user", func(r *http.Request) { r.SetBasicAuth("", secret) }, 200},
			{"basic, as the user", func(r *http.Request) { r.SetBasicAuth(secret, "") }, 401},
			{"wrong", header("Bearer 0123456789abcdeF"), 401},
			{"a part", header("Bearer " + secret[:15]), 401},
			{"more", header("Bearer " + secret + "0"), 401},
			{"empty", header("Bearer "), 401},
			{"another scheme", header("Digest " + secret), 401},
			{"in the query", func(r *http.Request) { r.URL.RawQuery = "token=" + secret }, 401},
		} {
			answer, text := ask(server(secret), at, with(test.how))
			if answer.StatusCode != test.code {
				t.Errorf("%s, token %s: %s", at, test.about, answer.Status)
			}
			if test.code == 401 && (strings.Contains(text, "metrics") || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Basic ")) {
				t.Errorf("%s, token %s: %q, %v", at, test.about, text, answer.Header)
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if answer, _ := ask(server(secret), at, get("http://127.0.0.1"+path)); answer.StatusCode != 200 {
				t.Errorf("%s%s: %s", at, path, answer.Status)
			}
		}
		for _, path := range []string{"/", "//healthz", "/healthz/", "/healthz/../metrics", "/Healthz"} {
			r := get("http://127.0.0.1/")
			r.URL.Path = path
			if answer, text := ask(server(secret), at, r); answer.StatusCode == 200 {
				t.Errorf("%s%s without a token: %q", at, path, text)
			}
		}
	}
}

// TestOffLoopbackNothingIsShownWithoutAToken even if a reload took it away.
func TestOffLoopbackNothingIsShownWithoutAToken(t *testing.T) {
	for _, at := range []string{"192.0.2.1:9813", "[::]:9813", "0.0.0.0:9813"} {
		r := get("http://192.0.2.1/")
		r.Header.Set("Authorization", "Bearer ")
		if answer, _ := ask(server(""), at, r); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", at, answer.Status)
		}
	}
}

// TestOtherNamesLeadNowhereOnLoopback: a page at evil.example whose name comes
// to lead to 127.0.0.1 reads nothing.
func TestOtherNamesLeadNowhereOnLoopback(t *testing.T) {
	for host, good := range map[string]bool{
		"localhost": true, "LocalHost:9813": true, "localhost.": true, "127.0.0.1": true, "127.0.0.1:1234": true, "[::1]": true, "[::1]:9813": true, "::1": true,
		"127.0.0.2:9813": true, // where it listens
		"evil.example":   false, "evil.example:9813": false, "localhost.evil.example": false, "127.0.0.3": false, "": false,
		"192.0.2.1:9813": false, "127.0.0.1.evil.example": false,
	} {
		for _, path := range []string{"/", "/metrics", "/healthz"} {
			r := get("http://localhost" + path)
			r.Host = host
			want := http.StatusMisdirectedRequest
			if good {
				want = http.StatusOK
			}
			if answer, _ := ask(server(""), "127.0.0.2:9813", r); answer.StatusCode != want {
				t.Errorf("Host %q, %s: %s", host, path, answer.Status)
			}
		}
	}
}

func TestBrowsersAreToldToKeepToThemselves(t *testing.T) {
	for _, path := range []string{"/", "/metrics", "/healthz"} {
		answer, _ := ask(server(""), "127.0.0.1:9813", get("http://localhost"+path))
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

// TestWhyItIsNotWellIsForWhoMaySeeIt: an error may name a person.
func TestWhyItIsNotWellIsForWhoMaySeeIt(t *testing.T) {
	s := server(secret)
	s.Healthy = func() error { return errors.New("recording fails: write to store: of ann@example.com") }
	open := get("http://localhost/healthz")
	shown := get("http://localhost/healthz")
	shown.SetBasicAuth("", secret)
	for want, r := range map[string]*http.Request{"recording fails\n": open, "recording fails: write to store: of ann@example.com\n": shown} {
		if answer, got := ask(s, "192.0.2.1:9813", r); answer.StatusCode != http.StatusServiceUnavailable || got != want {
			t.Errorf("%s, %q, want %q", answer.Status, got, want)
		}
	}
	s.Access = func() Access { return Access{} }
	if _, got := ask(s, "127.0.0.1:9813", get("http://localhost/healthz")); !strings.Contains(got, "ann@example.com") {
		t.Errorf("on loopback it says %q", got)
	}
}

func TestListenSaysWhatIsInItsWay(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(t.Context(), l.Addr().String()); err == nil || !strings.Contains(err.Error(), "ss -ltnp") || !strings.Contains(err.Error(), "[control] http") {
		t.Errorf("a port that is taken: %v", err)
	}
	if _, err := Listen(t.Context(), "192.0.2.1:0"); err == nil || !strings.Contains(err.Error(), "ip address") {
		t.Errorf("an address of somebody else's: %v", err)
	}
	if os.Getuid() != 0 {
		if _, err := Listen(t.Context(), "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "below 1024") {
			t.Errorf("a privileged port: %v", err)
		}
	}
}

// TestServeEndsThoughSomebodyFollows: the page's stream never ends by itself,
// and outlives the time that a usual answer may take.
func TestServeEndsThoughSomebodyFollows(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := server("")
	s.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if err := errors.Join(c.SetWriteDeadline(time.Time{}), c.Flush()); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- s.Serve(ctx, l) }()
	answer, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + l.Addr().String() + "/"); err == nil {
		t.Error("it still answers")
	}
}
