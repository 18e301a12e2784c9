package presence

import (
	"context"
	"fmt"
	"slices"
	"time"
)

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

// Release checks a user, of whom these are the visits, archived ones too, out of the
// bookings that are held, whether they have left or not. It returns of which it did,
// and stops at the first that the desk does not check out.
func (c *Courier) Release(ctx context.Context, visits []Visit) (done []string, err error) {
	for _, v := range visits {
		held := slices.DeleteFunc(v.Held(time.Now()), func(id string) bool { return slices.Contains(done, id) }) // a later visit has it too
		if len(held) == 0 {
			continue
		}
		all, err := c.ask(ctx, v, time.Now())
		if err != nil {
			return done, fmt.Errorf("read the bookings of %s: %w", v.User, err)
		}
		for _, b := range all {
			if b.Status != CheckedIn || !slices.Contains(held, b.ID) {
				continue
			}
			if err := c.release(ctx, v, b); err != nil {
				return done, fmt.Errorf("check out booking %s: %w", b.ID, err)
			}
			done = append(done, b.ID)
		}
	}
	return done, nil
}

// release checks one booking out, and stores the attempt before and the answer after it,
// unless the visit is archived.
func (c *Courier) release(ctx context.Context, v Visit, b Booking) error {
	if err := c.change(v, func(_ *Person, v *Visit, now time.Time) { v.try(b, now) }); err != nil {
		return err
	}
	answer, err := c.desk.CheckOut(ctx, v.Site, b)
	noted := c.change(v, func(p *Person, v *Visit, now time.Time) { p.answered(v, b, answer, checkingOut, err, now) })
	if err != nil {
		return err
	}
	return noted
}
