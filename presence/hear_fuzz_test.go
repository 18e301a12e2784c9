package presence

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
)

// FuzzHear has a person hear anything, in any order, stamped anyhow: what is
// kept is bounded, so is what each sighting and a look at the clock cost, and
// nothing is to be done in the past.
func FuzzHear(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x0a\x00\x00\x01\x00\x00\x3c\x00\x01\x03\x00\x00\x3c\x00\x00"))
	f.Add([]byte("\x01\x05\x10\x0a\x80\x02\x02\x05\x10\xff\x80\x13\x03\x06\x11\x00\x40\x21"))
	f.Add([]byte(strings.Repeat("\x01\x05\x10\x0a\x00\x02\x02\x06\x11\xff\x80\x13\x03\x07\x12\x00\x40\x21", 140)))
	sites, causes := []string{"london", "paris", noSite, ""}, []Cause{0, UserRequest, IdleTimeout, NASReboot}
	f.Fuzz(func(t *testing.T, said []byte) {
		const octets, most = 6, 400 // of a sighting, and of sightings
		d := newDay(t)
		now := d.clock("8:00")
		hear := func() {
			for n := 0; len(said) >= octets && n < most; n, said = n+1, said[octets:] {
				b := said[:octets]
				now = now.Add(time.Duration(b[3]) * 5 * time.Second)
				s := Sighting{
					User: d.p.User, Device: fmt.Sprintf("02:00:00:00:00:%02x", b[1]), Session: fmt.Sprint("s", b[2]), NAS: NASName(fmt.Sprint("hq/ap", b[1]%5)),
					Status: Status(b[0]%4) % (Stop + 1), Site: sites[b[5]%4], Whose: Whose(b[5] >> 2 % 3), Cause: causes[b[5]>>4%4], Heard: now,
					At: now.Add(d.w.MaxSkew - time.Duration(b[4])*5*time.Minute), HasAge: b[0]&128 > 0, Age: time.Duration(b[4]) * time.Minute,
				}
				if s.Status == Other {
					s.Status = Interim
				}
				d.p.Hear(s, d.w)
				if !d.p.Wake.IsZero() && d.p.Wake.Before(now.Add(-24*time.Hour)) {
					t.Fatalf("to be woken at %s, and it is %s", d.p.Wake, now)
				}
			}
			d.p.Advance(now, d.w)
		}
		budget.Budget{Time: 100 * time.Millisecond, Each: 25 * time.Millisecond, Octets: 1 << 20, More: 256 << 10}.Hold(t, min(len(said)/octets, most), hear)
		kept, err := json.Marshal(d.p)
		if err != nil {
			t.Fatal(err)
		}
		if len(kept) > 256<<10 || len(d.p.Facts) > 6*maxEnded+maxStrange {
			t.Fatalf("%d octets are kept, of %d sessions and %d devices", len(kept), len(d.p.Facts), len(d.p.Devices))
		}
	})
}
