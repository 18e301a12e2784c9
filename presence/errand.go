package presence

import (
	"errors"
	"slices"
	"time"
)

const (
	// refresh is how often the bookings of somebody who is there are looked at, and
	// how old the building's reading may be for that: one reading serves everybody.
	refresh = 5 * time.Minute

	// lookTwice is how long after the arrival of somebody without a booking their
	// bookings are looked at again: many book on the way in, and the desk may list a
	// booking a minute late. A reading that is older by listed will do.
	lookTwice = 90 * time.Second
	listed    = 30 * time.Second

	// lease is how far the next attempt is moved into the future before a call is
	// made: no second call is made meanwhile, and one is if the process dies in the
	// first. Where several daemons share the store it is sharedLease: nobody takes over
	// the calls of who died before it ends. It is longer than the calls may take by more
	// than their clocks may differ.
	lease       = 2 * time.Minute
	sharedLease = 45 * time.Second

	// closedTime lies between probes of a desk that is closed to everybody.
	closedTime = 5 * time.Minute
)

// backoff is how long to wait after the first, second, … failure in a row.
var backoff = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
}

func waitAfter(failures int) time.Duration {
	return backoff[min(max(failures, 1), len(backoff))-1]
}

// impatient is the longest wait after each of the first patience failures, at a
// desk that answers others: the desk is flaky, and the fault is not this person's.
const (
	impatient = 5 * time.Second
	patience  = 12 // failures
)

// open reports whether the errand is still to be run.
func (e Errand) open() bool { return e.Status == Waiting || e.Status == Pending }

// skip has the visit's errand e not run any more. One that took effect on a booking is
// done, and why is then about the others.
func (v *Visit) skip(e *Errand, why string) {
	e.Status, e.Reason, e.Next = Skipped, why, time.Time{}
	if len(e.Bookings) > 0 {
		e.Status, e.Reason = v.done(), "of others not: "+why
	}
}

// tookEffect notes that the errand took effect on a booking.
func (e *Errand) tookEffect(booking string, at time.Time) {
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

// nextErrand returns when the courier has something to do for the person; zero if
// it has not.
func (p *Person) nextErrand() (next time.Time) {
	for i := range p.Visits {
		if e := p.Visits[i].errand(); e != nil {
			next = earlier(next, e.Next)
		}
	}
	return next
}

// errand returns the errand that the visit is at: the check-in while it is on, the
// check-out once it is over; nil if there is nothing left to run.
func (v *Visit) errand() *Errand {
	switch {
	case (v.State == Present || v.State == Leaving) && v.CheckIn.Status != Skipped && !v.dropped():
		return &v.CheckIn
	case v.State == Over && v.CheckOut.open():
		return &v.CheckOut
	}
	return nil
}

// whyOver is why the visit was believed to be over; "" if that is not known.
func (v *Visit) whyOver() string {
	if v.State != Over || v.Outlook.State != Over {
		return ""
	}
	return v.Outlook.Why
}

// byHand, notToday and optedOut are why nothing more is done about a visit: an operator said
// so, or its person.
const (
	byHand   = "dropped by an operator"
	notToday = "not today, as its person asked"
	optedOut = "its person opted out"
)

// isDropped reports whether an errand is not run because somebody said so.
func isDropped(e Errand) bool {
	return e.Reason == byHand || e.Reason == notToday || e.Reason == optedOut
}

// dropped reports whether the visit's bookings are left as they are. A check-out that is
// given up waits until they have ended, so that it can be taken up again.
func (v *Visit) dropped() bool { return isDropped(v.CheckOut) }

// drop leaves the visit's bookings as they are from now on, because why, and reports
// whether anything was to be done about them. What took effect stands, and is told as
// before.
func (v *Visit) drop(why string) bool {
	if v.dropped() || v.State == Over && !v.CheckOut.open() {
		return false
	}
	if v.CheckIn.Next = (time.Time{}); v.CheckIn.open() {
		v.skip(&v.CheckIn, why)
	}
	v.CheckOut = v.given(v.CheckOut, why)
	return true
}

// given is the check-out, given up because why.
func (v *Visit) given(e Errand, why string) Errand {
	e.Status, e.Reason, e.Attempts, e.Next = Waiting, why, 0, time.Time{}
	if v.State == Over {
		e.Next = v.lapses()
	}
	return e
}

// retry makes the visit's errand due at now, whatever it was waiting for, and takes
// up again what was dropped. It reports false if there is nothing to do.
func (v *Visit) retry(now time.Time) bool {
	if v.dropped() {
		v.CheckOut.Reason, v.CheckOut.Next = "", time.Time{}
	}
	if v.State != Over && isDropped(v.CheckIn) {
		v.CheckIn.Status, v.CheckIn.Reason = Pending, ""
	}
	e := v.errand()
	if e == nil {
		return false
	}
	for i := range v.Claims {
		v.Claims[i].Next = time.Time{}
	}
	e.Status, e.Next, e.Attempts, e.Reason = Pending, now, 0, ""
	return true
}

// failed notes that the desk could not be asked, and when to try again; flaky says
// that the desk answers others, and rests, if it answers nobody, until when nobody asks.
func (v *Visit) failed(err error, flaky bool, rests, now time.Time) {
	e := v.errand()
	switch {
	case e == nil:
		return
	case v.dropped():
		if !now.Before(v.lapses()) {
			v.skip(e, v.CheckOut.Reason)
		}
		return
	}
	nobody := errors.Is(err, ErrNoUser)
	if nobody && v.State != Over {
		e.Next, e.Attempts = now.Add(refresh), 0
		if len(e.Bookings) == 0 { // else the desk did know them
			e.Status, e.Reason = Waiting, err.Error()
		}
		return
	}
	var throttled *ThrottledError
	var closed *ClosedError
	switch {
	case nobody && !v.inherited():
		v.skip(e, err.Error())
		return
	case nobody, denies(err): // this user's trouble alone, and asking soon does not cure it
		e.Next, e.Attempts = now.Add(jitter(refresh, v.ID)), 0
	case errors.As(err, &throttled):
		e.Next = later(throttled.Until, now.Add(waitAfter(1)))
	case errors.As(err, &closed):
		e.Next = now.Add(closedTime)
	case !rests.IsZero(): // it is not this person's trouble; that it may be, another finds out the next time
		e.Next = later(now.Add(jitter(rests.Sub(now), v.ID)), now.Add(waitAfter(1)))
	default:
		e.Attempts++
		wait := waitAfter(e.Attempts)
		if flaky && e.Attempts <= patience {
			wait = min(wait, impatient)
		}
		e.Next = now.Add(jitter(wait, v.ID))
	}
	if e.Status != Effected && e.Status != DryRunned {
		e.Status = Pending
	}
	e.Reason = err.Error()
	if v.State == Over && now.After(v.lapses()) {
		v.skip(e, "every booking has ended; last: "+err.Error())
	}
}

// lapses returns when the last claimed booking ends: then there is nothing left to
// check out.
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

// leased reports whether a call for the visit is being made whose answer is not
// recorded yet.
func (v *Visit) leased() bool {
	e := v.errand()
	return e != nil && slices.ContainsFunc(v.Claims, func(c Claim) bool {
		return !c.Tried.IsZero() && (c.Tried.Add(lease).Equal(e.Next) || c.Tried.Add(sharedLease).Equal(e.Next))
	})
}

// jitter lengthens d by up to a fifth, by the visit's id and not by chance, so that
// a Change that runs twice comes to the same.
func jitter(d time.Duration, id string) time.Duration {
	spread := time.Duration(0)
	for i := range len(id) {
		spread = (spread*31 + time.Duration(id[i])) % 200
	}
	return d + d*spread/1000
}

// try notes an attempt on the booking before it is made, and leases the errand for so
// long: the next attempt is due only when this one must have ended.
func (v *Visit) try(b Booking, now time.Time, leased time.Duration) {
	c := v.claimed(&b)
	c.Tried, c.Refused, c.Next = v.attempt(c, now), "", time.Time{}
	if e := v.errand(); e != nil {
		e.Next = c.Tried.Add(leased)
	}
}
