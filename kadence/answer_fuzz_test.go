package kadence

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// FuzzAnswer: whatever the API answers to whatever it is asked, nobody is found
// who was not asked for, no more calls are made than pages are followed, and what
// is allocated is bounded by what was answered.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"hydra:member":[{"id":"01GTBV1CT30000000000000001","email":"ann@example.com","name":"HQ","timeZone":"UTC"}]}`)
	f.Add(`{"hydra:member":[{"id":"b1","userId":"u1","bookingUserEmail":"ann@example.com","building":"/b/HQ","type":"desk","status":"booked",` +
		`"startDate":"2000-01-01T09:00:00Z","endDate":"2000-01-01T17:00:00Z"}],"hydra:totalItems":100}`)
	f.Add(`{"hydra:member":[],"hydra:view":{"hydra:next":"/v1/public/users?page=2"}}`)
	f.Add(`{"hydra:member":[{}],"hydra:totalItems":9}`)
	f.Add(nobody)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		calls := 0
		d, err := New(Config{
			APIURL: "https://api.example.test", AuthURL: "https://login.example.test", ClientID: "x", Rate: 1e9,
			Secret:    func() (string, error) { return "x", nil },
			Buildings: map[string]string{"london": "HQ"}, Zones: map[string]*time.Location{"london": time.UTC},
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) { calls++; return endless{body}.RoundTrip(r) }),
		}, presence.NewMemory(), quiet)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		answered := 0
		within := func(what string, most int) {
			answered += calls * len(body)
			if calls > most {
				t.Errorf("%s took %d calls, at most %d", what, calls, most)
			}
			calls = 0
		}
		d.Zone(ctx, "london")
		within("the zone", 2*maxPages+1)
		known, err := d.userID(ctx, "ann@example.com")
		if within("the user", maxPages+2); err == nil && (!isID(known.ID) || !strings.Contains(strings.ToLower(body), "ann") && !strings.Contains(body, `\u`)) {
			t.Errorf("found %+v", known)
		}
		_, err = d.client.do(ctx, request{route: "GET /v1/public/bookings/{id}", path: "/v1/public/bookings/b1"})
		if within("a booking", 1); err != nil {
			t.Error(err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20+1000*uint64(answered) {
			t.Errorf("%d octets of answers made it allocate %d", answered, n)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
