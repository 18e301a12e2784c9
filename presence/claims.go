package presence

import (
	"slices"
	"time"
)

// A visit's claims: the bookings that are its own, and what it has tried on each.

// askAgain is how long after a refusal that may pass, such as a missing
// self-certification, the same booking is tried again.
const askAgain = 5 * time.Minute

// claim returns the visit's claim on the booking, nil if it has none.
func (v *Visit) claim(booking string) *Claim {
	for i := range v.Claims {
		if v.Claims[i].Booking == booking {
			return &v.Claims[i]
		}
	}
	return nil
}

// claimed claims the booking, as it is, for the visit.
func (v *Visit) claimed(b *Booking) *Claim {
	c := v.claim(b.ID)
	if c == nil {
		v.Claims = append(v.Claims, Claim{Booking: b.ID})
		c = &v.Claims[len(v.Claims)-1]
	}
	c.Begin, c.End = b.Begin, b.End
	return c
}

// updateClaims updates the times of the claimed bookings: they may have been moved,
// cancelled or ended.
func (v *Visit) updateClaims(all []Booking, now time.Time) {
	for i := range all {
		b := &all[i]
		c := v.claim(b.ID)
		switch {
		case c == nil || b.End.IsZero():
		case b.Status == Booked || b.Status == CheckedIn:
			if !c.In.IsZero() {
				c.Begin, c.End = b.Begin, b.End
			}
		default:
			c.End = earlier(c.End, now)
		}
	}
}

// inherit takes the claim over from the visit before.
func (v *Visit) inherit(old Claim) {
	if c := v.claim(old.Booking); c == nil {
		v.Claims = append(v.Claims, old)
	} else if c.In.IsZero() {
		*c = old
	}
}

// refused notes a refusal that may pass: before the booking begins it is
// probably too early, afterwards something is missing that may yet come.
func (c *Claim) refused(reason string, now time.Time) {
	c.Refused, c.Next = reason, now.Add(askAgain)
	if now.Before(c.Begin) {
		c.Next = c.Begin
	}
}

// denied notes a refusal for good.
func (c *Claim) denied(reason string) { c.Refused, c.Next = reason, later(c.End, c.Tried) }

// final reports whether the booking will not be tried again.
func (c *Claim) final() bool { return !c.Next.IsZero() && !c.Next.Before(c.End) }

// unknown reports whether it is not known what came of the latest attempt.
func (c *Claim) unknown() bool {
	return !c.DryRun && c.Refused == "" && c.Tried.After(later(c.In, c.Out))
}

// Held returns the bookings that the visit checked in, that were not checked out, and
// that still run.
func (v *Visit) Held(now time.Time) (ids []string) {
	for _, c := range v.Claims {
		if !c.In.IsZero() && c.Out.IsZero() && !c.DryRun && now.Before(c.End) {
			ids = append(ids, c.Booking)
		}
	}
	return ids
}

// tryingCheckIn reports whether a check-in was tried and has not taken effect yet.
func (v *Visit) tryingCheckIn() bool {
	return slices.ContainsFunc(v.Claims, func(c Claim) bool { return !c.Tried.IsZero() && c.In.IsZero() && !c.final() })
}

// touched reports whether we have tried to act upon a booking.
func (v *Visit) touched() bool {
	return slices.ContainsFunc(v.Claims, func(c Claim) bool { return !c.Tried.IsZero() || !c.In.IsZero() })
}

// inherited reports whether the visit holds a booking that we checked in and did
// not check out: an earlier visit may have handed it over.
func (v *Visit) inherited() bool {
	return slices.ContainsFunc(v.Claims, func(c Claim) bool { return !c.In.IsZero() && c.Out.IsZero() })
}

// knew reports whether the booking existed with its present begin before gone, when
// the last device went.
func (v *Visit) knew(b *Booking, gone time.Time) bool {
	if c := v.claim(b.ID); c != nil {
		return c.Begin.Equal(b.Begin)
	}
	return !b.Made.IsZero() && !b.Made.After(gone) && !b.Changed.After(gone) // it may have been moved here since
}
