package sandbox

import (
	"fmt"
	"strings"
	"time"
)

// Status is the status of a booking.
type Status string

// The statuses of a booking.
const (
	Booked     Status = "booked"
	CheckedIn  Status = "checkedIn"
	CheckedOut Status = "checkedOut"
	Cancelled  Status = "cancelled"
	Completed  Status = "completed"
	NoCheckIn  Status = "noCheckIn"
)

// User is a user of the tenant.
type User struct {
	ID        string
	Email     string
	FirstName string
	LastName  string
	Created   time.Time
	Pending   bool                // invited, and has never signed in
	Barred    map[string]struct{} // buildings that they have no right to book at
}

// Building is a building of the tenant.
type Building struct {
	ID       string
	Name     string
	Zone     *time.Location
	Created  time.Time
	Archived bool // not listed any longer

	Opens    time.Duration // since local midnight: when it opens each day …
	Closes   time.Duration // … and closes; equal to Opens: it never does
	Shut     bool          // closed until further notice
	Closures []string      // local dates, as 2006-01-02, on which it is closed
	NoPasses bool          // there are no onsite passes here at all
	Passes   int           // onsite passes at a time; 0: without limit
}

// Booking is a booking of the tenant. Ids are bare.
type Booking struct {
	ID       string
	User     string // whom it is for
	Creator  string // who made it; empty: the same
	Building string
	Type     string // empty: desk
	Status   Status // empty: booked
	Space    string // name of the desk; empty: it has none
	Begin    time.Time
	End      time.Time
	Created  time.Time
	Updated  time.Time
	Source   string // where it was made; empty: web
	Guest    bool
	Assigned bool // of an assigned desk: permanent
	Repeats  bool // one of a series

	CheckedInBy   string
	CheckedInAt   time.Time
	CheckedInFrom string // publicApi, web, …
	CheckInMethod string // wifi, …; only through the public API

	CheckedOutBy   string
	CheckedOutAt   time.Time
	CheckOutSource string
	CheckOutMethod string

	CancelledBy   string
	CancelledAt   time.Time
	CancelReason  string
	AutoReleased  time.Time
	SelfCertified time.Time
}

// certificate is what a self-certification is for.
type certificate struct{ user, building, day string }

// SetSecret gives an API key another secret; an empty one deletes the key.
func (s *Server) SetSecret(clientID, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[clientID] = secret
	if secret == "" {
		delete(s.secrets, clientID)
	}
}

// Revoke makes all tokens invalid that have been given out.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// AddUser adds a user with the address and returns its id.
func (s *Server) AddUser(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _, _ := strings.Cut(email, "@")
	first, last, _ := strings.Cut(name, ".")
	u := &User{ID: s.id(), Email: email, FirstName: title(first), LastName: title(last), Created: s.Now()}
	s.users = append(s.users, u)
	s.byID[u.ID] = u
	return u.ID
}

// RemoveUser deletes a user, and cancels what they have booked.
func (s *Server) RemoveUser(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.users[:0]
	for _, u := range s.users {
		if u.ID != id {
			kept = append(kept, u)
		}
	}
	s.users = kept
	delete(s.byID, id)
	for _, b := range s.bookings {
		if b.User == id && b.Status == Booked {
			b.Status, b.CancelledAt, b.CancelReason = Cancelled, s.Now(), "userDeleted"
		}
	}
}

// ChangeUser changes a user as an administrator would. It reports whether there
// is such a user.
func (s *Server) ChangeUser(id string, change func(*User)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.user(id)
	if u != nil {
		change(u)
	}
	return u != nil
}

// AddBuilding adds a building and returns its id.
func (s *Server) AddBuilding(name string, zone *time.Location) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &Building{ID: s.id(), Name: name, Zone: zone, Created: s.Now()}
	s.buildings = append(s.buildings, b)
	return b.ID
}

// ChangeBuilding changes a building as an administrator would. It reports
// whether there is such a building.
func (s *Server) ChangeBuilding(id string, change func(*Building)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.building(id)
	if b != nil {
		change(b)
	}
	return b != nil
}

// Book adds a booking, whatever the rules for making one may be, and returns
// its id, which is made up unless the booking has one.
func (s *Server) Book(b Booking) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book(b)
}

func (s *Server) book(b Booking) string {
	now := s.Now()
	if b.ID == "" {
		b.ID = s.id()
	}
	if b.Creator == "" {
		b.Creator = b.User
	}
	if b.Type == "" {
		b.Type = "desk"
	}
	if b.Status == "" {
		b.Status = Booked
	}
	if b.Created.IsZero() {
		b.Created = now
	}
	b.Updated = now
	s.bookings = append(s.bookings, &b)
	s.index[b.ID] = &b
	return b.ID
}

// Booking returns the booking as it is now.
func (s *Server) Booking(id string) (Booking, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passTime(s.Now())
	b, ok := s.index[id]
	if !ok {
		return Booking{}, false
	}
	return *b, true
}

// Bookings returns all bookings as they are now, in the order in which they
// were made.
func (s *Server) Bookings() []Booking {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passTime(s.Now())
	all := make([]Booking, len(s.bookings))
	for i, b := range s.bookings {
		all[i] = *b
	}
	return all
}

// Change changes a booking as somebody in the app would, or nobody could. It
// reports whether there is such a booking.
func (s *Server) Change(id string, change func(*Booking)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passTime(s.Now())
	b, ok := s.index[id]
	if ok {
		change(b)
		b.Updated = s.Now()
	}
	return ok
}

// Remove makes a booking unknown.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.index, id)
	kept := s.bookings[:0]
	for _, b := range s.bookings {
		if b.ID != id {
			kept = append(kept, b)
		}
	}
	s.bookings = kept
}

// SelfCertify notes that the user has self-certified for the building, for the
// building's day that holds the moment day.
func (s *Server) SelfCertify(user, building string, day time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.certified[s.certificate(user, building, day)] = s.Now()
}

func (s *Server) certificate(user, building string, day time.Time) certificate {
	return certificate{user, building, day.In(s.zone(building)).Format(time.DateOnly)}
}

func (s *Server) user(id string) *User { return s.byID[id] }

func (s *Server) building(id string) *Building {
	for _, b := range s.buildings {
		if b.ID == id {
			return b
		}
	}
	return nil
}

func (s *Server) zone(building string) *time.Location {
	if b := s.building(building); b != nil && b.Zone != nil {
		return b.Zone
	}
	return time.UTC
}

// id returns a new ULID: the tenant's years, then a number.
func (s *Server) id() string {
	s.ids++
	const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	digits := make([]byte, 16)
	for i, n := len(digits)-1, s.ids; i >= 0; i, n = i-1, n/32 {
		digits[i] = crockford[n%32]
	}
	return fmt.Sprintf("01GTBV1CT3%s", digits)
}

func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// passTime lets time pass for all bookings: an unused one is released after a
// while, and all end at their end.
func (s *Server) passTime(now time.Time) {
	for _, b := range s.bookings {
		release := b.Begin
		if b.Created.After(release) {
			release = b.Created
		}
		release = release.Add(s.switches.AutoRelease)
		switch {
		case b.Status == Booked && s.switches.AutoRelease > 0 && !s.switches.ManualCheckInOff &&
			release.Before(b.End) && !now.Before(release):
			b.Status, b.AutoReleased, b.CancelledAt, b.CancelReason = Cancelled, release, release, "autoSpaceRelease"
		case b.Status == Booked && !now.Before(b.End):
			b.Status = NoCheckIn
		case b.Status == CheckedIn && !now.Before(b.End):
			b.Status = Completed
		}
	}
}
