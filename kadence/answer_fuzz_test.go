package kadence

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/presence"
)

// FuzzAnswer: whatever the API answers to whatever it is asked, nobody is found
// who was not asked for, no more calls are made than pages are followed, and what
// it costs is bounded by what was answered.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"hydra:member":[{"id":"01GTBV1CT30000000000000001","email":"ann@example.com","name":"HQ","timeZone":"UTC"}]}`)
	f.Add(`{"hydra:member":[{"id":"b1","userId":"u1","bookingUserEmail":"ann@example.com","building":"/b/HQ","type":"desk","status":"booked",` +
		`"startDate":"2000-01-01T09:00:00Z","endDate":"2000-01-01T17:00:00Z"}],"hydra:totalItems":100}`)
	f.Add(`{"hydra:member":[],"hydra:view":{"hydra:next":"/v1/public/users?page=2"}}`)
	f.Add(`{"hydra:member":[{}],"hydra:totalItems":9}`)
	f.Add(`{"hydra:member":[` + strings.Repeat(`{},`, 20_000) + `{}],"hydra:totalItems":1e9}`)
	f.Add(`{"access_token":"t","token_type":"bearer","expires_in":"3600"}`)
	f.Add(`{"available":false,"numPassesAvailable":-1,"unavailabilityReason":"\u001b"}`)
	f.Add(strings.Repeat("[", 20_000))
	f.Add(nobody)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		calls := 0
		token := ""
		d, err := New(Config{
			APIURL: "https://api.example.test", AuthURL: "https://login.example.test", ClientID: "x", Rate: 1e9,
			Secret:    func() (string, error) { return "x", nil },
			Buildings: map[string]string{"london": "HQ", "paris": "01GTBV1CT30000000000000001"}, Zones: map[string]*time.Location{"london": time.UTC, "paris": time.UTC},
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) { calls++; return endless{body, token}.RoundTrip(r) }),
		}, presence.NewMemory(), quiet)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		asked := func(what string, most int, ask func()) {
			calls = 0
			budget.Budget{Time: time.Second, Each: 20 * time.Microsecond, Octets: 16 << 20, More: 1000}.Hold(t, most*len(body), ask)
			if calls > most {
				t.Errorf("%s took %d calls, at most %d", what, calls, most)
			}
		}
		asked("the zone", 2*maxPages+1, func() { d.Zone(ctx, "london") })
		var known knownUser
		asked("the user", maxPages+2, func() { known, err = d.userID(ctx, "ann@example.com") })
		if err == nil && (!isID(known.ID) || !strings.Contains(strings.ToLower(body), "ann") && !strings.Contains(body, `\u`)) {
			t.Errorf("found %+v", known)
		}
		asked("a booking", 1, func() {
			_, err = d.client.do(ctx, request{route: "GET /v1/public/bookings/{id}", path: "/v1/public/bookings/b1"})
		})
		if err != nil {
			t.Error(err)
		}
		asked("a building's bookings", 3*maxPages, func() { d.Listed(ctx, "ann@example.com", "paris", time.Now()) })
		asked("somebody's bookings", 6*maxPages, func() { d.Bookings(ctx, "ann@example.com", "paris", time.Now()) })
		asked("a pass", 2*maxPages+2, func() { d.Pass(ctx, "ann@example.com", "paris") })
		asked("a check-in", 3, func() { d.CheckIn(ctx, "paris", presence.Booking{ID: "b1"}) })
		token = body
		d.client.tokens.invalidate("t")
		asked("a token", 1, func() { d.client.tokens.get(ctx) })
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
