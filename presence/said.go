package presence

import "time"

// What the desk tells of a booking beside its status, in words.

// perhapsUncertified is added to a refusal: whether a building asks for it the desk
// does not tell.
const perhapsUncertified = "; perhaps they have not self-certified for today"

// said is the booking's status, and why it has it if the desk says so.
func (b *Booking) said() string {
	switch {
	case b.Status != Cancelled || b.Cause == "":
		return string(b.Status)
	case b.Cause == "buildingClosure":
		return "cancelled: the building is closed"
	case b.Cause == "autoSpaceRelease":
		return "cancelled: it was released, because nobody had checked in"
	}
	return "cancelled (" + b.Cause + ")"
}

// checkedInBy says by what the booking was checked in, and when by the site's clock.
func (b *Booking) checkedInBy(s Site) string {
	by := "by other means"
	if b.InVia != "" && b.InVia != "unknown" {
		by = "by " + b.InVia
	}
	if !b.InAt.IsZero() {
		by += " at " + b.InAt.In(s.zone()).Format("15:04")
	}
	return by
}

// lost reports whether the booking was released although its user was here: a desk
// that was given away from whoever had come.
func (v *Visit) lost(b *Booking) bool {
	return v.State != Over && b.Eligible && b.Status == Cancelled && !b.Released.IsZero() && v.Arrived.Before(b.Released)
}

// releasedHere says of such a booking when that was.
func (b *Booking) releasedHere(v *Visit, s Site) string {
	clock := func(t time.Time) string { return t.In(s.zone()).Format("15:04") }
	return "was released at " + clock(b.Released) + ", although its user had been here since " + clock(v.Arrived)
}

// releasedMost is how many bookings are remembered as counted.
const releasedMost = queueDepth

// released counts the bookings that were released although their users were here. Its
// owner's mu guards it.
type released struct {
	seen   map[string]bool   // by booking
	counts map[string]uint64 // by site
}

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
