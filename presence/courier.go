package presence

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Courier carries visits to the desk. It works towards each visit's goal from
// the bookings as they are: while the visit is on, be checked in to every
// eligible booking of its time as it becomes due; once it is over, be checked
// out of those that we checked in. Every attempt is stored before it is made,
// and the booking is read before it is repeated, so that a crash at any moment
// neither loses nor repeats what took effect.
//
// plan.go says whom it looks at when, carry.go makes the calls, bookings.go
// says what the bookings ask for, health.go how the desk has been answering.
type Courier struct {
	// Restored is when the backup was made that was put in place of the store; zero if
	// none was. Who was in it may have left since, and is not checked in before they
	// are heard again. It is set before Run.
	Restored time.Time

	store Store
	desk  Desk
	log   *slog.Logger
	rules atomic.Pointer[Rules]
	kick  chan struct{}

	mu        sync.Mutex // guards what follows
	health    Health
	sites     map[string]*calls   // by site: how the desk answered its calls
	questions map[string]question // by user: those whom no reading of a building lists
	passes    passes
	remarks   remarks
}

const (
	callsAtOnce = 4                // calls under way at once
	callTime    = 90 * time.Second // for one person's calls; shorter than the lease
	stopTime    = 5 * time.Second  // for calls under way when the daemon stops
	closedTime  = 5 * time.Minute  // between probes of a desk that is closed to everybody
)

// NewCourier returns a courier that carries what is in the store to the desk.
func NewCourier(store Store, desk Desk, rules Rules, log *slog.Logger) *Courier {
	c := &Courier{store: store, desk: desk, log: log, kick: make(chan struct{}, 1), sites: map[string]*calls{}, questions: map[string]question{},
		passes: passes{counts: map[string]*WalkInCount{}, days: map[string]*tally{}, nones: map[string]none{}}, remarks: newRemarks()}
	c.rules.Store(&rules)
	return c
}

// Reload makes rules count from now on.
func (c *Courier) Reload(rules Rules) {
	c.rules.Store(&rules)
	c.Kick()
}

// Kick makes the courier look for work now. It never blocks.
func (c *Courier) Kick() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Run carries until ctx ends, and then waits for the calls under way. Nobody
// else carries from the store: Run first takes over the calls that were under way
// when the process before died.
func (c *Courier) Run(ctx context.Context) error {
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopTime, cancel) })()
	if err := c.inherit(ctx); err != nil && ctx.Err() == nil {
		c.log.Error("take over what was under way: it waits for its leases", "error", err)
	}
	busy := busyPeople{}
	back := make(chan string)
	var r round
	for {
		user, next, err := c.pick(ctx, &r, busy)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				c.log.Error("look for errands", "error", err)
			}
			next = time.Now().Add(waitAfter(2))
		case user != "":
			go func(asks bool) {
				c.carry(calls, user, asks)
				back <- user
			}(busy[user].urgency == lookUps)
			continue
		}
		var due <-chan time.Time
		if !next.IsZero() {
			due = time.After(time.Until(next))
		}
		select {
		case <-c.kick:
			r.stale = true
		case <-due:
		case user := <-back:
			delete(busy, user)
		case <-ctx.Done():
			for range busy {
				<-back
			}
			return nil
		}
	}
}

// Retry makes the visit's errand due now, whatever it was waiting for.
func (c *Courier) Retry(user, visit string) error {
	return c.byHand(user, visit, func(v *Visit, e *Errand, now time.Time) {
		for i := range v.Claims {
			v.Claims[i].Next = time.Time{}
		}
		e.Status, e.Next, e.Attempts, e.Reason = Pending, now, 0, ""
	})
}

// Drop gives the visit's errand up.
func (c *Courier) Drop(user, visit string) error {
	return c.byHand(user, visit, func(v *Visit, e *Errand, _ time.Time) {
		*e = e.skip("dropped by an operator")
	})
}

func (c *Courier) byHand(user, visit string, f func(*Visit, *Errand, time.Time)) error {
	found, err := c.step(Visit{User: user, ID: visit}, func(_ *Person, v *Visit, now time.Time) step {
		e := v.errand()
		if e != nil {
			f(v, e, now)
		}
		return step{act: e != nil}
	})
	if err == nil && !found.act {
		err = fmt.Errorf("visit %s of %s: nothing is pending", visit, user)
	}
	c.Kick()
	return err
}
