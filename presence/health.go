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
}

// Health returns how the desk has been answering for all sites together. It rests
// only while every site does, or the desk makes everybody wait.
func (c *Courier) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, first := c.health, time.Time{}
	for _, of := range c.sites {
		if !time.Now().Before(of.Rests) {
			return h
		}
		first = earlier(first, of.Rests)
	}
	h.Rests = later(h.Rests, first)
	return h
}

// dead reports whether the desk answers nobody, for any site.
func (c *Courier) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range c.sites {
		if !of.dead() {
			return false
		}
	}
	return len(c.sites) > 0
}

// site returns how the desk has been answering for the site.
func (c *Courier) site(site string) Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.sites[site]; of != nil {
		return of.Health
	}
	return Health{}
}

// sound reports whether the desk answers for the site: it did the last time, or it
// fails now and then. Where it was not asked yet is not known.
func (c *Courier) sound(site string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.sites[site]
	return of != nil && !of.denied && !of.Success.IsZero() && (of.Failures == 0 || of.flaky(now))
}

// callsOf returns the calls of the site. The caller holds c.mu.
func (c *Courier) callsOf(site string) *calls {
	of := c.sites[site]
	if of == nil {
		of = &calls{}
		c.sites[site] = of
	}
	return of
}

// answers notes that the desk answered for the site.
func (c *Courier) answers(site string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.callsOf(site)
	if of.Error != "" || c.health.Error != "" && !c.health.Rests.IsZero() {
		c.log.Info("the desk answers again", "site", site)
	}
	now := time.Now()
	*of = calls{Health: Health{Success: now, Failure: of.Failure}}
	c.health = Health{Success: now, Failure: c.health.Failure}
}

// denied notes that the desk answered for the site that we may not.
func (c *Courier) denied(site string) {
	c.answers(site)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callsOf(site).denied = true
}

// faulted notes that a call for the user failed. Failures of one user again and
// again count once: they are the user's, and not the desk's.
func (c *Courier) faulted(user, site string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.callsOf(site)
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
