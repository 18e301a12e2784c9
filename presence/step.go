package presence

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// How the courier changes a visit, and what it finds to do next for it.

// step is what the courier has to do next for a visit.
type step struct {
	act     bool // call the desk: the attempt is stored
	booking Booking
	action  action
	walks   bool  // have a pass booked: nobody has a booking, and has been here for long enough
	old     bool  // read the bookings again, of the visit as it is: what was read is too old to act upon
	visit   Visit // if old
}

// change applies f to the visit as it is stored, if it is still there. It is
// carried through even when the daemon is about to stop.
func (c *Courier) change(v Visit, f func(*Person, *Visit, time.Time)) error {
	_, err := c.step(v, func(p *Person, v *Visit, now time.Time) step {
		f(p, v, now)
		return step{}
	})
	return err
}

// attempts are the moments of next attempts that who carries a visit's errand has written.
type attempts []time.Time

// write notes that the errand's next attempt is written. A change that runs again finds
// it, if it was written after all.
func (a *attempts) write(v *Visit) {
	if e := v.errand(); e != nil {
		*a = append(*a, e.Next)
	}
}

// taken reports whether somebody else is at the visit's errand: its next attempt lies in
// the future, and is none of these.
func (a attempts) taken(v *Visit, now time.Time) bool {
	e := v.errand()
	return e != nil && e.Next.After(now) && !slices.ContainsFunc(a, e.Next.Equal)
}

// only is f for who carries the visit's errand: nothing is changed of one that somebody
// else is at.
func (a attempts) only(f func(*Person, *Visit, [][]byte, time.Time) (step, []Note)) func(*Person, *Visit, [][]byte, time.Time) (step, []Note) {
	return func(p *Person, v *Visit, values [][]byte, now time.Time) (step, []Note) {
		if a.taken(v, now) {
			return step{}, nil
		}
		return f(p, v, values, now)
	}
}

// step is change for an f that finds out what to do next.
func (c *Courier) step(v Visit, f func(*Person, *Visit, time.Time) step) (found step, err error) {
	return c.stepNoting(v, nil, func(p *Person, v *Visit, _ [][]byte, now time.Time) (step, []Note) { return f(p, v, now), nil })
}

// stepNoting is step for an f that reads and writes notes.
func (c *Courier) stepNoting(v Visit, reads []NoteKey, f func(*Person, *Visit, [][]byte, time.Time) (step, []Note)) (found step, err error) {
	err = c.store.Update(context.Background(), []Change{c.stepping(v, reads, f, func(s step) { found = s })})
	return found, err
}

// stepping is the change of stepNoting; then is told what was found, unless it is nil.
func (c *Courier) stepping(v Visit, reads []NoteKey, f func(*Person, *Visit, [][]byte, time.Time) (step, []Note), then func(step)) Change {
	now, rules := time.Now(), *c.rules.Load()
	return Change{User: v.User, Reads: reads, Apply: func(p *Person, values [][]byte) Outcome {
		var s step
		var notes []Note
		for i := range p.Visits {
			if p.Visits[i].ID != v.ID {
				continue
			}
			v := &p.Visits[i]
			turn := v.endOfDay(rules)
			s, notes = f(p, v, values, now)
			if v.State != Over && !v.endOfDay(rules).Equal(turn) {
				p.Wake = earlier(p.Wake, now) // the tracker has to learn of the other end
			}
		}
		archived := p.archive()
		p.NextErrand = p.nextErrand()
		o := Outcome{Archived: archived, Notes: notes}
		if then != nil {
			o.Then = func() { then(s) }
		}
		return o
	}}
}

// failed records that the desk could not be asked, and when to ask again.
func (c *Courier) failed(v Visit, ours attempts, err error) error {
	var throttled *ThrottledError
	var closed *ClosedError
	now := time.Now()
	switch {
	case isNoUser(err):
	case errors.As(err, &throttled):
		c.rest(later(throttled.Until, now.Add(waitAfter(1))), err)
	case errors.As(err, &closed):
		c.rest(now.Add(closedTime), err)
	case denies(err): // an answer, about this user or this site
		c.denied(v.Site)
	default:
		c.faulted(v.User, v.Site, err)
	}
	return c.store.Update(context.Background(), []Change{c.failing(v, ours, err)})
}

// failing is the change that notes it with the visit.
func (c *Courier) failing(v Visit, ours attempts, err error) Change {
	now, turn := time.Now(), time.Time{}
	if isNoUser(err) && v.State != Over {
		turn = c.turn(v.Site, now.Add(refresh), now)
	}
	desk, rests := c.site(v.Site), time.Time{}
	if desk.dead() {
		rests = desk.Rests
	}
	return c.stepping(v, nil, ours.only(func(_ *Person, v *Visit, _ [][]byte, now time.Time) (step, []Note) {
		v.failed(err, desk.flaky(now), rests, now)
		if e := v.errand(); e != nil && v.State != Over {
			e.Next = later(e.Next, turn)
		}
		return step{}, nil
	}), nil)
}

// tellFound tells of the bookings on which an attempt turns out to have taken effect
// that seemed not to have: its answer was lost, or was a refusal. was are the claims as
// they were before the bookings were looked at. Of such a booking the story does not say
// at the same moment that it was not done. found is called with each, and what was done.
func (p *Person) tellFound(v *Visit, was []Claim, now time.Time, found func(*Booking, action)) {
	for i := range v.Claims {
		c := &v.Claims[i]
		old := Claim{}
		if j := slices.IndexFunc(was, func(w Claim) bool { return w.Booking == c.Booking }); j >= 0 {
			old = was[j]
		}
		for _, one := range []struct {
			action
			is bool
		}{{checkingIn, old.In.IsZero() && !c.In.IsZero()}, {checkingOut, old.Out.IsZero() && !c.Out.IsZero()}} {
			if !one.is {
				continue
			}
			found(&Booking{ID: c.Booking}, one.action)
			what := actions[one.action].verb + c.Booking
			p.Story = slices.DeleteFunc(p.Story, func(e Entry) bool {
				return e.Kind == NotDone && e.At.Equal(now) && strings.HasPrefix(e.Text, what)
			})
			p.tell(now, Done, what+" took effect: the booking is "+string(actions[one.action].goal))
		}
	}
}
