package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/presenced/presenced/presence"
)

// desk is the desk that the configuration in force asks for; a reload
// replaces it under the courier.
type desk struct{ inForce *atomic.Pointer[prepared] }

var (
	_ presence.Desk   = desk{}
	_ presence.Passes = desk{}
)

// Listed implements [presence.Desk].
func (d desk) Listed(ctx context.Context, user, site string, asOf time.Time) (presence.Listing, error) {
	return d.inForce.Load().desk.Listed(ctx, user, site, asOf)
}

// Bookings implements [presence.Desk].
func (d desk) Bookings(ctx context.Context, user, site string, asOf time.Time) ([]presence.Booking, error) {
	return d.inForce.Load().desk.Bookings(ctx, user, site, asOf)
}

// CheckIn implements [presence.Desk].
func (d desk) CheckIn(ctx context.Context, site string, b presence.Booking) (presence.Booking, error) {
	return d.inForce.Load().desk.CheckIn(ctx, site, b)
}

// CheckOut implements [presence.Desk].
func (d desk) CheckOut(ctx context.Context, site string, b presence.Booking) (presence.Booking, error) {
	return d.inForce.Load().desk.CheckOut(ctx, site, b)
}

// passes returns the part of the desk in force that books passes.
func (d desk) passes() presence.Passes {
	if passes, ok := d.inForce.Load().desk.(presence.Passes); ok {
		return passes
	}
	return noDesk{}
}

// Today implements [presence.Passes].
func (d desk) Today(ctx context.Context, user, site string) ([]presence.Booking, error) {
	return d.passes().Today(ctx, user, site)
}

// Pass implements [presence.Passes].
func (d desk) Pass(ctx context.Context, user, site string) (presence.Pass, error) {
	return d.passes().Pass(ctx, user, site)
}

// BookPass implements [presence.Passes].
func (d desk) BookPass(ctx context.Context, site string, p presence.Pass) (presence.Booking, error) {
	return d.passes().BookPass(ctx, site, p)
}

// Cancel implements [presence.Passes].
func (d desk) Cancel(ctx context.Context, site string, b presence.Booking) (presence.Booking, error) {
	return d.passes().Cancel(ctx, site, b)
}

// noDesk is the desk of a configuration without [kadence]: it knows nobody.
type noDesk struct{}

// errNoDesk is why nothing is checked in or out.
var errNoDesk = noDeskError{}

type noDeskError struct{}

func (noDeskError) Error() string        { return "no [kadence] configured" }
func (noDeskError) Is(target error) bool { return target == presence.ErrNoUser }

// Listed implements [presence.Desk].
func (noDesk) Listed(context.Context, string, string, time.Time) (presence.Listing, error) {
	return presence.Listing{}, errNoDesk
}

// Bookings implements [presence.Desk].
func (noDesk) Bookings(context.Context, string, string, time.Time) ([]presence.Booking, error) {
	return nil, errNoDesk
}

// CheckIn implements [presence.Desk].
func (noDesk) CheckIn(context.Context, string, presence.Booking) (presence.Booking, error) {
	return presence.Booking{}, errNoDesk
}

// CheckOut implements [presence.Desk].
func (noDesk) CheckOut(context.Context, string, presence.Booking) (presence.Booking, error) {
	return presence.Booking{}, errNoDesk
}

// Today implements [presence.Passes].
func (noDesk) Today(context.Context, string, string) ([]presence.Booking, error) {
	return nil, errNoDesk
}

// Pass implements [presence.Passes].
func (noDesk) Pass(context.Context, string, string) (presence.Pass, error) {
	return presence.Pass{}, errNoDesk
}

// BookPass implements [presence.Passes].
func (noDesk) BookPass(context.Context, string, presence.Pass) (presence.Booking, error) {
	return presence.Booking{}, presence.ErrNotSent
}

// Cancel implements [presence.Passes].
func (noDesk) Cancel(context.Context, string, presence.Booking) (presence.Booking, error) {
	return presence.Booking{}, errNoDesk
}
