package radiusacct

import (
	"strings"
	"sync"
	"testing"
)

// TestWatchSeesEveryPacketUntilItStops: a request, its repeat, and one with another
// secret; and nothing once nobody watches.
func TestWatchSeesEveryPacketUntilItStops(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	var mu sync.Mutex
	var seen []string
	stop := o.Watch(func(p Seen) {
		mu.Lock()
		defer mu.Unlock()
		what := "refused: " + p.Fault
		switch {
		case p.Record != nil:
			what = p.Record.Status.String()
		case p.Repeat:
			what = "repeat"
		}
		seen = append(seen, p.Client+" "+what)
	})
	b := start("a")
	n.answered(b)
	n.answered(b)
	wrong := withID(9, start("b"))
	wrong[4] ^= 1 // of the authenticator
	n.send(wrong)
	n.answered(withID(10, start("c")))
	stop()
	n.answered(withID(11, start("d")))
	mu.Lock()
	defer mu.Unlock()
	got, name := strings.Join(seen, "; "), loopback.Name
	want := name + " Start; " + name + " repeat; " + name + " refused: wrong secret"
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "; "+name+" Start") || len(seen) != 4 {
		t.Errorf("seen: %s\nwant %s …", got, want)
	}
	if o.watchers.any.Load() {
		t.Error("packets are told although nobody watches")
	}
}
