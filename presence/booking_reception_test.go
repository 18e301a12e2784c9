package presence

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How the reception books passes.

// today returns the user's bookings of today at the site. Who calls holds the lock.
func (r *reception) today(user, site string) (all []*Booking) {
	r.passTime()
	midnight := time.Now().Truncate(24 * time.Hour)
	for id, b := range r.bookings {
		if r.owner[id] == user && r.is(id, site) && b.Begin.Before(midnight.Add(24*time.Hour)) && b.End.After(midnight) {
			all = append(all, b)
		}
	}
	return all
}

// Today implements Passes.
func (r *reception) Today(_ context.Context, user, site string) (all []Booking, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.fault("read", nil); err != nil {
		return nil, err
	}
	for _, b := range r.today(user, site) {
		is := *b
		is.Read = time.Now()
		all = append(all, is)
	}
	return all, nil
}

// from lets set change how the desk behaves from now on, while others may be asking
// it.
func (r *reception) from(set func(r *reception)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	set(r)
}

// Pass implements Passes: there is one until 18:00, unless none says why not.
func (r *reception) Pass(_ context.Context, user, site string) (Pass, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.fault("read", nil); err != nil {
		return Pass{}, err
	}
	p := Pass{UserID: user, Begin: time.Now().Truncate(time.Minute), End: time.Now().Truncate(24 * time.Hour).Add(18 * time.Hour)}
	if r.none != nil {
		p.None = r.none(user)
	}
	return p, nil
}

// BookPass implements Passes. It writes down what is wrong about being asked.
func (r *reception) BookPass(_ context.Context, site string, p Pass) (Booking, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	call := "book " + p.UserID
	r.calls = append(r.calls, call)
	for _, b := range r.today(p.UserID, site) {
		if place(b.Type) && (!b.Taken || b.Via == "publicApi") {
			r.wrong = append(r.wrong, fmt.Sprintf("%s, although booking %s is %s", call, b.ID, b.Status))
		}
	}
	if r.asked[call+site] {
		r.wrong = append(r.wrong, call+" a second time")
	}
	if err := r.fault(call, nil); err != nil {
		var refused *RefusedError
		var denied *DeniedError
		var throttled *ThrottledError
		var closed *ClosedError
		if !errors.As(err, &refused) && !errors.As(err, &denied) && !errors.As(err, &throttled) && !errors.As(err, &closed) {
			r.asked[call+site] = true // as far as anybody knows who hears of it
		}
		return Booking{}, err
	}
	r.asked[call+site] = true
	if wait := r.late(); wait > 0 {
		go func() {
			time.Sleep(wait)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.make(site, p)
		}()
		return Booking{}, errors.New("read: timeout")
	}
	b := r.make(site, p)
	if r.lost(call) {
		return Booking{}, errors.New("read: connection reset")
	}
	return b, nil
}

// make makes the booking. Who calls holds the lock.
func (r *reception) make(site string, p Pass) Booking {
	b := &Booking{
		ID: fmt.Sprintf("pass%d", len(r.owner)), UserID: p.UserID, Type: "onsite", Status: Booked, Begin: p.Begin, End: p.End,
		Eligible: true, Via: "publicApi", Made: time.Now(), Read: time.Now(),
	}
	r.bookings[b.ID], r.owner[b.ID], r.madeAt[b.ID], r.site[b.ID] = b, p.UserID, b.Made, site
	r.took = append(r.took, effect{"book", p.UserID, b.Made})
	return *b
}

// Cancel implements Passes.
func (r *reception) Cancel(_ context.Context, site string, b Booking) (Booking, error) {
	return r.post("cancel "+b.ID, site, b, Booked, Cancelled)
}
