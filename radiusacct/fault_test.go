package radiusacct

import (
	"bytes"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

// logged has the server log for the test, without times, and returns how to
// read what it logged.
func (o *office) logged() func() string {
	w := &lockedBuffer{}
	o.log.SetOutput(w)
	o.log.SetFormatter(&logrus.TextFormatter{DisableTimestamp: true, DisableColors: true})
	return w.String
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestEachFaultOfAClientIsLoggedOnceAMinute(t *testing.T) {
	s := NewServer(Clients{}, &recorder{}, logrus.New())
	w := &lockedBuffer{}
	s.log.SetOutput(w)
	s.log.SetFormatter(&logrus.TextFormatter{DisableTimestamp: true, DisableColors: true})
	source := netip.MustParseAddrPort("192.0.2.7:1024")
	now := time.Unix(1e9, 0)
	for i := range 100 {
		s.grumble(badAuthenticator, "wlc", source, now.Add(time.Duration(i)*time.Second), nil)
	}
	s.grumble(malformed, "wlc", source, now, nil)
	s.grumble(unknownSource, "", source, now, nil)
	if got := strings.Count(w.String(), "wrong secret"); got != 2 {
		t.Errorf("%d lines in 100 s:\n%s", got, w)
	}
	if !strings.Contains(w.String(), "suppressed=59") {
		t.Errorf("nothing says how many lines there are not:\n%s", w)
	}
	for _, want := range []string{"not RADIUS", "source=192.0.2.7"} {
		if !strings.Contains(w.String(), want) {
			t.Errorf("%q is missing:\n%s", want, w)
		}
	}
}

func TestUnknownSourcesTakeBoundedMemoryAndLog(t *testing.T) {
	var gs grumbles
	now, lines := time.Unix(1e9, 0), 0
	for i := range 100_000 {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if _, yes := gs.due(grumble{fault: unknownSource, source: addr}, now.Add(time.Duration(i)*time.Microsecond)); yes {
			lines++
		}
	}
	if full := now.Add(maxGrumbles * time.Microsecond); !gs.swept.Equal(full) {
		t.Errorf("swept at %s, though the table was full from %s on", gs.swept, full)
	}
	if len(gs.last) > maxGrumbles+1 || lines > maxGrumbles+1 {
		t.Errorf("%d remembered, %d logged", len(gs.last), lines)
	}
	// Later there is room again.
	if _, yes := gs.due(grumble{fault: unknownSource, source: netip.MustParseAddr("192.0.2.7")}, now.Add(2*grumbleEvery)); !yes {
		t.Error("a new source is not logged a minute later")
	}
}

func TestEveryFaultHasARemedy(t *testing.T) {
	for f := none + 1; f < faults; f++ {
		if remedies[f] == "" {
			t.Errorf("fault %d has none", f)
		}
	}
}
