package kadence

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/presence"
)

func TestRateBoundsAllCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := newGate(5), time.Now()
		for range 5 + 50 {
			if err := g.pass(context.Background(), reads); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(100 * time.Millisecond); took != 10*time.Second {
			t.Errorf("55 calls took %s, want 10s at 5 per second after a burst of 5", took)
		}
	})
}

func TestSlowRateStillPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, began := newGate(0.01), time.Now()
		for range 3 {
			if err := g.pass(context.Background(), reads); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(time.Second); took != 200*time.Second {
			t.Errorf("took %s, want 200s", took)
		}
	})
}

func TestCheckInsGoBeforeCheckOutsBeforeReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.pass(context.Background(), reads); err != nil { // the budget is spent
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		var order []urgency
		for _, u := range []urgency{reads, checkOuts, reads, checkIns, checkOuts, checkIns} { // in order of coming
			all.Go(func() {
				if err := g.pass(context.Background(), u); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, u)
			})
			synctest.Wait()
		}
		all.Wait()
		if want := []urgency{checkIns, checkIns, checkOuts, checkOuts, reads, reads}; !slices.Equal(order, want) {
			t.Errorf("passed in order %v, want %v", order, want)
		}
	})
}

func TestBudgetThatDoesNotComeInTimeIsNotAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0.01)
		_ = g.pass(context.Background(), reads)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		var throttled *presence.ThrottledError
		if err := g.pass(ctx, reads); !errors.As(err, &throttled) || !throttled.Until.After(time.Now()) {
			t.Errorf("got %v, want to be throttled", err)
		}
		ctx, cancel = context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		if err := g.pass(ctx, reads); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want to be cancelled", err)
		}
		if len(g.queue) != 0 {
			t.Errorf("%d still wait", len(g.queue))
		}
	})
}

func TestShutGateTurnsThoseAwayWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		_ = g.pass(context.Background(), reads)
		until := time.Now().Add(time.Minute)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { wantThrottled(t, g.pass(context.Background(), checkIns), until) })
		}
		synctest.Wait()
		g.shut(until)
		g.shut(until.Add(-time.Second)) // an older word does not open it
		all.Wait()
		if waited := time.Until(until); waited < 58*time.Second {
			t.Errorf("they were turned away only %s before", waited)
		}
	})
}
