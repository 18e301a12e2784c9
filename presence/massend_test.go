package presence

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestEndsAreCounted as by going through all of them: to the second, whatever comes back
// meanwhile, and whatever comes late.
func TestEndsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e ends
		of, latest := map[string]end{}, time.Time{}
		at := time.Unix(1_800_000_000, 0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			device := fmt.Sprint(rapid.IntRange(1, 12).Draw(t, "device"))
			if rapid.IntRange(0, 3).Draw(t, "back") == 0 {
				e.remove(device)
				delete(of, device)
			} else {
				at = at.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "pause")) * time.Second)
				ended := at.Add(-time.Duration(rapid.SampledFrom([]int{0, 0, 0, 7, 90, 200}).Draw(t, "late")) * time.Second)
				own := rapid.Bool().Draw(t, "own")
				e.add(device, ended, own)
				latest = later(latest, ended)
				if of[device] = (end{ended, own}); latest.Sub(ended) > massEnd {
					delete(of, device)
				}
			}
			gone := 0
			for device, one := range of {
				if latest.Sub(one.at) > massEnd {
					delete(of, device)
				} else if !one.own || latest.Sub(one.at) <= atOnce {
					gone++
				}
			}
			if len(e.of) != len(of) {
				t.Fatalf("%d ended, want %d", len(e.of), len(of))
			}
			live := rapid.IntRange(0, 8).Draw(t, "live")
			want := len(of) > live && gone >= massAtOnce && gone > live+len(of)-gone
			if got := e.mass(live); got != want {
				t.Fatalf("a mass end among %d: %v, want %v: %d gone of %d", live, got, want, gone, len(of))
			}
		}
	})
}

// TestComingsAndGoingsAreNotCollected, however often a device comes and goes within a second.
func TestComingsAndGoingsAreNotCollected(t *testing.T) {
	var e ends
	at := time.Unix(1_800_000_000, 0)
	for range 10_000 {
		e.add("phone", at, false)
		e.remove("phone")
		e.add("laptop", at, true)
	}
	if len(e.of) != 1 || len(e.seconds) != 1 || len(e.seconds[0].devices) != 1 || e.seconds[0].own != 1 {
		t.Errorf("%d ended; seconds: %v", len(e.of), e.seconds)
	}
}

// BenchmarkEnd is of a Stop, at a NAS where so many come and go within two minutes.
func BenchmarkEnd(b *testing.B) {
	for _, beside := range []int{10, 1_000, 100_000} {
		b.Run(fmt.Sprint(beside), func(b *testing.B) {
			devices := make([]string, beside)
			for i := range devices {
				devices[i] = fmt.Sprint(i)
			}
			var e ends
			at, i := time.Unix(1_800_000_000, 0), 0
			each := massEnd / time.Duration(beside)
			more := func() {
				at = at.Add(each)
				e.add(devices[i%beside], at, false)
				runtime.KeepAlive(e.mass(beside / 2))
				i++
			}
			for range beside {
				more()
			}
			for b.Loop() {
				more()
			}
		})
	}
}
