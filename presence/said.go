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

// othersDid reports whether the booking, of which c is the claim if there is one, is
// checked in and not by us.
func (b *Booking) othersDid(c *Claim) bool {
	return b.Status == CheckedIn && (c == nil || c.Tried.IsZero())
}

// lost reports whether the booking was released although its user was here: a desk
// that was given away from whoever had come.
func (v *Visit) lost(b *Booking) bool {
	here := v.Arrived.Before(b.Released) && (v.Departed.IsZero() || v.Departed.After(b.Released))
	return here && b.Eligible && b.Status == Cancelled && !b.Released.IsZero()
}

// releasedHere says of such a booking when that was.
func (b *Booking) releasedHere(v *Visit, s Site) string {
	clock := func(t time.Time) string { return t.In(s.zone()).Format("15:04") }
	return "was released at " + clock(b.Released) + ", although its user had been here since " + clock(v.Arrived)
}

// remarkedMost is how many bookings are remembered as counted.
const remarkedMost = queueDepth

// remark is something about bookings that is counted, at a site.
type remark struct {
	what remarkable
	site string
}

type remarkable uint8

const (
	releasedThough remarkable = iota // although its user was here
	inByOthers                       // checked in, and not by us, while its user was here
)

// remarks counts each booking once for each remark. Its owner's mu guards it.
type remarks struct {
	seen   map[remarkable]map[string]bool // by booking
	counts map[remark]uint64
}

func newRemarks() remarks {
	return remarks{map[remarkable]map[string]bool{releasedThough: {}, inByOthers: {}}, map[remark]uint64{}}
}

// Lost returns how many bookings were released, since the start, although their users
// were at the site.
func (c *Courier) Lost() map[string]uint64 { return c.remarked(releasedThough) }

// ByOthers returns how many bookings of people at the site were found to be checked in,
// since the start, and not by presenced.
func (c *Courier) ByOthers() map[string]uint64 { return c.remarked(inByOthers) }

func (c *Courier) remarked(what remarkable) map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]uint64{}
	for site := range c.rules.Load().Sites {
		all[site] = c.remarks.counts[remark{what, site}]
	}
	return all
}

// remarkOn counts what the visit's bookings are remarkable for.
func (c *Courier) remarkOn(v *Visit, all []Booking) {
	for i := range all {
		b := &all[i]
		if v.lost(b) && c.newly(remark{releasedThough, v.Site}, b.ID) {
			c.log.Warn("a booking was released although its user was here", "site", v.Site) // of whom, the story tells
		}
		if v.State != Over && b.Eligible && !b.Guest && b.Method != "wifi" && b.othersDid(v.claim(b.ID)) { // what we did v may not know yet
			c.newly(remark{inByOthers, v.Site}, b.ID)
		}
	}
}

// newly counts the booking for the remark, and reports whether it is new.
func (c *Courier) newly(of remark, booking string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.remarks.seen[of.what]
	if seen[booking] {
		return false
	}
	if len(seen) >= remarkedMost {
		clear(seen)
	}
	seen[booking] = true
	c.remarks.counts[of]++
	return true
}
