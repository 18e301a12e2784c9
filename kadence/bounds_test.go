package kadence

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
)

// endless is an API that answers every call with the same page, and a link to
// the next one; "" for a token is a good one.
type endless struct{ page, token string }

func (e endless) RoundTrip(r *http.Request) (*http.Response, error) {
	body := e.page
	if strings.HasSuffix(r.URL.Path, "/oauth2/token") {
		body = cmp.Or(e.token, `{"access_token":"t","token_type":"bearer","expires_in":3600}`)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// TestNoAnswerTakesMoreThanItsShare: neither by its pages, nor by what is on
// them, nor by the length of any text.
func TestNoAnswerTakesMoreThanItsShare(t *testing.T) {
	written := func(i, pad int) string {
		return fmt.Sprintf(`{"@id":"/v1/%s/01GTBV1CT3%016d","userId":"01GTBV1CT30000000000000001","bookingUserEmail":"ann%d@example.com",`+
			`"type":%q,"space":{"name":%q},"status":"booked","startDate":"2000-01-01T09:00:00Z","endDate":"2000-01-01T17:00:00Z"}`,
			strings.Repeat("x", pad), i, i, strings.Repeat("y", pad), strings.Repeat("z", pad))
	}
	for name, c := range map[string]struct{ bookings, pad int }{"many": {5000, 0}, "long": {100, 20_000}} {
		t.Run(name, func(t *testing.T) {
			var members []string
			for i := range c.bookings {
				members = append(members, written(i, c.pad))
			}
			page := `{"hydra:member":[` + strings.Join(members, ",") + `],"hydra:totalItems":1000000,"hydra:view":{"hydra:next":"/v1/public/bookings?page=2"}}`
			inOffice(t, func(t *testing.T, o *office) {
				o.restart(func(c *Config) { c.Transport = endless{page: page} })
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				var kept []booking
				whole, err := o.client.pages(context.Background(), request{route: bookingsRoute, path: "/v1/public/bookings", query: url.Values{}}, maxPages,
					func(m json.RawMessage) {
						if b, err := decodeBooking(m); err == nil {
							kept = append(kept, b)
						}
					})
				if whole || err != nil || len(kept) == 0 || len(kept) > maxItems {
					t.Errorf("kept %d bookings, whole %v, %v", len(kept), whole, err)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				if each := int64(after.HeapAlloc-before.HeapAlloc) / int64(len(kept)); each > 2000 {
					t.Errorf("a booking that is kept takes %d bytes", each)
				}
				runtime.KeepAlive(kept)
			})
		})
	}
}
