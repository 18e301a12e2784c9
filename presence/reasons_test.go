package presence

import (
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// TestReasonsOnlyGrow, though what is unmatched makes room for others, and
// their number is bounded.
func TestReasonsOnlyGrow(t *testing.T) {
	tracker := NewTracker(nil, plain{}, DefaultRules(), slog.New(slog.DiscardHandler))
	const times = 3 * maxUnmatched
	for i := range times {
		tracker.nobody(Nobody{Kind: KindIdentity, Key: fmt.Sprint(i), Reason: fmt.Sprintf("realm %q is not mapped", fmt.Sprint(i))}, "", time.Now())
	}
	if got := tracker.Reasons(); len(got) != 1 || got[Reason{KindIdentity, "realm … is not mapped"}] != times {
		t.Errorf("the reasons are %v", got)
	}
	for i := range 2 * maxReasons {
		tracker.nobody(Nobody{Kind: KindIdentity, Reason: fmt.Sprintf("made up %d", i)}, "", time.Now())
	}
	total := uint64(0)
	for _, n := range tracker.Reasons() {
		total += n
	}
	if got := tracker.Reasons(); len(got) != maxReasons+1 || total != times+2*maxReasons {
		t.Errorf("there are %d reasons, of %d records", len(got), total)
	}
}
