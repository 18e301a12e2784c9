package presence

import (
	"slices"
	"time"
)

// What comes in: readings that this daemon's clock stamped, and visits whose attempts and
// arrivals other daemons' clocks did. What goes out: which readings surely came after what
// the visit says. A clock that is ahead makes a reading seem newer than it is; who then
// believed it would call twice, or miss a booking that was made on the way in.

// doubtful returns the bookings as they were read. What may have been read before an attempt
// on it, as far as clocks may be apart, has no time of its reading: the desk reads it again
// before it acts.
func (v *Visit) doubtful(all []Booking, apart time.Duration) []Booking {
	all = slices.Clone(all)
	for i := range all {
		b := &all[i]
		if c := v.claim(b.ID); c != nil && !c.DryRun && b.Read.Before(c.unseen(b.Status).Add(apart)) {
			b.Read = time.Time{}
		}
	}
	return all
}

// unseen returns when we acted last upon the booking, if that it has the status does not
// show what came of it; else it is zero.
func (c *Claim) unseen(is BookingStatus) time.Time {
	switch {
	case c.unknown():
		return c.Tried
	case c.Out.After(c.In) && is == CheckedIn:
		return c.Out
	case c.In.After(c.Out) && is != CheckedIn:
		return c.In
	}
	return time.Time{}
}

// attemptedSince reports whether somebody has acted upon bookings of the visit since it was
// as was.
func (v *Visit) attemptedSince(was *Visit) bool {
	return slices.ContainsFunc(v.Claims, func(c Claim) bool {
		old := was.claim(c.Booking)
		return !c.Tried.IsZero() && (old == nil || !old.Tried.Equal(c.Tried))
	})
}

// attempt returns the time of an attempt at now on the claimed booking: after what is known
// to have taken effect, and after the end of the visit if it is over, be these by a clock
// that is ahead. Else it would not be found to be an attempt whose effect is unknown, or
// would count as one to check in.
func (v *Visit) attempt(c *Claim, now time.Time) time.Time {
	known := later(c.In, c.Out)
	if v.State == Over {
		known = later(known, later(v.Departed, v.Believed))
	}
	if known.Before(now) || known.Sub(now) > daemonsApart {
		return now
	}
	return known.Add(1)
}
