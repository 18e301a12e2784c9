package presence

import (
	"context"
	"testing"
	"time"
)

// At the default settings: a laptop that wakes for a minute at ten to eight does
// not use the day's desk up. Its owner comes at nine, stays, and is checked out
// in the evening.
func TestAStayOfAMomentKeepsTheDesk(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(8), hour(18))
		o.until(8, 10)
		o.hear(Start, "ann", laptop, "a")
		o.until(8, 11)
		o.hear(Stop, "ann", laptop, "a")
		o.until(9, 30)
		if got := o.desk.status("b"); got != CheckedIn {
			t.Fatalf("the booking is %s after a minute at 8:10, want checkedIn: %s", got, o.desk.made())
		}
		o.hear(Start, "ann", phone, "p")
		o.until(16, 0)
		o.hear(Stop, "ann", phone, "p")
		o.until(17, 30)
		if got := o.desk.status("b"); got != CheckedOut {
			t.Errorf("the booking is %s after she left at 16:00, want checkedOut: %s\n%s", got, o.desk.made(), o.story())
		}
	})
}

// Who only passes by and does not come back is checked in until the booking
// ends, and nothing more is called for.
func TestWhoOnlyPassesByIsNotCheckedOut(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(8), hour(12))
		o.until(8, 10)
		o.hear(Start, "ann", laptop, "a")
		time.Sleep(20 * time.Second)
		o.hear(Stop, "ann", laptop, "a")
		o.until(13, 0)
		if got := o.desk.status("b"); got == CheckedOut {
			t.Errorf("the booking is %s: %s", got, o.desk.made())
		}
		if v := o.visit("ann@example.com"); v.CheckOut.Status != Skipped {
			t.Errorf("check-out: %+v", v.CheckOut)
		}
	})
}

// slowRead is a desk at which reading a building takes a minute.
type slowRead struct{ *reception }

func (s slowRead) Listed(ctx context.Context, user, site string, asOf time.Time) (Listing, error) {
	l, err := s.reception.Listed(ctx, user, site, asOf)
	time.Sleep(time.Minute)
	return l, err
}

// What was read for the sake of a check-in is no reason to check out if the stay
// is over by the time it has been read: that waits for a time of its own.
func TestAReadingForACheckInMakesNoCheckOut(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.door = func(r *reception) Desk { return slowRead{r} }
		o.start()
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 2)
		o.hear(Stop, "ann", laptop, "a")
		o.until(10, 1)
		time.Sleep(30 * time.Second)
		v := o.visit("ann@example.com")
		if v.State != Leaving {
			t.Fatalf("half a minute before linger has passed the visit is %s", v.State)
		}
		if err := o.courier.Retry(v.User, v.ID); err != nil { // it is read from here until after that
			t.Fatal(err)
		}
		o.until(10, 5)
		if v = o.visit("ann@example.com"); v.State != Over || v.CheckOut.Status != Waiting {
			t.Errorf("the visit is %s, its check-out %+v", v.State, v.CheckOut)
		}
		o.want("in b")
	})
}
