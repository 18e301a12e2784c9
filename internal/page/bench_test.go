package page

import (
	"context"
	"fmt"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/presence"
)

// BenchmarkPage is what the status page costs whoever asks for it first, and who
// asks after, with so many people in a real store, one device each.
func BenchmarkPage(b *testing.B) {
	for _, people := range []int{1000, 300_000} {
		o := newOffice(b)
		o.filled(b, people)
		b.Run(fmt.Sprintf("first/people=%d", people), func(b *testing.B) {
			for b.Loop() {
				if w := httptest.NewRecorder(); !serves(w, o.page()) {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
		b.Run(fmt.Sprintf("after/people=%d", people), func(b *testing.B) {
			p := o.page()
			for b.Loop() {
				if w := httptest.NewRecorder(); !serves(w, p) {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// filled has so many people come to london, with one device each.
func (o *office) filled(b *testing.B, people int) {
	const batch = 1000
	for from := 0; from < people; from += batch {
		changes := make([]presence.Change, batch)
		for i := range changes {
			n := from + i
			s := presence.Sighting{
				User: fmt.Sprintf("u%06d@example.com", n), Device: fmt.Sprintf("02:00:5e:%02x:%02x:%02x", n>>16, n>>8&255, n&255), Session: fmt.Sprint("s", n),
				NAS: wlc, Status: presence.Start, Whose: presence.Mine, Site: "london", SSID: "Corp", At: o.now.Add(-time.Hour), Heard: o.now.Add(-time.Hour),
			}
			changes[i] = presence.Change{User: s.User, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
				return presence.Outcome{Archived: p.Hear(s, o.world)}
			}}
		}
		if err := o.store.Update(b.Context(), changes); err != nil {
			b.Fatal(err)
		}
	}
}

func serves(w *httptest.ResponseRecorder, p *Page) bool {
	p.Handler().ServeHTTP(w, httptest.NewRequestWithContext(web.Looking(context.Background(), web.Viewer{Sees: web.Everything}), "GET", "/", nil))
	return w.Code == 200
}

// BenchmarkPageOfAMillion is what the page costs with a million people at one site, of a
// store that costs nothing: the first look, the next, the latest first, which goes through
// everybody, and what is kept in memory between looks.
func BenchmarkPageOfAMillion(b *testing.B) {
	o, given := newOffice(b), new(atomic.Int64)
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	look := func(b *testing.B, p *Page, path string) {
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, httptest.NewRequestWithContext(web.Looking(context.Background(), web.Viewer{Sees: web.Everything}), "GET", path, nil))
		if w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
		b.ReportMetric(float64(w.Body.Len())/1024, "KiB/page")
	}
	p := o.page()
	p.Listings.Store = o.crowded(1_000_000, given)
	before := heap()
	for _, one := range []struct{ name, path string }{{"first", "/"}, {"after", "/"}, {"latest", "/?order=since"}, {"search", "/?q=user04321"}} {
		b.Run(one.name, func(b *testing.B) {
			for b.Loop() {
				look(b, p, one.path)
			}
			b.ReportMetric(heap()-before, "MiB-kept")
		})
	}
}
