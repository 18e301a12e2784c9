package presence

import (
	"cmp"
	"context"
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
	passesMost = 3                      // how often in a row one of the lists is chosen from before the other
)

// busyPeople are the people whose errands are being run.
type busyPeople map[string]stop

// count returns how many of them are such.
func (e busyPeople) count(such func(stop) bool) (n int) {
	for _, s := range e {
		if such(s) {
			n++
		}
	}
	return n
}

// round is the courier's plan for the next second: the people who are due, in two
// lists, each with the most urgent first. When both are empty or old, pick makes
// others.
type round struct {
	sound  []stop // of sites for which the desk answers
	others []stop
	passed int // how often in a row one of the lists had to wait for the other
	made   time.Time
	next   time.Time // when somebody who is in neither will be due
	stale  bool      // somebody may have become due since
}

// stop is one person in a round.
type stop struct {
	user    string
	urgency urgency
	sound   bool // the desk answers for the site
}

// old reports whether to make another plan now, and else when to.
func (r *round) old(now time.Time) (is bool, at time.Time) {
	switch {
	case len(r.sound)+len(r.others) == 0, now.Sub(r.made) >= planAge:
		return true, now
	case r.stale:
		at = r.made.Add(planAgain)
	}
	if !r.next.IsZero() {
		at = earlier(at, later(r.next, r.made.Add(planAgain)))
	}
	return !at.IsZero() && !now.Before(at), at
}

// pick chooses the most urgent due person who is not busy, and marks them busy.
// It returns no user if there is nothing to do before next.
func (c *Courier) pick(ctx context.Context, r *round, busy busyPeople) (user string, next time.Time, err error) {
	health, now := c.Health(), time.Now()
	switch {
	case now.Before(health.Rests):
		return "", health.Rests, nil
	case len(busy) >= callsAtOnce, len(busy) > 0 && c.dead():
		return "", time.Time{}, nil // until one of them is back
	}
	old, next := r.old(now)
	if old {
		if err := c.plan(ctx, r, busy, now); err != nil {
			return "", time.Time{}, err
		}
		next = r.next
	}
	s, ok := r.choose(busy)
	if !ok {
		return "", next, nil
	}
	busy[s.user] = s
	return s.user, time.Time{}, nil
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
		for len(*list) > 0 && busy[(*list)[0].user] != (stop{}) {
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
// and questions last.
func (c *Courier) plan(ctx context.Context, r *round, busy busyPeople, now time.Time) error {
	people, next, err := c.due(ctx, busy, now)
	if err != nil {
		return err
	}
	var all []stop
	for i := range people {
		p := &people[i]
		u, site := p.urgency(now, *c.rules.Load())
		if u != checkOuts && c.wants(p.User) {
			u = lookUps
		}
		all = append(all, stop{p.User, u, c.sound(site, now)})
	}
	slices.SortStableFunc(all, func(a, b stop) int { return cmp.Compare(a.urgency, b.urgency) })
	*r = round{passed: r.passed, made: now, next: next}
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
	users = slices.DeleteFunc(users, func(user string) bool { _, is := busy[user]; return is })
	rules := *c.rules.Load()
	var unheard []string
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
			default:
				people = append(people, p)
			}
		}
	}
	for some := range slices.Chunk(unheard, walkPage) {
		next = earlier(next, now.Add(planAge)) // for what else is due of them
		var waits []Change
		for _, user := range some {
			waits = append(waits, Change{User: user, Apply: func(p *Person, _ [][]byte) Outcome {
				if !p.heardSince(c.Restored) { // they may have been heard meanwhile
					p.waitToBeHeard(now)
				}
				return Outcome{}
			}})
		}
		if err := c.store.Update(ctx, waits); err != nil {
			return nil, time.Time{}, err
		}
	}
	return people, next, nil
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

// These bound the time between two questions about a user: the desk may list a
// booking late, and may soon know a user whom it does not know yet.
const (
	mostQuestions  = queueDepth // users whose questions are remembered
	mostPatience   = 30 * time.Minute
	noUserTime     = time.Hour
	mostNoUserTime = 4 * time.Hour
)

// wants reports whether a question about the user is to be asked.
func (c *Courier) wants(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.questions[user].wanted
}

// want plans a question about the user for when nothing is more urgent. If it is too
// early for one, it plans none and returns when to try again.
func (c *Courier) want(user string, now time.Time) (at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.questions[user]
	if now.Before(q.next) {
		return q.next
	}
	q.wanted = true
	c.remember(user, q)
	return time.Time{}
}

// asked notes a question about the user and its outcome, and plans the next.
func (c *Courier) asked(user string, found bool, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.questions[user]
	switch {
	case err == nil && found:
		delete(c.questions, user)
		return
	case err == nil:
		q.wait = min(max(2*q.wait, lookTwice), mostPatience)
	case isNoUser(err):
		q.wait = min(max(2*q.wait, noUserTime), mostNoUserTime)
	default: // the errand backs off by itself
		q.wait = 0
	}
	c.remember(user, question{next: now.Add(q.wait), wait: q.wait})
}

// remember keeps the question about the user, and forgets another if there are too
// many: a user whose question is forgotten is asked about sooner, which costs a call
// and loses nothing. The caller holds c.mu.
func (c *Courier) remember(user string, q question) {
	delete(c.questions, user)
	for other := range c.questions {
		if len(c.questions) < mostQuestions {
			break
		}
		delete(c.questions, other)
	}
	c.questions[user] = q
}

// told forgets the question about the user: a reading of the building lists them.
func (c *Courier) told(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.questions, user)
}
