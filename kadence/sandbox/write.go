package sandbox

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	userIRI     = "/v1/public/users/"
	buildingIRI = "/v1/public/buildings/"
	bookingIRI  = "/v1/public/bookings/"
	spaceIRI    = "/v1/public/spaces/"
)

func jsonLD() http.Header { return http.Header{"Content-Type": {"application/ld+json; charset=utf-8"}} }

// written is an answer with a JSON body.
func written(status int, header http.Header, body any) answer {
	b, err := json.Marshal(body)
	if err != nil { // nothing that is written here can fail
		panic(err)
	}
	return answer{status: status, header: header, body: b}
}

// fail is an error in the tenant's shape.
func (s *Server) fail(status int, text string) answer { return shaped(s.switches.Errors, status, text) }

func hydraError(status int, text string) answer { return shaped(Hydra, status, text) }

func shaped(shape Shape, status int, text string) answer {
	switch shape {
	case Empty:
		return answer{status: status, header: http.Header{}}
	case League:
		return league(status, "access_denied", text)
	case Problem:
		header := http.Header{"Content-Type": {"application/problem+json; charset=utf-8"}}
		code := strconv.Itoa(status)
		return written(status, header, map[string]any{
			"@id": "/v1/errors/" + code, "@type": "hydra:Error", "type": "/errors/" + code, "status": status,
			"title": "An error occurred", "detail": text, "description": text,
			"hydra:title": "An error occurred", "hydra:description": text,
		})
	}
	return written(status, jsonLD(), map[string]any{
		"@context": "/v1/contexts/Error", "@type": "hydra:Error",
		"hydra:title": "An error occurred", "hydra:description": text,
	})
}

// violation is the answer to a body with a wrong property.
func violation(property, text string) answer {
	return written(http.StatusUnprocessableEntity, jsonLD(), map[string]any{
		"@context": "/v1/contexts/ConstraintViolationList", "@type": "ConstraintViolationList",
		"hydra:title": "An error occurred", "hydra:description": property + ": " + text,
		"violations": []any{map[string]any{"propertyPath": property, "message": text, "code": "sandbox"}},
	})
}

// object is a JSON object as the tenant writes it: with or without its nulls.
func (s *Server) object(o map[string]any) map[string]any {
	if !s.switches.ExplicitNulls {
		maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
	}
	return o
}

// page is the answer to a query for a collection: one page of all members.
func page[T any](s *Server, c *call, context string, size int, all []T, write func(T) map[string]any) answer {
	q := c.URL.Query()
	if n, err := strconv.Atoi(q.Get("itemsPerPage")); err == nil {
		size = min(max(n, 1), 500)
	}
	number := 1
	if n, err := strconv.Atoi(q.Get("page")); err == nil {
		number = max(n, 1)
	}
	last := max((len(all)+size-1)/size, 1)
	from := min((number-1)*size, len(all))
	members := []map[string]any{}
	for _, m := range all[from:min(from+size, len(all))] {
		members = append(members, write(m))
	}
	collection := map[string]any{
		"@context": "/v1/contexts/" + context, "@id": c.URL.Path, "@type": "hydra:Collection",
		"hydra:member": members, "hydra:totalItems": len(all),
	}
	if !s.switches.NoView {
		collection["hydra:view"] = s.view(c.URL.Path, q, number, last)
	}
	return written(http.StatusOK, jsonLD(), collection)
}

// view returns the links to the pages around one, if there are any.
func (s *Server) view(path string, q url.Values, number, last int) map[string]any {
	link := func(n int) string {
		q.Set("page", strconv.Itoa(n))
		return s.switches.NextHost + path + "?" + q.Encode()
	}
	view := map[string]any{"@id": link(number), "@type": "hydra:PartialCollectionView"}
	if last == 1 {
		return view
	}
	view["hydra:first"], view["hydra:last"] = link(1), link(last)
	if number > 1 {
		view["hydra:previous"] = link(number - 1)
	}
	if number < last {
		view["hydra:next"] = link(number + 1)
	}
	return view
}

func (s *Server) writeUser(u *User) map[string]any {
	return s.object(map[string]any{
		"@id": userIRI + u.ID, "@type": "User", "id": u.ID, "email": u.Email,
		"firstName": u.FirstName, "lastName": u.LastName, "jobTitle": nil, "invitationPending": u.Pending,
		"createdAt": date(u.Created), "modifiedAt": date(u.Created),
		"locale": "en-GB", "timePreference": "default", "locationTimezone": nil, "biography": nil,
	})
}

func (s *Server) writeBuilding(b *Building) map[string]any {
	return s.object(map[string]any{
		"@id": buildingIRI + b.ID, "@type": "Building", "id": b.ID, "name": b.Name,
		"timeZone": s.zone(b.ID).String(), "addressLine1": "1 Example Street", "addressLine2": nil,
		"city": "Example", "county": nil, "countryCode": "GB", "latitude": 51.5, "longitude": -0.1, "photo": nil,
		"createdAt": date(b.Created), "modifiedAt": date(b.Created),
	})
}

func (s *Server) writeBooking(b *Booking) map[string]any {
	o := map[string]any{
		"@id": bookingIRI + b.ID, "@type": "Booking", "id": b.ID,
		"createdUserId": iri(userIRI, b.Creator), "userId": iri(userIRI, b.User),
		"startDate": date(b.Begin), "endDate": date(b.End), "createdAt": date(b.Created), "updatedAt": date(b.Updated),
		"checkedInUserId": iri(userIRI, b.CheckedInBy), "checkedInDate": date(b.CheckedInAt),
		"checkedInSource": some(b.CheckedInFrom), "checkInMethod": some(b.CheckInMethod),
		"checkedOutUser": iri(userIRI, b.CheckedOutBy), "checkedOutDate": date(b.CheckedOutAt),
		"checkOutSource": some(b.CheckOutSource), "checkOutMethod": some(b.CheckOutMethod),
		"permanent": b.Assigned, "hasGuests": false, "guestBooking": b.Guest, "recurringBooking": b.Repeats,
		"selfCertifiedDate": date(b.SelfCertified), "source": cmp.Or(b.Source, "web"), "autoReleasedDate": date(b.AutoReleased),
		"cancelledUserId": iri(userIRI, b.CancelledBy), "cancelledDate": date(b.CancelledAt),
		"cancellationReason": some(b.CancelReason), "status": b.Status, "type": b.Type,
		"building": buildingIRI + b.Building, "space": nil, "bookingUserEmail": nil, "bookingCreatedByUserEmail": nil,
	}
	if at, ok := s.certified[s.certificate(b.User, b.Building, b.Begin)]; ok {
		o["selfCertifiedDate"], o["selfCertifySource"] = date(at), "web"
	}
	if !s.switches.HideEmails {
		o["bookingUserEmail"], o["bookingCreatedByUserEmail"] = s.email(b.User), s.email(b.Creator)
	}
	if b.Space != "" {
		o["space"] = s.object(map[string]any{
			"@id": spaceIRI + b.ID, "@type": "Space", "id": b.ID, "name": b.Space, "type": "desk",
			"floor": nil, "neighborhood": nil, "photo": nil,
		})
	}
	return s.object(o)
}

func (s *Server) email(user string) any {
	if u := s.user(user); u != nil {
		return u.Email
	}
	return nil
}

// date is a date-time as the API writes it; null if there is none.
func date(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05-07:00")
}

func iri(prefix, id string) any {
	if id == "" {
		return nil
	}
	return prefix + id
}

func some(s string) any {
	if s == "" {
		return nil
	}
	return s
}
