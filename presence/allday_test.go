package presence

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// allDay is an office at the settings as delivered: lunch counts, and arrivals
// do around the clock.
func allDay(t *testing.T, f func(*office)) {
	t.Helper()
	inOffice(t, func(o *office) {
		o.stop()
		o.rules = DefaultRules()
		o.rules.Sites = map[string]Site{"london": {Name: "london", Zone: london(t).Zone}}
		o.start()
		f(o)
	})
}

func (o *office) wantStatus(id string, want BookingStatus) {
	o.t.Helper()
	if got := o.desk.status(id); got != want {
		o.t.Errorf("%s: booking %s is %s, want %s: %s\n%s", time.Now().Format("Mon 15:04:05"), id, got, want, o.desk.made(), o.story())
	}
}

// Alone in the office, with a booking in the morning and another in the
// afternoon: the index of errands names her too early, and nobody else's
// errand wakes the courier.
func TestTheSecondBookingOfTheDayIsNotSleptThrough(t *testing.T) {
	for _, people := range []int{1, 3} {
		allDay(t, func(o *office) {
			for i := range people {
				user := fmt.Sprintf("u%d", i)
				o.desk.book(user+"@example.com", "am"+user, hour(9), hour(11))
				o.desk.book(user+"@example.com", "pm"+user, hour(13), hour(17))
			}
			for i := range people {
				o.until(8, 30+i)
				o.hear(Start, fmt.Sprintf("u%d", i), fmt.Sprintf("02:00:00:00:02:%02x", i), "a")
			}
			o.until(12, 2)
			for i := range people {
				o.wantStatus(fmt.Sprintf("amu%d", i), CheckedIn) // nothing ends bookings here
				o.wantStatus(fmt.Sprintf("pmu%d", i), CheckedIn)
			}
		})
	}
}

// A night shift is served as any other: its booking is checked in to, over
// midnight and over the turn of the day, and out of when she leaves.
func TestANightShiftIsServedToItsEnd(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("ann@example.com", "night", hour(22), hour(32))
		o.until(21, 50)
		o.hear(Start, "ann", laptop, "a")
		o.until(22, 0)
		o.wantStatus("night", CheckedIn)
		o.alive("ann", laptop, "a", o.at(29, 0))
		o.hear(Stop, "ann", laptop, "a")
		o.until(29, 58)
		o.wantStatus("night", CheckedIn)
		o.until(30, 2)
		o.wantStatus("night", CheckedOut)
	})
}

// alive sends an interim of the device every ten minutes until the given moment.
func (o *office) alive(user, device, session string, until time.Time) {
	o.t.Helper()
	for next := time.Now().Add(10 * time.Minute); next.Before(until); next = next.Add(10 * time.Minute) {
		time.Sleep(time.Until(next))
		o.hear(Interim, user, device, session)
	}
	time.Sleep(time.Until(until))
	synctest.Wait()
}

// What she booked from midnight on is for her who comes at 23:30.
func TestABookingFromMidnightIsForWhoComesBefore(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("ann@example.com", "night", hour(24), hour(32))
		o.until(23, 30)
		o.hear(Start, "ann", laptop, "a")
		o.until(23, 32)
		o.wantStatus("night", CheckedIn)
	})
}

// The day turns a quarter of an hour after she came, and an hour before her
// booking is due: her visit goes on for it, and no longer than it.
func TestWhoComesBeforeTheTurnIsServedAfterIt(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("ann@example.com", "early", hour(30), hour(34))
		o.until(27, 45)
		o.hear(Start, "ann", laptop, "a")
		o.alive("ann", laptop, "a", o.at(29, 1))
		o.wantStatus("early", CheckedIn)
		o.alive("ann", laptop, "a", o.at(31, 0))
		o.hear(Stop, "ann", laptop, "a")
		o.until(32, 2)
		o.wantStatus("early", CheckedOut)
		o.desk.book("ann@example.com", "next", hour(36), hour(40))
	})
}

// What is docked over night is nobody's arrival, however long a booking of the
// evening ran; the phone that comes in the morning is a visit of its own.
func TestDockedOverNightWithABookingOfTheNight(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("ann@example.com", "night", hour(20), hour(30))
		o.desk.book("ann@example.com", "day", hour(33), hour(41))
		o.until(19, 50)
		o.hear(Start, "ann", laptop, "a")
		o.alive("ann", laptop, "a", o.at(32, 30)) // docked
		o.wantStatus("night", CheckedIn)
		o.wantStatus("day", Booked)
		o.hear(Start, "ann", phone, "p")
		o.until(32, 32)
		o.wantStatus("day", CheckedIn)
	})
}

// A lunch of 75 minutes costs nobody the afternoon's desk.
func TestALongLunchKeepsTheDesk(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 15)
		o.hear(Stop, "ann", laptop, "a")
		o.until(13, 30)
		o.hear(Start, "ann", laptop, "b")
		o.until(14, 45)
		o.wantStatus("b", CheckedIn)
		o.want("in b")
	})
}

// Back from lunch, what became due while she was away is checked in to now.
func TestWhatBecameDueOverLunchIsCheckedInOnTheWayIn(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("ann@example.com", "am", hour(9), hour(12))
		o.desk.book("ann@example.com", "pm", hour(13), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a")
		o.until(11, 50)
		o.hear(Stop, "ann", laptop, "a")
		o.until(13, 5)
		o.wantStatus("pm", Booked)
		o.hear(Start, "ann", laptop, "b")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		o.wantStatus("pm", CheckedIn)
	})
}

// A reading that somebody else's arrival caused tells of a booking made since
// the one before: who it is of is looked at now.
func TestWhatAReadingBringsIsActedUponNow(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("ann@example.com", "am", hour(9), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 1)
		o.desk.book("ann@example.com", "second", hour(9), hour(17))
		o.until(9, 2)
		o.hear(Start, "bob", phone, "p")
		o.until(9, 4) // he is looked at a second time, and by a new reading
		o.wantStatus("second", CheckedIn)
	})
}

// He comes with a booking of the afternoon, and the reading in hand is older than
// the one that he has just made for the morning: that another is still to come is
// no reason not to look a second time.
func TestWhoHasALaterBookingIsLookedAtASecondTime(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("bob@example.com", "pm", hour(14), hour(17))
		o.desk.book("ann@example.com", "day", hour(9), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a") // the building is read for her
		o.until(8, 56)
		o.desk.book("bob@example.com", "am", hour(9), hour(12))
		o.until(8, 57)
		o.hear(Start, "bob", phone, "b")
		o.until(8, 59)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		o.wantStatus("am", CheckedIn)
	})
}

// What is booked while everybody is gone is not checked in to, before a device
// is back.
func TestWhatIsBookedAfterLeavingWaitsForTheReturn(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("ann@example.com", "day", hour(9), hour(17))
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(17, 0)
		o.hear(Stop, "ann", laptop, "a")
		o.until(17, 20)
		o.desk.book("ann@example.com", "evening", o.at(17, 15), hour(21))
		o.until(17, 50)
		o.want("in day")
		o.hear(Start, "ann", laptop, "b")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		o.want("in day, in evening")
	})
}

// What is moved here while everybody is gone was booked long before, and waits all
// the same; what stood here at noon and became due at lunch does not.
func TestWhatIsMovedHereAfterLeavingWaitsForTheReturn(t *testing.T) {
	allDay(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 0)
		o.hear(Stop, "ann", laptop, "a")
		o.until(12, 10)
		long := func(b *Booking) { b.Made = hour(1) }
		o.desk.book("ann@example.com", "moved", o.at(13, 15), hour(16), long, func(b *Booking) { b.Changed = o.at(12, 5) })
		o.desk.book("ann@example.com", "stood", o.at(13, 0), hour(16), long, func(b *Booking) { b.Changed = hour(2) })
		o.until(13, 0)
		o.want("in stood")
		o.hear(Start, "ann", laptop, "b")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		o.want("in stood, in moved")
	})
}

// Four hundred people of whom the desk knows nothing come before one with a
// desk; each question about one of them takes as long as the rate allows.
func TestWhoHasADeskIsNotKeptWaitingByWhoIsUnknown(t *testing.T) {
	allDay(t, func(o *office) {
		o.stop()
		o.door = func(r *reception) Desk { return &asking{reception: r} }
		o.start()
		o.desk.book("zoe@example.com", "b", hour(9), hour(17))
		o.until(9, 0)
		for i := range 400 {
			o.hear(Start, fmt.Sprintf("u%03d", i), fmt.Sprintf("02:00:00:00:%02x:%02x", 3+i/256, i%256), "a")
		}
		o.hear(Start, "zoe", laptop, "a")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		o.wantStatus("b", CheckedIn)
	})
}

// A desk that fails every second call is not a dead one.
func TestAFlakyDeskIsNotADeadOne(t *testing.T) {
	allDay(t, func(o *office) {
		var calls atomic.Int64
		o.desk.fails(func(string, *Booking) error {
			if calls.Add(1)%2 == 0 {
				return errors.New("502 Bad Gateway")
			}
			return nil
		})
		for i := range 30 {
			o.desk.book(fmt.Sprintf("u%02d@example.com", i), fmt.Sprintf("b%02d", i), hour(9), hour(17))
		}
		o.until(9, 0)
		for i := range 30 {
			o.hear(Start, fmt.Sprintf("u%02d", i), fmt.Sprintf("02:00:00:00:02:%02x", i), "a")
		}
		o.until(9, 1)
		in := 0
		for i := range 30 {
			if o.desk.status(fmt.Sprintf("b%02d", i)) == CheckedIn {
				in++
			}
		}
		if in != 30 {
			t.Errorf("%d of 30 are checked in within a minute, after %d calls: %+v", in, calls.Load(), o.courier.Health())
		}
	})
}

// The daemon is killed while a call is under way that takes effect; the next
// one settles it at once, by reading the booking.
func TestACallThatAKillCutIsSettledAtOnce(t *testing.T) {
	allDay(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		var killed *Memory
		o.desk.lost = func(string) bool { // the effect is there, the answer is not: so much is on the disk
			if killed == nil {
				killed = o.store.Copied()
			}
			return true
		}
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.stop()
		if killed == nil {
			t.Fatal("no call was made")
		}
		o.desk.lost = func(string) bool { return false }
		o.store = killed
		o.start()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		o.want("in b")
		if got := o.visit("ann@example.com").CheckIn; got.Status != Effected {
			t.Errorf("check-in: %+v", got)
		}
	})
}

// An errand is due when it is found, and not when the departure was.
func TestACheckOutIsDueWhenItIsFound(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.p.Visits[0].Claims = []Claim{{Booking: "b", In: d.clock("9:00"), Tried: d.clock("9:00"), Begin: d.clock("9:00"), End: d.clock("17:00")}}
	d.hear("10:00", Stop, laptop, "a")
	d.is("11:00")
	for i := range d.p.Visits {
		if e := d.p.Visits[i].CheckOut; d.p.Visits[i].State != Over || e.Status != Pending || e.Next.Before(d.clock("11:00")) {
			t.Errorf("%s, check-out %+v", d.p.Visits[i].State, e)
		}
	}
}

// Who walks to the company's other building keeps the desk in the first as long
// as they are there, unless the configuration says otherwise.
func TestWhoIsInTheOtherBuildingKeepsTheDesk(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		d := newDay(t)
		d.w.Lunch = DefaultRules().Lunch
		d.w.CheckOutElsewhere = elsewhere
		d.hear("9:00", Start, laptop, "a")
		d.p.Visits[0].Claims = []Claim{{Booking: "b", In: d.clock("9:00"), Tried: d.clock("9:00"), Begin: d.clock("9:00"), End: d.clock("17:00")}}
		d.hear("9:30", Stop, laptop, "a")
		d.hear("9:40", Start, laptop, "b", at("paris"))
		d.is("10:31")
		due := func() bool {
			for i := range d.p.Visits {
				if v := &d.p.Visits[i]; v.Site == "london" && v.State == Over {
					return v.CheckOut.Status == Pending && !v.CheckOut.Next.After(d.clock("16:00"))
				}
			}
			t.Fatalf("check_out_elsewhere %v: %s", elsewhere, d.visits())
			return false
		}
		if got := due(); got != elsewhere {
			t.Errorf("check_out_elsewhere %v: the check-out is due: %v", elsewhere, got)
		}
		d.hear("14:45", Stop, laptop, "b", at("paris"))
		d.is("15:46")
		if !due() {
			t.Errorf("check_out_elsewhere %v: she has left both, and is not checked out", elsewhere)
		}
	}
}

// asking is a reception where each question about one user takes as long as the
// rate of calls allows, and whose reading tells nothing of who has no booking.
type asking struct{ *reception }

func (r *asking) Listed(ctx context.Context, user, site string, asOf time.Time) (Listing, error) {
	l, err := r.reception.Listed(ctx, user, site, asOf)
	if err == nil && len(l.Bookings) == 0 {
		err = ErrUnlisted
	}
	return l, err
}

func (r *asking) Bookings(ctx context.Context, user, site string, asOf time.Time) ([]Booking, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(400 * time.Millisecond):
	}
	all, err := r.reception.Bookings(ctx, user, site, asOf)
	if err == nil && len(all) == 0 {
		err = ErrNoUser
	}
	return all, err
}
