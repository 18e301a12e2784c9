package presence

// How many bookings were released although their users were here.

// releasedMost is how many bookings are remembered as counted.
const releasedMost = queueDepth

// Lost returns how many bookings were released, since the start, although their users
// were at the site.
func (c *Courier) Lost() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]uint64{}
	for site := range c.rules.Load().Sites {
		all[site] = c.released.counts[site]
	}
	return all
}

// countLost counts those of the bookings that were.
func (c *Courier) countLost(v *Visit, all []Booking) {
	for i := range all {
		if b := &all[i]; v.lost(b) && c.newlyLost(v.Site, b.ID) {
			c.log.Warn("a booking was released although its user was here", "site", v.Site) // of whom, the story tells
		}
	}
}

func (c *Courier) newlyLost(site, booking string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released.seen[booking] {
		return false
	}
	if len(c.released.seen) >= releasedMost {
		clear(c.released.seen)
	}
	c.released.seen[booking] = true
	c.released.counts[site]++
	return true
}
