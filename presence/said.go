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
