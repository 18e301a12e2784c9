package presence

import "time"

// Rules are the configured rules of presence and delivery.
type Rules struct {
	Settle     time.Duration // how long a person must stay to have arrived
	Linger     time.Duration // how long all devices must be gone for the person to have left
	DayStarts  time.Duration // since local midnight: when a site's day turns
	MaxSession time.Duration // how long a session without interims is believed
	OutageHold time.Duration // how long suspect sessions are held as present
	MaxDevices int           // live devices beyond which an identity is a shared account

	Early    time.Duration // how long before its begin a booking is due
	CheckOut CheckOutRule
	DryRun   bool // the desk only pretends; what it pretended counts for nothing once it does not
	Sites    map[string]Site
}

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
		OutageHold: 30 * time.Minute, MaxDevices: 16, Early: time.Hour, CheckOut: CheckOutOurs,
	}
}

// Site is a place with a building and a time zone.
type Site struct {
	Name     string
	Building string         // Kadence building id, or its name
	Zone     *time.Location // nil: not yet known, UTC
	Opens    time.Duration  // since local midnight: arrivals count from here …
	Closes   time.Duration  // … to here; equal to Opens or 24h later: always

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
	local := t.In(s.zone())
	opens, closes := s.clock(local, 0, s.Opens), s.clock(local, 0, s.Closes)
	if s.Closes < s.Opens { // over midnight
		return !t.Before(opens) || t.Before(closes)
	}
	return !t.Before(opens) && t.Before(closes)
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
