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

func TestLostAnswerIsNotRepeated(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(23))
		o.desk.lost = func(call string) bool { return true }
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 0)
		o.want("in b")
		if got := o.visit("ann@example.com").CheckIn; got.Status != Effected {
			t.Errorf("check-in: %+v", got)
		}
		o.hear(Stop, "ann", laptop, "a")
		o.until(14, 0)
		o.want("in b, out b")
		if got := o.visit("ann@example.com").CheckOut; got.Status != Effected {
			t.Errorf("check-out: %+v", got)
		}
	})
}

func TestCase71RestartWithACheckOutPending(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(23))
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(10, 0)
		o.hear(Stop, "ann", laptop, "a")
		o.until(10, 30)
		o.stop()
		o.until(13, 0) // past the deadline
		o.start()
		o.until(13, 2)
		o.want("in b") // departures wait as long as controllers keep retrying
		o.until(13, 3)
		o.want("in b, out b")
		if got := o.visit("ann@example.com").Departed; !got.Equal(hour(10)) {
			t.Errorf("departed %s, want 10:00", got)
		}
		o.stop()
		o.start()
		o.until(15, 0)
		o.want("in b, out b")
	})
}

// hung is a desk that takes its time to fail.
type hung struct{ *reception }

func (hung) fail(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Second):
	}
	return errors.New("500 Internal Server Error")
}

func (h hung) Listed(ctx context.Context, _, _ string, _ time.Time) (Listing, error) {
	return Listing{}, h.fail(ctx)
}

func (h hung) Bookings(ctx context.Context, _, _ string, _ time.Time) ([]Booking, error) {
	return nil, h.fail(ctx)
}

// Recording knows nothing of the desk: a Start is answered at once while a call
// hangs, and what is owed is in the store, whatever becomes of the process.
func TestCase03DeskThatIsDownDelaysNoAnswer(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.door = func(r *reception) Desk { return hung{r} }
		o.start()
		o.until(9, 0)
		everybody := []string{"ann", "bob"}
		for _, user := range everybody {
			o.desk.book(user+"@example.com", user, hour(9), hour(17))
			before := time.Now()
			o.hear(Start, user, map[string]string{"ann": laptop, "bob": phone}[user], user)
			if took := time.Since(before); took > 0 {
				t.Errorf("%s: the answer took %s", user, took)
			}
		}
		o.until(9, 5)
		for _, user := range everybody {
			if got := o.visit(user + "@example.com").CheckIn; got.Status != Pending || got.Next.IsZero() {
				t.Errorf("%s: check-in %+v", user, got)
			}
		}
		o.stop()
		o.door = func(r *reception) Desk { return r }
		o.start()
		o.until(10, 0)
		for _, user := range everybody {
			if got := o.desk.status(user); got != CheckedIn {
				t.Errorf("%s: %s\n%s", user, got, o.story())
			}
		}
	})
}

func TestDayWithoutTheDesk(t *testing.T) {
	inOffice(t, func(o *office) {
		var down atomic.Bool
		down.Store(true)
		o.desk.fault = func(string, *Booking) error {
			if down.Load() {
				return errors.New("502 Bad Gateway")
			}
			return nil
		}
		for _, user := range []string{"stays", "left", "back"} {
			o.desk.book(user+"@example.com", user, hour(9), hour(22))
		}
		o.until(9, 0)
		o.hear(Start, "stays", "02:00:00:00:01:01", "a")
		o.hear(Start, "left", "02:00:00:00:01:02", "b")
		o.hear(Start, "back", "02:00:00:00:01:03", "c")
		o.until(10, 0)
		o.hear(Stop, "left", "02:00:00:00:01:02", "b")
		o.hear(Stop, "back", "02:00:00:00:01:03", "c")
		o.until(12, 0)
		o.hear(Start, "back", "02:00:00:00:01:03", "d")
		o.until(16, 0)
		o.want("")
		down.Store(false)
		o.until(16, 40)
		for user, want := range map[string]BookingStatus{"stays": CheckedIn, "left": Booked, "back": CheckedIn} {
			if got := o.desk.status(user); got != want {
				t.Errorf("%s: %s, want %s\n%s", user, got, want, o.story())
			}
		}
		if got := o.visit("left@example.com").CheckIn; got.Status != Skipped || got.Reason == "" {
			t.Errorf("left: check-in %+v", got)
		}
	})
}

func TestNobodyWaitsForSomebodyWhoFails(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "ann", hour(9), hour(17))
		o.desk.book("bob@example.com", "bob", hour(9), hour(17))
		o.desk.fault = func(call string, _ *Booking) error {
			if call == "in ann" {
				return errors.New("500")
			}
			return nil
		}
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 1)
		o.hear(Start, "bob", phone, "b")
		if o.desk.status("bob") != CheckedIn {
			t.Errorf("bob waits\n%s", o.story())
		}
	})
}

func TestThrottledWaitsAsTold(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.desk.fault = func(call string, _ *Booking) error {
			if time.Now().Before(o.at(9, 10)) {
				return &ThrottledError{Until: o.at(9, 10)}
			}
			return nil
		}
		var reads atomic.Int32
		fault := o.desk.fault
		o.desk.fails(func(call string, b *Booking) error { reads.Add(1); return fault(call, b) })
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 9)
		if n := reads.Load(); n != 1 {
			t.Errorf("%d calls while throttled, want 1", n)
		}
		o.until(9, 11)
		o.want("in b")
	})
}

func TestDeniedIsNotTriedAgain(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.desk.fault = func(call string, _ *Booking) error {
			if call == "in b" {
				return &DeniedError{Reason: "the acting user lacks permission"}
			}
			return nil
		}
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(16, 0)
		o.want("in b")
		if got := o.visit("ann@example.com").CheckIn; got.Status != Refused || got.Reason == "" {
			t.Errorf("check-in: %+v", got)
		}
	})
}

func TestDeadDeskIsProbedAndNotHammered(t *testing.T) {
	inOffice(t, func(o *office) {
		var calls atomic.Int32
		o.desk.fails(func(string, *Booking) error { calls.Add(1); return errors.New("connection refused") })
		o.until(9, 0)
		for i := range 200 {
			o.hear(Start, fmt.Sprintf("user%d", i), fmt.Sprintf("02:00:00:00:01:%02x", i), "a")
		}
		o.until(10, 0)
		if n := calls.Load(); n > 60 {
			t.Errorf("%d calls in an hour without an answer", n)
		}
		if got := o.courier.Health(); got.Error == "" || got.Failures < breaker {
			t.Errorf("health: %+v", got)
		}
	})
}

func TestCase99UnknownUserIsAskedForRarely(t *testing.T) {
	inOffice(t, func(o *office) {
		var calls atomic.Int32
		o.desk.unlisted = true
		o.desk.fails(func(string, *Booking) error { calls.Add(1); return ErrNoUser })
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(18, 30)
		if n := calls.Load(); n != 4 { // at 9, 10, 12 and 16
			t.Errorf("%d calls, want 4: each is asked more seldom than the one before", n)
		}
		if got := o.visit("ann@example.com").CheckIn; got.Status != Waiting || got.Reason == "" {
			t.Errorf("check-in: %+v", got)
		}
	})
}

// Who was checked in by us is checked out, although the desk does not know them,
// or denies them, when they leave: it may be its fault, and it passes.
func TestWhoIsUnknownOnLeavingIsCheckedOutLater(t *testing.T) {
	for _, fault := range []error{ErrNoUser, &DeniedError{Reason: "not found", Gone: true}} {
		inOffice(t, func(o *office) {
			o.desk.book("ann@example.com", "desk", hour(9), hour(17))
			o.until(9, 0)
			o.hear(Start, "ann", laptop, "a")
			o.desk.fails(func(string, *Booking) error { return fault })
			o.until(12, 0)
			o.hear(Stop, "ann", laptop, "a")
			o.until(13, 30)
			if h := o.courier.Health(); h.Failures > 0 || h.Rests.After(time.Now()) {
				t.Errorf("%v: is taken for a fault of the desk: %+v", fault, h)
			}
			if got := o.visit("ann@example.com").CheckOut; got.Status != Pending || got.Reason != fault.Error() {
				t.Errorf("%v: check-out: %+v", fault, got)
			}
			o.desk.fails(func(string, *Booking) error { return nil })
			o.until(13, 40)
			if got := o.desk.status("desk"); got != CheckedOut {
				t.Errorf("%v: the booking is %s", fault, got)
			}
		})
	}
}

// remote is a desk that answers for london alone. For other sites it takes a
// second to fail, or to say that we may not.
type remote struct {
	*reception
	mended *atomic.Bool
}

func (r remote) fails(site string) error {
	if site == "london" || r.mended.Load() {
		return nil
	}
	time.Sleep(time.Second)
	if site[len(site)-1]%2 == 0 {
		return &DeniedError{Reason: "no such building"}
	}
	return errors.New("503 Service Unavailable")
}

func (r remote) Listed(ctx context.Context, user, site string, asOf time.Time) (Listing, error) {
	if r.fails(site) != nil {
		return Listing{}, ErrUnlisted
	}
	return r.reception.Listed(ctx, user, site, asOf)
}

func (r remote) Bookings(ctx context.Context, user, site string, asOf time.Time) ([]Booking, error) {
	if err := r.fails(site); err != nil {
		return nil, err
	}
	return r.reception.Bookings(ctx, user, site, asOf)
}

// A hundred sites fail, with somebody at each who has a booking: nobody at a
// site that the desk answers for waits for any of them, on coming nor on going,
// and they are made up for when it is over.
func TestCase03FailingSitesHoldUpNobodyElse(t *testing.T) {
	inOffice(t, func(o *office) {
		var mended atomic.Bool
		o.stop()
		o.door = func(r *reception) Desk { return remote{r, &mended} }
		const others = 100
		for i := range others {
			site := london(t)
			site.Name = fmt.Sprint("site-", i)
			o.rules.Sites[site.Name] = site
		}
		o.start()
		o.desk.book("bob@example.com", "bob", hour(9), hour(17))
		o.desk.book("ann@example.com", "ann", hour(9), hour(17))
		o.until(9, 0)
		o.hear(Start, "bob", phone, "a")
		o.until(9, 5)
		for i := range others {
			user := fmt.Sprintf("u%03d", i)
			o.desk.book(user+"@example.com", user, hour(9), hour(17))
			o.hearAt(fmt.Sprint("site-", i), Start, user, fmt.Sprintf("02:00:00:01:%02x:%02x", i>>8, i&255), "a")
		}
		o.hear(Start, "ann", laptop, "a")
		time.Sleep(o.rules.Settle + 3*time.Second)
		synctest.Wait()
		o.wantStatus("ann", CheckedIn)
		o.until(10, 0)
		o.hear(Stop, "ann", laptop, "a")
		time.Sleep(o.rules.Linger + 3*time.Second)
		synctest.Wait()
		o.wantStatus("ann", CheckedOut)
		mended.Store(true)
		time.Sleep(40 * time.Minute)
		synctest.Wait()
		for i := range others {
			o.wantStatus(fmt.Sprintf("u%03d", i), CheckedIn)
		}
	})
}

// Of two lists that are never empty each has its turn, whichever is more urgent;
// and calls for sites that do not answer are never all that there are.
func TestNoListOfPeopleWaitsForEver(t *testing.T) {
	for _, c := range [][2]urgency{{checkIns, checkIns}, {checkOuts, checkIns}, {refreshes, checkIns}, {checkIns, refreshes}} {
		l := newLine(func(site string) (sound, rests bool) { return site == "sound", false })
		for i := range 100 {
			l.put(due{user: fmt.Sprint("sound ", i), site: "sound", urgency: c[0]})
			l.put(due{user: fmt.Sprint("other ", i), site: fmt.Sprint("other ", i%7), urgency: c[1]})
		}
		turns := map[bool]int{}
		for range 40 {
			s, ok := l.choose(newBusyPeople())
			if !ok {
				t.Fatal("nobody is chosen")
			}
			turns[s.sound]++
		}
		if turns[true] < 10 || turns[false] < 10 {
			t.Errorf("of %v: %v", c, turns)
		}
	}
	l, busy := newLine(func(string) (sound, rests bool) { return false, false }), newBusyPeople()
	for _, user := range []string{"a", "b", "c"} {
		l.put(due{user: user})
	}
	for n := 1; n <= 3; n++ {
		_, ok := l.choose(busy)
		if ok != (n <= callsAtOnce/2) {
			t.Errorf("call %d for a site that does not answer: %v", n, ok)
		}
	}
}
