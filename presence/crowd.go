package presence

import (
	"context"
	"errors"
	"time"
)

// How the courier looks at many people together for whom nothing is known to be booked:
// by one reading of their building, and in one change. Who turns out to have a booking
// has a look of their own.

// together looks at the people of a stop, all of one site, for whom nothing is known to
// be booked. It logs errors of the store.
func (c *Courier) together(ctx context.Context, s stop) {
	_, calls := c.leases()
	ctx, cancel := context.WithTimeout(ctx, calls)
	defer cancel()
	c.noteFailing(ctx, "look at many people together", s.user, c.lookAtAll(ctx, append(s.others, s.user)))
}

func (c *Courier) lookAtAll(ctx context.Context, users []string) error {
	now, rules := time.Now(), *c.rules.Load()
	people, err := c.store.Persons(ctx, users)
	if err != nil {
		return err
	}
	asked, err := c.store.NotesOf(ctx, notTodayKind, users)
	if err != nil {
		return err
	}
	var changes []Change
	for i := range people {
		p := &people[i]
		v := p.unbooked(now, rules)
		if asked[i] != nil {
			c.beAlone(p.User)
			continue
		}
		if v == nil || !p.heardSince(c.Restored) || time.Now().Before(c.site(v.Site).Rests) {
			continue // they are in another plan, if they are due
		}
		l, err := c.read(ctx, *v, false)
		switch {
		case errors.Is(err, ErrUnlisted):
			if change, waits := c.postponed(*v, nil); waits {
				changes = append(changes, change)
			}
		case isNoUser(err):
			changes = append(changes, c.failing(*v, nil, err))
		case err != nil: // what it means is found out of one, before the others are looked at
			c.beAlone(p.User)
			return c.store.Update(context.Background(), changes)
		case len(l.Bookings) > 0:
			c.beAlone(p.User)
		default:
			l.turn = c.turn(v.Site, l.again(now), now)
			changes = append(changes, c.stepping(*v, nil, attempts(nil).only(func(p *Person, v *Visit, _ [][]byte, now time.Time) (step, []Note) {
				return c.next(p, v, l, false, false, &request{}, now), nil
			}), nil))
		}
	}
	return c.store.Update(context.Background(), changes)
}
