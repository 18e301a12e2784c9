package presence

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestCheckInOnArrivalCheckOutAfterLinger(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a")
		o.want("in b")
		o.until(12, 0)
		o.hear(Stop, "ann", laptop, "a")
		o.until(12, 30)
		o.hear(Start, "ann", laptop, "b")
		o.until(16, 0)
		o.hear(Stop, "ann", laptop, "b")
		o.until(16, 59)
		o.want("in b")
		o.until(17, 30)
		if got := o.visit("ann@example.com"); got.CheckOut.Reason != "booking b has ended" {
			t.Errorf("check-out: %+v", got.CheckOut)
		}

		o.desk.book("bob@example.com", "c", hour(9), hour(23))
		o.hear(Start, "bob", phone, "a")
		o.until(18, 0)
		o.hear(Stop, "bob", phone, "a")
		o.until(19, 1)
		o.want("in b, in c, out c")
		if got := o.visit("bob@example.com"); got.CheckOut.Status != Effected || !slices.Equal(got.CheckOut.Bookings, []string{"c"}) {
			t.Errorf("check-out: %+v", got.CheckOut)
		}
	})
}

func TestBookingIsCheckedInAsItBecomesDue(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "noon", hour(12), hour(17))
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(10, 59)
		o.want("")
		if got := o.visit("ann@example.com").CheckIn; got.Status != Waiting || !got.Next.Equal(o.at(9, 5).Add(0)) && got.Next.After(hour(11)) {
			t.Errorf("check-in: %+v", got)
		}
		o.until(11, 1)
		o.want("in noon")
	})
}

func TestBookingMadeLaterIsFound(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(11, 0)
		o.desk.book("ann@example.com", "late", hour(11), hour(17))
		o.until(11, 6)
		o.want("in late")
	})
}

func TestBookingMadeOnTheWayInIsFoundSoon(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(9, 2)
		o.want("in b")
	})
}

func TestEveryEligibleBookingAndNoOther(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "desk", hour(9), hour(17))
		o.desk.book("ann@example.com", "onsite", hour(8), hour(18))
		o.desk.book("ann@example.com", "room", hour(9), hour(10), func(b *Booking) { b.Eligible = false })
		o.desk.book("ann@example.com", "guest", hour(9), hour(17), func(b *Booking) { b.Guest = true })
		o.desk.book("joann@example.com", "joann", hour(9), hour(17))
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 30)
		o.want("in onsite, in desk")
	})
}

func TestAMeetingRoomIsNamedAsTheReason(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "r", hour(9), hour(10), func(b *Booking) { b.Type, b.Eligible = "room", false })
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		if got, want := o.visit("ann@example.com").CheckIn.Reason, "booking r is a room, which is not among the configured types"; got != want {
			t.Errorf("reason %q, want %q", got, want)
		}
		o.want("")
	})
}

func TestTooEarlyIsTriedAtTheStart(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.desk.fault = func(call string, b *Booking) error {
			if strings.HasPrefix(call, "in") && time.Now().Before(b.Begin) {
				return &RefusedError{Reason: "too early"}
			}
			return nil
		}
		o.until(8, 15)
		o.hear(Start, "ann", laptop, "a")
		o.until(8, 59)
		o.want("in b")
		o.until(9, 0)
		o.want("in b, in b")
		if o.desk.status("b") != CheckedIn {
			t.Error("not checked in")
		}
	})
}

func TestSelfCertificationMayComeLater(t *testing.T) {
	inOffice(t, func(o *office) {
		var certified atomic.Bool
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.desk.fault = func(call string, b *Booking) error {
			if strings.HasPrefix(call, "in") && !certified.Load() {
				return &RefusedError{Reason: "self-certify first"}
			}
			return nil
		}
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 14)
		o.want("in b, in b, in b")
		certified.Store(true)
		o.until(9, 16)
		o.want("in b, in b, in b, in b")
		if o.desk.status("b") != CheckedIn {
			t.Error("not checked in")
		}
	})
}

// The check-out of the morning did not get through; she is back at noon, and
// must not be checked out when the desk answers again.
func TestBackBeforeTheCheckOutGotThrough(t *testing.T) {
	inOffice(t, func(o *office) {
		var down atomic.Bool
		o.desk.fault = func(string, *Booking) error {
			if down.Load() {
				return errors.New("502 Bad Gateway")
			}
			return nil
		}
		o.desk.book("ann@example.com", "b", hour(8), hour(22))
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 0)
		o.hear(Stop, "ann", laptop, "a")
		down.Store(true)
		o.until(12, 0)
		o.hear(Start, "ann", laptop, "b")
		o.until(12, 5)
		down.Store(false)
		o.until(16, 0)
		o.want("in b")
		o.hear(Stop, "ann", laptop, "b")
		o.until(17, 1)
		o.want("in b, out b")
	})
}

func TestComingBackAfterACheckOutTakesTheNextBooking(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "morning", hour(8), hour(13))
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 0)
		o.hear(Stop, "ann", laptop, "a")
		o.until(10, 1)
		o.desk.book("ann@example.com", "later", hour(12), hour(17))
		o.until(11, 30)
		o.hear(Start, "ann", laptop, "b")
		o.until(12, 0)
		o.want("in morning, out morning, in later")
	})
}

func TestDroppedCheckInIsNotMadeForAnotherVisitsSake(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.desk.fails(func(call string, _ *Booking) error { return errors.New("502 Bad Gateway") })
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		if err := o.courier.Drop("ann@example.com", o.visit("ann@example.com").ID); err != nil {
			t.Fatal(err)
		}
		o.stop()
		o.desk.fails(func(string, *Booking) error { return nil })
		o.start()
		p, _ := o.store.Person(t.Context(), "ann@example.com")
		o.courier.carry(o.t.Context(), stop{user: p.User, urgency: lookUps})
		o.until(11, 0)
		o.want("")
		if got := o.visit("ann@example.com").CheckIn; got.Status != Skipped {
			t.Errorf("check-in: %+v", got)
		}
	})
}

func TestCheckOutRules(t *testing.T) {
	for rule, want := range map[CheckOutRule]BookingStatus{CheckOutOurs: CheckedIn, CheckOutAll: CheckedOut, CheckOutNever: CheckedIn} {
		inOffice(t, func(o *office) {
			o.stop()
			o.rules.CheckOut = rule
			o.start()
			o.desk.book("ann@example.com", "app", hour(9), hour(17), func(b *Booking) { b.Status = CheckedIn })
			o.until(9, 0)
			o.hear(Start, "ann", laptop, "a")
			o.until(10, 0)
			o.hear(Stop, "ann", laptop, "a")
			o.until(12, 0)
			if got := o.desk.status("app"); got != want {
				t.Errorf("%s: %s, want %s\n%s", rule, got, want, o.story())
			}
		})
	}
}

func TestDryRunRecordsWhatItWouldHaveDone(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.rules.DryRun = true
		o.start()
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.desk.fault = func(call string, _ *Booking) error {
			if call != "read" {
				return ErrDryRun
			}
			return nil
		}
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(10, 0)
		if got := o.visit("ann@example.com").CheckIn; got.Status != DryRunned || len(got.Bookings) != 1 {
			t.Errorf("check-in: %+v", got)
		}
		o.hear(Stop, "ann", laptop, "a")
		o.until(12, 0)
		if got := o.visit("ann@example.com").CheckOut; got.Status != DryRunned || len(got.Bookings) != 1 {
			t.Errorf("check-out: %+v", got)
		}
		if got := o.desk.status("b"); got != Booked {
			t.Errorf("the booking is %s", got)
		}
	})
}

// Of a directory of which the desk knows nobody, no more questions are remembered
// than there may be people in a plan; and each user has a turn.
func TestQuestionsAreBounded(t *testing.T) {
	c, now := NewCourier(NewMemory(), newReception(), DefaultRules(), quiet), hour(9)
	for i := range mostQuestions + 100 {
		user := fmt.Sprintf("u%05d@example.com", i)
		if i%2 == 0 { // the others' bookings are at stake: they are asked about at once
			if at := c.want(user, now); !at.IsZero() || !c.wants(user) {
				t.Fatalf("%s is to wait until %s", user, at)
			}
		}
		c.asked(user, false, ErrNoUser, now)
		if at, want := c.want(user, now), now.Add(noUserTime); !at.Equal(want) {
			t.Fatalf("%s is asked about again at %s, want %s", user, at, want)
		}
	}
	if n := len(c.questions); n != mostQuestions {
		t.Errorf("%d questions are remembered, want %d", n, mostQuestions)
	}
}
