package replay

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/presenced/presenced/presence"
)

// desk is one at which everybody has a booking of their own for each whole day
// at the site hq. It keeps what becomes of them.
type desk struct {
	zone *time.Location // hq's

	mu       sync.Mutex // guards bookings
	bookings map[string]*presence.Booking
}

var _ presence.Desk = (*desk)(nil)

func newDesk(zone *time.Location) *desk {
	return &desk{zone: zone, bookings: map[string]*presence.Booking{}}
}

// booking returns the user's booking of the day that holds t. Who calls holds
// the lock.
func (d *desk) booking(user string, t time.Time) *presence.Booking {
	year, month, day := t.In(d.zone).Date()
	begin := time.Date(year, month, day, 0, 0, 0, 0, d.zone)
	id := user + " " + begin.Format(time.DateOnly)
	if d.bookings[id] == nil {
		d.bookings[id] = &presence.Booking{
			ID: id, UserID: user, Type: "desk", Status: presence.Booked, Eligible: true, Begin: begin, End: begin.AddDate(0, 0, 1),
		}
	}
	return d.bookings[id]
}

// status is how the user's booking of today stands.
func (d *desk) status(user string) presence.BookingStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.booking(user, time.Now()).Status
}

// Listed implements [presence.Desk]: each question is answered at once.
func (d *desk) Listed(ctx context.Context, user, site string, asOf time.Time) (presence.Listing, error) {
	all, err := d.Bookings(ctx, user, site, asOf)
	return presence.Listing{Bookings: all, At: time.Now()}, err
}

// Bookings implements [presence.Desk].
func (d *desk) Bookings(_ context.Context, user, site string, _ time.Time) ([]presence.Booking, error) {
	if site != "hq" {
		return nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	var all []presence.Booking
	for _, at := range []time.Time{now.Add(-12 * time.Hour), now.Add(12 * time.Hour)} {
		b := *d.booking(user, at)
		b.Read = now
		if len(all) == 0 || all[0].ID != b.ID {
			all = append(all, b)
		}
	}
	return all, nil
}

// CheckIn implements [presence.Desk].
func (d *desk) CheckIn(_ context.Context, _ string, b presence.Booking) (presence.Booking, error) {
	return d.turn(b, presence.CheckedIn, presence.Booked, presence.CheckedIn)
}

// CheckOut implements [presence.Desk].
func (d *desk) CheckOut(_ context.Context, _ string, b presence.Booking) (presence.Booking, error) {
	return d.turn(b, presence.CheckedOut, presence.CheckedIn)
}

// turn gives a booking another status, if it is one of those from which that
// can be.
func (d *desk) turn(b presence.Booking, to presence.BookingStatus, from ...presence.BookingStatus) (presence.Booking, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.bookings[b.ID]
	if kept == nil || !slices.Contains(from, kept.Status) {
		return presence.Booking{}, &presence.RefusedError{Reason: "the booking is not of a status for that"}
	}
	kept.Status, kept.Method = to, "wifi"
	b = *kept
	b.Read = time.Now()
	return b, nil
}
