package presence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// How the courier makes its calls, and keeps what comes of them.

// inherit makes the errands due now that a process which died left leased: nobody
// is making those calls any more.
func (c *Courier) inherit(ctx context.Context) error {
	now := time.Now()
	users, _, err := c.store.Due(ctx, Errands, now.Add(lease), queueDepth)
	if err != nil {
		return err
	}
	for people, err := range the(ctx, c.store, users) {
		if err != nil {
			return err
		}
		var changes []Change
		for _, p := range people {
			if !slices.ContainsFunc(p.Visits, func(v Visit) bool { return v.leased() }) {
				continue
			}
			changes = append(changes, Change{User: p.User, Apply: func(p *Person, _ [][]byte) Outcome {
				for i := range p.Visits {
					if v := &p.Visits[i]; v.leased() {
						v.errand().Next = now
					}
				}
				p.NextErrand = p.nextErrand()
				return Outcome{}
			}})
		}
		if err := c.store.Update(ctx, changes); err != nil {
			return err
		}
	}
	return nil
}

// carry runs the due errands of the stop's one person. It asks questions about this user
// only if the stop is for that. It records the desk's answers with the visit, and logs
// errors of the store.
func (c *Courier) carry(ctx context.Context, s stop) {
	_, calls := c.leases()
	ctx, cancel := context.WithTimeout(ctx, calls)
	defer cancel()
	c.wasAlone(s.user)
	p, err := c.store.Person(ctx, s.user)
	for i := range p.Visits {
		v := &p.Visits[i]
		switch e := v.errand(); {
		case err != nil || e == nil || e.Next.After(time.Now()):
		case v.State != Over && !p.heardSince(c.Restored): // it was heard of in the past, as plan finds out
		default:
			err = c.deliver(ctx, *v, s.urgency == lookUps)
		}
	}
	c.noteFailing(ctx, "run an errand", s.user, err)
}

// noteFailing logs that the store failed, if it did.
func (c *Courier) noteFailing(ctx context.Context, what, user string, err error) {
	if err != nil && ctx.Err() == nil {
		c.log.Error(what, "user", user, "error", err)
		select { // the store is failing: do not spin on it
		case <-ctx.Done():
		case <-time.After(waitAfter(1)):
		}
	}
}

// deliver works towards the goal of one visit: it reads the bookings, and as
// long as one is to be acted upon it stores that, acts, and looks again.
func (c *Courier) deliver(ctx context.Context, v Visit, asks bool) error {
	if time.Now().Before(c.site(v.Site).Rests) {
		return nil // the next plan has all wait together to whom that happens
	}
	if left, err := c.heeds(ctx, v); left || err != nil {
		return err
	}
	q, err := c.request(ctx, &v)
	if err != nil {
		return err
	}
	l, err := c.read(ctx, v, asks)
	switch {
	case errors.Is(err, ErrUnlisted):
		return c.postpone(v, q.ours)
	case err != nil:
		return c.failed(v, q.ours, err)
	}
	if now := time.Now(); v.State != Over && len(v.Claims)+len(l.Bookings) == 0 {
		l.turn = c.turn(v.Site, l.again(now), now)
	}
	nothing := func(*Person, *Visit, time.Time) {}
	answered := nothing
	for looked, again, walked := false, false, false; ; {
		if err := c.clearedUp(v, q, l.Bookings); err != nil {
			return err
		}
		q.none, q.holds = c.noneFor(&v, time.Now())
		c.remarkOn(&v, l.Bookings)
		noted, first := time.Now(), !looked
		looked = true
		found, err := c.step(v, func(p *Person, is *Visit, now time.Time) step {
			taken := q.ours.taken(is, now)
			if answered(p, is, now); taken {
				return step{}
			}
			defer q.ours.write(is)
			if e := is.errand(); first && c.Shared && e != nil && is.attemptedSince(&v) {
				e.Next = now.Add(waitAfter(1)) // of which the bookings may say nothing yet
				return step{}
			}
			return c.next(p, is, l, v.State == Over, again, q, now)
		})
		if err == nil && found.old { // a new reading serves all who are due now; without it, the booking is read
			if newer, err := c.read(ctx, found.visit, asks); err == nil {
				l = newer
			}
			again, answered = true, nothing
			continue
		}
		if err == nil && found.walks && l.Unasked {
			return nil // nobody is booked anything before it is known that the desk knows them
		}
		if err == nil && found.walks && !walked {
			walked, answered = true, nothing
			all, err := c.walkIn(ctx, v, q)
			if err != nil || len(all) == 0 {
				return err
			}
			l.Bookings = all
			continue
		}
		if err != nil || !found.act {
			return err
		}
		b, a := found.booking, found.action
		calling, done := c.calling(ctx, noted)
		answer, err := c.call(calling, v.Site, b, a, q)
		done()
		c.came(&v, &b, a, resultOf(&b, a, &answer, err, time.Now()))
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
			return c.failed(v, q.ours, err)
		}
		c.answers(v.Site)
		answered = func(p *Person, v *Visit, now time.Time) { p.answered(v, b, answer, a, err, now) }
		switch {
		case refused != nil: // only the booking can tell what the refusal means
			again, err := c.ask(ctx, v, time.Now())
			if err != nil {
				return errors.Join(c.change(v, answered), c.failed(v, q.ours, err))
			}
			l.Bookings = again
		case err == nil, errors.Is(err, ErrChanged):
			l.Bookings = slices.DeleteFunc(l.Bookings, func(o Booking) bool { return o.ID == b.ID })
			l.Bookings = append(l.Bookings, answer)
		}
	}
}

// next returns what to do next for the visit, which was over if over is set when its
// bookings were read, and notes the attempt if that is a call.
func (c *Courier) next(p *Person, v *Visit, l Listing, over, again bool, q *request, now time.Time) step {
	e, rules := v.errand(), *c.rules.Load()
	leased, _ := c.leases()
	if e == nil || (v.State == Over) != over {
		return step{} // the visit ended meanwhile, and its check-out has its own time
	}
	if !p.Wake.IsZero() && !now.Before(p.Wake) {
		e.Next = now.Add(waitAfter(1)) // the tracker comes first: the visit may be over
		return step{}
	}
	if v.State == Over && p.visit(v.Site) != nil && !v.dropped() {
		p.handOver(v, p.visit(v.Site), now)
		return step{}
	}
	was := slices.Clone(v.Claims)
	todo := v.look(l, p.gone(v), now, rules)
	p.tellFound(v, was, now, func(b *Booking, a action) { c.came(v, b, a, CallDone) })
	if len(todo) == 0 {
		return q.next(v, l.Bookings, now, leased, rules)
	}
	if b := todo[0]; again || now.Sub(b.Read) <= actable || b.Read.IsZero() {
		v.try(b, now, leased)
		return step{act: true, booking: b, action: v.action()}
	}
	return step{old: true, visit: v.clone()}
}

// read returns the user's bookings: from a reading of the whole building if that
// has them. If only a question about the user can tell, read asks it when asks is
// set or the visit depends on it; else the error is [ErrUnlisted].
func (c *Courier) read(ctx context.Context, v Visit, asks bool) (Listing, error) {
	now := time.Now()
	l, err := c.listed(ctx, &v, now)
	if err == nil && !l.At.Before(now) {
		c.answers(v.Site)
	}
	c.wakeForNews(ctx, v, l.News)
	switch loose := v.State != Over && !v.tryingCheckIn(); {
	case err != nil || !l.Unasked:
	case loose && !asks && c.nobody(v.User, now):
		return l, ErrNoUser
	case loose && !asks && !c.wonder(v.User, now):
		return l, nil
	default:
		err = ErrUnlisted
	}
	switch unlisted := errors.Is(err, ErrUnlisted); {
	case !unlisted && (err != nil || !l.At.Before(v.unsureSince().Add(l.apart))):
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

// listed returns the reading of the building by which the visit is looked at. One that was
// begun after the visit was read came after all that the visit says, whatever the clocks
// are; of another one that is sure only if it is newer by how far clocks may be apart.
func (c *Courier) listed(ctx context.Context, v *Visit, now time.Time) (Listing, error) {
	asOf := v.readSince(now, *c.rules.Load(), c.apart())
	if c.Shared {
		asOf = earlier(asOf, now)
	}
	l, err := c.desk.Listed(ctx, v.User, v.Site, asOf)
	if c.Shared && l.At.Before(now) {
		l.apart = daemonsApart
		l.Bookings = v.doubtful(l.Bookings, l.apart)
	}
	return l, err
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
func (c *Courier) postpone(v Visit, ours attempts) error {
	change, waits := c.postponed(v, ours)
	if !waits {
		return nil
	}
	return c.store.Update(context.Background(), []Change{change})
}

// postponed is the change of postpone; there is none if the question is to be asked
// now, when nothing is more urgent.
func (c *Courier) postponed(v Visit, ours attempts) (change Change, waits bool) {
	now := time.Now()
	at := c.want(v.User, now)
	if at.IsZero() {
		c.Kick()
		return Change{}, false
	}
	at = earlier(at, c.turn(v.Site, now.Add(refresh), now))
	return c.stepping(v, nil, ours.only(func(_ *Person, v *Visit, _ [][]byte, _ time.Time) (step, []Note) {
		if e := v.errand(); e != nil {
			e.Next = at
		}
		return step{}, nil
	}), nil), true
}

// wakeForNews makes the errands of users due now whose bookings have changed in a
// reading of the visit's building, if they are at the site.
func (c *Courier) wakeForNews(ctx context.Context, v Visit, users []string) {
	now := time.Now()
	for people, err := range the(ctx, c.store, users) {
		var changes []Change
		for i := range people {
			p := &people[i]
			if p.User == v.User || p.visit(v.Site) == nil {
				continue
			}
			c.told(p.User)
			changes = append(changes, Change{User: p.User, Apply: func(p *Person, _ [][]byte) Outcome {
				for i := range p.Visits {
					o := &p.Visits[i]
					if e := o.errand(); o.Site == v.Site && o.State != Over && e != nil && e.Next.After(now) && !o.leased() {
						e.Next = now
					}
				}
				p.NextErrand = p.nextErrand()
				return Outcome{}
			}})
		}
		if len(changes) == 0 {
			continue
		}
		if err = c.store.Update(context.WithoutCancel(ctx), changes); err != nil {
			c.log.Error("have what is new looked at", "error", err) // it is looked at when it is due
		}
		c.Kick()
	}
}

// calling limits a call to what is left of its lease, which began when the attempt was
// noted: it has ended before the lease has by the clock of a daemon that is ahead.
func (c *Courier) calling(ctx context.Context, noted time.Time) (context.Context, context.CancelFunc) {
	if !c.Shared {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, noted.Add(sharedLease-daemonsApart-time.Second))
}

func (c *Courier) call(ctx context.Context, site string, b Booking, a action, q *request) (Booking, error) {
	switch a {
	case checkingIn:
		return c.desk.CheckIn(ctx, site, b)
	case cancelling:
		return q.desk.Cancel(ctx, site, b)
	}
	return c.desk.CheckOut(ctx, site, b)
}

// Release checks a user, of whom these are the visits, archived ones too, out of the
// bookings that are held, whether they have left or not. It returns of which it did,
// and stops at the first that the desk does not check out.
func (c *Courier) Release(ctx context.Context, visits []Visit) (done []string, err error) {
	for _, v := range visits {
		held := slices.DeleteFunc(v.Held(time.Now()), func(id string) bool { return slices.Contains(done, id) }) // a later visit has it too
		if len(held) == 0 {
			continue
		}
		all, err := c.ask(ctx, v, time.Now())
		if err != nil {
			return done, fmt.Errorf("read the bookings of %s: %w", v.User, err)
		}
		for _, b := range all {
			if b.Status != CheckedIn || !slices.Contains(held, b.ID) {
				continue
			}
			if err := c.release(ctx, v, b); err != nil {
				return done, fmt.Errorf("check out booking %s: %w", b.ID, err)
			}
			done = append(done, b.ID)
		}
	}
	return done, nil
}

// release checks one booking out, and stores the attempt before and the answer after it,
// unless the visit is archived.
func (c *Courier) release(ctx context.Context, v Visit, b Booking) error {
	leased, _ := c.leases()
	calling, ended := c.calling(ctx, time.Now())
	defer ended()
	if err := c.change(v, func(_ *Person, v *Visit, now time.Time) { v.try(b, now, leased) }); err != nil {
		return err
	}
	answer, err := c.desk.CheckOut(calling, v.Site, b)
	noted := c.change(v, func(p *Person, v *Visit, now time.Time) { p.answered(v, b, answer, checkingOut, err, now) })
	if err != nil {
		return err
	}
	return noted
}
