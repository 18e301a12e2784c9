package presence

// What is remarkable about bookings and counted, each once.

// remarkedMost is how many bookings are remembered as counted.
const remarkedMost = 1 << 15

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
