package radiusacct

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// logged returns how to read what the server logs from now on.
func (o *office) logged() func() string {
	before := len(o.said.String())
	return func() string { return o.said.String()[before:] }
}

// written returns a log that is written to w, without times.
func written(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
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
	w := &lockedBuffer{}
	s := NewServer(Clients{}, &recorder{}, written(w))
	source := netip.MustParseAddrPort("192.0.2.7:1024")
	now := time.Unix(1e9, 0)
	for i := range 100 {
		s.grumble(badAuthenticator, "wlc", source, now.Add(time.Duration(i)*time.Second))
	}
	s.grumble(malformed, "wlc", source, now)
	s.grumble(unknownSource, "", source, now)
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
