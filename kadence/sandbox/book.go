package sandbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// What may be booked, when, and the booking of it.

// hours returns when the building is open on the local day that is days after
// that of t.
func (b *Building) hours(t time.Time, days int) (opens, closes time.Time) {
	zone := b.Zone
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := t.In(zone).Date()
	at := func(days int, clock time.Duration) time.Time {
		return time.Date(y, m, d+days, 0, 0, 0, int(clock), zone)
	}
	if b.Opens == b.Closes {
		return at(days, 0), at(days+1, 0)
	}
	over := 0
	if b.Closes < b.Opens {
		over = 1
	}
	return at(days, b.Opens), at(days+over, b.Closes)
}

// closed reports whether the building is closed on the whole local day.
func (b *Building) closed(day time.Time) bool {
	return slices.Contains(b.Closures, day.Format(time.DateOnly))
}

// bookableFrom is the earliest moment from which the API accepts a booking.
func bookableFrom(now time.Time) time.Time { return now.Truncate(time.Minute) }

// listBookableDays lists the days on which a user may book at a building. It is
// not paged. Today begins no sooner than now.
func (s *Server) listBookableDays(c *call) answer {
	q := c.URL.Query()
	b, u := s.building(q.Get("buildingId")), s.user(q.Get("userId"))
	switch {
	case q.Get("buildingId") == "" || q.Get("userId") == "":
		return s.fail(http.StatusBadRequest, "buildingId and userId are both needed")
	case b == nil || u == nil:
		return s.fail(http.StatusNotFound, "Not Found")
	}
	days := []map[string]any{}
	for n := range cmp.Or(s.switches.DaysAhead, 13) + 1 {
		opens, closes := b.hours(c.now, n)
		if _, barred := u.Barred[b.ID]; barred || b.Shut || b.closed(opens) || !c.now.Before(closes) {
			continue
		}
		if from := bookableFrom(c.now); opens.Before(from) {
			opens = from
		}
		days = append(days, map[string]any{"start": date(opens), "end": date(closes)})
	}
	return written(http.StatusOK, jsonLD(), map[string]any{
		"@context": "/v1/contexts/BookableDay", "@id": c.URL.Path, "@type": "hydra:Collection",
		"hydra:member": days, "hydra:totalItems": len(days),
	})
}

// readBookableDay answers what the API does: nothing.
func (s *Server) readBookableDay(*call) answer {
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

// readPasses tells how many onsite passes there are at a time.
func (s *Server) readPasses(c *call) answer {
	q := c.URL.Query()
	b := s.building(q.Get("buildingId"))
	if b == nil || b.NoPasses {
		return s.fail(http.StatusNotFound, "Not Found")
	}
	begin, errBegin := time.Parse(wall, q.Get("startDateTime"))
	end, errEnd := time.Parse(wall, q.Get("endDateTime"))
	if errBegin != nil || errEnd != nil || !end.After(begin) {
		return s.fail(http.StatusBadRequest, "The times are no times")
	}
	left, why := s.passes(b, begin, end)
	return written(http.StatusOK, jsonLD(), s.object(map[string]any{
		"@context": "/v1/contexts/BookableOnsitePass", "@id": c.URL.Path, "@type": "BookableOnsitePass",
		"startDateTime": date(begin), "endDateTime": date(end), "available": why == "", "numPassesAvailable": left,
		"unavailabilityReason": some(why),
	}))
}

// passes returns how many passes there are, null if there is no limit, and why
// there are none.
func (s *Server) passes(b *Building, begin, end time.Time) (left any, why string) {
	opens, closes := b.hours(begin, 0)
	if before, until := b.hours(begin, -1); begin.Before(until) && !until.Equal(opens) { // it is open over midnight
		opens, closes = before, until
	}
	switch {
	case b.Shut:
		return 0, "buildingClosed"
	case b.closed(opens):
		return 0, "buildingClosure"
	case begin.Before(opens) || end.After(closes):
		return 0, "openingHours"
	case b.Passes == 0:
		return nil, ""
	}
	n := b.Passes
	for _, o := range s.bookings {
		if o.Type == "onsite" && o.Building == b.ID && o.holds(begin, end) {
			n--
		}
	}
	if n <= 0 {
		return 0, "noCapacity"
	}
	return n, ""
}

// holds reports whether the booking takes up a place in some of the time.
func (b *Booking) holds(begin, end time.Time) bool {
	return (b.Status == Booked || b.Status == CheckedIn) && b.Begin.Before(end) && b.End.After(begin)
}

// create makes an onsite booking. Desks are not kept here, so that there is none
// to name by spaceId.
func (s *Server) create(c *call) answer {
	var body struct {
		UserID   string  `json:"userId"`
		Building string  `json:"buildingId"`
		Space    *string `json:"spaceId"`
		Title    *string `json:"title"`
		Begin    string  `json:"startDateTime"`
		End      string  `json:"endDateTime"`
	}
	if json.Unmarshal(c.body, &body) != nil {
		return s.fail(http.StatusBadRequest, "Syntax error")
	}
	c.journal.Acting = body.UserID
	u, b := s.user(body.UserID), s.building(body.Building)
	begin, errBegin := time.Parse(wall, body.Begin)
	end, errEnd := time.Parse(wall, body.End)
	switch {
	case body.UserID == "":
		return violation("userId", "This value should not be blank.")
	case errBegin != nil:
		return violation("startDateTime", "This value is not a valid datetime.")
	case errEnd != nil || !end.After(begin):
		return violation("endDateTime", "This value is not a valid datetime.")
	case u == nil:
		return violation("userId", "There is no such user.")
	case body.Space != nil && body.Building != "":
		return violation("spaceId", "Either a space or a building is booked.")
	case body.Space != nil:
		return violation("spaceId", "There is no such space.")
	case b == nil:
		return violation("buildingId", "There is no such building.")
	}
	_, barred := u.Barred[b.ID]
	_, why := s.passes(b, begin, end)
	switch {
	case barred:
		return s.refuse("The user may not book at this building")
	case b.NoPasses:
		return s.refuse("There are no onsite passes at this building")
	case begin.Before(bookableFrom(c.now)) && s.switches.PastRefused:
		return violation("startDateTime", "This value should not be in the past.")
	case !end.After(c.now):
		return violation("endDateTime", "This value should not be in the past.")
	case why != "":
		return violation("buildingId", "There is no onsite pass: "+why)
	}
	for _, o := range s.bookings {
		if !s.switches.OverlapAllowed && o.User == u.ID && (o.Type == "onsite" || o.Type == "desk") && o.holds(begin, end) {
			return violation("startDateTime", "The user has another booking at this time.")
		}
	}
	source := "publicApi"
	switch {
	case s.switches.WebCreates:
		source = "web"
	case s.switches.SourceUntold:
		source = "unknown"
	}
	s.unwanted(u, b, begin)
	id := s.book(Booking{User: u.ID, Building: b.ID, Type: "onsite", Begin: begin, End: end, Source: source})
	c.journal.Booking, c.journal.Effect = id, Booked
	return s.acted(s.index[id])
}

// unwanted notes what a booking for the user offends that is about to be made.
func (s *Server) unwanted(u *User, at *Building, begin time.Time) {
	day := begin.In(s.zone(at.ID)).Format(time.DateOnly)
	for _, o := range s.bookings {
		switch {
		case o.User != u.ID || o.Building != at.ID || o.Begin.In(s.zone(at.ID)).Format(time.DateOnly) != day:
		case o.Type == "onsite" && o.Source == "publicApi":
			s.offences = append(s.offences, "user "+u.Email+" was booked a second time, after "+o.ID)
		case o.Status == CheckedOut, o.Status == Cancelled && o.CancelReason == "byUser":
			s.offences = append(s.offences, "user "+u.Email+" was booked, although "+o.ID+" is "+string(o.Status))
		}
	}
}
