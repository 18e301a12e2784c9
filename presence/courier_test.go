package presence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// reception is a Desk for tests: it keeps bookings, writes down what it is
// asked, and answers with fault's error first, if there is one.
type reception struct {
	mu       sync.Mutex
	bookings map[string]*Booking
	owner    map[string]string
	calls    []string
	fault    func(call string, b *Booking) error // nil error: carry on
	lost     func(call string) bool              // the effect happens, the answer is lost
}

func newReception() *reception {
	return &reception{
		bookings: map[string]*Booking{}, owner: map[string]string{},
		fault: func(string, *Booking) error { return nil }, lost: func(string) bool { return false },
	}
}

// fails has the fault be f from now on.
func (r *reception) fails(f func(call string, b *Booking) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// set has somebody else change a booking.
func (r *reception) set(id string, status BookingStatus, method string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bookings[id].Status, r.bookings[id].Method = status, method
}

func (r *reception) book(user, id string, begin, end time.Time, more ...func(*Booking)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := &Booking{ID: id, UserID: user, Type: "desk", Status: Booked, Begin: begin, End: end, Eligible: true}
	for _, f := range more {
		f(b)
	}
	r.bookings[id], r.owner[id] = b, user
}

func (r *reception) Bookings(_ context.Context, user, site string, day, asOf time.Time) (all []Booking, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.fault("read", nil); err != nil {
		return nil, err
	}
	for id, b := range r.bookings {
		if r.owner[id] == user {
			b := *b
			b.Read = time.Now()
			all = append(all, b)
		}
	}
	return all, nil
}

func (r *reception) CheckIn(_ context.Context, _ string, b Booking) (Booking, error) {
	return r.post("in "+b.ID, b, Booked, CheckedIn)
}

func (r *reception) CheckOut(_ context.Context, _ string, b Booking) (Booking, error) {
	return r.post("out "+b.ID, b, CheckedIn, CheckedOut)
}

func (r *reception) post(call string, b Booking, from, to BookingStatus) (Booking, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
	now := r.bookings[b.ID]
	if err := r.fault(call, now); err != nil {
		return Booking{}, err
	}
	if now == nil {
		return Booking{}, &DeniedError{Reason: "not found", Gone: true}
	}
	if now.Status != from {
		return Booking{}, &RefusedError{Reason: "it is " + string(now.Status)}
	}
	now.Status, now.Method = to, "wifi"
	if r.lost(call) {
		return Booking{}, errors.New("read: connection reset")
	}
	return *now, nil
}

func (r *reception) status(id string) BookingStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bookings[id].Status
}

func (r *reception) made() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.calls, ", ")
}

// office is the tracker and the courier over one store, in a bubble whose
// clock begins on Monday, 5 January 2026 at 8:00 in London.
type office struct {
	t       *testing.T
	store   *memory
	desk    *reception
	tracker *Tracker
	courier *Courier
	rules   Rules
	door    func(*reception) Desk // what stands between the courier and the desk
	hash    []byte                // Mapping.HashKey
	stop    func()
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func inOffice(t *testing.T, f func(*office)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)))
		o := &office{t: t, store: newMemory(), desk: newReception(), rules: DefaultRules()}
		o.door = func(r *reception) Desk { return r }
		o.rules.Sites = map[string]Site{"london": london(t)}
		o.start()
		f(o)
		o.stop()
	})
}

func (o *office) start() {
	mapping := Mapping{Sites: []Site{o.rules.Sites["london"]}, Identity: Identity{Domain: "example.com"}, HashKey: o.hash}
	o.tracker = NewTracker(o.store, mapping, o.rules, quiet)
	o.courier = NewCourier(o.store, o.door(o.desk), o.rules, quiet)
	o.tracker.Concluded = o.courier.Kick
	ctx, cancel := context.WithCancel(o.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { o.tracker.Run(ctx) })
	wg.Go(func() { o.courier.Run(ctx) })
	o.stop = func() { cancel(); wg.Wait() }
}

// until lets the clock run to hour:minute.
func (o *office) until(hour, minute int) time.Time {
	now := time.Date(2026, 1, 5, hour, minute, 0, 0, time.UTC)
	time.Sleep(time.Until(now))
	synctest.Wait()
	return now
}

func hour(h int) time.Time { return time.Date(2026, 1, 5, h, 0, 0, 0, time.UTC) }

func (o *office) hear(status Status, user, device, session string) {
	o.t.Helper()
	now := time.Now()
	err := o.tracker.Record(o.t.Context(), []Record{{
		Client: "hq", Site: "london", Heard: now, At: now, Status: status, UserName: user, Device: device,
		Session: session, SSID: "Corp", NASID: "wlc",
	}})
	if err != nil {
		o.t.Fatal(err)
	}
	synctest.Wait()
}

func (o *office) want(calls string) {
	o.t.Helper()
	if got := o.desk.made(); got != calls {
		o.t.Errorf("%s: calls: %s\n want: %s\n%s", time.Now().Format("15:04:05"), got, calls, o.story())
	}
}

func (o *office) story() string {
	var b strings.Builder
	people, _ := o.store.People(o.t.Context(), "", 100)
	for _, p := range people {
		for _, v := range p.Visits {
			fmt.Fprintf(&b, "  %s %s: in %+v, out %+v\n", v.User, v.State, v.CheckIn, v.CheckOut)
		}
		for _, e := range p.Story {
			fmt.Fprintf(&b, "  %s %s: %s\n", e.At.Format("15:04:05"), e.Kind, e.Text)
		}
	}
	return b.String()
}

// visit returns the latest visit of a user, settled or not.
func (o *office) visit(user string) Visit {
	o.t.Helper()
	p, _ := o.store.Person(o.t.Context(), user)
	if n := len(p.Visits); n > 0 {
		return p.Visits[n-1]
	}
	h, _ := o.store.History(o.t.Context(), user, time.Time{}, hour(23), 100)
	if len(h) == 0 {
		o.t.Fatalf("no visit of %s", user)
	}
	return h[len(h)-1]
}

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

func (o *office) at(h, m int) time.Time { return time.Date(2026, 1, 5, h, m, 0, 0, time.UTC) }

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
		o.courier.carry(o.t.Context(), p.User)
		o.until(11, 0)
		o.want("")
		if got := o.visit("ann@example.com").CheckIn; got.Status != Skipped {
			t.Errorf("check-in: %+v", got)
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

func TestCase99UnknownUserIsAskedForRarely(t *testing.T) {
	inOffice(t, func(o *office) {
		var calls atomic.Int32
		o.desk.fails(func(string, *Booking) error { calls.Add(1); return ErrNoUser })
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 30)
		if n := calls.Load(); n != 4 {
			t.Errorf("%d calls, want 4", n)
		}
		if got := o.visit("ann@example.com").CheckIn; got.Status != Waiting || got.Reason == "" {
			t.Errorf("check-in: %+v", got)
		}
	})
}
