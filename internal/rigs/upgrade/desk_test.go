package upgrade

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
)

// desk is the booking side: what the kept store's desk held, and which calls
// it gets.
type desk struct {
	zones map[string]*time.Location

	mu       sync.Mutex // guards what follows
	bookings []booking
	unknown  map[string]bool // users whom it does not know
	calls    []call
}

// booking is a booking as desk.json has it.
type booking struct {
	ID      string                 `json:"id"`
	User    string                 `json:"user"`
	Site    string                 `json:"site"`
	Begin   time.Time              `json:"begin"`
	End     time.Time              `json:"end"`
	Status  presence.BookingStatus `json:"status"`
	Method  string                 `json:"method,omitempty"`
	Answers string                 `json:"answers,omitempty"` // to calls, instead of doing them: "denied" or "refused"
}

// call is a call that changes a booking, or would.
type call struct {
	At      time.Time `json:"at"`
	Call    string    `json:"call"` // "in" or "out"
	Booking string    `json:"booking"`
}

func (b *booking) domain() presence.Booking {
	return presence.Booking{
		ID: b.ID, UserID: b.User, Type: "desk", Status: b.Status, Begin: b.Begin, End: b.End,
		Eligible: true, Method: b.Method, Read: time.Now(),
	}
}

func (d *desk) Listed(ctx context.Context, user, site string, asOf time.Time) (presence.Listing, error) {
	all, err := d.Bookings(ctx, user, site, asOf)
	return presence.Listing{Bookings: all, At: time.Now()}, err
}

func (d *desk) Bookings(_ context.Context, user, site string, _ time.Time) (all []presence.Booking, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.unknown[user] {
		return nil, presence.ErrNoUser
	}
	from, to := time.Now().Add(-12*time.Hour), time.Now().Add(12*time.Hour)
	for i := range d.bookings {
		if b := &d.bookings[i]; b.User == user && b.Site == site && b.Begin.Before(to) && b.End.After(from) {
			all = append(all, b.domain())
		}
	}
	return all, nil
}

func (d *desk) CheckIn(_ context.Context, _ string, b presence.Booking) (presence.Booking, error) {
	return d.call("in", b.ID, presence.Booked, presence.CheckedIn)
}

func (d *desk) CheckOut(_ context.Context, _ string, b presence.Booking) (presence.Booking, error) {
	return d.call("out", b.ID, presence.CheckedIn, presence.CheckedOut)
}

func (d *desk) call(verb, id string, from, to presence.BookingStatus) (presence.Booking, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, call{time.Now().UTC(), verb, id})
	for i := range d.bookings {
		b := &d.bookings[i]
		if b.ID != id {
			continue
		}
		if b.Answers == "denied" {
			return presence.Booking{}, &presence.DeniedError{Reason: "not this one"}
		}
		if b.Answers == "refused" || b.Status != from {
			return presence.Booking{}, &presence.RefusedError{Reason: "self-certification is missing"}
		}
		b.Status, b.Method = to, "wifi"
		return b.domain(), nil
	}
	return presence.Booking{}, &presence.DeniedError{Reason: "no such booking", Gone: true}
}

// user returns whose booking it is.
func (d *desk) user(id string) string {
	for i := range d.bookings {
		if d.bookings[i].ID == id {
			return d.bookings[i].User
		}
	}
	return ""
}

// desk is the desk as it was when the kept store was left; since then it
// works again, and is no dry run any more.
func (k keptStore) desk(t *testing.T, config *configs.Config) *desk {
	t.Helper()
	d := &desk{zones: map[string]*time.Location{}, unknown: map[string]bool{}}
	for name, site := range config.Rules.Sites {
		d.zones[name] = site.Zone
	}
	was := decode[struct {
		Bookings []booking `json:"bookings"`
		Unknown  []string  `json:"unknown"`
	}](t, k, "desk.json")
	d.bookings = was.Bookings
	for _, user := range was.Unknown {
		d.unknown[user] = true
	}
	return d
}
