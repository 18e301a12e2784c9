package presence

import (
	"context"
	"errors"
	"testing"
	"time"
)

// byHandTest drops ann's visit at one time of a day, on which her booking is checked in
// at nine and she leaves at noon, and takes it up again at another.
type byHandTest struct {
	settle      time.Duration
	down        bool // the desk fails from nine, or from noon on, until half past three
	from        int
	drop, retry float64 // hours; 0: not
	want        string  // the calls that took effect
	in, out     ErrandStatus
}

func (o *office) order(f func(user, visit string) error) {
	o.t.Helper()
	if err := f("ann@example.com", o.visit("ann@example.com").ID); err != nil {
		o.t.Fatal(err)
	}
}

// TestDropLeavesAloneWhatWasDone, and nothing more is done about the visit until retry
// takes it up again.
func TestDropLeavesAloneWhatWasDone(t *testing.T) {
	for name, c := range map[string]byHandTest{
		"nothing":                        {want: "in b, out b", in: Effected, out: Effected},
		"once checked in":                {drop: 10, want: "in b", in: Effected, out: Skipped},
		"… and taken up again":           {drop: 10, retry: 11, want: "in b, out b", in: Effected, out: Effected},
		"… when she had left":            {drop: 10, retry: 15, want: "in b, out b", in: Effected, out: Effected},
		"while lingering":                {drop: 12.5, want: "in b", in: Effected, out: Skipped},
		"the check-out":                  {down: true, from: 12, drop: 15, want: "in b", in: Effected, out: Skipped},
		"… and taken up again, the desk": {down: true, from: 12, drop: 15, retry: 15.25, want: "in b, out b", in: Effected, out: Effected},
		"the check-in":                   {down: true, from: 9, drop: 10, want: "", in: Skipped, out: Skipped},
		"… and taken up":                 {down: true, from: 9, drop: 10, retry: 11, want: "", in: Skipped, out: Skipped},
		"before she had settled":         {settle: 2 * time.Hour, drop: 9.5, want: "", in: Skipped, out: Skipped},
		"… and taken up while settling":  {settle: time.Hour, drop: 9.25, retry: 10.5, want: "in b, out b", in: Effected, out: Effected},
	} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, func(o *office) {
				o.stop()
				o.rules.Settle = c.settle
				o.start()
				o.desk.book("ann@example.com", "b", hour(9), hour(17))
				do := func(from, to float64) {
					for _, order := range []struct {
						at float64
						f  func(user, visit string) error
					}{{c.drop, o.courier.Drop}, {c.retry, o.courier.Retry}} {
						if order.at > from && order.at <= to {
							o.until(int(order.at), int(order.at*60)%60)
							o.order(order.f)
						}
					}
					o.until(int(to), int(to*60)%60)
				}
				fail := func(at int) {
					if c.down && c.from == at {
						o.desk.fails(func(string, *Booking) error { return errors.New("503") })
					}
				}
				do(0, 9)
				fail(9)
				o.hear(Start, "ann", laptop, "a")
				do(9, 12)
				fail(12)
				o.hear(Stop, "ann", laptop, "a")
				do(12, 15.5)
				o.desk.fails(func(string, *Booking) error { return nil })
				do(15.5, 17.5)
				o.want(c.want)
				p, _ := o.store.Person(t.Context(), "ann@example.com")
				if len(p.Visits) > 0 {
					t.Errorf("the visit is not archived when its booking has ended: %+v", p.Visits)
				}
				if v := o.visit("ann@example.com"); v.CheckIn.Status != c.in || v.CheckOut.Status != c.out {
					t.Errorf("check-in %+v, check-out %+v; want %s, %s\n%s", v.CheckIn, v.CheckOut, c.in, c.out, o.story())
				}
			})
		})
	}
}

// TestWhatWasDroppedIsNobodyElses: ann comes back after her check-out was dropped, and
// leaves again; the booking is left as it is.
func TestWhatWasDroppedIsNobodyElses(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 30)
		o.order(o.courier.Drop)
		if err := o.courier.Drop("ann@example.com", o.visit("ann@example.com").ID); err == nil {
			t.Error("it is dropped twice")
		}
		o.hear(Stop, "ann", laptop, "a")
		o.until(12, 0)
		o.hear(Start, "ann", laptop, "b")
		o.until(13, 0)
		o.hear(Stop, "ann", laptop, "b")
		o.until(17, 30)
		o.want("in b")
	})
}

// slowCalls takes ten seconds for each check-in and check-out.
type slowCalls struct{ *reception }

func (s slowCalls) CheckIn(ctx context.Context, site string, b Booking) (Booking, error) {
	time.Sleep(10 * time.Second)
	return s.reception.CheckIn(ctx, site, b)
}

func (s slowCalls) CheckOut(ctx context.Context, site string, b Booking) (Booking, error) {
	time.Sleep(10 * time.Second)
	return s.reception.CheckOut(ctx, site, b)
}

// TestACallUnderWayIsToldAlthoughDropped: it took effect, and says so.
func TestACallUnderWayIsToldAlthoughDropped(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.door = func(r *reception) Desk { return slowCalls{r} }
		o.start()
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		time.Sleep(2 * time.Second)
		o.order(o.courier.Drop)
		o.until(10, 0)
		if v := o.visit("ann@example.com"); v.CheckIn.Status != Effected || len(v.CheckIn.Bookings) != 1 || v.CheckIn.Reason != "" {
			t.Errorf("check-in %+v", v.CheckIn)
		}
		o.order(o.courier.Retry)
		o.hear(Stop, "ann", laptop, "a")
		o.until(11, 0)
		for o.visit("ann@example.com").CheckOut.Status != Pending || !o.visitLeased() {
			time.Sleep(time.Second)
		}
		o.order(o.courier.Drop)
		o.until(11, 30)
		o.want("in b, out b")
		if v := o.visit("ann@example.com"); v.CheckOut.Status != Effected || v.CheckOut.Reason != "" {
			t.Errorf("check-out %+v", v.CheckOut)
		}
	})
}

func (o *office) visitLeased() bool {
	v := o.visit("ann@example.com")
	return v.leased()
}
