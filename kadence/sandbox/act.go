package sandbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// methods are the ways to check in that the API knows.
var methods = []string{"doorAccess", "wifi", "geofence", "sensor"}

// acting decodes who acts by which method. What is wrong with it is the second
// result.
func (s *Server) acting(c *call) (user, method string, wrong *answer) {
	var body struct {
		UserID string  `json:"userId"`
		Method *string `json:"method"`
	}
	refuse := func(a answer) (string, string, *answer) { return "", "", &a }
	if err := json.Unmarshal(c.body, &body); err != nil {
		return refuse(s.fail(http.StatusBadRequest, "Syntax error"))
	}
	c.journal.Acting = body.UserID
	switch {
	case body.UserID == "":
		return refuse(violation("userId", "This value should not be blank."))
	case body.Method != nil && !slices.Contains(methods, *body.Method):
		return refuse(violation("method", "The value you selected is not a valid choice."))
	case s.user(body.UserID) == nil:
		return refuse(violation("userId", "There is no such user."))
	case body.Method == nil:
		return body.UserID, "", nil
	}
	return body.UserID, *body.Method, nil
}

// refuse is the answer to what the booking or the tenant does not allow.
func (s *Server) refuse(text string) answer {
	return s.fail(cmp.Or(s.switches.RefuseWith, http.StatusBadRequest), text)
}

func (s *Server) checkIn(c *call) answer {
	c.journal.Booking = c.PathValue("id")
	b := s.index[c.PathValue("id")]
	if b == nil {
		return s.fail(http.StatusNotFound, "Not Found")
	}
	user, method, wrong := s.acting(c)
	switch {
	case wrong != nil:
		return *wrong
	case b.Status == CheckedIn && s.switches.RepeatAllowed:
		return s.acted(b)
	case b.Status == CheckedOut && s.switches.ReturnAllowed && c.now.Before(b.End):
	case b.Status != Booked:
		return s.refuse("The booking cannot be checked in: it is " + string(b.Status))
	}
	switch {
	case s.switches.ManualCheckInOff:
		return s.refuse("Bookings of this type are not checked in")
	case c.now.Before(s.checkInOpens(b)):
		return s.refuse("It is too early to check in")
	case s.switches.SelfCertification && !s.hasCertified(b):
		return s.refuse("The user has not self-certified")
	}
	b.Status, b.Updated = CheckedIn, c.now
	b.CheckedInBy, b.CheckedInAt, b.CheckedInFrom, b.CheckInMethod = user, c.now, "publicApi", method
	c.journal.Effect = CheckedIn
	return s.acted(b)
}

// checkInOpens returns when the booking can first be checked in.
func (s *Server) checkInOpens(b *Booking) time.Time {
	y, m, d := b.Begin.In(s.zone(b.Building)).Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, s.zone(b.Building))
	opens := b.Begin
	switch s.switches.EarlyCheckIn {
	case EarlySameDay:
		opens = midnight
	case EarlyOnceOpen:
		opens = time.Date(y, m, d, 0, 0, 0, int(s.switches.Opens), s.zone(b.Building))
	}
	if opens.After(b.Begin) {
		return b.Begin
	}
	return opens
}

func (s *Server) hasCertified(b *Booking) bool {
	_, ok := s.certified[s.certificate(b.User, b.Building, b.Begin)]
	return ok
}

func (s *Server) checkOut(c *call) answer {
	c.journal.Booking = c.PathValue("id")
	b := s.index[c.PathValue("id")]
	if b == nil {
		return s.fail(http.StatusNotFound, "Not Found")
	}
	user, method, wrong := s.acting(c)
	switch {
	case wrong != nil:
		return *wrong
	case b.Status != CheckedIn:
		return s.refuse("The booking cannot be checked out: it is " + string(b.Status))
	case s.switches.CertifiedOut && !s.hasCertified(b):
		return s.refuse("The user has not self-certified")
	}
	b.Status, b.Updated = CheckedOut, c.now
	b.CheckedOutBy, b.CheckedOutAt, b.CheckOutSource, b.CheckOutMethod = user, c.now, "publicApi", method
	if s.switches.ReleaseOnCheckOut {
		b.End = c.now
	}
	c.journal.Effect = CheckedOut
	return s.acted(b)
}

// acted is the answer to a call that took effect.
func (s *Server) acted(b *Booking) answer {
	o := s.writeBooking(b)
	if space, ok := o["space"].(map[string]any); ok && s.switches.SpaceAsIRI {
		o["space"] = space["@id"]
	}
	return written(http.StatusCreated, jsonLD(), o)
}

// cancel cancels a booking, so that a rehearsal can; the daemon never does.
func (s *Server) cancel(c *call) answer {
	c.journal.Booking = c.PathValue("id")
	b := s.index[c.PathValue("id")]
	if b == nil {
		return s.fail(http.StatusNotFound, "Not Found")
	}
	var body struct {
		UserID string `json:"userId"`
	}
	if len(c.body) > 0 && json.Unmarshal(c.body, &body) != nil {
		return s.fail(http.StatusBadRequest, "Syntax error")
	}
	c.journal.Acting = body.UserID
	if b.Status != Booked && b.Status != CheckedIn {
		return s.refuse("The booking cannot be cancelled: it is " + string(b.Status))
	}
	b.Status, b.Updated, b.CancelledAt, b.CancelledBy, b.CancelReason = Cancelled, c.now, c.now, body.UserID, "byUser"
	c.journal.Effect = Cancelled
	return s.acted(b)
}
