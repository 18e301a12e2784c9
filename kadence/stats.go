package kadence

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/presenced/presenced/presence"
)

// Stats is how the calls have been going since the start.
type Stats struct {
	Success   time.Time `json:"last_success,omitzero"`    // the latest answer that was one, a refusal included
	Failure   time.Time `json:"last_failure,omitzero"`    // the latest call without such an answer
	Error     string    `json:"error,omitempty"`          // of the latest failure; empty after a success
	Throttled time.Time `json:"throttled_until,omitzero"` // no call is made before: the API said so
	Limit     *int      `json:"rate_limit,omitempty"`     // as the API last told, if it ever did
	Remaining *int      `json:"rate_remaining,omitempty"` // likewise
	Token     time.Time `json:"token_expires,omitzero"`   // zero: there is no token now
	Refused   string    `json:"refused,omitempty"`        // what the API has against our credentials
	Skipped   int       `json:"skipped,omitempty"`        // bookings in answers that could not be decoded
	Calls     []Calls   `json:"calls"`                    // by route, then result
}

// Calls are the calls of one route that had one result.
type Calls struct {
	Route  string        `json:"route"`  // "GET /v1/public/users"
	Result string        `json:"result"` // a status such as "201", or "error" if there was no answer
	Count  int           `json:"count"`
	Time   time.Duration `json:"time"` // of all of them together

	// Within is how many of them took no longer than each of [CallTimes].
	Within [len(CallTimes)]int `json:"within"`
}

// CallTimes are the durations by which calls are told apart.
var CallTimes = [...]time.Duration{
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
}

// Stats returns how the calls have been going.
func (d *Desk) Stats() Stats {
	s := d.client.stats.snapshot()
	if until := d.client.gate.shutUntil(); time.Now().Before(until) {
		s.Throttled = until
	}
	t := d.client.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" {
		s.Token = t.expires
	}
	s.Refused = t.refused.reason
	return s
}

type counts struct {
	mu    sync.Mutex // guards what follows
	stats Stats      // without Calls
	calls map[[2]string]*Calls
}

func newCounts() *counts { return &counts{calls: map[[2]string]*Calls{}} }

func resultOf(status int) string {
	if status == 0 {
		return "error"
	}
	return strconv.Itoa(status)
}

// add counts one call and notes whether the API answered it as an API does.
func (c *counts) add(route, result string, took time.Duration, err error) {
	var refused *presence.RefusedError
	var denied *presence.DeniedError
	answered := err == nil || errors.As(err, &refused) || errors.As(err, &denied)
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]string{route, result}
	if c.calls[key] == nil {
		c.calls[key] = &Calls{Route: route, Result: result}
	}
	c.calls[key].Count++
	c.calls[key].Time += took
	for i, most := range CallTimes {
		if took <= most {
			c.calls[key].Within[i]++
		}
	}
	if answered {
		c.stats.Success, c.stats.Error = time.Now(), ""
		return
	}
	c.stats.Failure, c.stats.Error = time.Now(), err.Error()
}

// limits notes what an answer tells about our rate limit.
func (c *counts) limits(h http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := rateHeader(h, "Limit"); ok {
		limit := int(n)
		c.stats.Limit = &limit
	}
	if n, ok := rateHeader(h, "Remaining"); ok {
		remaining := int(n)
		c.stats.Remaining = &remaining
	}
}

func (c *counts) skipped(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Skipped += n
}

func (c *counts) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Calls = make([]Calls, 0, len(c.calls))
	for _, n := range c.calls {
		s.Calls = append(s.Calls, *n)
	}
	slices.SortFunc(s.Calls, func(a, b Calls) int {
		return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Result, b.Result))
	})
	return s
}
