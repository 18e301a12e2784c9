package presence

import (
	"context"
	"errors"
	"slices"
	"time"
)

// How the courier makes its calls, and keeps what comes of them.

func isNoUser(err error) bool { return errors.Is(err, ErrNoUser) }

// denies reports whether the desk answered, and will not tell.
func denies(err error) bool {
	var denied *DeniedError
	var refused *RefusedError
	return errors.As(err, &denied) || errors.As(err, &refused)
}

// inherit makes the errands due now that a process which died left leased: nobody
// is making those calls any more.
func (c *Courier) inherit(ctx context.Context) error {
	now := time.Now()
	users, _, err := c.store.Due(ctx, Errands, now.Add(lease), queueDepth)
	if err != nil {
		return err
	}
	var changes []Change
	for _, user := range users {
		p, err := c.store.Person(ctx, user)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(p.Visits, func(v Visit) bool { return v.leased() }) {
			continue
		}
		changes = append(changes, Change{User: user, Apply: func(p *Person) []Visit {
			for i := range p.Visits {
				if v := &p.Visits[i]; v.leased() {
					v.errand().Next = now
				}
			}
			p.NextErrand = p.nextErrand()
			return nil
		}})
	}
	if len(changes) == 0 {
		return nil
	}
	return c.store.Update(ctx, changes, nil)
}

// carry runs the due errands of one person. It asks questions about this one user
// only if asks is set. It records the desk's answers with the visit, and logs
// errors of the store.
func (c *Courier) carry(ctx context.Context, user string, asks bool) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	p, err := c.store.Person(ctx, user)
	for i := range p.Visits {
		v := &p.Visits[i]
		switch e := v.errand(); {
		case err != nil || e == nil || e.Next.After(time.Now()):
		case v.State != Over && !p.heardSince(c.Restored): // it was heard of in the past, as plan finds out
		default:
			err = c.deliver(ctx, *v, asks)
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
func (c *Courier) deliver(ctx context.Context, v Visit, asks bool) error {
	if rests := c.site(v.Site).Rests; time.Now().Before(rests) {
		return c.change(v, func(_ *Person, v *Visit, _ time.Time) {
			if e := v.errand(); e != nil {
				e.Next = rests.Add(jitter(time.Second, v.ID) - time.Second)
			}
		})
	}
	l, err := c.read(ctx, v, asks)
	switch {
	case errors.Is(err, ErrUnlisted):
		return c.postpone(v)
	case err != nil:
		return c.failed(v, err)
	}
	nothing, over := func(*Person, *Visit, time.Time) {}, v.State == Over
	answered := nothing
	for again := false; ; {
		var b Booking
		var in, act, old bool
		var known Visit
		err := c.change(v, func(p *Person, v *Visit, now time.Time) {
			answered(p, v, now)
			e := v.errand()
			if act, old = false, false; e == nil || (v.State == Over) != over {
				return // the visit ended meanwhile, and its check-out has its own time
			}
			if !p.Wake.IsZero() && !now.Before(p.Wake) {
				e.Next = now.Add(waitAfter(1)) // the tracker comes first: the visit may be over
				return
			}
			if v.State == Over && p.visit(v.Site) != nil {
				p.handOver(v, p.visit(v.Site), now)
				return
			}
			if todo := v.look(l, p.gone(v), now, *c.rules.Load()); len(todo) > 0 {
				if old = !again && now.Sub(todo[0].Read) > actable && !todo[0].Read.IsZero(); old {
					known = *v
					known.Claims = slices.Clone(v.Claims)
					return
				}
				b, in, act = todo[0], v.State != Over, true
				v.try(b, now)
			}
		})
		if err == nil && old { // a new reading serves all who are due now; without it, the booking is read
			if newer, err := c.read(ctx, known, asks); err == nil {
				l = newer
			}
			again, answered = true, nothing
			continue
		}
		if err != nil || !act {
			return err
		}
		answer, err := c.call(ctx, v.Site, b, in)
		var refused *RefusedError
		var denied *DeniedError
		switch {
		case err == nil, errors.Is(err, ErrDryRun), errors.Is(err, ErrChanged):
		case errors.As(err, &refused):
		case errors.As(err, &denied):
			if !denied.Gone {
				c.log.Error("the desk denies us", "user", v.User, "booking", b.ID, "reason", denied.Reason)
			}
		default:
			return c.failed(v, err)
		}
		c.answers(v.Site)
		answered = func(p *Person, v *Visit, now time.Time) { p.answered(v, b, answer, in, err, now) }
		switch {
		case refused != nil: // only the booking can tell what the refusal means
			again, err := c.ask(ctx, v, time.Now())
			if err != nil {
				return errors.Join(c.change(v, answered), c.failed(v, err))
			}
			l.Bookings = again
		case err == nil, errors.Is(err, ErrChanged):
			l.Bookings = slices.DeleteFunc(l.Bookings, func(o Booking) bool { return o.ID == b.ID })
			l.Bookings = append(l.Bookings, answer)
		}
	}
}

// read returns the user's bookings: from a reading of the whole building if that
// has them. If only a question about the user can tell, read asks it when asks is
// set or the visit depends on it; else the error is [ErrUnlisted].
func (c *Courier) read(ctx context.Context, v Visit, asks bool) (Listing, error) {
	now := time.Now()
	l, err := c.desk.Listed(ctx, v.User, v.Site, v.readSince(now, *c.rules.Load()))
	if err == nil && !l.At.Before(now) {
		c.answers(v.Site)
	}
	c.wakeForNews(ctx, v, l.News)
	switch unlisted := errors.Is(err, ErrUnlisted); {
	case !unlisted && (err != nil || !l.At.Before(v.unsureSince())):
		if err == nil || isNoUser(err) {
			c.told(v.User)
		}
		if err == nil && v.stuck() { // a second opinion; if it fails, the reading holds
			if all, err := c.ask(ctx, v, now); err == nil {
				return Listing{Bookings: all, At: now}, nil
			}
		}
		return l, err
	case unlisted && !asks && v.State != Over && !v.tryingCheckIn():
		return l, err
	}
	all, err := c.ask(ctx, v, now)
	c.asked(v.User, len(all) > 0, err, now)
	return Listing{Bookings: all, At: now}, err
}

// ask asks the desk about the one user.
func (c *Courier) ask(ctx context.Context, v Visit, asOf time.Time) ([]Booking, error) {
	all, err := c.desk.Bookings(ctx, v.User, v.Site, asOf)
	if err == nil || isNoUser(err) {
		c.answers(v.Site)
	}
	return all, err
}

// postpone puts the question about the user off until it is time for it and
// nothing is more urgent. Meanwhile a reading may list the user after all.
func (c *Courier) postpone(v Visit) error {
	now := time.Now()
	at := c.want(v.User, now)
	if at.IsZero() {
		c.Kick()
		return nil
	}
	return c.change(v, func(_ *Person, v *Visit, now time.Time) {
		if e := v.errand(); e != nil {
			e.Next = earlier(at, now.Add(refresh))
		}
	})
}

// wakeForNews makes the errands of users due now whose bookings have changed in a
// reading of the visit's building, if they are at the site.
func (c *Courier) wakeForNews(ctx context.Context, v Visit, users []string) {
	var changes []Change
	for _, user := range users {
		if user == v.User {
			continue
		}
		p, err := c.store.Person(ctx, user)
		if err != nil || p.visit(v.Site) == nil {
			continue
		}
		c.told(user)
		changes = append(changes, Change{User: user, Apply: func(p *Person) []Visit {
			now := time.Now()
			for i := range p.Visits {
				o := &p.Visits[i]
				if e := o.errand(); o.Site == v.Site && o.State != Over && e != nil && e.Next.After(now) && !o.leased() {
					e.Next = now
				}
			}
			p.NextErrand = p.nextErrand()
			return nil
		}})
	}
	if len(changes) == 0 {
		return
	}
	if err := c.store.Update(context.WithoutCancel(ctx), changes, nil); err != nil {
		c.log.Error("have what is new looked at", "error", err) // it is looked at when it is due
	}
	c.Kick()
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
	case isNoUser(err):
	case errors.As(err, &throttled):
		c.rest(later(throttled.Until, now.Add(waitAfter(1))), err)
	case errors.As(err, &closed):
		c.rest(now.Add(closedTime), err)
	case denies(err): // an answer, about this user or this site
		c.denied(v.Site)
	default:
		c.faulted(v.User, v.Site, err)
	}
	flaky := c.site(v.Site).flaky(now)
	return c.change(v, func(p *Person, v *Visit, now time.Time) { v.failed(err, flaky, now) })
}

// change applies f to the visit as it is stored, if it is still there. It is
// carried through even when the daemon is about to stop.
func (c *Courier) change(v Visit, f func(*Person, *Visit, time.Time)) error {
	now, rules := time.Now(), *c.rules.Load()
	return c.store.Update(context.Background(), []Change{{User: v.User, Apply: func(p *Person) []Visit {
		for i := range p.Visits {
			if p.Visits[i].ID != v.ID {
				continue
			}
			v := &p.Visits[i]
			turn := v.endOfDay(rules)
			f(p, v, now)
			if v.State != Over && !v.endOfDay(rules).Equal(turn) {
				p.Wake = earlier(p.Wake, now) // the tracker has to learn of the other end
			}
		}
		archived := p.archive()
		p.NextErrand = p.nextErrand()
		return archived
	}}}, nil)
}
