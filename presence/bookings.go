package presence

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// What comes in: a visit, and the bookings as they are. What goes out: the
// bookings to act upon now, or why the visit's errand waits. A visit claims each
// booking that is for it when it first sees it while a device is there: a booking
// that appears when everybody is gone is no reason to check in. When the day
// turns, a visit goes on until the bookings end that it has claimed.

// ahead is how long after the arrival a booking may begin to be for the same
// visit, although midnight lies in between.
const ahead = 6 * time.Hour

// away is how long all devices must have been gone for a return to count as an
// arrival.
const away = 10 * time.Minute

// endOfDay returns when the visit is over although devices are still there: when
// the day turns, or when the last of its claimed bookings ends, if that is later.
func (v *Visit) endOfDay(r Rules) time.Time {
	site := r.Sites[v.Site]
	return later(site.NextDay(v.Arrived, r.DayStarts), v.claimsEnd())
}

// claimsEnd returns when the last claimed booking ends that is checked in, or that
// begins soon after the arrival. Until bookings have been read for the first
// time, it allows for one of the latter.
func (v *Visit) claimsEnd() (until time.Time) {
	for _, c := range v.Claims {
		switch {
		case !c.Out.IsZero():
		case c.In.IsZero() && (c.final() || c.Begin.After(v.Arrived.Add(ahead))):
		default:
			until = later(until, c.End)
		}
	}
	if v.CheckIn.Status == Pending && len(v.Claims) == 0 {
		until = v.Arrived.Add(ahead)
	}
	return until
}

// stuck reports whether the next attempt is every third of an errand that keeps
// failing. The courier then also asks about the user, which makes the attempt one
// call longer: behind a balancer with a dead server every other call fails, and in
// attempts of equally many calls that may be always the same call.
func (v *Visit) stuck() bool {
	e := v.errand()
	return e != nil && e.Attempts%3 == 2
}

// unsureSince returns when the latest check-in was tried of which no effect is
// known, of a visit that is over: only bookings read since then tell what is to be
// checked out.
func (v *Visit) unsureSince() (asOf time.Time) {
	for _, c := range v.Claims {
		if v.State == Over && c.In.IsZero() && !c.DryRun {
			asOf = later(asOf, c.Tried)
		}
	}
	return asOf
}

// readSince returns how old the reading of the building may be by which the visit
// is looked at: no older than a while after the person came, than their return,
// and than an attempt whose effect is unknown, which the clock that stamps readings may
// be ahead of by apart; a minute or so if a booking is to be acted upon, and else a few
// minutes.
func (v *Visit) readSince(now time.Time, r Rules, apart time.Duration) time.Time {
	asOf := now.Add(time.Second - refresh)
	for i := range v.Claims {
		if c := &v.Claims[i]; c.unknown() {
			asOf = later(asOf, c.Tried.Add(1+apart))
		}
	}
	e := v.errand()
	if e == nil {
		return asOf
	}
	if v.State == Over || v.dueAt(now, r) {
		asOf = later(asOf, now.Add(-actable))
	}
	second := v.secondLook(r)
	switch {
	case v.State == Over, len(e.Bookings) > 0, now.Before(second):
	case e.Status == Pending && e.Attempts == 0 && e.Reason == "":
		asOf = later(asOf, earlier(e.Next.Add(apart), now))
	default:
		asOf = later(asOf, second.Add(apart-listed))
	}
	return asOf
}

// actable is how old a reading may be to act upon its bookings. Many people become
// due together: one reading costs less than a question about each booking.
const actable = 70 * time.Second

// dueAt reports whether a claimed booking is to be checked in to at now.
func (v *Visit) dueAt(now time.Time, r Rules) bool {
	return slices.ContainsFunc(v.Claims, func(c Claim) bool {
		return c.In.IsZero() && !now.Before(c.Begin.Add(-r.Early)) && now.Before(c.End) && !now.Before(c.Next)
	})
}

// secondLook returns when the bookings are looked at for the second time, of
// somebody who came without one.
func (v *Visit) secondLook(r Rules) time.Time { return v.Arrived.Add(r.Settle + lookTwice) }

// look holds the visit's goal against the bookings as they are, and returns the
// bookings to act upon now. If there is none, it makes the errand say why and until
// when it waits. gone is since when all devices have been gone, zero while one is
// there: look checks in to no booking that was made or became due since then,
// because nobody was here.
func (v *Visit) look(l Listing, gone, now time.Time, r Rules) []Booking {
	l.Bookings = slices.Clone(l.Bookings)
	slices.SortFunc(l.Bookings, func(a, b Booking) int { return a.Begin.Compare(b.Begin) })
	if !r.DryRun {
		v.endDryRun(now)
	}
	if v.State == Over {
		return v.lookOut(l.Bookings, now, r)
	}
	return v.lookIn(l, gone, now, r)
}

// endDryRun forgets the claims that a dry run only pretended to act upon: the dry
// run is over.
func (v *Visit) endDryRun(now time.Time) {
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

// verdict says what is to be done about one booking: act upon it, look at it
// again later, or nothing.
type verdict struct {
	act     bool
	next    time.Time // when to look at it again; zero: no need to for this booking
	why     string    // why there is nothing to do now; empty if that is not worth telling
	refused bool      // the desk refused, and why is its reason
	denied  bool      // … for good
}

// checkInVerdict returns what is to be done about the booking while the visit is
// on.
func (v *Visit) checkInVerdict(b *Booking, gone, now time.Time, r Rules) verdict {
	c := v.claim(b.ID)
	due := b.Begin.Add(-r.Early)
	tried := c != nil && !c.Tried.IsZero()
	because := func(why string) verdict { return verdict{why: "booking " + b.ID + " " + why} }
	switch {
	case b.Guest:
		return because("is for a guest")
	case !b.Eligible:
		return because("is a " + b.Type + ", which is not among the configured types")
	case b.End.IsZero():
		return because("has no end")
	case tried && c.In.IsZero() && b.Status == CheckedIn && b.Method == "wifi":
		c.In, c.Refused, c.Next = c.Tried, "", time.Time{} // the answer was lost, the effect was not
		v.CheckIn.tookEffect(b.ID, c.In)
		return verdict{}
	case b.othersDid(c):
		return because("is already checked in, " + b.checkedInBy(r.Sites[v.Site]))
	case c != nil && !c.In.IsZero() && !(b.Status == Booked && b.Read.After(c.In.Add(time.Minute)) && !c.DryRun):
		return verdict{}
	case v.lost(b):
		return because(b.releasedHere(v, r.Sites[v.Site]))
	case b.Status != Booked:
		return because("is " + b.said())
	case !now.Before(b.End):
		return because("has ended")
	case !b.Begin.Before(r.Sites[v.Site].midnight(v.Arrived)) && b.Begin.After(v.Arrived.Add(ahead)):
		return because("is for the day after the arrival")
	case !gone.IsZero() && (due.After(gone) || !v.knew(b, gone)):
		return because("became due when nobody was here")
	}
	v.claimed(b)
	if now.Before(due) {
		return verdict{next: due, why: "booking " + b.ID + " is due at " + due.UTC().Format(time.RFC3339)}
	}
	if put, is := v.claim(b.ID).refusal(now); is {
		return put
	}
	return verdict{act: true}
}

// comeBack makes the check-in due when a device is there again after all had been
// gone since gone: a booking may have become due. After more than a few minutes it
// treats the return as an arrival: a booking made meanwhile may be in no reading
// yet.
func (v *Visit) comeBack(gone, now time.Time) {
	e := &v.CheckIn
	if e.Status == Skipped || v.dropped() || v.leased() {
		return
	}
	e.Next = now
	if e.Status == Waiting && now.Sub(gone) >= away {
		e.Status, e.Reason = Pending, ""
	}
}

// findings are the verdicts on all bookings together.
type findings struct {
	todo            []Booking // to act upon now
	next            time.Time // when to look at one of the others again; zero: no need to
	why             string    // why there is nothing to do about the others
	refused, denied bool      // the desk refused one of the others
}

// find collects the verdicts that ask returns on the bookings; why is the reason to
// do nothing, if none of them gives another.
func (v *Visit) find(all []Booking, why string, ask func(*Booking) verdict) findings {
	f := findings{why: why}
	for i := range all {
		found := ask(&all[i])
		if found.act {
			f.todo = append(f.todo, v.doubted(all[i]))
			continue
		}
		if found.why != "" {
			f.why = found.why
		}
		f.next = earlier(f.next, found.next)
		f.refused, f.denied = f.refused || found.refused, f.denied || found.denied
	}
	return f
}

// applyFindings sets the status of the errand by the findings: pending after a
// refusal that may pass, refused after one for good, and done if it took effect on
// a booking. It reports false if none of these is so, and leaves the errand.
func (e *Errand) applyFindings(f findings, done ErrandStatus) bool {
	switch {
	case f.refused:
		e.Status, e.Reason = Pending, f.why
	case f.denied:
		e.Status, e.Reason = Refused, f.why
	case len(e.Bookings) > 0:
		e.Status, e.Reason = done, ""
	default:
		return false
	}
	return true
}

// lookIn is look for a visit that is on.
func (v *Visit) lookIn(l Listing, gone, now time.Time, r Rules) []Booking {
	e, old := &v.CheckIn, l.At.Before(v.readSince(now, r, l.apart))
	v.updateClaims(l.Bookings, now)
	f := v.find(l.Bookings, "no booking for today at this building"+l.Remark, func(b *Booking) verdict { return v.checkInVerdict(b, gone, now, r) })
	if len(f.todo) > 0 {
		return f.todo
	}
	e.Attempts = 0
	if old && e.Status == Pending && e.Reason == "" && len(e.Bookings) == 0 { // there was no newer reading to be had
		e.Next = now.Add(listed)
		return nil
	}
	e.Next = earlier(later(l.again(now), l.turn), f.next)
	switch {
	case e.applyFindings(f, v.done()):
	case v.inherited():
		e.Status, e.Reason = Effected, "checked in by the visit before"
	default:
		e.Status, e.Reason = Waiting, f.why
		if second := v.secondLook(r); now.Before(second) {
			e.Next = earlier(e.Next, second)
		}
	}
	return nil
}

// again returns when bookings are looked at again of which the listing says that
// nothing is to be done now.
func (l *Listing) again(now time.Time) time.Time { return later(l.At.Add(refresh), now.Add(listed)) }

// hasChanged is why nothing was done about a booking that the desk read again first: since
// then it is known what it is.
const hasChanged = "it has changed"

// doubted returns the booking, without the time of its reading if we have acted
// upon it since: the desk reads such a booking again before it acts.
func (v *Visit) doubted(b Booking) Booking {
	c := v.claim(b.ID)
	if c != nil && !c.DryRun && (c.unknown() && !b.Read.After(c.Tried) || b.Read.Before(c.In) && c.Refused != hasChanged) {
		b.Read = time.Time{}
	}
	return b
}

// checkOutVerdict returns what is to be done about the booking when the visit is
// over.
func (v *Visit) checkOutVerdict(b *Booking, now time.Time, r Rules) verdict {
	c := v.claim(b.ID)
	ours := c != nil && (!c.In.IsZero() || !c.Tried.IsZero() && b.Method == "wifi")
	if b.Guest || !ours && (r.CheckOut != CheckOutAll || !b.Eligible) {
		return verdict{}
	}
	because := func(why string) verdict { return verdict{why: "booking " + b.ID + " " + why} }
	dry := c != nil && c.DryRun && c.Out.IsZero() && b.Status == Booked
	doubt := c != nil && v.doubted(*b).Read.IsZero()
	switch {
	case c != nil && c.Out.IsZero() && b.Status == CheckedOut && c.Tried.After(v.Departed):
		c.Out, c.Refused, c.Next = now, "", time.Time{} // the answer was lost, the effect was not
		v.CheckOut.tookEffect(b.ID, now)
		return verdict{}
	case b.Status != CheckedIn && !dry && !doubt:
		return because("is " + b.said())
	case b.Assigned && r.KeepAssigned:
		return because("is of an assigned desk, and check_out_assigned is false")
	case !now.Before(b.End):
		return because("has ended")
	case v.runsOn(b, r):
		return because("goes on tomorrow: it is kept until its end")
	}
	if put, is := c.refusal(now); is {
		return put
	}
	return verdict{act: true}
}

// runsOn reports whether the booking is for several days and goes on tomorrow:
// whoever leaves for the night keeps it.
func (v *Visit) runsOn(b *Booking, r Rules) bool {
	return b.End.Sub(b.Begin) > 24*time.Hour && b.End.After(r.Sites[v.Site].NextDay(v.Departed, r.DayStarts))
}

// lookOut is look for a visit that is over.
func (v *Visit) lookOut(all []Booking, now time.Time, r Rules) []Booking {
	e := &v.CheckOut
	switch {
	case r.CheckOut == CheckOutNever:
		v.skip(e, "check_out is never")
		return nil
	case v.dropped():
		v.skip(e, e.Reason)
		return nil
	}
	f := v.find(all, v.missed(all, now), func(b *Booking) verdict { return v.checkOutVerdict(b, now, r) })
	if len(f.todo) > 0 {
		return f.todo
	}
	if e.Next = f.next; !e.applyFindings(f, v.done()) {
		v.skip(e, f.why)
	}
	return nil
}

// missed says why nothing is checked out when the bookings that we checked in are
// not among all any more.
func (v *Visit) missed(all []Booking, now time.Time) string {
	for _, c := range v.Claims {
		switch {
		case c.In.IsZero() || !c.Out.IsZero() || slices.ContainsFunc(all, func(b Booking) bool { return b.ID == c.Booking }):
		case !now.Before(c.End):
			return "booking " + c.Booking + " has ended"
		default:
			return "booking " + c.Booking + " is no longer at this building"
		}
	}
	return "nothing that we checked in is still checked in"
}

// action is what is done to a booking.
type action uint8

const (
	checkingIn action = iota
	checkingOut
	cancelling // what was booked by us, and nobody checked in to
)

// action returns what the visit's errand does.
func (v *Visit) action() action {
	if v.State == Over {
		return checkingOut
	}
	return checkingIn
}

var actions = map[action]struct {
	verb string
	goal BookingStatus
}{
	checkingIn:  {"check-in of booking ", CheckedIn},
	checkingOut: {"check-out of booking ", CheckedOut},
	cancelling:  {"cancellation of booking ", Cancelled},
}

// answered records what the desk answered to a call on booking b; answer is the
// booking afterwards.
func (p *Person) answered(v *Visit, b, answer Booking, a action, err error, now time.Time) {
	verb, goal := actions[a].verb, actions[a].goal
	c, because := v.claim(b.ID), ""
	if why := v.whyOver(); a == checkingOut && why != "" {
		because = ": " + why
	}
	var refused *RefusedError
	var denied *DeniedError
	switch {
	case c == nil: // endDryRun has dropped the claim meanwhile
	case errors.Is(err, ErrDryRun):
		v.effected(b, a, now, true)
		p.tell(now, Done, verb+b.ID+": dry run, not sent"+strings.Replace(because, ":", ";", 1))
	case errors.Is(err, ErrChanged):
		c.Refused = hasChanged // nothing was done
		p.tell(now, NotDone, verb+b.ID+": it has changed, and is "+string(answer.Status))
	case errors.As(err, &refused):
		why := refused.Reason
		if b.uncertified(a, now) {
			why += perhapsUncertified
		}
		c.refused(why, now)
		p.tell(now, NotDone, verb+b.ID+" was refused: "+why)
	case errors.As(err, &denied):
		c.denied(denied.Reason)
		p.tell(now, NotDone, verb+b.ID+" was denied: "+denied.Reason)
	case answer.Status == goal:
		v.effected(b, a, now, false)
		p.tell(now, Done, verb+b.ID+because)
	default: // the call succeeded, and had another effect
		c.refused("it is "+string(answer.Status), now)
		p.tell(now, NotDone, verb+b.ID+": it is "+string(answer.Status))
	}
}

// uncertified reports whether a refusal may be for want of a self-certification: the
// desk knows of none.
func (b *Booking) uncertified(a action, now time.Time) bool {
	return a == checkingIn && b.Certified.IsZero() && !now.Before(b.Begin)
}

// refusal returns the verdict on a claim that the desk refused, and whether it
// still counts.
func (c *Claim) refusal(now time.Time) (verdict, bool) {
	switch {
	case c != nil && c.final():
		return verdict{why: c.Refused, denied: true}, true
	case c != nil && now.Before(c.Next):
		return verdict{next: c.Next, why: c.Refused, refused: true}, true
	}
	return verdict{}, false
}

// effected notes that the call took effect on the booking.
func (v *Visit) effected(b Booking, a action, now time.Time, dry bool) {
	c := v.claim(b.ID)
	if c == nil {
		return // endDryRun has dropped the claim meanwhile
	}
	c.Next, c.Refused, c.DryRun = time.Time{}, "", dry
	switch a {
	case checkingIn:
		c.In = later(now, c.Tried)
		if v.CheckIn.tookEffect(b.ID, now); isDropped(v.CheckIn) { // while the call was under way
			v.CheckIn.Status, v.CheckIn.Reason = v.done(), ""
		}
		return
	case cancelling:
		c.End = earlier(c.End, now)
		return
	}
	c.Out = later(now, c.Tried)
	if v.CheckOut.tookEffect(b.ID, now); v.dropped() {
		v.CheckOut.Status, v.CheckOut.Reason = v.done(), ""
	}
}
