package presence

import (
	"maps"
	"time"
)

// What the courier asks about people whom no reading of a building lists, and when it
// looks at them again: ever more seldom, and of many at one site each in their turn.

// These bound the time between two questions about a user: the desk may list a
// booking late, and may soon know a user whom it does not know yet.
const (
	mostQuestions  = queueDepth // users whose questions are remembered
	mostPatience   = 30 * time.Minute
	noUserTime     = time.Hour
	mostNoUserTime = 4 * time.Hour
)

const (
	mostWanted  = 256              // users about whom a question waits: they stay due
	wonderEvery = 20 * time.Second // between questions that nothing depends on
	wondersMost = 100              // … so many of which may be asked at once
)

// wants reports whether a question about the user is to be asked.
func (c *Courier) wants(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.wanted[user].IsZero()
}

// want plans a question about the user for when nothing is more urgent. If it is too
// early for one, or too many wait, it plans none and returns when to try again.
func (c *Courier) want(user string, now time.Time) (at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.questions[user]; now.Before(q.next) {
		return q.next
	}
	if len(c.wanted) >= mostWanted { // some may have left
		maps.DeleteFunc(c.wanted, func(_ string, since time.Time) bool { return now.Sub(since) > refresh })
	}
	if len(c.wanted) >= mostWanted && c.wanted[user].IsZero() {
		return now.Add(refresh)
	}
	c.wanted[user] = now
	return time.Time{}
}

// wonder reports whether a question may be asked about a user who has no booking by a
// reading that lists everybody who has: it only tells whether the desk knows them. All
// such questions have a small share of the calls.
func (c *Courier) wonder(user string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch used := later(c.wonders, now.Add(-wondersMost*wonderEvery)); {
	case !c.wanted[user].IsZero():
	case now.Before(c.questions[user].next), used.After(now.Add(-wonderEvery)), len(c.wanted) >= mostWanted:
		return false
	default:
		c.wonders = used.Add(wonderEvery)
	}
	return true
}

// nobody reports whether the latest answer about the user, which still holds, was that
// the desk does not know them.
func (c *Courier) nobody(user string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.questions[user]
	return q.nobody && now.Before(q.next)
}

// asked notes a question about the user and its outcome, and plans the next.
func (c *Courier) asked(user string, found bool, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.wanted, user)
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
	c.remember(user, question{next: now.Add(q.wait), wait: q.wait, nobody: isNoUser(err)})
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
	delete(c.wanted, user)
}

// These say how many people of a site who have no booking are looked at within refresh.
// One of them has the bookings read, and whoever is new in what is read is woken.
const (
	turns     = 500
	turnsOnce = 15 * time.Second // those of such a time are looked at together
)

// turn returns when the person at the site who has no booking is looked at again: at
// the given time unless many are, but within mostPatience.
func (c *Courier) turn(site string, at, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	used := later(c.turns[site], at)
	c.turns[site] = earlier(used.Add(refresh/turns), now.Add(mostPatience+refresh))
	turn := used.Add(-refresh)
	if !turn.After(at) {
		return at
	}
	return earlier(turn, now.Add(mostPatience)).Add(turnsOnce - 1).Truncate(turnsOnce)
}
