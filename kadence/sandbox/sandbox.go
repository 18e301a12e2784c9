// Package sandbox is a local stand-in for the Kadence public API (1.2.0), to
// rehearse against and to test with: users, buildings and bookings with their
// life cycle, check-in and check-out, the token endpoint, and on request every
// fault and every doubtful behaviour that a client must survive. It promises
// to answer in the API's shapes and to keep a journal of all calls; the texts
// of its errors are invented.
package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server is one tenant of the sandbox, with API and token endpoint under the
// same host. Make it with [New]. It is safe for concurrent use once it serves,
// but for its exported fields, which are set before.
type Server struct {
	Now   func() time.Time // the tenant's clock
	Watch func(Call)       // told of every call after it was answered; nil: nobody

	mux *http.ServeMux

	mu        sync.Mutex // guards what follows
	switches  Switches
	secrets   map[string]string // client id → secret
	tokens    map[string]time.Time
	ids       uint64
	users     []*User
	byID      map[string]*User
	buildings []*Building
	bookings  []*Booking
	index     map[string]*Booking
	certified map[certificate]time.Time
	faults    []*Fault
	journal   []Call
	offences  []string // against whom is booked
}

// New returns an empty tenant with one API key.
func New(clientID, secret string) *Server {
	s := &Server{
		Now: time.Now, mux: http.NewServeMux(),
		secrets: map[string]string{clientID: secret}, tokens: map[string]time.Time{},
		byID: map[string]*User{}, index: map[string]*Booking{},
		certified: map[certificate]time.Time{},
	}
	handle := func(pattern string, h handler) { s.mux.Handle(pattern, h) }
	handle(TokenRoute, (*Server).token)
	handle("GET /v1/public/users", (*Server).listUsers)
	handle("GET /v1/public/users/{id}", (*Server).readUser)
	handle("GET /v1/public/users/{id}/bookings", (*Server).listUserBookings)
	handle("GET /v1/public/buildings", (*Server).listBuildings)
	handle("GET /v1/public/buildings/{id}", (*Server).readBuilding)
	handle("GET /v1/public/bookable-days", (*Server).listBookableDays)
	handle("GET /v1/public/bookable-days/{id}", (*Server).readBookableDay)
	handle("GET /v1/public/bookable-onsite-passes", (*Server).readPasses)
	handle("GET /v1/public/bookings", (*Server).listBookings)
	handle("POST /v1/public/bookings", (*Server).create)
	handle("GET /v1/public/bookings/{id}", (*Server).readBooking)
	handle("POST /v1/public/bookings/{id}/check-in", (*Server).checkIn)
	handle("POST /v1/public/bookings/{id}/check-out", (*Server).checkOut)
	handle("POST /v1/public/bookings/{id}/cancel", (*Server).cancel)
	return s
}

// TokenRoute is the route of the token endpoint, as the journal has it.
const TokenRoute = "POST /oauth2/token"

// handler answers a call; it runs with the server locked and at one moment.
type handler func(s *Server, c *call) answer

// ServeHTTP makes a handler what the mux wants; the server calls it itself.
func (handler) ServeHTTP(http.ResponseWriter, *http.Request) {}

// call is one request on its way through the sandbox.
type call struct {
	*http.Request
	now     time.Time
	body    []byte
	journal Call
}

// answer is what is sent back.
type answer struct {
	status int
	header http.Header
	body   []byte
	drop   bool // the connection breaks instead
}

const maxRequest = 1 << 20 // bytes

// ServeHTTP answers one call over real HTTP.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.serve(r)
	if a.drop {
		panic(http.ErrAbortHandler)
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that went away misses nothing that counts here
}

// serve answers one call: fault before, authority, the call itself, fault
// after, journal.
func (s *Server) serve(r *http.Request) answer {
	c := &call{Request: r}
	if r.Body != nil {
		c.body, _ = io.ReadAll(io.LimitReader(r.Body, maxRequest))
	}
	h, route := s.mux.Handler(r)
	c.journal = Call{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Route: route}
	fault := s.fault(route, r)
	if fault != nil {
		c.journal.Fault = fault.String()
		if !fault.sleep(r.Context()) {
			return s.end(c, answer{drop: true})
		}
	}
	if fault != nil && fault.instead() {
		return s.end(c, fault.answer(nil))
	}
	if _, ok := h.(handler); ok { // the mux matches again, and fills in the path's values
		s.mux.ServeHTTP(nil, r)
	}
	a := s.handle(h, c)
	if fault != nil {
		a = fault.answer(&a)
	}
	return s.end(c, a)
}

func (s *Server) handle(h http.Handler, c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.Now()
	s.passTime(c.now)
	own, ok := h.(handler)
	switch {
	case c.journal.Route == TokenRoute:
	case !s.authorised(c):
		return s.unauthorised()
	case !ok:
		return s.fail(http.StatusNotFound, "No route found")
	case !accepts(c.Header.Values("Accept")):
		return s.fail(http.StatusNotAcceptable, "The requested format is not one of ours")
	case c.Method == http.MethodPost && !strings.Contains(c.Header.Get("Content-Type"), "json"):
		return s.fail(http.StatusUnsupportedMediaType, "The content type is not supported")
	}
	return own(s, c)
}

// accepts reports whether the client takes JSON-LD; no header takes anything.
func accepts(values []string) bool {
	if len(values) == 0 {
		return true
	}
	for _, part := range strings.Split(strings.Join(values, ","), ",") {
		kind, _, _ := strings.Cut(part, ";")
		switch strings.TrimSpace(kind) {
		case "application/ld+json", "application/*", "*/*":
			return true
		}
	}
	return false
}

// end enters the call into the journal.
func (s *Server) end(c *call, a answer) answer {
	c.journal.At, c.journal.Status = s.Now(), a.status
	if a.drop {
		c.journal.Status = 0
	}
	s.mu.Lock()
	s.journal = append(s.journal, c.journal)
	s.mu.Unlock()
	if s.Watch != nil {
		s.Watch(c.journal)
	}
	return a
}

// RoundTripper serves requests in this process, without sockets and without
// goroutines of its own, for tests in virtual time. Whatever host a request
// names, it is served.
func (s *Server) RoundTripper() http.RoundTripper { return inProcess{s} }

type inProcess struct{ *Server }

// RoundTrip answers the request as the server would over a connection.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	a := p.serve(r.Clone(r.Context()))
	if r.Body != nil {
		r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if a.drop {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}, nil
}
