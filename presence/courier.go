package presence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Courier carries visits to the desk. It works towards each visit's goal from
// the bookings as they are: while the visit is on, be checked in to every
// eligible booking of today as it becomes due; once it is over, be checked out
// of those that we checked in. Every attempt is stored before it is made, and
// the booking is read before it is repeated, so that a crash at any moment
// neither loses nor repeats what took effect.
type Courier struct {
	store Store
	desk  Desk
	log   *slog.Logger
	rules atomic.Pointer[Rules]
	kick  chan struct{}

	mu     sync.Mutex // guards health
	health Health
}

// Health is how the desk has been answering.
type Health struct {
	Success  time.Time `json:"last_success,omitzero"`
	Failure  time.Time `json:"last_failure,omitzero"`
	Error    string    `json:"error,omitempty"`    // of the latest failure, empty after a success
	Failures int       `json:"failures,omitempty"` // in a row, of anybody's
	Rests    time.Time `json:"rests,omitzero"`     // no call is made before, but one probe
}

const (
	couriers   = 4                // calls under way at once
	queueDepth = 1 << 15          // due people among whom the most urgent is chosen
	breaker    = 3                // failures in a row after which the desk is probed and not hammered
	callTime   = 90 * time.Second // for one person's calls; shorter than the lease
	stopTime   = 5 * time.Second  // for calls under way when the daemon stops
	closedTime = 5 * time.Minute  // between probes of a desk that is closed to everybody
	noUserTime = time.Hour        // between questions for a user whom the desk does not know
)

// NewCourier returns a courier that carries what is in the store to the desk.
func NewCourier(store Store, desk Desk, rules Rules, log *slog.Logger) *Courier {
	c := &Courier{store: store, desk: desk, log: log, kick: make(chan struct{}, 1)}
	c.rules.Store(&rules)
	return c
}

// Reload makes rules count from now on.
func (c *Courier) Reload(rules Rules) {
	c.rules.Store(&rules)
	c.Kick()
}

// Kick has the courier look for work now. It never blocks.
func (c *Courier) Kick() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Health returns how the desk has been answering.
func (c *Courier) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health
}

// Run carries until ctx ends, and then waits for the calls under way.
func (c *Courier) Run(ctx context.Context) error {
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopTime, cancel) })()
	busy := map[string]bool{}
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
			busy[user] = true
			go func() {
				c.carry(calls, user)
				back <- user
			}()
			continue
		}
		var due <-chan time.Time
		if !next.IsZero() {
			due = time.After(time.Until(next))
		}
		select {
		case <-c.kick:
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

// round is the courier's plan for the next second: who is due, the most urgent
// first. When it has been walked, or is old, another is made.
type round struct {
	users []string
	made  time.Time
	next  time.Time // when somebody who is not in it will be due
}

// pick chooses the most urgent due person who is not busy. It returns no user
// if there is nothing to do before next.
func (c *Courier) pick(ctx context.Context, r *round, busy map[string]bool) (user string, next time.Time, err error) {
	health, now := c.Health(), time.Now()
	switch {
	case now.Before(health.Rests):
		return "", health.Rests, nil
	case len(busy) >= couriers, len(busy) > 0 && health.Failures >= breaker:
		return "", time.Time{}, nil // until one of them is back
	}
	if len(r.users) == 0 || now.Sub(r.made) >= time.Second {
		if err := c.plan(ctx, r, busy, now); err != nil {
			return "", time.Time{}, err
		}
	}
	for len(r.users) > 0 {
		user, r.users = r.users[0], r.users[1:]
		if !busy[user] {
			return user, time.Time{}, nil
		}
	}
	return "", r.next, nil
}

// plan lists who is due: check-ins before check-outs, and those before
// refreshes.
func (c *Courier) plan(ctx context.Context, r *round, busy map[string]bool, now time.Time) error {
	users, next, err := c.store.Due(ctx, Errands, now, queueDepth)
	if err != nil {
		return err
	}
	var byUrgency [urgencies][]string
	var early []Change // named too early: a write has the store learn better
	for _, user := range users {
		if busy[user] {
			continue
		}
		p, err := c.store.Person(ctx, user)
		if err != nil {
			return err
		}
		if u := p.urgency(now); u < urgencies {
			byUrgency[u] = append(byUrgency[u], user)
		} else {
			early = append(early, Change{User: user, Apply: func(*Person) []Visit { return nil }})
		}
	}
	if len(early) > 0 {
		if err := c.store.Update(ctx, early, nil); err != nil {
			return err
		}
	}
	*r = round{users: slices.Concat(byUrgency[:]...), made: now, next: next}
	return nil
}

// urgencies is the number of urgencies; 0 is the most urgent.
const urgencies = 4

func (p *Person) urgency(now time.Time) int {
	urgency := urgencies
	for i := range p.Visits {
		v := &p.Visits[i]
		e := v.errand()
		switch {
		case e == nil || e.Next.After(now):
		case v.State != Over && e.Status == Pending:
			urgency = min(urgency, 0)
		case v.State == Over:
			urgency = min(urgency, 1)
		case e.Status == Waiting:
			urgency = min(urgency, 2)
		default:
			urgency = min(urgency, 3)
		}
	}
	return urgency
}

// carry runs the due errands of one person. What the desk answers is recorded
// with the visit; an error is the store's.
func (c *Courier) carry(ctx context.Context, user string) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	p, err := c.store.Person(ctx, user)
	for i := range p.Visits {
		v := &p.Visits[i]
		if e := v.errand(); err == nil && e != nil && !e.Next.After(time.Now()) {
			err = c.deliver(ctx, *v)
		}
	}
	if err != nil && ctx.Err() == nil {
		c.log.Error("run an errand", "user", user, "error", err)
		select { // the store is failing: do not spin on it
		case <-ctx.Done():
		case <-time.After(waitAfter(1)):
		}
	}
}

// deliver works towards the goal of one visit: it reads the bookings, and as
// long as one is to be acted upon it stores that, acts, and looks again.
func (c *Courier) deliver(ctx context.Context, v Visit) error {
	bookings, err := c.read(ctx, v, v.read())
	if err != nil {
		return c.failed(v, err)
	}
	answered := func(*Person, *Visit, time.Time) {}
	for {
		var b Booking
		var in, act bool
		err := c.change(v, func(p *Person, v *Visit, now time.Time) {
			answered(p, v, now)
			e := v.errand()
			if act = false; e == nil {
				return
			}
			if !p.Wake.IsZero() && !now.Before(p.Wake) {
				e.Next = now.Add(waitAfter(1)) // time is to pass first: it may be over
				return
			}
			if v.State == Over && p.visit(v.Site) != nil {
				p.keep(v, p.visit(v.Site), now)
				return
			}
			if todo := v.look(bookings, p.gone(v), now, *c.rules.Load()); len(todo) > 0 {
				b, in, act = todo[0], v.State != Over, true
				v.try(b, now)
			}
		})
		if err != nil || !act {
			return err
		}
		answer, err := c.call(ctx, v.Site, b, in)
		var refused *RefusedError
		var denied *DeniedError
		switch {
		case err == nil, errors.Is(err, ErrDryRun):
		case errors.As(err, &refused):
		case errors.As(err, &denied):
			if !denied.Gone {
				c.log.Error("the desk denies us", "user", v.User, "booking", b.ID, "reason", denied.Reason)
			}
		default:
			return c.failed(v, err)
		}
		c.answers()
		answered = func(p *Person, v *Visit, now time.Time) { p.answered(v, b, answer, in, err, now) }
		switch {
		case refused != nil: // only the booking can tell what the refusal means
			again, err := c.read(ctx, v, time.Now())
			if err != nil {
				return errors.Join(c.change(v, answered), c.failed(v, err))
			}
			bookings = again
		case err == nil:
			bookings = slices.DeleteFunc(bookings, func(o Booking) bool { return o.ID == b.ID })
			bookings = append(bookings, answer)
		}
	}
}

// read reads the user's bookings of the day that the visit's goal is about.
func (c *Courier) read(ctx context.Context, v Visit, asOf time.Time) ([]Booking, error) {
	day := time.Now()
	if v.State == Over {
		day = v.Departed
	}
	bookings, err := c.desk.Bookings(ctx, v.User, v.Site, day, asOf)
	if err == nil || errors.Is(err, ErrNoUser) {
		c.answers()
	}
	return bookings, err
}

func (c *Courier) call(ctx context.Context, site string, b Booking, in bool) (Booking, error) {
	if in {
		return c.desk.CheckIn(ctx, site, b)
	}
	return c.desk.CheckOut(ctx, site, b)
}

// failed records that the desk could not be asked, and when to ask again.
func (c *Courier) failed(v Visit, err error) error {
	var throttled *ThrottledError
	var closed *ClosedError
	now := time.Now()
	switch {
	case errors.Is(err, ErrNoUser):
	case errors.As(err, &throttled):
		c.rest(later(throttled.Until, now.Add(waitAfter(1))), err)
	case errors.As(err, &closed):
		c.rest(now.Add(closedTime), err)
	default:
		c.faulted(err)
	}
	return c.change(v, func(p *Person, v *Visit, now time.Time) { v.failed(err, now) })
}

// change applies f to the visit as it is stored, if it is still there. It is
// carried through even when the daemon is about to stop.
func (c *Courier) change(v Visit, f func(*Person, *Visit, time.Time)) error {
	now := time.Now()
	return c.store.Update(context.Background(), []Change{{User: v.User, Apply: func(p *Person) []Visit {
		for i := range p.Visits {
			if p.Visits[i].ID == v.ID {
				f(p, &p.Visits[i], now)
			}
		}
		settled := p.settle()
		p.Errand = p.errand()
		return settled
	}}}, nil)
}

// answers notes that the desk answered.
func (c *Courier) answers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &c.health
	if h.Error != "" {
		c.log.Info("the desk answers again")
	}
	*h = Health{Success: time.Now(), Failure: h.Failure}
}

// faulted notes that the desk did not answer as it should.
func (c *Courier) faulted(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &c.health
	if h.Error != err.Error() {
		c.log.Warn("the desk does not answer", "error", err)
	}
	h.Failure, h.Error = time.Now(), err.Error()
	if h.Failures++; h.Failures >= breaker {
		h.Rests = h.Failure.Add(min(waitAfter(h.Failures-breaker+2), closedTime))
	}
}

// rest makes everybody wait: the desk said so.
func (c *Courier) rest(until time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := &c.health; h.Error != err.Error() {
		c.log.Warn("the desk makes us wait", "until", until.Format(time.RFC3339), "error", err)
	}
	c.health.Failure, c.health.Error, c.health.Rests = time.Now(), err.Error(), until
}

// Retry has the courier try the visit's errand now, whatever it was waiting
// for.
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
	found := false
	err := c.change(Visit{User: user, ID: visit}, func(_ *Person, v *Visit, now time.Time) {
		if e := v.errand(); e != nil {
			found = true
			f(v, e, now)
		}
	})
	if err == nil && !found {
		err = fmt.Errorf("visit %s of %s: nothing is pending", visit, user)
	}
	c.Kick()
	return err
}
