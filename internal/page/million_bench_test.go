package page

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/presenced/presenced/internal/web"
)

// BenchmarkOfAMillion is what the pages cost that do not show everybody, with a million
// people in a real store: one's own day, occupancy and the roster, which is asked of a site
// of 50,000 and then of everybody, of whom it is none. Each is the first look; the memory is what that takes.
func BenchmarkOfAMillion(b *testing.B) {
	for _, people := range []int{50_000, 1_000_000} {
		o := newOffice(b)
		o.filled(b, people)
		if err := o.store.Update(b.Context(), o.weeks("london", people, 60)); err != nil {
			b.Fatal(err)
		}
		for _, one := range []struct {
			name, path string
			as         web.Viewer
		}{
			{"me", "/me", web.Viewer{Sees: web.OwnDay, User: "u043210@example.com"}}, {"occupancy", "/occupancy", web.Viewer{Sees: web.Numbers}},
			{"roster", "/roster", web.Viewer{Sees: web.People}},
		} {
			b.Run(fmt.Sprintf("%s/people=%d", one.name, people), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					w := httptest.NewRecorder()
					o.page().Handler().ServeHTTP(w, httptest.NewRequestWithContext(web.Looking(context.Background(), one.as), "GET", one.path, nil))
					if w.Code != 200 && (one.name != "roster" || people < 1_000_000 || w.Code != 404) {
						b.Fatal(w.Code, w.Body)
					}
					b.ReportMetric(float64(w.Body.Len())/1024, "KiB/page")
				}
			})
		}
	}
}
