package control

import (
	"slices"
	"sync"
	"time"
)

// Rate is what a client's counters went up by in a minute.
type Rate struct {
	Requests   float64 `json:"requests"`
	Responses  float64 `json:"responses"`
	Duplicates float64 `json:"dup_requests"`
	BadSecrets float64 `json:"bad_authenticators"`
	Malformed  float64 `json:"malformed_requests"`
}

const (
	// Sampling is how often [Rates.Sample] wants to be called.
	Sampling = 15 * time.Second

	ratedOver = 5 * time.Minute
)

// Rates works out rates over the last minutes. Its zero value is ready to be
// used, by many at once.
type Rates struct {
	mu      sync.Mutex // guards what follows
	samples []sample   // oldest first
}

// sample is what the clients' counters were at a moment.
type sample struct {
	at      time.Time
	clients map[string]Client
}

// Sample notes what the clients' counters are.
func (r *Rates) Sample(clients []Client, now time.Time) {
	taken := sample{now, map[string]Client{}}
	for _, c := range clients {
		taken.clients[c.Name] = c
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(slices.DeleteFunc(r.samples, func(s sample) bool { return now.Sub(s.at) > ratedOver }), taken)
}

// Rate fills in the rates of the clients of s since the oldest sample, and if
// there is none since the start.
func (r *Rates) Rate(s *Status, now time.Time) {
	was := sample{at: s.Started.Time}
	r.mu.Lock()
	if len(r.samples) > 0 {
		was = r.samples[0]
	}
	r.mu.Unlock()
	passed := now.Sub(was.at)
	s.Rated = Duration(passed)
	perMinute := func(now, then uint64) float64 {
		if now < then || passed <= 0 { // counted anew since
			return 0
		}
		return float64(now-then) / passed.Minutes()
	}
	for i := range s.Clients {
		c, old := &s.Clients[i], was.clients[s.Clients[i].Name]
		c.Rate = Rate{
			perMinute(c.Requests, old.Requests), perMinute(c.Responses, old.Responses), perMinute(c.Duplicates, old.Duplicates),
			perMinute(c.BadSecrets, old.BadSecrets), perMinute(c.Malformed, old.Malformed),
		}
	}
}
