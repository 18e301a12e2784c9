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
	found := matching(s.users, func(u *User) bool {
		exact := q.Get("emailExact")
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
		return contains(b.Name, q.Get("name")) && is(b.ID, q.Get("id"))
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
	found := matching(s.bookings, func(b *Booking) bool {
		return is(b.Building, q.Get("buildingId")) && s.passes(b, q, "startDateTime", "endDateTime")
	})
	order(found, q)
	return page(s, c, "Booking", 50, found, s.writeBooking)
}

func (s *Server) listUserBookings(c *call) answer {
	id, q := c.PathValue("id"), c.URL.Query()
	known := s.user(id) != nil
	if !known && !s.switches.NoUserNoBookings {
		return s.fail(http.StatusNotFound, "Not Found")
	}
	found := matching(s.bookings, func(b *Booking) bool {
		return known && b.User == id && is(b.Building, q.Get("building.id")) && s.passes(b, q,
			"startDateTime", "endDateTime", "cancelledDateTime", "checkedInDateTime", "checkedOutDateTime", "selfCertifiedDateTime")
	})
	order(found, q)
	return page(s, c, "Booking", 30, found, s.writeBooking)
}

// passes reports whether the booking passes the filters that all lists of
// bookings have.
func (s *Server) passes(b *Booking, q url.Values, fields ...string) bool {
	if !is(b.ID, q.Get("id")) || !is(b.Type, q.Get("type")) || !is(string(b.Status), q.Get("status")) {
		return false
	}
	for _, field := range fields {
		at := map[string]time.Time{
			"startDateTime": b.Begin, "endDateTime": b.End, "cancelledDateTime": b.CancelledAt,
			"checkedInDateTime": b.CheckedInAt, "checkedOutDateTime": b.CheckedOutAt, "selfCertifiedDateTime": b.SelfCertified,
		}[field]
		for key, values := range q {
			op, ok := strings.CutPrefix(key, field+"[")
			if op, ok = strings.CutSuffix(op, "]"); ok && strings.HasPrefix(key, field+"[") && len(values) > 0 &&
				!compare(op, at, values[0], s.zone(b.Building)) {
				return false
			}
		}
	}
	return true
}

// wall is a date-time without a zone.
const wall = "2006-01-02T15:04:05"

// compare holds a booking's time against a filter. A local filter compares
// clock faces in the building's zone, whatever zone is written behind its
// value; one that cannot be parsed, and an operator that is not known, are
// ignored.
func compare(op string, at time.Time, value string, zone *time.Location) bool {
	op, local := strings.CutPrefix(op, "local_")
	var want time.Time
	var err error
	if local {
		want, err = time.Parse(wall, value[:min(len(value), len(wall))])
		at, _ = time.Parse(wall, at.In(zone).Format(wall))
	} else if want, err = time.Parse(time.RFC3339, value); err != nil {
		want, err = time.Parse(wall, value)
	}
	if err != nil {
		return true
	}
	switch op {
	case "before":
		return !at.After(want)
	case "strictly_before":
		return at.Before(want)
	case "after":
		return !at.Before(want)
	case "strictly_after":
		return at.After(want)
	}
	return true
}

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
	return strings.Contains(strings.ToLower(have), strings.ToLower(want))
}
