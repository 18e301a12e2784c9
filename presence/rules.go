package presence

import "time"

// Rules are the configured rules of presence and delivery.
type Rules struct {
	Settle     time.Duration // how long a person must stay to have arrived
	Linger     time.Duration // how long all devices must be gone for the person to have left
	DayStarts  time.Duration // since local midnight: when a site's day turns
	MaxSession time.Duration // how long a session without interims is believed
	OutageHold time.Duration // how long suspect sessions are held as present
	MaxSkew    time.Duration // how far a NAS's clock may be off and still be believed
	MaxDevices int           // live devices beyond which an identity is a shared account
	MaxPeople  int           // whom one client may bring: of more nobody new is taken in

	Lunch       Span          // by the site's clock: whoever leaves in it is believed to have left more slowly; none is never
	LunchLinger time.Duration // Linger, for a departure in Lunch; the longer of the two holds
	NoDozes     bool          // how long a device was seen to doze prolongs nothing
	Brief       time.Duration // after a stay that was shorter no booking is checked out before its end; 0: after none

	Early             time.Duration // how long before its begin a booking is due
	CheckOut          CheckOutRule
	KeepAssigned      bool // bookings of assigned desks are not checked out
	CheckOutElsewhere bool // whoever is at another site is checked out here as if they were gone
	DryRun            bool // the desk only pretends; what it pretended counts for nothing once it does not
	Sites             map[string]Site
}

// Span is a part of the day, by the site's clock. It goes over midnight if To
// is before From, and is none of the day if the two are equal.
type Span struct{ From, To time.Duration } // since local midnight

// CheckOutRule says which bookings are checked out when a visit is over.
type CheckOutRule string

// The rules for checking out.
const (
	CheckOutOurs  CheckOutRule = "ours" // those that we checked in
	CheckOutAll   CheckOutRule = "all"  // every checked-in one of today at this building
	CheckOutNever CheckOutRule = "never"
)

// DefaultRules returns the rules of an empty configuration, without sites.
func DefaultRules() Rules {
	return Rules{
		Linger: time.Hour, DayStarts: 4 * time.Hour, MaxSession: 14 * time.Hour,
		OutageHold: 30 * time.Minute, MaxSkew: 10 * time.Minute, MaxDevices: 16, MaxPeople: 100_000, Early: time.Hour, CheckOut: CheckOutOurs,
		Lunch: Span{11 * time.Hour, 14*time.Hour + 30*time.Minute}, LunchLinger: 2 * time.Hour, Brief: 5 * time.Minute,
	}
}

// LunchAt returns when lunch is at the site, and how long all devices must then
// be gone.
func (r Rules) LunchAt(site string) (Span, time.Duration) {
	lunch, linger := r.Lunch, r.LunchLinger
	if own := r.Sites[site].Lunch; own != nil {
		lunch = *own
	}
	if own := r.Sites[site].LunchLinger; own != nil {
		linger = *own
	}
	return lunch, linger
}

// LingerAfter returns how long all devices must be gone from the site for
// somebody to have left who was last there at that moment. Whoever leaves in
// the middle of the day is probably at lunch, and is waited for longer, but
// not beyond the moment at which somebody is believed gone who left as lunch
// ended.
func (r Rules) LingerAfter(last time.Time, site string) time.Duration {
	lunch, linger := r.LunchAt(site)
	ends := r.Sites[site].ends(lunch, last)
	if ends.IsZero() {
		return r.Linger
	}
	return max(r.Linger, min(linger, ends.Sub(last)+r.Linger))
}

// Site is a place with a building and a time zone.
type Site struct {
	Name     string
	Building string         // Kadence building id, or its name
	Zone     *time.Location // nil: not yet known, UTC
	Opens    time.Duration  // since local midnight: arrivals count from here …
	Closes   time.Duration  // … to here; equal to Opens or 24h later: always

	Lunch       *Span          // instead of Rules.Lunch; nil: as there
	LunchLinger *time.Duration // instead of Rules.LunchLinger; nil: as there
	WalkIns     WalkIns

	SSIDs     []string // nothing else counts; empty: any
	NAS       []string // globs over NAS-Identifier, AP name; addresses, prefixes; BSSID prefixes
	Locations []string // globs over the vendor's location, network or zone name
}

// Day returns when the site's day that holds t began.
func (s Site) Day(t time.Time, dayStarts time.Duration) time.Time {
	local := t.In(s.zone())
	day := s.clock(local, 0, dayStarts)
	if t.Before(day) {
		day = s.clock(local, -1, dayStarts)
	}
	return day
}

// NextDay returns when the site's day that holds t ends.
func (s Site) NextDay(t time.Time, dayStarts time.Duration) time.Time {
	next := s.clock(t.In(s.zone()), 0, dayStarts)
	if !next.After(t) {
		next = s.clock(t.In(s.zone()), 1, dayStarts)
	}
	return next
}

// Within reports whether t is within the hours in which arrivals count.
func (s Site) Within(t time.Time) bool {
	if s.Opens == s.Closes || s.Closes-s.Opens >= 24*time.Hour {
		return true
	}
	return !s.ends(Span{s.Opens, s.Closes}, t).IsZero()
}

// ends returns when the span of the day that holds t ends; zero if none does.
func (s Site) ends(span Span, t time.Time) time.Time {
	if span.From == span.To {
		return time.Time{}
	}
	local, over := t.In(s.zone()), 0
	if span.To < span.From {
		over = 1
	}
	for day := -over; day <= 0; day++ {
		if from, to := s.clock(local, day, span.From), s.clock(local, day+over, span.To); !t.Before(from) && t.Before(to) {
			return to
		}
	}
	return time.Time{}
}

// midnight returns the first midnight after t.
func (s Site) midnight(t time.Time) time.Time { return s.clock(t.In(s.zone()), 1, 0) }

// clock returns the wall-clock time d after midnight of local's date plus
// days. It counts on the clock face, so that 04:00 is 04:00 on the days on
// which the clocks change.
func (s Site) clock(local time.Time, days int, d time.Duration) time.Time {
	y, m, day := local.Date()
	return time.Date(y, m, day+days, 0, 0, 0, int(d), s.zone())
}

func (s Site) zone() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}

// WalkIns is what a site wants of whoever comes without a booking.
type WalkIns struct {
	Rule  WalkInRule    // "" is never
	After time.Duration // how long after having settled
	Max   int           // in a day of the site
	Undo  bool          // cancel on leaving what was booked and never checked in
}

// WalkInRule says whether somebody is booked who came without a booking.
type WalkInRule string

// The rules for walk-ins.
const (
	WalkInsNever  WalkInRule = "never"
	WalkInsOnsite WalkInRule = "onsite" // a pass for the building, which takes nobody's desk
)
