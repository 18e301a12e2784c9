package sandbox

import "time"

// Switches are the settings of a tenant, and what nobody outside Kadence knows
// for certain about the API. The zero value is what is most likely.
type Switches struct {
	// The token endpoint and authority.
	TokenLife    time.Duration // expires_in; 0: an hour
	Unauthorised Shape         // of the body of a 401

	// How lists and objects are written.
	IgnoreEmailExact bool   // an older server: the filter is not known, and everybody is returned
	IgnoreFilters    bool   // lists of bookings are not filtered, by building or by dates
	ListCreated      bool   // a user's bookings are also those that they made for others
	ExplicitNulls    bool   // null properties are written out
	SpaceAsIRI       bool   // answers to check-in and check-out name the space by its IRI
	NoView           bool   // collections come without links to their pages
	NextHost         string // links to further pages lead to this host
	HideEmails       bool   // the tenant strips e-mail addresses from bookings
	NoUserNoBookings bool   // the bookings of an unknown user are an empty list, and not 404
	Errors           Shape  // of the bodies of errors

	// What may be checked in, and when.
	EarlyCheckIn      EarlyCheckIn
	Opens             time.Duration // since local midnight: when buildings open, for [EarlyOnceOpen]
	ManualCheckInOff  bool          // nothing is checked in; and no early check-in, no auto-release
	SelfCertification bool          // needed on the booking's day, to check in
	CertifiedOut      bool          // … and to check out
	RepeatAllowed     bool          // checking in what is checked in changes nothing and is no error
	ReturnAllowed     bool          // what was checked out can be checked in again
	RefuseWith        int           // status of a refusal: 400 (or 0), 409 or 422

	// What may be booked.
	DaysAhead       int  // for how many days after today; 0: 13
	OverlapAllowed  bool // a user may have several bookings of one time
	WebCreates      bool // what is made through the API says that its source is the web
	SourceUntold    bool // … or does not say
	PastRefused     bool // bookings that begin before the minute of the call are refused
	CreatedUnlisted bool // what is made through the API is in no list, until this is switched off

	// What becomes of bookings.
	AutoRelease       time.Duration // cancelled if not checked in so long after the start; 0: never
	ReleaseOnCheckOut bool          // a check-out ends the booking at once
}

// EarlyCheckIn is how long before its start a booking can be checked in.
type EarlyCheckIn int

// The rules of early check-in.
const (
	EarlySameDay  EarlyCheckIn = iota // on the local day of its start
	EarlyOnceOpen                     // from the minute in which the building opens on that day
	EarlyOff                          // not before its start
)

// Shape is the form of an error's body.
type Shape int

// The shapes of errors.
const (
	Hydra   Shape = iota // a hydra:Error
	Problem              // problem+json, as newer servers have it
	League               // as the token endpoint has it
	Empty
)

// Switch changes the switches.
func (s *Server) Switch(change func(*Switches)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.switches)
}
