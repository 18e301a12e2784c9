package presence

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Desk is the booking side. Its errors say whether trying again can help: one
// of the types below, or anything else for a fault that may pass.
//
// The bookings that it is asked for are the user's own at the site's building
// that share some time with the twelve hours before now and the twelve after,
// whatever their type and status.
type Desk interface {
	// Listed returns what a reading of the whole building says of the user. One
	// reading serves everybody: it is made no earlier than asOf, and if there is
	// none that new, it is made now. It returns [ErrUnlisted] if only a question
	// about this user can tell, and [ErrNoUser] if it is known that the desk does
	// not know them; if not even that is known, the listing says so. It asks no such
	// question itself.
	Listed(ctx context.Context, user, site string, asOf time.Time) (Listing, error)

	// Bookings asks about one user, where it has to. What it returns was read
	// from the desk no earlier than asOf. It returns [ErrNoUser] if the desk does
	// not know the user.
	Bookings(ctx context.Context, user, site string, asOf time.Time) ([]Booking, error)

	// CheckIn and CheckOut do it with method wifi and return the booking as
	// it is afterwards. They do not retry. A booking that was read more than a
	// minute or so ago, or is without the time of its reading, is read again
	// first; if it is another one by then, nothing is done, and it is returned
	// with [ErrChanged].
	CheckIn(ctx context.Context, site string, b Booking) (Booking, error)
	CheckOut(ctx context.Context, site string, b Booking) (Booking, error)
}

// Passes is what a [Desk] is besides that also books: passes for a building, and no
// desks. All its errors but those of [Desk], and [ErrNotSent], mean of BookPass and
// Cancel that nobody knows what came of it.
type Passes interface {
	// Today asks for the user's bookings at the site's building that share some
	// time with its calendar day, whatever became of them. It is read now.
	Today(ctx context.Context, user, site string) ([]Booking, error)

	// Pass returns what the desk would book now.
	Pass(ctx context.Context, user, site string) (Pass, error)

	// BookPass books the pass. It does not retry, and is no more than one call.
	BookPass(ctx context.Context, site string, p Pass) (Booking, error)

	// Cancel cancels the booking, which is read again first as for CheckIn.
	Cancel(ctx context.Context, site string, b Booking) (Booking, error)
}

// Pass is what the desk would book for somebody: a pass for the building.
type Pass struct {
	UserID string    // the desk's id of whom it is for
	Begin  time.Time // now, or the earliest moment from which it can be had
	End    time.Time // when the building closes
	None   string    // why there is none; "" if there is
}

// Listing is what a reading of a building says of one user.
type Listing struct {
	Bookings []Booking
	At       time.Time // of the reading
	Remark   string    // on the user, to be told of whoever has no booking; it begins with what divides it from that
	Unasked  bool      // the user has no booking, and nobody has asked lately whether the desk knows them
	News     []string  // of whom the reading says something new, told to one of those who asked for it

	apart time.Duration // how far the clock of its time may be ahead of the visit's; 0: it came after all that the visit says
	turn  time.Time     // when a person without a booking is looked at again; zero: when bookings are
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
	Made     time.Time // when it was booked; zero if the desk does not say
	Changed  time.Time // when it was last changed, its building too; zero if the desk does not say
	Read     time.Time // when this was read from the desk; zero if that no longer counts

	Via       string    // where it was made: web, ios, publicApi, …; "" if the desk does not say
	Maker     string    // the desk's id of who made it, if it was neither its user nor we
	Taken     bool      // it is cancelled, and by nobody's wish: released, or the building is closed
	InVia     string    // where it was checked in: web, ios, publicApi, …
	InAt      time.Time // when it was
	Certified time.Time // when its user self-certified for the day
	Released  time.Time // when the desk gave it away because nobody had checked in
	Cause     string    // why it was cancelled, in the desk's word
	Assigned  bool      // it is of an assigned desk, which is nobody else's
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

// ErrUnlisted is returned by a Desk whose reading of the building does not tell
// about the user.
var ErrUnlisted = errors.New("no reading of the building tells")

// ErrChanged is returned by a Desk that was to act upon a booking and found
// another one: nothing was done.
var ErrChanged = errors.New("the booking has changed")

// ErrDryRun is returned by a Desk that only pretends: everything but the call
// itself was done.
var ErrDryRun = errors.New("dry run")

// ErrNotSent says that a call did not leave: nothing was done.
var ErrNotSent = errors.New("not sent")

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

func isNoUser(err error) bool { return errors.Is(err, ErrNoUser) }

// denies reports whether the desk answered, and will not tell.
func denies(err error) bool {
	var denied *DeniedError
	var refused *RefusedError
	return errors.As(err, &denied) || errors.As(err, &refused)
}
