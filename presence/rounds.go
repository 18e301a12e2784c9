package presence

import (
	"context"
	"fmt"
	"time"
)

// The courier's loop, and what operators ask of it.

// Run carries until ctx ends, and then waits for the calls under way. If nobody else
// carries from the store, Run first takes over the calls that were under way when the
// process before died.
func (c *Courier) Run(ctx context.Context) error {
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopTime, cancel) })()
	if !c.Shared {
		if err := c.inherit(ctx); err != nil && ctx.Err() == nil {
			c.log.Error("take over what was under way: it waits for its leases", "error", err)
		}
	}
	busy := newBusyPeople()
	back := make(chan stop)
	r := newRound(c.standing)
	for {
		s, next, err := c.pick(ctx, r, busy)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				c.log.Error("look for errands", "error", err)
			}
			next = time.Now().Add(waitAfter(2))
		case s.user != "":
			go func() {
				if len(s.others) > 0 {
					c.together(calls, s)
				} else {
					c.carry(calls, s)
				}
				back <- s
			}()
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
		case s := <-back:
			r.back(s, busy)
		case <-ctx.Done():
			for len(busy.stops) > 0 {
				busy.end(<-back)
			}
			return nil
		}
	}
}

// Retry makes the visit's errand due now, whatever it was waiting for, and takes up
// again what was dropped.
func (c *Courier) Retry(user, visit string) error {
	if err := c.mayRetry(context.Background(), user); err != nil {
		return err
	}
	return c.byHand(user, visit, "an operator had the bookings of visit "+visit+" looked at again", (*Visit).retry)
}

// Drop leaves the visit's bookings as they are from now on: what was checked in stays so.
func (c *Courier) Drop(user, visit string) error {
	return c.byHand(user, visit, "an operator dropped visit "+visit+": its bookings stay as they are", func(v *Visit, _ time.Time) bool { return v.drop(byHand) })
}

// byHand does f to the visit, and tells so in the story if there was anything to do.
func (c *Courier) byHand(user, visit, told string, f func(*Visit, time.Time) bool) error {
	found, err := c.step(Visit{User: user, ID: visit}, func(p *Person, v *Visit, now time.Time) step {
		acts := f(v, now)
		if acts {
			p.tell(now, Heard, told)
		}
		return step{act: acts}
	})
	if err == nil && !found.act {
		err = fmt.Errorf("visit %s of %s: nothing is pending", visit, user)
	}
	c.Kick()
	return err
}
