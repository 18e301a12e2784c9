package kadence

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/presence"
)

// sample is composed of the documents' examples.
const sample = `{
  "@id": "/v1/public/bookings/01GTBV1CT3BM8A42SEJ2J5F4EG", "@type": "Booking",
  "id": "01GTBV1CT3BM8A42SEJ2J5F4EG",
  "createdUserId": "/v1/public/users/01GTBV1CT3BM8A42SEJ2J5F4E1",
  "userId": "/v1/public/users/01GTBV1CT3BM8A42SEJ2J5F4E1",
  "space": {"@id":"/v1/public/spaces/01H9TG9Z7A0000000000000001","@type":"Space","id":"01H9TG9Z7A0000000000000001","name":"Desk 01","type":"desk",
    "floor":{"@id":"/v1/public/floors/01H9TG9Z6K07RY2S5NSPZ6R37Y","@type":"Floor","id":"01H9TG9Z6K07RY2S5NSPZ6R37Y","name":"Ground floor"},
    "neighborhood":null},
  "startDate": "2023-01-01T09:00:00+00:00", "endDate": "2023-01-01T17:00:00+00:00",
  "createdAt": "2022-12-20T08:00:00+00:00", "updatedAt": "2022-12-20T08:00:00+00:00",
  "permanent": false, "hasGuests": false, "guestBooking": false, "recurringBooking": false,
  "source": "web", "bookingUserEmail": "john.smith@example.com",
  "status": "booked", "type": "desk",
  "building": "/v1/public/buildings/01GTBV1CT3BM8A42SEJ2J5F4EB"
}`

// with returns the sample with some of its fields replaced; JSON null leaves a
// field out.
func with(t testing.TB, fields string) []byte {
	t.Helper()
	var o, changes map[string]json.RawMessage
	if err := json.Unmarshal([]byte(sample), &o); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(fields), &changes); err != nil {
		t.Fatal(err)
	}
	for key, value := range changes {
		if o[key] = value; string(value) == `"absent"` {
			delete(o, key)
		}
	}
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBookingsDecodeHoweverTheyAreWritten(t *testing.T) {
	whole := presence.Booking{
		ID: "01GTBV1CT3BM8A42SEJ2J5F4EG", UserID: "01GTBV1CT3BM8A42SEJ2J5F4E1", Type: "desk", Status: presence.Booked,
		Begin: time.Date(2023, 1, 1, 9, 0, 0, 0, time.UTC), End: time.Date(2023, 1, 1, 17, 0, 0, 0, time.UTC),
		Eligible: true, Space: "Desk 01", Via: "web", Made: time.Date(2022, 12, 20, 8, 0, 0, 0, time.UTC), Changed: time.Date(2022, 12, 20, 8, 0, 0, 0, time.UTC),
	}
	for fields, change := range map[string]func(*presence.Booking){
		`{}`: nil,
		`{"space":"/v1/public/spaces/01H9TG9Z7A0000000000000001"}`: func(b *presence.Booking) { b.Space = "" },
		`{"space":null}`:         func(b *presence.Booking) { b.Space = "" },
		`{"space":"absent"}`:     func(b *presence.Booking) { b.Space = "" },
		`{"endDate":"absent"}`:   func(b *presence.Booking) { b.End = time.Time{} }, // presence tells of it
		`{"endDate":null}`:       func(b *presence.Booking) { b.End = time.Time{} },
		`{"createdAt":"absent"}`: func(b *presence.Booking) { b.Made = time.Time{} },
		`{"updatedAt":"absent"}`: func(b *presence.Booking) { b.Changed = time.Time{} },
		`{"startDate":"2023-01-01T09:00:00Z","endDate":"2023-01-01T17:00:00.000Z"}`:       nil,
		`{"startDate":"2023-01-01T10:00:00+01:00","endDate":"2023-01-01T17:00:00+0000"}`:  nil,
		`{"startDate":"2023-01-01T09:00:00","endDate":"2023-01-01T17:00:00"}`:             nil,
		`{"id":{"@id":"/v1/public/bookings/01GTBV1CT3BM8A42SEJ2J5F4EG"}}`:                 nil,
		`{"id":{},"extra":[1,{"deep":true}]}`:                                             nil, // then it is in @id
		`{"id":17}`:                                                                       nil,
		`{"userId":"01GTBV1CT3BM8A42SEJ2J5F4E1"}`:                                         nil,
		`{"userId":{"@id":"/v1/public/users/01GTBV1CT3BM8A42SEJ2J5F4E1","@type":"User"}}`: nil,
		`{"userId":null}`:           func(b *presence.Booking) { b.UserID = "" },
		`{"userId":["x"]}`:          func(b *presence.Booking) { b.UserID = "" },
		`{"userId":"/../x y"}`:      func(b *presence.Booking) { b.UserID = "" },
		`{"type":"hammock"}`:        func(b *presence.Booking) { b.Type, b.Eligible = "hammock", false },
		`{"type":7}`:                func(b *presence.Booking) { b.Type, b.Eligible = "", false },
		`{"type":"room"}`:           func(b *presence.Booking) { b.Type, b.Eligible = "room", false },
		`{"type":"onsite"}`:         func(b *presence.Booking) { b.Type = "onsite" },
		`{"status":"melted"}`:       func(b *presence.Booking) { b.Status = "melted" },
		`{"guestBooking":true}`:     func(b *presence.Booking) { b.Guest, b.Eligible = true, false },
		`{"guestBooking":"yes"}`:    func(b *presence.Booking) { b.Guest, b.Eligible = true, false }, // on doubt
		`{"guestBooking":null}`:     nil,
		`{"guestBooking":"absent"}`: nil,
		`{"checkInMethod":"wifi"}`:  func(b *presence.Booking) { b.Method = "wifi" },
		`{"source":null}`:           func(b *presence.Booking) { b.Via = "" },
		`{"permanent":true}`:        func(b *presence.Booking) { b.Assigned = true },
		`{"permanent":"yes"}`:       nil,
		`{"createdUserId":"/v1/public/users/01GTBV1CT3BM8A42SEJ2J5F4E9"}`: func(b *presence.Booking) { b.Maker = "01GTBV1CT3BM8A42SEJ2J5F4E9" },
		`{"checkedInSource":"ios","checkedInDate":"2023-01-01T08:41:00+00:00"}`: func(b *presence.Booking) {
			b.InVia, b.InAt = "ios", time.Date(2023, 1, 1, 8, 41, 0, 0, time.UTC)
		},
		`{"status":"cancelled","cancellationReason":"autoSpaceRelease","autoReleasedDate":"2023-01-01T09:30:00+00:00"}`: func(b *presence.Booking) {
			b.Status, b.Taken, b.Cause, b.Released = "cancelled", true, "autoSpaceRelease", time.Date(2023, 1, 1, 9, 30, 0, 0, time.UTC)
		},
		`{"status":"cancelled","cancellationReason":"\u001b[31m"}`:                                   func(b *presence.Booking) { b.Status, b.Cause = "cancelled", "[31m" },
		`{"selfCertifiedDate":"2023-01-01T07:00:00+00:00"}`:                                          func(b *presence.Booking) { b.Certified = time.Date(2023, 1, 1, 7, 0, 0, 0, time.UTC) },
		`{"checkInMethod":null,"bookingUserEmail":null,"title":null,"onlineMeetingUrl":"https://x"}`: nil,
	} {
		w, err := decodeBooking(with(t, fields))
		if err != nil {
			t.Errorf("%s: %v", fields, err)
			continue
		}
		want := whole
		if change != nil {
			change(&want)
		}
		got := (&Desk{types: []string{"desk", "private_office", "onsite"}}).domain(w, time.Time{})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", fields, diff)
		}
	}
}

func TestWhatIsNoBookingIsNotTakenForOne(t *testing.T) {
	for _, fields := range []string{
		`{"id":null,"@id":"absent"}`, `{"id":"../../users/1 2","@id":null}`, `{"status":"absent"}`, `{"status":null}`,
		`{"startDate":"absent"}`, `{"startDate":"tomorrow"}`, `{"endDate":17}`,
	} {
		if w, err := decodeBooking(with(t, fields)); err == nil {
			t.Errorf("%s: decoded as %+v", fields, w)
		}
	}
	for _, b := range []string{``, `null`, `"x"`, `[]`, `{}`, `{"id":`} {
		if w, err := decodeBooking([]byte(b)); err == nil {
			t.Errorf("%s: decoded as %+v", b, w)
		}
	}
}

// answer is what an answer's text may cost.
var answer = budget.Budget{Time: 100 * time.Millisecond, Each: 20 * time.Microsecond, Octets: 64 << 10, More: 100}

// FuzzBooking: what is decoded is whole and printable, whatever is sent.
func FuzzBooking(f *testing.F) {
	f.Add([]byte(sample))
	for _, fields := range []string{
		`{"space":"/v1/public/spaces/1"}`, `{"id":{}}`, `{"userId":null}`, `{"startDate":"2023-01-01T09:00:00.5Z"}`,
		`{"guestBooking":[]}`, `{"checkInMethod":{"a":1}}`, `{"building":{"id":"01"}}`, `{"space":{"name":"\u001b[31m"}}`,
	} {
		f.Add(with(f, fields))
	}
	f.Add(with(f, `{"space":{"name":"`+strings.Repeat("x", 50_000)+`"},"building":`+strings.Repeat(`{"id":`, 5000)+`1`+strings.Repeat(`}`, 5000)+`}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got presence.Booking
		var err error
		answer.Hold(t, len(b), func() {
			var w booking
			if w, err = decodeBooking(b); err == nil {
				got = (&Desk{types: []string{"desk"}}).domain(w, time.Time{})
			}
		})
		if err != nil {
			return
		}
		switch {
		case !isID(got.ID), got.UserID != "" && !isID(got.UserID):
			t.Errorf("an id that is none: %q, %q", got.ID, got.UserID)
		case got.Status == "", got.Begin.IsZero(), got.End.IsZero():
			t.Errorf("incomplete: %+v", got)
		case got.Eligible && (got.Guest || got.Type != "desk"):
			t.Errorf("eligible: %+v", got)
		case printable(got.Space, 200) != got.Space:
			t.Errorf("unprintable: %q", got.Space)
		}
	})
}

// FuzzReason: a refusal always has a reason, of one printable line.
func FuzzReason(f *testing.F) {
	f.Add([]byte(`{"hydra:description":"Too early"}`), 400)
	f.Add([]byte(`{"detail":"\u001b]0;x\u0007","title":7}`), 422)
	f.Add([]byte(`<html>`), 502)
	f.Add([]byte(`{"detail":"`+strings.Repeat("\u001b", 50_000)+`"}`), 400)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		var got string
		answer.Hold(t, len(body), func() { got = reasonOf(body, status) })
		if got == "" || printable(got, 301) != got {
			t.Errorf("reason %q", got)
		}
	})
}
