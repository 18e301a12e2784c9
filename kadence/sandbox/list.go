package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func (s *Server) listUsers(c *call) answer {
	q := c.URL.Query()
	exact := q.Get("emailExact")
	found := matching(s.users, func(u *User) bool {
		return contains(u.Email, q.Get("email")) && contains(u.FirstName, q.Get("firstName")) &&
			contains(u.LastName, q.Get("lastName")) && is(u.ID, q.Get("id")) &&
			(exact == "" || s.switches.IgnoreEmailExact || strings.EqualFold(u.Email, exact))
	})
	return page(s, c, "User", 30, found, s.writeUser)
}

func (s *Server) readUser(c *call) answer {
	u := s.user(c.PathValue("id"))
	if u == nil {
		return s.fail(http.StatusNotFound, "Not Found")
	}
	return written(http.StatusOK, jsonLD(), s.writeUser(u))
}

func (s *Server) listBuildings(c *call) answer {
	q := c.URL.Query()
	found := matching(s.buildings, func(b *Building) bool {
		return !b.Archived && contains(b.Name, q.Get("name")) && is(b.ID, q.Get("id"))
	})
	return page(s, c, "Building", 30, found, s.writeBuilding)
}

func (s *Server) readBuilding(c *call) answer {
	b := s.building(c.PathValue("id"))
	if b == nil {
		return s.fail(http.StatusNotFound, "Not Found")
	}
	return written(http.StatusOK, jsonLD(), s.writeBuilding(b))
}

func (s *Server) readBooking(c *call) answer {
	c.journal.Booking = c.PathValue("id")
	b := s.index[c.PathValue("id")]
	if b == nil {
		return s.fail(http.StatusNotFound, "Not Found")
	}
	return written(http.StatusOK, jsonLD(), s.writeBooking(b))
}

// listBookings lists the tenant's bookings. Its filter for the building has
// another name than that of a user's bookings.
func (s *Server) listBookings(c *call) answer {
	q := c.URL.Query()
	filters, building := s.filters(q, tenantDates), q.Get("buildingId")
	if s.switches.IgnoreFilters {
		filters, building = nil, ""
	}
	found := matching(s.bookings, func(b *Booking) bool { return is(b.Building, building) && s.listed(b) && passes(b, filters) })
	order(found, q)
	return page(s, c, "Booking", 50, found, s.writeBooking)
}

func (s *Server) listUserBookings(c *call) answer {
	id, q := c.PathValue("id"), c.URL.Query()
	known := s.user(id) != nil
	if !known && !s.switches.NoUserNoBookings {
		return s.fail(http.StatusNotFound, "Not Found")
	}
	filters, building := s.filters(q, userDates), q.Get("building.id")
	if s.switches.IgnoreFilters {
		filters, building = nil, ""
	}
	found := matching(s.bookings, func(b *Booking) bool {
		theirs := b.User == id || s.switches.ListCreated && b.Creator == id
		return known && theirs && is(b.Building, building) && s.listed(b) && passes(b, filters)
	})
	order(found, q)
	return page(s, c, "Booking", 30, found, s.writeBooking)
}

// listed reports whether the booking is in lists yet.
func (s *Server) listed(b *Booking) bool {
	return !s.switches.CreatedUnlisted || b.Source != "publicApi"
}

// filter passes a booking or not.
type filter func(*Booking) bool

// wall is a date-time without a zone.
const wall = "2006-01-02T15:04:05"

// filters returns what all lists of bookings can be filtered by, with the given
// dates among it.
func (s *Server) filters(q url.Values, dates map[string]func(*Booking) time.Time) []filter {
	id, kind, status := q.Get("id"), q.Get("type"), q.Get("status")
	all := []filter{func(b *Booking) bool {
		return is(b.ID, id) && is(b.Type, kind) && is(string(b.Status), status)
	}}
	for key, values := range q {
		field, op, ok := strings.Cut(strings.TrimSuffix(key, "]"), "[")
		at := dates[field]
		if !ok || at == nil {
			continue
		}
		op, local := strings.CutPrefix(op, "local_")
		holds, want, ok := comparison(op, values[0], local)
		if !ok {
			continue
		}
		all = append(all, func(b *Booking) bool {
			t := at(b)
			if local {
				t = face(t, s.zone(b.Building))
			}
			return holds(t, want)
		})
	}
	return all
}

// face returns what a clock on the wall shows at t, as if it were UTC.
func face(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second).Truncate(time.Second)
}

// comparison decodes a filter for a date. A local one compares clock faces in
// the building's zone, whatever zone is written behind its value. One that
// cannot be parsed, and an operator that is not known, are ignored.
func comparison(op, value string, local bool) (holds func(at, want time.Time) bool, want time.Time, ok bool) {
	var err error
	if local {
		want, err = time.Parse(wall, value[:min(len(value), len(wall))])
	} else if want, err = time.Parse(time.RFC3339, value); err != nil {
		want, err = time.Parse(wall, value)
	}
	switch op {
	case "before":
		holds = func(at, want time.Time) bool { return !at.After(want) }
	case "strictly_before":
		holds = time.Time.Before
	case "after":
		holds = func(at, want time.Time) bool { return !at.Before(want) }
	case "strictly_after":
		holds = time.Time.After
	}
	return holds, want, err == nil && holds != nil
}

func passes(b *Booking, all []filter) bool {
	for _, f := range all {
		if !f(b) {
			return false
		}
	}
	return true
}

// The dates that a tenant's bookings, and a user's, can be filtered by.
var (
	tenantDates = map[string]func(*Booking) time.Time{
		"startDateTime": func(b *Booking) time.Time { return b.Begin },
		"endDateTime":   func(b *Booking) time.Time { return b.End },
	}
	userDates = map[string]func(*Booking) time.Time{
		"startDateTime":         tenantDates["startDateTime"],
		"endDateTime":           tenantDates["endDateTime"],
		"cancelledDateTime":     func(b *Booking) time.Time { return b.CancelledAt },
		"checkedInDateTime":     func(b *Booking) time.Time { return b.CheckedInAt },
		"checkedOutDateTime":    func(b *Booking) time.Time { return b.CheckedOutAt },
		"selfCertifiedDateTime": func(b *Booking) time.Time { return b.SelfCertified },
	}
)

// order sorts as asked, by the documented names and by those that Kadence's
// own examples use.
func order(all []*Booking, q url.Values) {
	for key, at := range map[string]func(*Booking) time.Time{
		"startDate": func(b *Booking) time.Time { return b.Begin },
		"endDate":   func(b *Booking) time.Time { return b.End },
	} {
		asked := q.Get("order["+key+"]") + q.Get("order["+key+"Time]")
		if asked == "" {
			continue
		}
		slices.SortStableFunc(all, func(a, b *Booking) int {
			if asked == "desc" {
				a, b = b, a
			}
			return at(a).Compare(at(b))
		})
	}
}

func matching[T any](all []T, match func(T) bool) []T {
	var found []T
	for _, v := range all {
		if match(v) {
			found = append(found, v)
		}
	}
	return found
}

// is and contains pass everything if nothing is asked for.
func is(have, want string) bool { return want == "" || have == want }

func contains(have, want string) bool {
	return want == "" || strings.Contains(strings.ToLower(have), strings.ToLower(want))
}
