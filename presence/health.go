package presence

import "time"

// Health is how the desk has been answering.
type Health struct {
	Success  time.Time `json:"last_success,omitzero"`
	Failure  time.Time `json:"last_failure,omitzero"`
	Error    string    `json:"error,omitempty"`    // of the latest failure, empty after a success
	Failures int       `json:"failures,omitempty"` // in a row; several of the same user count once
	Rests    time.Time `json:"rests,omitzero"`     // no call is made before this
}

const (
	breaker = 3                // failures in a row after which the desk is probed and not hammered
	broken  = 12               // … although it has answered somebody lately
	lately  = 20 * time.Second // how long ago that may be
)

// dead reports whether the desk answers nobody: a few failures in a row, and
// nothing else lately. One that fails every other call is flaky.
func (h Health) dead() bool {
	return h.Failures >= broken || h.Failures >= breaker && !h.flaky(h.Failure)
}

// flaky reports whether the desk answers, if not every time.
func (h Health) flaky(now time.Time) bool { return !h.Success.IsZero() && now.Sub(h.Success) <= lately }

// calls is how the desk has been answering for one site. Each site has its own, so
// that the fault of one building holds up no other.
type calls struct {
	Health
	faulty string // the user whose call failed last
	denied bool   // the latest answer was that we may not
	place  int    // in resting
}

// sites is how the desk has been answering for each site. What all of them come to is kept,
// and not walked: it is asked for at each choice.
type sites struct {
	of      map[string]*calls
	resting ranked[*calls] // by until when nobody calls for it
	dead    int            // sites for which the desk answers nobody
}

func newSites() sites {
	return sites{of: map[string]*calls{}, resting: ranked[*calls]{
		before: func(a, b *calls) bool { return a.Rests.Before(b.Rests) },
		index:  func(of *calls) *int { return &of.place },
	}}
}

// change has f change what is known of the site.
func (s *sites) change(site string, f func(*calls)) {
	of := s.of[site]
	if of == nil {
		of = &calls{}
		s.of[site] = of
	}
	if of.dead() {
		s.dead--
	}
	if f(of); of.dead() {
		s.dead++
	}
	s.resting.put(of)
}

// Health returns how the desk has been answering for all sites together. It rests
// only while every site does, or the desk makes everybody wait.
func (c *Courier) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.health
	if first, is := c.sites.resting.first(); is && time.Now().Before(first.Rests) {
		h.Rests = later(h.Rests, first.Rests)
	}
	return h
}

// dead reports whether the desk answers nobody, for any site.
func (c *Courier) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sites.of) > 0 && c.sites.dead == len(c.sites.of)
}

// site returns how the desk has been answering for the site.
func (c *Courier) site(site string) Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.sites.of[site]; of != nil {
		return of.Health
	}
	return Health{}
}

// sound reports whether the desk answers for the site: it did the last time, or it
// fails now and then. Where it was not asked yet is not known.
func (c *Courier) sound(site string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.sites.of[site]
	return of != nil && !of.denied && !of.Success.IsZero() && (of.Failures == 0 || of.flaky(now))
}

// standing is a sounder.
func (c *Courier) standing(site string) (sound, rests bool) {
	now := time.Now()
	return c.sound(site, now), now.Before(c.site(site).Rests)
}

// answers notes that the desk answered for the site.
func (c *Courier) answers(site string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered(site, false)
}

// denied notes that the desk answered for the site that we may not.
func (c *Courier) denied(site string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered(site, true)
}

// answered notes an answer for the site. The caller holds c.mu.
func (c *Courier) answered(site string, denied bool) {
	now := time.Now()
	c.sites.change(site, func(of *calls) {
		if of.Error != "" || c.health.Error != "" && !c.health.Rests.IsZero() {
			c.log.Info("the desk answers again", "site", site)
		}
		of.Health, of.faulty, of.denied = Health{Success: now, Failure: of.Failure}, "", denied
	})
	c.health = Health{Success: now, Failure: c.health.Failure}
}

// faulted notes that a call for the user failed. Failures of one user again and
// again count once: they are the user's, and not the desk's.
func (c *Courier) faulted(user, site string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sites.change(site, func(of *calls) {
		if of.Error != err.Error() {
			c.log.Warn("the desk does not answer", "site", site, "error", err)
		}
		of.Failure, of.Error = time.Now(), err.Error()
		if of.Failures == 0 || of.faulty != user {
			of.Failures++
		}
		if of.faulty = user; of.dead() {
			of.Rests = of.Failure.Add(min(waitAfter(of.Failures-breaker+2), closedTime))
		}
		c.health.Failure, c.health.Error, c.health.Failures = of.Failure, of.Error, of.Failures
	})
}

// rest makes everybody wait until then, as the desk demands.
func (c *Courier) rest(until time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := &c.health; h.Error != err.Error() {
		c.log.Warn("the desk makes us wait", "until", until.Format(time.RFC3339), "error", err)
	}
	c.health.Failure, c.health.Error, c.health.Rests = time.Now(), err.Error(), until
}
