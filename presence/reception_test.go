package presence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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

// crowd is a record of each of so many people, u000, u001, …
func crowd(size int, status Status, session string) (batch []Record) {
	for i := range size {
		batch = append(batch, Record{
			Status: status, UserName: fmt.Sprintf("u%03d", i), Device: fmt.Sprintf("02:00:00:00:00:%02x", i),
			Session: fmt.Sprint(session, i), Cause: UserRequest,
		})
	}
	return batch
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

func (o *office) at(h, m int) time.Time { return time.Date(2026, 1, 5, h, m, 0, 0, time.UTC) }
