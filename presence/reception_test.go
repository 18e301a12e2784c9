package presence

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	site     map[string]string // of those that are at one building only
	calls    []string
	madeAt   map[string]time.Time
	release  time.Duration // after the begin: what is not checked in is cancelled; 0: never
	took     []effect
	since    map[string]time.Time // since when a booking has had its status, if that changed
	wrong    []string             // what was called for, and must not have been
	asked    map[string]bool      // passes that may have been booked
	none     func(user string) string
	late     func() time.Duration // after which a pass is booked whose answer is lost; 0: it is not
	unlisted bool                 // only questions about users are answered
	reading  map[string]Booking
	at       time.Time                           // of the reading
	readings []time.Time                         // all
	fault    func(call string, b *Booking) error // nil error: carry on
	lost     func(call string) bool              // the effect happens, the answer is lost
}

func newReception() *reception {
	return &reception{
		bookings: map[string]*Booking{}, owner: map[string]string{}, site: map[string]string{}, madeAt: map[string]time.Time{}, since: map[string]time.Time{}, asked: map[string]bool{},
		late:  func() time.Duration { return 0 },
		fault: func(string, *Booking) error { return nil }, lost: func(string) bool { return false },
	}
}

// effect is a call that took effect.
type effect struct {
	call, id string
	at       time.Time
}

// passTime lets time pass for the bookings. Who calls holds the lock.
func (r *reception) passTime() {
	for id, b := range r.bookings {
		if r.release > 0 && b.Status == Booked && !time.Now().Before(later(b.Begin, r.madeAt[id]).Add(r.release)) {
			b.Status, b.Taken, r.since[id] = Cancelled, true, time.Now()
		}
	}
}

// change has the user, or somebody else, change a booking.
func (r *reception) change(id string, f func(b *Booking, site *string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passTime()
	site := r.site[id]
	f(r.bookings[id], &site)
	r.site[id] = site
}

// fails sets the fault of every call from now on.
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
	r.bookings[id], r.owner[id], r.madeAt[id] = b, user, time.Now()
}

// Listed implements Desk: a reading of the building costs a call, and serves
// everybody who does not ask for a newer one.
func (r *reception) Listed(_ context.Context, user, site string, asOf time.Time) (Listing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unlisted {
		return Listing{}, ErrUnlisted
	}
	r.passTime()
	var news []string
	if r.reading == nil || r.at.Before(asOf) {
		if err := r.fault("read", nil); err != nil {
			return Listing{}, err
		}
		was := r.reading
		r.at, r.reading = time.Now(), map[string]Booking{}
		r.readings = append(r.readings, r.at)
		for id, b := range r.bookings {
			now := *b
			now.Read = r.at
			r.reading[id] = now
			if old := was[id]; was != nil && (old.Status != now.Status || !old.Begin.Equal(now.Begin) || !old.End.Equal(now.End)) {
				news = append(news, r.owner[id])
			}
		}
	}
	var all []Booking
	for id, b := range r.reading {
		if r.owner[id] == user && r.is(id, site) {
			all = append(all, b)
		}
	}
	return Listing{Bookings: all, At: r.at, News: news}, nil
}

// is reports whether the booking is at the site's building.
func (r *reception) is(id, site string) bool { return r.site[id] == "" || r.site[id] == site }

func (r *reception) Bookings(_ context.Context, user, site string, _ time.Time) (all []Booking, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.fault("read", nil); err != nil {
		return nil, err
	}
	r.passTime()
	for id, b := range r.bookings {
		if r.owner[id] == user && r.is(id, site) {
			b := *b
			b.Read = time.Now()
			all = append(all, b)
		}
	}
	return all, nil
}

func (r *reception) CheckIn(_ context.Context, site string, b Booking) (Booking, error) {
	return r.post("in "+b.ID, site, b, Booked, CheckedIn)
}

func (r *reception) CheckOut(_ context.Context, site string, b Booking) (Booking, error) {
	return r.post("out "+b.ID, site, b, CheckedIn, CheckedOut)
}

func (r *reception) post(call, site string, b Booking, from, to BookingStatus) (Booking, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passTime()
	now := r.bookings[b.ID]
	if time.Since(b.Read) > 75*time.Second && now != nil {
		if err := r.fault("read", nil); err != nil {
			return Booking{}, err
		}
		fresh := *now
		fresh.Read = time.Now()
		switch {
		case !r.is(b.ID, site):
			return Booking{}, &DeniedError{Reason: "the booking is no longer at this building"}
		case fresh.Status != from || !fresh.Begin.Equal(b.Begin) || !fresh.End.Equal(b.End):
			return fresh, ErrChanged
		}
	}
	r.calls = append(r.calls, call)
	if err := r.fault(call, now); err != nil {
		return Booking{}, err
	}
	if now == nil {
		return Booking{}, &DeniedError{Reason: "not found", Gone: true}
	}
	if now.Status != from {
		if been := time.Since(r.since[b.ID]); been > 80*time.Second && !r.since[b.ID].IsZero() {
			r.wrong = append(r.wrong, fmt.Sprintf("%s, although it had been %s for %s", call, now.Status, been))
		}
		return Booking{}, &RefusedError{Reason: "it is " + string(now.Status)}
	}
	now.Status, now.Method, r.since[b.ID] = to, "wifi", time.Now()
	verb, _, _ := strings.Cut(call, " ")
	r.took = append(r.took, effect{verb, b.ID, time.Now()})
	if r.lost(call) {
		return Booking{}, errors.New("read: connection reset")
	}
	answer := *now
	answer.Read = time.Now()
	if was, is := r.reading[b.ID]; is {
		was.Status, was.Method = to, "wifi"
		r.reading[b.ID] = was
	}
	return answer, nil
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
	store   *Memory
	desk    *reception
	tracker *Tracker
	courier *Courier
	rules   Rules
	wrap    func(*Memory) Store   // what stands between them and the store
	door    func(*reception) Desk // what stands between the courier and the desk
	hash    []byte                // of the mapping
	stop    func()
}

func inOffice(t *testing.T, f func(*office)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)))
		o := &office{t: t, store: NewMemory(), desk: newReception(), rules: DefaultRules()}
		o.door = func(r *reception) Desk { return r }
		o.wrap = func(m *Memory) Store { return m }
		o.rules.Lunch = Span{} // most tests are of linger alone
		o.rules.Sites = map[string]Site{"london": london(t)}
		o.start()
		f(o)
		o.stop()
	})
}

func (o *office) start() {
	var sites []Site
	for _, name := range slices.Sorted(maps.Keys(o.rules.Sites)) {
		sites = append(sites, o.rules.Sites[name])
	}
	mapping := plain{sites: sites, hash: o.hash}
	store := o.wrap(o.store)
	o.tracker = NewTracker(store, mapping, o.rules, quiet)
	o.courier = NewCourier(store, o.door(o.desk), o.rules, quiet)
	o.tracker.HasWork = o.courier.Kick
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
	o.hearAt("london", status, user, device, session)
}

func (o *office) hearAt(site string, status Status, user, device, session string) {
	o.t.Helper()
	now := time.Now()
	err := o.tracker.Record(o.t.Context(), []Record{{
		Client: "hq", Site: site, Heard: now, At: now, Status: status, UserName: user, Device: device,
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
	for i := range people {
		people[i], _ = o.store.Person(o.t.Context(), people[i].User)
	}
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

// visit returns the latest visit of a user, archived or not.
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
