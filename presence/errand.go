package presence

import (
	"errors"
	"slices"
	"time"
)

const (
	// refresh is how often a person who is here without a booking is looked
	// up again for one made since; with one, it is less urgent.
	refresh      = 5 * time.Minute
	refreshAfter = 15 * time.Minute

	// lookTwice is when somebody who arrived without a booking is looked up
	// a second time: many book on the way in, and the desk may list a
	// booking a minute late.
	lookTwice = 90 * time.Second

	// askAgain is how long after a refusal that may pass, such as a missing
	// self-certification, the same booking is tried again.
	askAgain = 5 * time.Minute

	// lease is how far the next attempt is moved into the future before one
	// is made: nobody else makes it meanwhile, and it is made again if this
	// one dies with us.
	lease = 2 * time.Minute
)

// backoff is how long to wait after the first, second, … failure in a row.
var backoff = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
}

func waitAfter(failures int) time.Duration {
	return backoff[min(max(failures, 1), len(backoff))-1]
}

// open reports whether the errand is still to be run.
func (e Errand) open() bool { return e.Status == Waiting || e.Status == Pending }

// skip returns the errand, not to be run any more.
func (e Errand) skip(why string) Errand {
	e.Status, e.Reason, e.Next = Skipped, why, time.Time{}
	return e
}

// took notes that the errand took effect on a booking.
func (e *Errand) took(booking string, at time.Time) {
	if e.At.IsZero() {
		e.At = at
	}
	if !slices.Contains(e.Bookings, booking) {
		e.Bookings = append(e.Bookings, booking)
	}
	e.Attempts = 0
}

// done returns the status of an errand that took effect.
func (v *Visit) done() ErrandStatus {
	if slices.ContainsFunc(v.Claims, func(c Claim) bool { return c.DryRun }) {
		return DryRunned
	}
	return Effected
}

// errand returns when the courier has something to do for the person; zero if
// it has not.
func (p *Person) errand() (next time.Time) {
	for i := range p.Visits {
		if e := p.Visits[i].errand(); e != nil {
			next = earlier(next, e.Next)
		}
	}
	return next
}

// errand returns what the visit's goal asks for: to be checked in while it is
// on, to be checked out once it is over; nil if there is nothing to run.
func (v *Visit) errand() *Errand {
	switch {
	case (v.State == Present || v.State == Leaving) && v.CheckIn.Status != Skipped:
		return &v.CheckIn
	case v.State == Over && v.CheckOut.open():
		return &v.CheckOut
	}
	return nil
}

// claim returns the visit's claim on the booking, nil if it has none.
func (v *Visit) claim(booking string) *Claim {
	for i := range v.Claims {
		if v.Claims[i].Booking == booking {
			return &v.Claims[i]
		}
	}
	return nil
}

// read is how fresh a look at the bookings must be to show what our own last
// call did.
func (v *Visit) read() (asOf time.Time) {
	for _, c := range v.Claims {
		asOf = later(asOf, later(c.Tried, later(c.In, c.Out)))
	}
	return asOf
}

// look holds the visit's goal against the bookings as they are, and returns
// the bookings to act upon now. With none, the errand says what is waited for.
// Nothing that became due after gone is checked in to: nobody was here since;
// gone is zero while somebody is.
func (v *Visit) look(bookings []Booking, gone, now time.Time, r Rules) []Booking {
	slices.SortFunc(bookings, func(a, b Booking) int { return a.Begin.Compare(b.Begin) })
	if !r.DryRun {
		v.wake(now)
	}
	if v.State == Over {
		return v.lookOut(bookings, now, r)
	}
	return v.lookIn(bookings, gone, now, r)
}

// wake forgets what was only pretended a while ago: the dry run is over.
func (v *Visit) wake(now time.Time) {
	v.Claims = slices.DeleteFunc(v.Claims, func(c Claim) bool {
		if !c.DryRun || now.Sub(c.Tried) < time.Minute {
			return false
		}
		for _, e := range []*Errand{&v.CheckIn, &v.CheckOut} {
			e.Bookings = slices.DeleteFunc(e.Bookings, func(id string) bool { return id == c.Booking })
			if len(e.Bookings) == 0 {
				e.At = time.Time{}
			}
		}
		return true
	})
}

func (v *Visit) lookIn(bookings []Booking, gone, now time.Time, r Rules) (todo []Booking) {
	e := &v.CheckIn
	next, why := now.Add(refresh), "no booking for today at this building"
	if now.Sub(v.Arrived) < lookTwice {
		next = now.Add(lookTwice)
	}
	refused, denied, soon := false, false, time.Time{}
	tomorrow := r.Sites[v.Site].midnight(v.Arrived)
	for _, b := range bookings {
		c := v.claim(b.ID)
		due := b.Begin.Add(-r.Early)
		switch {
		case b.Guest:
			why = "booking " + b.ID + " is for a guest"
		case !b.Eligible:
			why = "booking " + b.ID + " is a " + b.Type + ", which is not among the configured types"
		case b.Status == CheckedIn && c != nil && c.In.IsZero() && b.Method == "wifi":
			c.In = c.Tried // the answer was lost, the effect was not
			e.took(b.ID, c.In)
		case b.Status == CheckedIn && c == nil:
			why = "booking " + b.ID + " is already checked in, by other means"
		case c != nil && !c.In.IsZero() && !(b.Status == Booked && b.Read.After(c.In.Add(time.Minute)) && !c.DryRun):
		case b.Status != Booked:
			why = "booking " + b.ID + " is " + string(b.Status)
		case !now.Before(b.End):
			why = "booking " + b.ID + " has ended"
		case !b.Begin.Before(tomorrow):
			why = "booking " + b.ID + " is for the day after the arrival"
		case !gone.IsZero() && due.After(gone):
			why = "booking " + b.ID + " became due when nobody was here"
		case now.Before(due):
			soon = earlier(soon, due)
			next, why = earlier(next, due), "booking "+b.ID+" is due at "+due.UTC().Format(time.RFC3339)
		case c != nil && c.final():
			why, denied = c.Refused, true
		case c != nil && now.Before(c.Next):
			next, why, refused = earlier(next, c.Next), c.Refused, true
		default:
			todo = append(todo, b)
		}
	}
	if len(todo) > 0 {
		return todo
	}
	e.Next, e.Attempts = next, 0
	switch {
	case refused:
		e.Status, e.Reason = Pending, why
	case denied:
		e.Status, e.Reason = Refused, why
	case len(e.Bookings) > 0:
		e.Status = v.done()
		e.Next, e.Reason = earlier(later(next, now.Add(refreshAfter)), soon), ""
	case v.inherited():
		e.Status, e.Reason = Effected, "checked in by the visit before"
	default:
		e.Status, e.Reason = Waiting, why
	}
	return nil
}

// inherited reports whether a booking was checked in by us before this visit.
func (v *Visit) inherited() bool {
	return slices.ContainsFunc(v.Claims, func(c Claim) bool { return !c.In.IsZero() && c.Out.IsZero() })
}

func (v *Visit) lookOut(bookings []Booking, now time.Time, r Rules) (todo []Booking) {
	e := &v.CheckOut
	if r.CheckOut == CheckOutNever {
		*e = e.skip("check_out is never")
		return nil
	}
	next, why := time.Time{}, "nothing that we checked in is still checked in"
	refused, denied := false, false
	for _, b := range bookings {
		c := v.claim(b.ID)
		ours := c != nil && (!c.In.IsZero() || !c.Tried.IsZero() && b.Method == "wifi")
		if b.Guest || !ours && (r.CheckOut != CheckOutAll || !b.Eligible) {
			continue
		}
		dry := c != nil && c.DryRun && c.Out.IsZero() && b.Status == Booked
		switch {
		case c != nil && c.Out.IsZero() && b.Status == CheckedOut && c.Tried.After(v.Departed):
			c.Out = now // the answer was lost, the effect was not
			e.took(b.ID, now)
		case b.Status != CheckedIn && !dry:
			why = "booking " + b.ID + " is " + string(b.Status)
		case !now.Before(b.End):
			why = "booking " + b.ID + " has ended"
		case c != nil && c.final():
			why, denied = c.Refused, true
		case c != nil && now.Before(c.Next):
			next, why, refused = earlier(next, c.Next), c.Refused, true
		default:
			todo = append(todo, b)
		}
	}
	if len(todo) > 0 {
		return todo
	}
	e.Next = next
	switch {
	case refused:
		e.Status, e.Reason = Pending, why
	case denied:
		e.Status, e.Reason = Refused, why
	case len(e.Bookings) > 0:
		e.Status, e.Reason = v.done(), ""
	default:
		*e = e.skip(why)
	}
	return nil
}

// try books an attempt on the booking before it is made, and leases it.
func (v *Visit) try(b Booking, now time.Time) {
	c := v.claim(b.ID)
	if c == nil {
		v.Claims = append(v.Claims, Claim{Booking: b.ID, Begin: b.Begin, End: b.End})
		c = &v.Claims[len(v.Claims)-1]
	}
	c.Tried = now
	if e := v.errand(); e != nil {
		e.Next = now.Add(lease)
	}
}

// effected notes that the call took effect on the booking.
func (v *Visit) effected(b Booking, in bool, now time.Time, dry bool) {
	c := v.claim(b.ID)
	if c == nil {
		return // forgotten meanwhile, with the dry run that it was of
	}
	c.Next, c.Refused, c.DryRun = time.Time{}, "", dry
	if in {
		c.In = now
		v.CheckIn.took(b.ID, now)
		return
	}
	c.Out = now
	v.CheckOut.took(b.ID, now)
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

// answered takes in the desk's answer to a call on booking b, which as answer
// shows it afterwards.
func (p *Person) answered(v *Visit, b, answer Booking, in bool, err error, now time.Time) {
	verb, goal := "check-out of booking ", CheckedOut
	if in {
		verb, goal = "check-in of booking ", CheckedIn
	}
	c := v.claim(b.ID)
	var refused *RefusedError
	var denied *DeniedError
	switch {
	case c == nil: // forgotten meanwhile, with the dry run that it was of
	case errors.Is(err, ErrDryRun):
		v.effected(b, in, now, true)
		p.tell(now, Done, verb+b.ID+": dry run, not sent")
	case errors.As(err, &refused):
		c.refused(refused.Reason, now)
		p.tell(now, NotDone, verb+b.ID+" was refused: "+refused.Reason)
	case errors.As(err, &denied):
		c.denied(denied.Reason)
		p.tell(now, NotDone, verb+b.ID+" was denied: "+denied.Reason)
	case answer.Status == goal:
		v.effected(b, in, now, false)
		p.tell(now, Done, verb+b.ID)
	default: // it changed before the call
		c.refused("it is "+string(answer.Status), now)
		p.tell(now, NotDone, verb+b.ID+": it is "+string(answer.Status))
	}
}

// failed takes in that the desk could not be asked.
func (v *Visit) failed(err error, now time.Time) {
	e := v.errand()
	if e == nil {
		return
	}
	if errors.Is(err, ErrNoUser) {
		e.Status, e.Next, e.Attempts, e.Reason = Waiting, now.Add(noUserTime), 0, err.Error()
		if v.State == Over {
			*e = e.skip(err.Error())
		}
		return
	}
	var throttled *ThrottledError
	var closed *ClosedError
	switch {
	case errors.As(err, &throttled):
		e.Next = later(throttled.Until, now.Add(waitAfter(1)))
	case errors.As(err, &closed):
		e.Next = now.Add(closedTime)
	default:
		e.Attempts++
		e.Next = now.Add(jitter(waitAfter(e.Attempts), v.ID))
	}
	if e.Status != Effected && e.Status != DryRunned {
		e.Status = Pending
	}
	e.Reason = err.Error()
	if v.State == Over && now.After(v.lapses()) {
		*e = e.skip("every booking has ended; last: " + err.Error())
	}
}

// lapses returns when there is nothing left to check out of.
func (v *Visit) lapses() time.Time {
	if len(v.Claims) == 0 {
		return v.Departed.Add(24 * time.Hour)
	}
	var last time.Time
	for _, c := range v.Claims {
		last = later(last, c.End)
	}
	return last
}

// jitter spreads d by up to a fifth, by what the visit is rather than by
// chance, so that a function that runs twice says the same.
func jitter(d time.Duration, id string) time.Duration {
	spread := time.Duration(0)
	for i := range len(id) {
		spread = (spread*31 + time.Duration(id[i])) % 200
	}
	return d + d*spread/1000
}
