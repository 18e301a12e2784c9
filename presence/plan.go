package presence

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Whom the courier looks at, and when. Who is due and was read waits in the line, and is
// not read again before something has changed of them.

const (
	planAgain = 100 * time.Millisecond // between two looks at who is due, while somebody waits
	planShare = 3                      // … and at least so many times as long as one takes
)

// round is what the courier knows of who is due.
type round struct {
	*line
	made  time.Time     // when it was asked last who is due; zero: anew
	cost  time.Duration // of that
	next  time.Time     // when somebody who does not wait yet will be due
	stale bool          // somebody may have become due since
}

func newRound(how sounder) *round { return &round{line: newLine(how)} }

// old reports whether to ask now who is due, and else when to.
func (r *round) old(now time.Time) (is bool, at time.Time) {
	soon, again := r.made.Add(planShare*r.cost), r.made.Add(max(planAgain, planShare*r.cost))
	if !r.idle() {
		soon = again
	}
	switch {
	case r.made.IsZero():
		return true, now
	case r.stale:
		at = soon
	case len(r.unread) > 0:
		at = again
	}
	if !r.next.IsZero() {
		at = earlier(at, later(r.next, soon))
	}
	return !at.IsZero() && !now.Before(at), at
}

// pick chooses the most urgent stop with nobody in it who is busy, and marks them
// busy. It returns none, without a user, if there is nothing to do before next.
func (c *Courier) pick(ctx context.Context, r *round, busy busyPeople) (s stop, next time.Time, err error) {
	health, now := c.Health(), time.Now()
	switch calls := len(busy.stops); {
	case c.Rests != nil && c.Rests():
		return stop{}, now.Add(lookAgain), nil
	case now.Before(health.Rests):
		return stop{}, health.Rests, nil
	case calls >= callsAtOnce, calls > 0 && c.dead():
		return stop{}, time.Time{}, nil // until one of them is back
	}
	if old, _ := r.old(now); old {
		if err := c.plan(ctx, r, busy, now); err != nil {
			c.anew.Store(true) // somebody may have been named, and not read
			r.stale = true
			return stop{}, time.Time{}, err
		}
	}
	if s, ok := r.choose(busy); ok {
		return s, time.Time{}, nil
	}
	_, next = r.old(now)
	return stop{}, next, nil
}

// plan has those wait who have become due, or were written since they did: check-ins
// before check-outs, those before refreshes, and questions last. Many at one site for whom
// nothing is known to be booked may be a crowd.
func (c *Courier) plan(ctx context.Context, r *round, busy busyPeople, now time.Time) error {
	began := time.Now()
	anew := c.anew.Swap(false) || r.made.IsZero()
	if anew {
		r.line, r.made = newLine(c.standing), time.Time{}
	}
	users, next, err := c.store.NewlyDue(ctx, now, max(queueDepth-r.len(), 0), anew)
	if err != nil {
		return err
	}
	for _, user := range users {
		r.unread[user] = true
	}
	for p, is := r.rising.first(); is && !p.rises.After(now); p, is = r.rising.first() {
		r.unread[p.user] = true
		r.rising.remove(p)
	}
	waits, err := c.readLine(ctx, r, busy, now)
	if err != nil {
		return err
	}
	if r.len() >= queueDepth {
		next = time.Time{} // when there is room
	}
	if p, is := r.rising.first(); is {
		next = earlier(next, p.rises)
	}
	if c.Shared {
		next = earlier(next, now.Add(lookAgain))
	}
	r.made, r.cost, r.next, r.stale = now, time.Since(began), next, waits
	return nil
}

// readLine reads those who are to be read, and has them wait as they are. Who is not due
// leaves the line. It reports whether it had somebody wait until later.
func (c *Courier) readLine(ctx context.Context, r *round, busy busyPeople, now time.Time) (waits bool, err error) {
	maps.DeleteFunc(r.unread, func(user string, _ bool) bool { return busy.users[user] }) // they are read when they are back
	rules := *c.rules.Load()
	rests := func(site string) bool { return now.Before(c.site(site).Rests) }
	var unheard, resting, wrong []string
	var dues []due
	for some, err := range the(ctx, c.store, slices.Sorted(maps.Keys(r.unread))) {
		if err != nil {
			return false, err
		}
		for i := range some {
			p := &some[i]
			d := p.due(now, rules, rests)
			switch {
			case !p.isDue(now, rules):
				if !p.NextErrand.IsZero() && !p.NextErrand.After(now) {
					wrong = append(wrong, p.User)
				}
			case !p.heardSince(c.Restored) && p.waitToBeHeard(now):
				unheard = append(unheard, p.User)
			case d.urgency == nothing:
				resting = append(resting, p.User)
			default:
				if d.urgency != checkOuts && c.wants(p.User) {
					d.urgency = lookUps
				}
				d.many = d.urgency != lookUps && p.unbooked(now, rules) != nil && !c.isAlone(p.User)
				dues = append(dues, d)
				continue
			}
			r.remove(p.User)
			delete(r.unread, p.User)
		}
	}
	slices.SortStableFunc(dues, func(a, b due) int { return a.since.Compare(b.since) })
	for _, d := range dues {
		r.put(d)
		delete(r.unread, d.user)
	}
	wait := func(users []string, how func(*Person)) error {
		for some := range slices.Chunk(users, walkPage) {
			var waits []Change
			for _, user := range some {
				waits = append(waits, Change{User: user, Apply: func(p *Person, _ [][]byte) Outcome { how(p); return Outcome{} }})
			}
			if err := c.store.Update(ctx, waits); err != nil {
				return err
			}
		}
		return nil
	}
	return len(unheard)+len(resting)+len(wrong) > 0, errors.Join(wait(unheard, func(p *Person) {
		if !p.heardSince(c.Restored) { // they may have been heard meanwhile
			p.waitToBeHeard(now)
		}
	}), wait(resting, func(p *Person) { c.waitForRest(p, now) }), wait(wrong, func(p *Person) { p.NextErrand = p.nextErrand() }))
}

// waitForRest makes what is due of the person wait where the desk rests.
func (c *Courier) waitForRest(p *Person, now time.Time) {
	for i := range p.Visits {
		v := &p.Visits[i]
		if e, rests := v.errand(), c.site(v.Site).Rests; e != nil && !e.Next.After(now) && now.Before(rests) {
			e.Next = rests
		}
	}
	p.NextErrand = p.nextErrand()
}

// beAlone has the user looked at alone the next time.
func (c *Courier) beAlone(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.alone) >= queueDepth {
		clear(c.alone)
	}
	c.alone[user] = true
}

func (c *Courier) isAlone(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.alone[user]
}

// wasAlone notes that the user has had that look.
func (c *Courier) wasAlone(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.alone, user)
}
