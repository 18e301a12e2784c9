package kadence

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/presenced/presenced/presence"
)

// urgency orders calls when the budget is short; 0 is the most urgent.
type urgency uint8

const (
	checkIns  urgency = iota // a desk may be released while we wait
	checkOuts                // and the reads that a check-out needs
	reads
)

// gate lets calls through at a bounded rate, the most urgent first, and none
// while the API has told us to wait.
type gate struct {
	limit *rate.Limiter
	rate  float64 // of limit, calls per second, with nobody to share it with

	mu    sync.Mutex // guards what follows
	until time.Time  // told to wait until then
	queue []*waiter  // the most urgent first, then in order of coming
}

type waiter struct {
	urgency urgency
	first   chan struct{} // of one: become the first of the queue
}

func newGate(perSecond float64) *gate {
	return &gate{limit: rate.NewLimiter(rate.Limit(perSecond), int(math.Ceil(perSecond))), rate: perSecond}
}

// share divides the rate among so many daemons, of which each has one call in five seconds
// at the least.
func (g *gate) share(among int) {
	g.limit.SetLimit(rate.Limit(max(g.rate/float64(among), min(g.rate, leastRate))))
}

const leastRate = 0.2 // calls per second

// pass returns when a call may be made. Its error is a
// [*presence.ThrottledError] if none may be made in time, or that of ctx.
func (g *gate) pass(ctx context.Context, u urgency) error {
	w := g.enter(u)
	defer g.leave(w)
	for {
		wait, err := g.try(w, time.Now())
		if err != nil || wait <= 0 {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-w.first:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			if errors.Is(ctx.Err(), context.DeadlineExceeded) { // the budget's doing, and not a fault of the API
				return &presence.ThrottledError{Until: time.Now().Add(time.Second)}
			}
			return ctx.Err()
		}
	}
}

// notFirst is how long somebody waits who is not the first: until told.
const notFirst = time.Hour

func (g *gate) try(w *waiter, now time.Time) (wait time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case now.Before(g.until):
		return 0, &presence.ThrottledError{Until: g.until}
	case g.queue[0] != w:
		return notFirst, nil
	case g.limit.AllowN(now, 1):
		return 0, nil
	}
	missing := (1 - g.limit.TokensAt(now)) / float64(g.limit.Limit())
	return max(time.Duration(missing*float64(time.Second)), time.Millisecond), nil
}

func (g *gate) enter(u urgency) *waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &waiter{urgency: u, first: make(chan struct{}, 1)}
	at := slices.IndexFunc(g.queue, func(q *waiter) bool { return q.urgency > u })
	if at < 0 {
		at = len(g.queue)
	}
	g.queue = slices.Insert(g.queue, at, w)
	return w
}

func (g *gate) leave(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queue = slices.DeleteFunc(g.queue, func(q *waiter) bool { return q == w })
	if len(g.queue) > 0 {
		select {
		case g.queue[0].first <- struct{}{}:
		default:
		}
	}
}

// shut lets nothing through until then. Those who wait learn it when they
// become the first.
func (g *gate) shut(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
}

func (g *gate) shutUntil() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until
}
