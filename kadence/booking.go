package kadence

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// booking is a booking as the API has it. Everything but its id, status and
// times may be absent or of a form that nobody has announced; such a field is
// empty, and an empty field never makes a booking one that is acted upon.
type booking struct {
	ID       ref   `json:"id"`
	IRI      ref   `json:"@id"`
	User     ref   `json:"userId"` // whom it is for
	Email    text  `json:"bookingUserEmail"`
	Building ref   `json:"building"`
	Type     text  `json:"type"`
	Status   text  `json:"status"`
	Begin    stamp `json:"startDate"`
	End      stamp `json:"endDate"`
	Made     stamp `json:"createdAt"`
	Changed  stamp `json:"updatedAt"`
	Guest    doubt `json:"guestBooking"`
	Method   text  `json:"checkInMethod"`
	Space    named `json:"space"`

	Source    text  `json:"source"`
	Creator   ref   `json:"createdUserId"`
	InSource  text  `json:"checkedInSource"`
	InAt      stamp `json:"checkedInDate"`
	Certified stamp `json:"selfCertifiedDate"`
	Released  stamp `json:"autoReleasedDate"`
	Cause     text  `json:"cancellationReason"`
	Assigned  truth `json:"permanent"`
}

// taking are the reasons of a cancellation that are nobody's wish (OpenAPI document
// 1.2.0, Booking.cancellationReason). All others may be.
var taking = []string{
	"autoSpaceRelease", "permanentDesk", "changeInBuildingPolicy", "changeInCompanyPolicy", "calendarSyncError",
	"spaceNoLongerAvailable", "spaceRestricted", "spaceNotRestrictedAnymore", "buildingClosure",
}

var errIncomplete = errors.New("without id, status or begin")

// decodeBooking decodes one booking, leniently. An error says that it is not
// one that can be acted upon.
func decodeBooking(b []byte) (booking, error) {
	var w booking
	if err := json.Unmarshal(b, &w); err != nil {
		return booking{}, fmt.Errorf("decode booking: %w", err)
	}
	if w.ID == "" {
		w.ID = w.IRI
	}
	if !isID(string(w.ID)) || w.Status == "" || w.Begin.IsZero() || w.End.wrong {
		return booking{}, fmt.Errorf("decode booking: %w", errIncomplete)
	}
	return w, nil
}

// domain returns the booking as presence knows it.
func (d *Desk) domain(w booking, read time.Time) presence.Booking {
	maker := string(w.Creator)
	if w.User == "" || maker == string(w.User) || maker == d.acting {
		maker = ""
	}
	return presence.Booking{
		ID: string(w.ID), UserID: string(w.User), Type: string(w.Type), Status: presence.BookingStatus(w.Status),
		Begin: w.Begin.Time, End: w.End.Time, Method: string(w.Method), Space: w.Space.Name, Made: w.Made.Time, Changed: w.Changed.Time, Read: read,
		Guest: bool(w.Guest), Eligible: !bool(w.Guest) && slices.Contains(d.types, string(w.Type)),
		Via: string(w.Source), Maker: maker, Taken: w.Status == text(presence.Cancelled) && slices.Contains(taking, string(w.Cause)),
		InVia: printable(string(w.InSource), 40), InAt: w.InAt.Time, Certified: w.Certified.Time, Released: w.Released.Time,
		Cause: printable(string(w.Cause), 60), Assigned: bool(w.Assigned),
	}
}

// overlaps reports whether the booking shares some time with [from, to). Of one
// without an end, only its begin is known.
func (w booking) overlaps(from, to time.Time) bool {
	return w.Begin.Before(to) && (w.End.After(from) || w.End.IsZero() && !w.Begin.Before(from))
}

// isID reports whether s can be an id in a path: a ULID is one, and so is
// whatever else has only letters, digits and dashes.
func isID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// ref is an id, given bare, as an IRI ("/v1/public/users/01…"), or as an
// object that has one.
type ref string

func (r *ref) UnmarshalJSON(b []byte) error {
	*r = ""
	var s string
	if json.Unmarshal(b, &s) != nil {
		var object struct {
			ID  text `json:"id"`
			IRI text `json:"@id"`
		}
		if json.Unmarshal(b, &object) != nil {
			return nil
		}
		if s = string(object.IRI); s == "" {
			s = string(object.ID)
		}
	}
	s = s[strings.LastIndexByte(s, '/')+1:]
	if isID(s) {
		*r = ref(strings.Clone(s)) // and not with all that was before it
	}
	return nil
}

// text is a string, or empty if it is anything else, or longer than whatever is
// announced.
type text string

const maxText = 500 // bytes

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) != nil || len(s) > maxText {
		s = ""
	}
	*t = text(s)
	return nil
}

// stamp is a date-time, zero if it is none. The API writes UTC with an offset;
// one without is taken as UTC, too.
type stamp struct {
	time.Time
	wrong bool // there is one, and it cannot be read
}

func (t *stamp) UnmarshalJSON(b []byte) error {
	*t = stamp{wrong: string(b) != "null"}
	var s string
	if json.Unmarshal(b, &s) != nil {
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, s); err == nil {
			t.Time, t.wrong = at.UTC(), false
			return nil
		}
	}
	return nil
}

// doubt is a boolean that is false only if it clearly is.
type doubt bool

func (d *doubt) UnmarshalJSON(b []byte) error {
	*d = true
	switch string(b) {
	case "false", "null", "0", `""`, `"false"`, `"0"`:
		*d = false
	}
	return nil
}

// truth is a boolean that is true only if it clearly is.
type truth bool

func (t *truth) UnmarshalJSON(b []byte) error {
	*t = string(b) == "true"
	return nil
}

// named is an object of which only the name matters; given as an IRI, it has
// none.
type named struct{ Name string }

func (n *named) UnmarshalJSON(b []byte) error {
	*n = named{}
	var object struct {
		Name text `json:"name"`
	}
	if json.Unmarshal(b, &object) == nil {
		n.Name = printable(string(object.Name), 100)
	}
	return nil
}
