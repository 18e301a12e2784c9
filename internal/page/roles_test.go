package page

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/presenced/presenced/internal/web"
)

// roles are who may look, by what their requests have.
var roles = map[string]func(*http.Request){
	"nobody":     func(*http.Request) {},
	"numbers":    func(r *http.Request) { r.SetBasicAuth("", "numbers of sixteen") },
	"people":     func(r *http.Request) { r.SetBasicAuth("", "people of sixteen.") },
	"everything": func(r *http.Request) { r.Header.Set("Authorization", "Bearer everything of sixteen") },
	"ann":        func(r *http.Request) { r.RemoteAddr = "192.0.2.80:4711"; r.Header.Set("X-Remote-User", `CORP\ann`) },
	"a stranger": func(r *http.Request) { r.RemoteAddr = "192.0.2.81:4711"; r.Header.Set("X-Remote-User", "ann") }, // is no proxy
	"a name":     func(r *http.Request) { r.RemoteAddr = "192.0.2.80:4711"; r.Header.Set("X-Remote-User", "zoe") }, // leads to nobody
	"two names": func(r *http.Request) {
		r.RemoteAddr = "192.0.2.80:4711"
		r.Header["X-Remote-User"] = []string{"ann", "bob"}
	},
}

// served is the page behind its server, with the roles.
func (o *office) served() http.Handler {
	s := &web.Server{
		Page: o.page().Handler(), Log: slog.New(slog.DiscardHandler),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "presenced_people 12") }),
		Access: func() web.Access {
			return web.Access{
				Tokens:     []web.Token{{Name: "wallboard", Secret: "numbers of sixteen", Sees: web.Numbers}, {Name: "reception", Secret: "people of sixteen.", Sees: web.People}, {Secret: "everything of sixteen", Sees: web.Everything}},
				UserHeader: "X-Remote-User", UserFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.80/32")},
				User: func(name string) string {
					if name = strings.TrimPrefix(name, `CORP\`); name == "zoe" {
						return ""
					}
					return name + "@example.com"
				},
			}
		},
	}
	return s.Handler(&netAddr{})
}

type netAddr struct{}

func (*netAddr) Network() string { return "tcp" }
func (*netAddr) String() string  { return "192.0.2.1:9813" }

// TestRolesByRoutes: who is shown what, of every route that there is. A route that is not
// among these fails.
func TestRolesByRoutes(t *testing.T) {
	o := newOffice(t)
	o.fill()
	served := o.served()
	may := map[string]string{
		"GET /{$}": "people everything", "GET /roster": "people everything", "GET /person": "people everything", "GET /occupancy": "numbers people everything",
		"GET /calls": "everything", "GET /network": "everything", "GET /events": "everything", "GET /unmatched": "everything",
		"GET /me": "ann", "GET /metrics": "numbers people everything", "GET /page.css": "ann numbers people everything", "GET /page.js": "ann numbers people everything",
		"GET /icon.svg": "ann numbers people everything",
	}
	paths := map[string]string{"GET /person": "/person?user=bob@example.com", "GET /{$}": "/"}
	all := []string{"GET /metrics", "GET /page.css", "GET /page.js", "GET /icon.svg"}
	for _, r := range routes {
		all = append(all, r.pattern)
	}
	if len(all) != len(may) {
		t.Errorf("there are %d routes, and roles for %d", len(all), len(may))
	}
	for _, pattern := range all {
		shows, known := may[pattern]
		if !known {
			t.Errorf("%s has no role", pattern)
		}
		path := paths[pattern]
		if path == "" {
			path = strings.TrimPrefix(pattern, "GET ")
		}
		for role, as := range roles {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.RemoteAddr = "198.51.100.7:4711"
			as(r)
			w := httptest.NewRecorder()
			served.ServeHTTP(w, r)
			allowed := strings.Contains(" "+shows+" ", " "+role+" ")
			want := http.StatusForbidden
			switch {
			case allowed:
				want = http.StatusOK
			case role == "nobody" || role == "a stranger":
				want = http.StatusUnauthorized
			case pattern == "GET /me" && (role == "numbers" || role == "people" || role == "everything"): // they have no day of their own
				want = http.StatusNotFound
			}
			if w.Code != want {
				t.Errorf("%s for %s: %d, want %d", pattern, role, w.Code, want)
			}
			if text := w.Body.String(); !allowed || role == "numbers" {
				for _, name := range []string{"bob@", "cleo", "dan@", "eve@", "hq-wlc"} {
					if strings.Contains(text, name) {
						t.Errorf("%s tells %s of %s:\n%s", pattern, role, name, text)
					}
				}
			}
		}
	}
}

// asking is what somebody may ask for, and notes what they did: the name that they were
// named by, and the order.
type asking struct {
	standing Standing
	orders   []string
	err      error
}

func (a *asking) Standing(_ context.Context, name string) Standing { return a.standing }
func (a *asking) Order(_ context.Context, name string, order Order) error {
	a.orders = append(a.orders, name+" "+string(order))
	return a.err
}
func (a *asking) Token(user string) string      { return "of " + user }
func (a *asking) Holds(token, user string) bool { return token == "of "+user }

// TestWhoMayAskForWhat: only who has a day of their own may ask for anything, for
// themselves, and by a form of their own page.
func TestWhoMayAskForWhat(t *testing.T) {
	o := newOffice(t)
	o.fill()
	a := &asking{}
	o.own = a
	served := o.served()
	send := func(role string, form url.Values) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/me", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "198.51.100.7:4711"
		roles[role](r)
		w := httptest.NewRecorder()
		served.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	whole := url.Values{"token": {"of ann@example.com"}, "order": {"opt-out"}, "sure": {"yes"}}
	for role := range roles {
		a.orders = nil
		code, text := send(role, whole)
		if want := map[string]int{"ann": 303, "nobody": 401, "a stranger": 401}[role]; code != cmp.Or(want, 403) || (len(a.orders) > 0) != (role == "ann") {
			t.Errorf("%s: %d, orders %q\n%s", role, code, a.orders, text)
		}
	}
	for name, c := range map[string]struct {
		change func(url.Values)
		err    error
		code   int
		says   string
	}{
		"of somebody else's page": {func(f url.Values) { f.Set("token", "of bob@example.com") }, nil, 403, "too old"},
		"without a token":         {func(f url.Values) { f.Del("token") }, nil, 403, "too old"},
		"not knowing":             {func(f url.Values) { f.Del("sure") }, nil, 400, "tick"},
		"refused":                 {func(url.Values) {}, errors.New("the disk is full"), 409, "the disk is full"},
		"for a day":               {func(f url.Values) { f.Set("order", "not-today"); f.Del("sure") }, nil, 303, ""},
	} {
		form := url.Values{}
		maps.Copy(form, whole)
		if c.change(form); true {
			a.err, a.orders = c.err, nil
		}
		if code, text := send("ann", form); code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d\n%s", name, code, text)
		}
	}
	if a.orders = nil; true {
		send("ann", whole)
	}
	if !slices.Equal(a.orders, []string{`CORP\ann opt-out`}) {
		t.Errorf("the daemon is told %q", a.orders)
	}
}

// TestOnesOwnDayIsOnesOwn: who a proxy names sees their day, its links lead to their own
// only, and there is nobody else on it.
func TestOnesOwnDayIsOnesOwn(t *testing.T) {
	o := newOffice(t)
	o.fill()
	served := o.served()
	ask := func(path string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		roles["ann"](r)
		w := httptest.NewRecorder()
		served.ServeHTTP(w, r)
		return w.Body.String()
	}
	text := ask("/me")
	for _, want := range []string{"is at london since 08:52", `href="/me?day=`, `action="/me"`, "Your day"} {
		if !strings.Contains(text, want) {
			t.Errorf("ann's own day has no %s:\n%s", want, text)
		}
	}
	for _, never := range []string{"/person?", `href="/calls"`, `href="/"`, `id="q"`, "people remembered", "bob@"} {
		if strings.Contains(text, never) {
			t.Errorf("ann's own day has %s", never)
		}
	}
	if text := ask("/me?user=bob@example.com"); strings.Contains(text, "bob") {
		t.Error("ann is shown bob's day")
	}
	if text := ask("/person?user=ann@example.com"); !strings.Contains(text, "not among what you may see") {
		t.Errorf("ann may ask for a person:\n%s", text)
	}
}
