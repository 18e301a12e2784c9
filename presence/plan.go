package presence

import (
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
	queueDepth = 1 << 15                // due people among whom the most urgent is chosen
	planAge    = time.Second            // how long a plan holds at the most
	planAgain  = 100 * time.Millisecond // … and at the least, whoever arrives
)

// busyPeople are the people whose errands are being run, and how urgent each is.
type busyPeople map[string]urgency

// asking returns how many of the people are being asked about one by one.
func (e busyPeople) asking() (n int) {
	for _, u := range e {
		if u == lookUps {
			n++
		}
	}
	return n
}

// round is the courier's plan for the next second: the people who are due, the most
// urgent first. When the list is empty or old, pick makes another.
type round struct {
	list  []stop
	made  time.Time
	next  time.Time // when somebody who is not in list will be due
	stale bool      // somebody may have become due since
}

// stop is one person in a round.
type stop struct {
	user    string
	urgency urgency
}

// old reports whether to make another plan now, and else when to.
func (r *round) old(now time.Time) (is bool, at time.Time) {
	switch {
	case len(r.list) == 0, now.Sub(r.made) >= planAge:
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
// It returns no user if there is nothing to do before next. At most half of the
// calls at once are questions about single users, so that people who arrive with a
// booking do not wait for those.
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
	asks := busy.asking() < callsAtOnce/2
	for i, s := range r.list {
		if _, is := busy[s.user]; !is && (asks || s.urgency != lookUps) {
			r.list = slices.Delete(r.list, 0, i+1)
			busy[s.user] = s.urgency
			return s.user, time.Time{}, nil
		}
		if s.urgency == lookUps {
			break
		}
	}
	return "", next, nil
}

// plan lists who is due: check-ins before check-outs, those before refreshes,
// and questions last.
func (c *Courier) plan(ctx context.Context, r *round, busy busyPeople, now time.Time) error {
	people, next, err := c.due(ctx, busy, now)
	if err != nil {
		return err
	}
	var byUrgency [nothing][]stop
	for i := range people {
		p := &people[i]
		u := p.urgency(now, *c.rules.Load())
		if u != checkOuts && c.wants(p.User) {
			u = lookUps
		}
		byUrgency[u] = append(byUrgency[u], stop{p.User, u})
	}
	*r = round{list: slices.Concat(byUrgency[:]...), made: now, next: next}
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
	for some, err := range the(ctx, c.store, users) {
		if err != nil {
			return nil, time.Time{}, err
		}
		for _, p := range some {
			if p.urgency(now, rules) < nothing {
				people = append(people, p)
			} else {
				next = earlier(next, p.nextErrand())
			}
		}
	}
	return people, next, nil
}

// urgency returns how urgent the person's most urgent errand is.
func (p *Person) urgency(now time.Time, r Rules) urgency {
	most := nothing
	for i := range p.Visits {
		v := &p.Visits[i]
		e := v.errand()
		switch {
		case e == nil || e.Next.After(now):
		case v.State == Over:
			most = min(most, checkOuts)
		case e.Status == Pending, v.tryingCheckIn(), v.dueAt(now, r), len(e.Bookings) == 0 && now.Sub(v.Arrived) < refresh:
			most = min(most, checkIns)
		default:
			most = min(most, refreshes)
		}
	}
	return most
}

// question is what the courier remembers of the questions about a user whom no
// reading of a building lists. The time between them grows.
type question struct {
	wanted bool          // the next question is to be asked when nothing is more urgent
	next   time.Time     // … and not before this
	wait   time.Duration // the time between the latest two
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
