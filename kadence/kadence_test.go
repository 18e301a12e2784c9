package kadence

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// office is a tenant with one building in London, and a desk that serves it
// under the site "london". It lives in virtual time: midnight UTC of the first
// day of 2000 when the test begins.
type office struct {
	*sandbox.Server
	*Desk
	t      *testing.T
	london string // building id
	memory memory
	wire   *wire
	logged *lines
	secret string
}

const credentials = "daemon"

// inOffice runs a test in a bubble of virtual time.
func inOffice(t *testing.T, run func(t *testing.T, o *office), changes ...func(*Config)) {
	t.Helper()
	server := sandbox.New(credentials, "s3cret")
	w := &wire{RoundTripper: server.RoundTripper()}
	synctest.Test(t, func(t *testing.T) {
		o := &office{Server: server, t: t, memory: memory{Memory: presence.NewMemory()}, secret: "s3cret", logged: &lines{}}
		o.wire = w
		o.london = server.AddBuilding("London HQ", zone(t, "Europe/London"))
		o.restart(changes...)
		run(t, o)
	})
	w.conforms(t)
}

// restart makes a new desk with what the old one remembered.
func (o *office) restart(changes ...func(*Config)) {
	o.t.Helper()
	cfg := Config{
		APIURL: "https://api.example.test", AuthURL: "https://login.example.test", ClientID: credentials,
		Secret: func() (string, error) { return o.secret, nil }, Rate: 1000,
		Buildings: map[string]string{"london": o.london}, Transport: o.wire,
	}
	for _, change := range changes {
		change(&cfg)
	}
	var err error
	if o.Desk, err = New(cfg, &o.memory, slog.New(slog.NewTextHandler(o.logged, nil))); err != nil {
		o.t.Fatal(err)
	}
}

// booked adds a user with a desk from nine to five today.
func (o *office) booked(email string) (user, booking string) {
	user = o.AddUser(email)
	return user, o.today(user)
}

func (o *office) today(user string) string {
	return o.Book(sandbox.Booking{User: user, Building: o.london, Space: "Desk 01", Begin: at("09:00"), End: at("17:00")})
}

func (o *office) bookings(user string) []presence.Booking {
	o.t.Helper()
	return o.bookingsAsOf(user, time.Time{})
}

func (o *office) bookingsAsOf(user string, asOf time.Time) []presence.Booking {
	o.t.Helper()
	all, err := o.Desk.Bookings(context.Background(), user, "london", asOf)
	if err != nil {
		o.t.Fatalf("bookings of %s: %v", user, err)
	}
	return all
}

// only returns the user's one booking.
func (o *office) only(user string) presence.Booking {
	o.t.Helper()
	all := o.bookings(user)
	if len(all) != 1 {
		o.t.Fatalf("%s has %d bookings, want 1: %+v", user, len(all), all)
	}
	return all[0]
}

func (o *office) status(booking string) sandbox.Status {
	o.t.Helper()
	b, ok := o.Server.Booking(booking)
	if !ok {
		o.t.Fatalf("no booking %s", booking)
	}
	return b.Status
}

// calls returns the routes of the journal from the n-th call on.
func (o *office) routes(n int) []string {
	var routes []string
	for _, c := range o.Journal()[n:] {
		routes = append(routes, c.Route)
	}
	return routes
}

const (
	usersRoute        = "GET /v1/public/users"
	userBookingsRoute = "GET /v1/public/users/{id}/bookings"
	bookingsRoute     = "GET /v1/public/bookings"
	bookingRoute      = "GET /v1/public/bookings/{id}"
	buildingsRoute    = "GET /v1/public/buildings"
	checkInRoute      = "POST /v1/public/bookings/{id}/check-in"
	checkOutRoute     = "POST /v1/public/bookings/{id}/check-out"
)

// at is a time of day of the bubbles' first day, in London and UTC.
func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2000-01-01 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// memory is a store that cannot be read while err is set.
type memory struct {
	*presence.Memory
	err error
}

func (m *memory) Note(ctx context.Context, kind, key string) ([]byte, error) {
	if m.err != nil {
		return nil, m.err
	}
	return m.Memory.Note(ctx, kind, key)
}

// Update takes everybody for somebody whom the tracker knows.
func (m *memory) Update(ctx context.Context, changes []presence.Change) error {
	all := slices.Clone(changes)
	for i, c := range all {
		if c.User == "" {
			continue
		}
		all[i].Apply = func(_ *presence.Person, notes [][]byte) presence.Outcome {
			return c.Apply(&presence.Person{User: c.User, Facts: []presence.Facts{{}}}, notes)
		}
	}
	return m.Memory.Update(ctx, all)
}

// noted returns the users of whom something is noted.
func (m *memory) noted(t *testing.T) (users []string) {
	notes, err := m.Notes(t.Context(), userKind, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		users = append(users, n.Key)
	}
	return users
}

// wire sees every request that leaves.
type wire struct {
	http.RoundTripper
	down func(*http.Request) error // why nothing gets through; nil: it does
	odd  bool                      // the answers are of a form that Kadence's document does not have

	mu   sync.Mutex
	seen []exchange
}

// exchange is one request and its answer.
type exchange struct {
	request *http.Request
	sent    []byte
	answer  *http.Response // nil: there was none
	body    []byte
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	down := w.down
	w.mu.Unlock()
	e := exchange{request: r.Clone(context.Background())}
	if r.Body != nil {
		e.sent, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(e.sent))
	}
	var err error
	if down != nil {
		err = down(r)
	}
	if err == nil {
		e.answer, err = w.RoundTripper.RoundTrip(r)
	}
	if err == nil {
		e.body, _ = io.ReadAll(e.answer.Body)
		answer := *e.answer
		e.answer, answer.Body = &answer, io.NopCloser(bytes.NewReader(e.body))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, e)
	if err != nil {
		return nil, err
	}
	answer := *e.answer
	return &answer, nil
}

func (w *wire) fail(down func(*http.Request) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// hosts returns the hosts to which a token or a secret went.
func (w *wire) hosts() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var hosts []string
	for _, s := range w.seen {
		if host := s.request.URL.Host; !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// lines is a log to look into.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func (l *lines) count(what string) int { return strings.Count(l.String(), what) }

var _ io.Writer = (*lines)(nil)

// quiet is a log that nobody reads.
var quiet = slog.New(slog.DiscardHandler)
