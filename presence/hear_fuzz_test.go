package presence

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// FuzzHear has a person hear anything, in any order, stamped anyhow: what is
// kept is bounded, so is the time that each sighting and a look at the clock take
// of the processor, and nothing is to be done in the past.
func FuzzHear(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x0a\x00\x00\x01\x00\x00\x3c\x00\x01\x03\x00\x00\x3c\x00\x00"))
	f.Add([]byte("\x01\x05\x10\x0a\x80\x02\x02\x05\x10\xff\x80\x13\x03\x06\x11\x00\x40\x21"))
	f.Add([]byte(strings.Repeat("\x01\x05\x10\x0a\x00\x02\x02\x06\x11\xff\x80\x13\x03\x07\x12\x00\x40\x21", 140)))
	sites, causes := []string{"london", "paris", noSite, ""}, []Cause{0, UserRequest, IdleTimeout, NASReboot}
	f.Fuzz(func(t *testing.T, said []byte) {
		const octets, most = 6, 400        // of a sighting, and of sightings
		const each = 25 * time.Millisecond // of the processor's time, for one; with the race detector a few
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		began, heard := processorTime(), len(said)/octets
		d := newDay(t)
		now := d.clock("8:00")
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
		if took := processorTime() - began; took > time.Duration(4+min(heard, most))*each {
			t.Fatalf("%d sightings took %s", heard, took)
		}
		kept, err := json.Marshal(d.p)
		if err != nil {
			t.Fatal(err)
		}
		if len(kept) > 256<<10 || len(d.p.Facts) > 6*maxEnded+maxStrange {
			t.Fatalf("%d octets are kept, of %d sessions and %d devices", len(kept), len(d.p.Facts), len(d.p.Devices))
		}
	})
}

// processorTime is what this thread has used of it, whatever else the machine
// does.
func processorTime() time.Duration {
	const thisThread = 1 // RUSAGE_THREAD
	var used syscall.Rusage
	if err := syscall.Getrusage(thisThread, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
