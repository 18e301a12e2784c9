package sandbox

import (
	"fmt"
	"slices"
	"time"
)

// Call is one entry of the journal.
type Call struct {
	At      time.Time `json:"at"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Query   string    `json:"query,omitempty"`
	Route   string    `json:"route"`             // "POST /v1/public/bookings/{id}/check-in"; empty if there is none
	Status  int       `json:"status,omitempty"`  // what was answered; 0 if the connection broke
	Booking string    `json:"booking,omitempty"` // the id that the path names
	Acting  string    `json:"acting,omitempty"`  // the userId that the body names
	Effect  Status    `json:"effect,omitempty"`  // what the call made of the booking; empty: nothing
	Fault   string    `json:"fault,omitempty"`   // which fault met the call
}

// Journal returns all calls so far, in the order in which they were answered.
func (s *Server) Journal() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal)
}

// Calls returns how many calls of the route there have been.
func (s *Server) Calls(route string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.journal {
		if c.Route == route {
			n++
		}
	}
	return n
}

// Effects returns the calls that changed the booking.
func (s *Server) Effects(booking string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Call
	for _, c := range s.journal {
		if c.Booking == booking && c.Effect != "" {
			all = append(all, c)
		}
	}
	return all
}

// Offences returns what no client may ever do and one did: check in twice to
// one booking, check in a room or a guest, act after a check-out, book for
// somebody a second time in a day or after they cancelled or checked out.
func (s *Server) Offences() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	offences := slices.Clone(s.offences)
	ins, outs := map[string]int{}, map[string]int{}
	for _, c := range s.journal {
		b := s.index[c.Booking]
		if c.Effect == "" || b == nil {
			continue
		}
		switch c.Effect {
		case CheckedIn:
			if ins[b.ID]++; ins[b.ID] > 1 {
				offences = append(offences, fmt.Sprintf("booking %s was checked in %d times", b.ID, ins[b.ID]))
			}
			if outs[b.ID] > 0 {
				offences = append(offences, fmt.Sprintf("booking %s was checked in after its check-out", b.ID))
			}
		case CheckedOut:
			outs[b.ID]++
		}
		if b.Type == "room" || b.Guest {
			offences = append(offences, fmt.Sprintf("booking %s of a room or a guest was made %s", b.ID, c.Effect))
		}
	}
	return offences
}
