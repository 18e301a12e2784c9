package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Fault is something that goes wrong. Of its ways to go wrong one is chosen;
// Delay goes with any.
type Fault struct {
	Route string // whose calls it meets, as the journal has it; empty: every call's
	Of    string // the building whose bookings alone the calls are to list; empty: any call
	Times int    // how many calls it meets; 0: all until [Server.Mend]
	Every int    // of how many such calls it meets one, the last; 0: each

	Delay      time.Duration // before anything happens
	DropBefore bool          // the connection breaks, and nothing has happened
	DropAfter  bool          // it happens, and then the connection breaks
	Status     int           // answered instead, with Header and Body
	Header     http.Header   // with Status: Retry-After and the like; else added to the answer
	Body       string        // with Status; empty: an error in the API's shape
	Redirect   string        // answered instead: 307 to there
	HTML       bool          // answered instead: 200 with a page for people
	Huge       bool          // answered instead: 200 with more bytes than anybody should read
	Truncate   bool          // it happens, and half of the answer is sent

	came, met int
}

// Fail makes the calls to come meet a fault. Of several for one route the first
// is met first.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Mend ends all faults.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault returns the fault that meets the call of the route, nil if none does.
func (s *Server) fault(route string, r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Route != "" && f.Route != route || f.Of != "" && f.Of != building(r) || f.Times > 0 && f.met >= f.Times {
			continue
		}
		if f.came++; f.Every == 0 || f.came%f.Every == 0 {
			f.met++
			return f
		}
	}
	return nil
}

// building returns the building whose bookings the call is to list.
func building(r *http.Request) string {
	q := r.URL.Query()
	return cmp.Or(q.Get("buildingId"), q.Get("building.id"))
}

// String names the fault, for the journal.
func (f *Fault) String() string {
	var said []string
	if f.Delay > 0 {
		said = append(said, "delay "+f.Delay.String())
	}
	switch {
	case f.DropBefore:
		said = append(said, "drop before")
	case f.DropAfter:
		said = append(said, "drop after")
	case f.Status != 0:
		said = append(said, fmt.Sprint(f.Status))
	case f.Redirect != "":
		said = append(said, "redirect")
	case f.HTML:
		said = append(said, "html")
	case f.Huge:
		said = append(said, "huge")
	case f.Truncate:
		said = append(said, "truncate")
	}
	return strings.Join(said, ", ")
}

// sleep waits for the fault's delay; false: the client went away meanwhile.
func (f *Fault) sleep(ctx context.Context) bool {
	if f.Delay <= 0 {
		return true
	}
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// instead reports whether the call is not carried out at all.
func (f *Fault) instead() bool {
	return f.DropBefore || f.Status != 0 || f.Redirect != "" || f.HTML || f.Huge
}

// hugeAnswer is the size of a huge answer, in bytes.
const hugeAnswer = 16 << 20

// answer returns what is sent, given what would have been.
func (f *Fault) answer(proper *answer) answer {
	a := answer{status: http.StatusOK, header: http.Header{}}
	if proper != nil {
		a = *proper
	}
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	switch {
	case f.DropBefore, f.DropAfter:
		return answer{drop: true}
	case f.Status != 0 && f.Body != "":
		a = answer{status: f.Status, header: html, body: []byte(f.Body)}
	case f.Status != 0:
		a = hydraError(f.Status, "The sandbox was told to fail")
	case f.Redirect != "":
		a = answer{status: http.StatusTemporaryRedirect, header: http.Header{"Location": {f.Redirect}}}
	case f.HTML:
		a = answer{status: http.StatusOK, header: html, body: []byte("<!doctype html><title>Maintenance</title><h1>Back soon</h1>")}
	case f.Huge:
		a = answer{status: http.StatusOK, header: jsonLD(), body: bytes.Repeat([]byte(" "), hugeAnswer)}
	case f.Truncate:
		a.body = a.body[:len(a.body)/2]
	}
	a.header.Set("X-Sandbox-Fault", f.String())
	for name, values := range f.Header {
		for _, v := range values {
			a.header.Add(name, v)
		}
	}
	return a
}
