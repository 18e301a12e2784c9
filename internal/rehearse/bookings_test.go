package rehearse

import (
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/presence"
)

// FuzzBookings: whatever a file of bookings holds, what is read is somebody's, at a
// site, for a time, and reading it costs no more than its size.
func FuzzBookings(f *testing.F) {
	f.Add("user,site,start,end,type,status\nann@example.com,london,2026-03-02 09:00,2026-03-02 17:00,Desk,booked\n")
	f.Add("\xef\xbb\xbfuser;building;start;end\nAnn@example.com;HQ;2026-03-02T09:00:00Z;2026-03-02T08:00:00Z\n;;;\n")
	f.Add("user\tstart\tend\n\"ann\t\"\"\n")
	f.Add("user,start,end\n" + strings.Repeat("\"\"\"\",\n", 20_000))
	f.Add("user,start,end\n" + strings.Repeat("ann,2026-03-02 09:00,2026-03-02 17:00\n", 2000))
	f.Add(strings.Repeat(",", 100_000))
	sites := map[string]presence.Site{"london": {Name: "london", Building: "HQ"}}
	f.Fuzz(func(t *testing.T, text string) {
		var all []Booking
		var flaws []error
		var err error
		budget.Budget{Time: 200 * time.Millisecond, Each: 50 * time.Microsecond, Octets: 1 << 20, More: 1000}.Hold(t, len(text), func() {
			all, flaws, err = ReadBookings(strings.NewReader(text), nil, sites)
		})
		if lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1; len(all)+len(flaws) > lines {
			t.Errorf("%d bookings and %d flaws of %d lines", len(all), len(flaws), lines)
		}
		for _, b := range all {
			if b.User == "" || b.Site != "london" || !b.End.After(b.Begin) || b.Line < 2 {
				t.Errorf("%+v, %v", b, err)
			}
		}
	})
}
