package presence

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Whom the courier looks at, and when.

// urgency orders the people who are due; the lowest is the most urgent.
type urgency int

const (
	checkIns  urgency = iota
	checkOuts         // the booking has stood all day, and can wait a moment
	refreshes         // looking for changed bookings, in a reading of the building
	lookUps           // no reading lists the user: each costs a question of its own
	nothing
)

const (
	planAge    = time.Second            // how long a plan holds at the most
	planAgain  = 100 * time.Millisecond // … and at the least, whoever arrives
	planShare  = 3                      // … but both at least so many times as long as making one takes
	passesMost = 3                      // how often in a row one of the lists is chosen from before the other
)

// busyPeople are the people whose errands are being run, each with the stop of which
// they are.
type busyPeople map[string]stop

func (e busyPeople) has(user string) bool {
	_, is := e[user]
	return is
}

// count returns how many stops are such.
func (e busyPeople) count(such func(stop) bool) (n int) {
	for user, s := range e {
		if user == s.user && such(s) {
			n++
		}
	}
	return n
}

// begin makes the people of the stop busy.
func (e busyPeople) begin(s stop) {
	e[s.user] = s
	for _, user := range s.others {
		e[user] = s
	}
}

// end makes them idle.
func (e busyPeople) end(s stop) {
	delete(e, s.user)
	for _, user := range s.others {
		delete(e, user)
	}
}

// round is the courier's plan for the next second: the people who are due, in two
// lists, each with the most urgent first. When both are empty or old, pick makes
// others.
type round struct {
	sound  []stop // of sites for which the desk answers
	others []stop
	passed int // how often in a row one of the lists had to wait for the other
	made   time.Time
	cost   time.Duration // of making it
	next   time.Time     // when somebody who is in neither will be due
	stale  bool          // somebody may have become due since
}

// stop is one person in a round, or a crowd: see [Courier.together].
type stop struct {
	user    string
	urgency urgency
	sound   bool     // the desk answers for the site
	others  []string // who is looked at together with the user
}

// old reports whether to make another plan now, and else when to.
func (r *round) old(now time.Time) (is bool, at time.Time) {
	again := r.made.Add(max(planAgain, planShare*r.cost))
	switch {
	case len(r.sound)+len(r.others) == 0, now.Sub(r.made) >= max(planAge, planShare*r.cost):
		return true, now
	case r.stale:
		at = again
	}
	if !r.next.IsZero() {
		at = earlier(at, later(r.next, again))
	}
	return !at.IsZero() && !now.Before(at), at
}

// pick chooses the most urgent stop with nobody in it who is busy, and marks them
// busy. It returns none, without a user, if there is nothing to do before next.
func (c *Courier) pick(ctx context.Context, r *round, busy busyPeople) (s stop, next time.Time, err error) {
	health, now := c.Health(), time.Now()
	switch calls := busy.count(func(stop) bool { return true }); {
	case c.Rests != nil && c.Rests():
		return stop{}, now.Add(lookAgain), nil
	case now.Before(health.Rests):
		return stop{}, health.Rests, nil
	case calls >= callsAtOnce, calls > 0 && c.dead():
		return stop{}, time.Time{}, nil // until one of them is back
	}
	old, next := r.old(now)
	if old {
		if err := c.plan(ctx, r, busy, now); err != nil {
			return stop{}, time.Time{}, err
		}
		next = r.next
	}
	s, ok := r.choose(busy)
	if !ok {
		return stop{}, next, nil
	}
	busy.begin(s)
	return s, time.Time{}, nil
}

// choose takes out of the round who comes next. Who is at a site for which the desk
// answers does not wait for a thousand who are where it does not: their
// check-ins and check-outs go before all of those. Calls for those, which may
// hang, and questions about single users are at most half of the calls at once, so
// that people who arrive with a booking find room. Each list has a fourth of the
// turns at the least.
func (r *round) choose(busy busyPeople) (next stop, ok bool) {
	lesser := func(s stop) bool { return s.urgency == lookUps || !s.sound }
	room := busy.count(lesser) < callsAtOnce/2
	first := func(list *[]stop) *stop {
		for len(*list) > 0 && busy.has((*list)[0].user) {
			*list = (*list)[1:]
		}
		if len(*list) == 0 || lesser((*list)[0]) && !room {
			return nil
		}
		return &(*list)[0]
	}
	a, b := first(&r.sound), first(&r.others)
	switch {
	case a == nil && b == nil:
		return stop{}, false
	case a == nil || b == nil:
		r.passed = 0
	default:
		before := a.urgency <= checkOuts || a.urgency <= b.urgency // a before b
		if r.passed++; r.passed > passesMost {
			before, r.passed = !before, 0
		}
		if before {
			b = nil
		} else {
			a = nil
		}
	}
	if a != nil {
		r.sound = r.sound[1:]
		return *a, true
	}
	r.others = r.others[1:]
	return *b, true
}

// plan lists who is due: check-ins before check-outs, those before refreshes,
// and questions last. Many at one site for whom nothing is known to be booked are a
// crowd.
func (c *Courier) plan(ctx context.Context, r *round, busy busyPeople, now time.Time) error {
	people, next, err := c.due(ctx, busy, now)
	if err != nil {
		return err
	}
	var all []stop
	rules, crowds := *c.rules.Load(), map[string][]stop{}
	for i := range people {
		p := &people[i]
		u, site := p.urgency(now, rules)
		if u != checkOuts && c.wants(p.User) {
			u = lookUps
		}
		s := stop{user: p.User, urgency: u, sound: c.sound(site, now)}
		if u != lookUps && p.unbooked(now, rules) != nil && !c.isAlone(p.User) {
			crowds[site] = append(crowds[site], s)
			continue
		}
		all = append(all, s)
	}
	for _, site := range slices.Sorted(maps.Keys(crowds)) {
		for some := range slices.Chunk(crowds[site], mostTogether) {
			if len(some) < fewTogether {
				all = append(all, some...)
				continue
			}
			s := some[0]
			for _, other := range some[1:] {
				s.urgency, s.others = min(s.urgency, other.urgency), append(s.others, other.user)
			}
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b stop) int { return cmp.Compare(a.urgency, b.urgency) })
	*r = round{passed: r.passed, made: now, cost: time.Since(now), next: next}
	for _, s := range all {
		if s.sound {
			r.sound = append(r.sound, s)
		} else {
			r.others = append(r.others, s)
		}
	}
	return nil
}

// due returns the people who are due and not busy, and when somebody else will be: one
// whom the store named too early, too.
func (c *Courier) due(ctx context.Context, busy busyPeople, now time.Time) (people []Person, next time.Time, err error) {
	users, next, err := c.store.Due(ctx, Errands, now, queueDepth)
	if err != nil {
		return nil, time.Time{}, err
	}
	users = slices.DeleteFunc(users, busy.has)
	rules := *c.rules.Load()
	var unheard, resting []string
	for some, err := range the(ctx, c.store, users) {
		if err != nil {
			return nil, time.Time{}, err
		}
		for _, p := range some {
			switch {
			case !p.isDue(now, rules):
				next = earlier(next, p.nextErrand())
			case !p.heardSince(c.Restored) && p.waitToBeHeard(now):
				unheard = append(unheard, p.User)
			case c.rests(&p, now):
				resting = append(resting, p.User)
			default:
				people = append(people, p)
			}
		}
	}
	wait := func(users []string, how func(*Person)) error {
		for some := range slices.Chunk(users, walkPage) {
			next = earlier(next, now.Add(planAge)) // for what else is due of them
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
	err = errors.Join(wait(unheard, func(p *Person) {
		if !p.heardSince(c.Restored) { // they may have been heard meanwhile
			p.waitToBeHeard(now)
		}
	}), wait(resting, func(p *Person) { c.waitForRest(p, now) }))
	return people, next, err
}

// rests reports whether the desk rests for every site at which something is due of the
// person.
func (c *Courier) rests(p *Person, now time.Time) bool {
	for i := range p.Visits {
		if v := &p.Visits[i]; v.errand() != nil && !v.errand().Next.After(now) && !now.Before(c.site(v.Site).Rests) {
			return false
		}
	}
	return true
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

// urgency returns how urgent the person's most urgent errand is, and at which site.
func (p *Person) urgency(now time.Time, r Rules) (most urgency, site string) {
	most = nothing
	for i := range p.Visits {
		v := &p.Visits[i]
		if u := v.urgency(now, r); u < most {
			most, site = u, v.Site
		}
	}
	return most, site
}

func (p *Person) isDue(now time.Time, r Rules) bool {
	most, _ := p.urgency(now, r)
	return most < nothing
}

func (v *Visit) urgency(now time.Time, r Rules) urgency {
	switch e := v.errand(); {
	case e == nil || e.Next.After(now):
		return nothing
	case v.State == Over:
		return checkOuts
	case e.Status == Pending, v.tryingCheckIn(), v.dueAt(now, r), len(e.Bookings) == 0 && now.Sub(v.Arrived) < refresh:
		return checkIns
	}
	return refreshes
}

// These say how many are looked at together: see [Courier.together].
const (
	fewTogether  = 8   // fewer have a look each
	mostTogether = 250 // … and so many are in one change: whatever else is recorded waits for it
)

// unbooked returns the visit that is due, if it is the only one, is on, and nothing is
// known to be booked for it, nor to be; else nil.
func (p *Person) unbooked(now time.Time, r Rules) (due *Visit) {
	for i := range p.Visits {
		v := &p.Visits[i]
		switch e := v.errand(); {
		case e == nil || e.Next.After(now):
			continue
		case due != nil, v.State == Over, len(v.Claims)+len(e.Bookings)+e.Attempts > 0, e.Status != Waiting && e.Status != Pending,
			r.Sites[v.Site].WalkIns.Rule == WalkInsOnsite:
			return nil
		}
		due = v
	}
	return due
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
