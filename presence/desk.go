package presence

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Desk is the booking side. Its errors say whether trying again can help: one
// of the types below, or anything else for a fault that may pass.
type Desk interface {
	// Bookings returns the user's own bookings at the site's building that
	// overlap the site's local calendar day of the moment day, whatever
	// their type and status. What it returns was read from the desk no
	// earlier than asOf; with a zero asOf it may be as old as the desk sees
	// fit. It returns [ErrNoUser] if the desk does not know the user.
	Bookings(ctx context.Context, user, site string, day, asOf time.Time) ([]Booking, error)

	// CheckIn and CheckOut do it with method wifi and return the booking as
	// it is afterwards. They do not retry: who calls again reads first.
	CheckIn(ctx context.Context, site string, b Booking) (Booking, error)
	CheckOut(ctx context.Context, site string, b Booking) (Booking, error)
}

// Booking is one booking as the desk has it.
type Booking struct {
	ID       string
	UserID   string // the desk's id of whom it is for
	Type     string // desk, private_office, onsite, room, …
	Status   BookingStatus
	Begin    time.Time
	End      time.Time
	Guest    bool      // for a guest: never acted upon
	Eligible bool      // its type is one that is configured to be acted upon
	Method   string    // how it was checked in, if through the public API: wifi, doorAccess, …
	Space    string    // name of the desk, if it has one
	Read     time.Time // when this was read from the desk
}

// BookingStatus is the desk's status of a booking; values that are not listed
// are kept as they came and treated as nothing to do.
type BookingStatus string

// The statuses of a booking (Kadence API 1.2.0, Booking.status).
const (
	Booked     BookingStatus = "booked"
	CheckedIn  BookingStatus = "checkedIn"
	CheckedOut BookingStatus = "checkedOut"
	Cancelled  BookingStatus = "cancelled"
	Completed  BookingStatus = "completed"
	NoCheckIn  BookingStatus = "noCheckIn"
)

// ErrNoUser is returned by a Desk that does not know the user.
var ErrNoUser = errors.New("no such user at the desk")

// ErrDryRun is returned by a Desk that only pretends: everything but the call
// itself was done.
var ErrDryRun = errors.New("dry run")

// RefusedError is a refusal whose cause only the booking can tell: the caller
// reads it again and decides (HTTP 400, 409 and 422).
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "refused: " + e.Reason }

// DeniedError is a refusal that trying again does not cure: 403, or a booking
// that is gone (404).
type DeniedError struct {
	Reason string
	Gone   bool // the booking does not exist
}

func (e *DeniedError) Error() string { return "denied: " + e.Reason }

// ThrottledError asks to wait: nothing was done (HTTP 429, or our own budget).
type ThrottledError struct{ Until time.Time }

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("throttled until %s", e.Until.Format(time.RFC3339))
}

// ClosedError says that no call can succeed for anybody until somebody mends
// something, such as wrong credentials; it is tried rarely.
type ClosedError struct{ Reason string }

func (e *ClosedError) Error() string { return e.Reason }
