package presence

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crossed is a courier beside other daemons, whose clocks are behind its own or ahead: what
// they do is written into the store with their stamps.
type crossed struct {
	*office
	*Courier
}

func besideOthers(t *testing.T, desk func(*reception) Desk, f func(b crossed)) {
	inOffice(t, func(o *office) {
		o.stop()
		o.tracker = NewTracker(o.store, plain{sites: []Site{o.rules.Sites["london"]}}, o.rules, quiet)
		o.tracker.HasWork = func() {}
		ctx, cancel := context.WithCancel(o.t.Context())
		var running sync.WaitGroup
		running.Go(func() { o.tracker.Run(ctx) })
		o.stop = func() { cancel(); running.Wait() }
		c := NewCourier(o.store, desk(o.desk), o.rules, quiet)
		c.Shared = true
		f(crossed{o, c})
	})
}

// other is what another daemon does to ann's visit.
func (b crossed) other(f func(*Visit)) {
	if err := b.office.store.Update(b.t.Context(), []Change{{User: "ann@example.com", Apply: func(p *Person, _ [][]byte) Outcome {
		for i := range p.Visits { // of another state it may have none
			f(&p.Visits[i])
		}
		p.NextErrand = p.nextErrand()
		return Outcome{}
	}}}); err != nil {
		b.t.Fatal(err)
	}
}

func (b crossed) carries() {
	b.carry(b.t.Context(), stop{user: "ann@example.com"})
	synctest.Wait()
}

// read has the daemon read the building.
func (b crossed) read() {
	if _, err := b.office.desk.Listed(b.t.Context(), "ann@example.com", "london", time.Now()); err != nil {
		b.t.Fatal(err)
	}
}

func open(r *reception) Desk { return r }

// stale is a desk that does not read the building again so soon.
type stale struct{ *reception }

func (d stale) Listed(ctx context.Context, user, site string, asOf time.Time) (Listing, error) {
	if d.reading != nil {
		asOf = d.at
	}
	return d.reception.Listed(ctx, user, site, asOf)
}

// A daemon died in a check-in that took effect. Another one, whose clock is ahead, has a
// reading from before the call, and by its clock from after it: that does not tell that
// nothing was done.
func TestAReadingByAClockThatIsAheadDoesNotRepeatACall(t *testing.T) {
	for name, desk := range map[string]func(*reception) Desk{
		"it is read anew": open, "the booking is": func(r *reception) Desk { return stale{r} },
	} {
		t.Run(name, func(t *testing.T) {
			besideOthers(t, desk, func(b crossed) {
				b.office.desk.book("ann@example.com", "desk", hour(8), hour(18))
				b.until(9, 0)
				b.hear(Start, "ann", phone, "a")
				b.until(9, 10)
				b.read()
				time.Sleep(5 * time.Second)
				b.other(func(v *Visit) {
					v.try(Booking{ID: "desk", Begin: hour(8), End: hour(18)}, time.Now().Add(-15*time.Second), sharedLease)
					v.CheckIn.Attempts = 1 // one has failed before
				})
				b.office.desk.set("desk", CheckedIn, "wifi")
				time.Sleep(sharedLease)
				b.carries()
				b.carries()
				b.office.want("")
				if v := b.visit("ann@example.com"); v.CheckIn.Status != Effected {
					t.Errorf("the check-in is %+v, of %+v", v.CheckIn, v.Claims)
				}
			})
		})
	}
}

// Somebody came back and had booked on the way. The daemon that carries has a reading from
// before that, and by its clock, which is ahead, from after it.
func TestAReadingByAClockThatIsAheadDoesNotSayThatThereIsNoBooking(t *testing.T) {
	besideOthers(t, open, func(b crossed) {
		b.until(9, 0)
		b.hear(Start, "ann", phone, "a")
		b.until(9, 10)
		b.carries()
		b.until(11, 0)
		b.read()
		time.Sleep(5 * time.Second)
		b.office.desk.book("ann@example.com", "desk", hour(11), hour(18))
		b.other(func(v *Visit) {
			v.CheckIn.Status, v.CheckIn.Reason, v.CheckIn.Next = Pending, "", time.Now().Add(-10*time.Second)
		})
		b.carries()
		b.office.want("in desk")
	})
}

// counted is a desk that fails after some calls.
type counted struct {
	*reception
	n *int
}

func (d counted) CheckOut(ctx context.Context, site string, b Booking) (Booking, error) {
	if *d.n++; *d.n > 5 {
		return Booking{}, errors.New("asked too often")
	}
	return d.reception.CheckOut(ctx, site, b)
}

// A daemon whose clock is ahead checked in. Of a check-out by another one, whose answer is
// lost, it is found out that it took effect.
func TestALostCheckOutIsFoundAfterACheckInByAClockThatIsAhead(t *testing.T) {
	n := 0
	besideOthers(t, func(r *reception) Desk { return counted{r, &n} }, func(b crossed) {
		b.office.desk.book("ann@example.com", "desk", hour(8), hour(18))
		b.until(9, 0)
		b.hear(Start, "ann", phone, "a")
		b.until(9, 10)
		b.office.desk.set("desk", CheckedIn, "wifi")
		b.read()
		b.other(func(v *Visit) {
			now := time.Now().Add(15 * time.Second)
			v.try(Booking{ID: "desk", Begin: hour(8), End: hour(18)}, now, sharedLease)
			v.effected(Booking{ID: "desk"}, checkingIn, now, false)
			v.State, v.End, v.Departed, v.Believed = Over, Withdrawn, now, now
			v.CheckOut = Errand{Status: Pending, Next: time.Now()}
		})
		b.office.desk.lost = func(call string) bool { return call == "out desk" }
		b.carries()
		time.Sleep(2 * time.Second)
		b.carries()
		time.Sleep(time.Minute)
		b.carries()
		b.office.want("out desk")
		if v := b.visit("ann@example.com"); v.CheckOut.Status != Effected {
			t.Errorf("the check-out is %+v, of %+v", v.CheckOut, v.Claims)
		}
	})
}

// A daemon whose clock is ahead checked in, and somebody checked out by hand: another daemon
// reads that once, and not until its clock has come so far.
func TestWhatHasChangedIsReadOnceAfterACheckInByAClockThatIsAhead(t *testing.T) {
	n := 0
	besideOthers(t, func(r *reception) Desk { return counted{r, &n} }, func(b crossed) {
		b.office.desk.book("ann@example.com", "desk", hour(8), hour(18))
		b.until(9, 0)
		b.hear(Start, "ann", phone, "a")
		b.until(9, 10)
		b.other(func(v *Visit) {
			now := time.Now().Add(15 * time.Second)
			v.try(Booking{ID: "desk", Begin: hour(8), End: hour(18)}, now, sharedLease)
			v.effected(Booking{ID: "desk"}, checkingIn, now, false)
			v.State, v.End, v.Departed, v.Believed = Over, Withdrawn, now, now
			v.CheckOut = Errand{Status: Pending, Next: time.Now()}
		})
		b.office.desk.set("desk", CheckedOut, "")
		b.carries()
		if n > 1 {
			t.Errorf("it was asked %d times", n)
		}
		b.office.want("")
	})
}

// whileReading is a desk at which something happens while the building is read.
type whileReading struct {
	*reception
	f *func()
}

func (d whileReading) Listed(ctx context.Context, user, site string, asOf time.Time) (Listing, error) {
	l, err := d.reception.Listed(ctx, user, site, asOf)
	if f := *d.f; f != nil {
		*d.f = nil
		f()
	}
	return l, err
}

// Another daemon tried, and failed, while this one read the bookings: nothing is concluded
// from what was read.
func TestAnAttemptWhileBookingsAreReadHasThemReadAgain(t *testing.T) {
	var meanwhile func()
	besideOthers(t, func(r *reception) Desk { return whileReading{r, &meanwhile} }, func(b crossed) {
		b.office.desk.book("ann@example.com", "desk", hour(8), hour(18))
		b.until(9, 0)
		b.hear(Start, "ann", phone, "a")
		b.until(9, 10)
		meanwhile = func() {
			time.Sleep(3 * time.Second)
			b.other(func(v *Visit) {
				v.try(Booking{ID: "desk", Begin: hour(8), End: hour(18)}, time.Now().Add(-5*time.Second), sharedLease)
				v.CheckIn.Next = time.Now().Add(-2 * time.Second) // its call has failed, and took effect
			})
			b.office.desk.set("desk", CheckedIn, "wifi")
		}
		b.carries()
		time.Sleep(10 * time.Second)
		b.carries()
		b.office.want("")
		if v := b.visit("ann@example.com"); v.CheckIn.Status != Effected {
			t.Errorf("the check-in is %+v, of %+v", v.CheckIn, v.Claims)
		}
	})
}

// endless is a desk that does not answer.
type endless struct{ *reception }

func (d endless) CheckIn(ctx context.Context, _ string, _ Booking) (Booking, error) {
	<-ctx.Done()
	return Booking{}, fmt.Errorf("no answer: %w", ctx.Err())
}

// Two daemons may be twice as far apart as one may be from the middle: by the clock that is
// ahead, too, a call ends before its lease does.
func TestACallEndsBeforeItsLeaseByAClockThatIsAhead(t *testing.T) {
	besideOthers(t, func(r *reception) Desk { return endless{r} }, func(b crossed) {
		b.office.desk.book("ann@example.com", "desk", hour(8), hour(18))
		b.until(9, 0)
		b.hear(Start, "ann", phone, "a")
		b.until(9, 10)
		began := time.Now()
		b.carries()
		tried := b.visit("ann@example.com").Claims[0].Tried
		if ended := time.Now().Add(daemonsApart); tried.Before(began) || !ended.Before(tried.Add(sharedLease)) {
			t.Errorf("the call took %s", time.Since(began))
		}
	})
}
