package presence

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestReasonsHoldNothingOfTheRecord: they are shown where identities are not,
// and there are only so many of them.
func TestReasonsHoldNothingOfTheRecord(t *testing.T) {
	const told = "zqxj"
	rules := example()
	rules.Domain = ""
	rules.Ignore = []string{"svc-*"}
	for _, id := range []string{
		told, told + `: "x" \` + told, `PART"` + told + `"NER\alice`, `a: b` + told + `\alice`, "alice@" + told, "alice@" + told + ": " + told,
		`"` + told + `\"` + `\alice`, "svc-" + told, told + "@example.com@" + told, told + " " + told + "@example.com", told + "\x01@example.com",
		"host/" + told, strings.Repeat(told, 200) + "@example.com", "alice@" + strings.Repeat(told+".", 100), told + "@", `\` + told, "@" + told,
		"0" + strings.Repeat("1", 14) + "@" + told + ".3gppnetwork.org",
	} {
		n := spelled(rules, id).Nobody
		if n.Kind == "" {
			t.Errorf("%q leads to somebody", id)
		}
		if r := because(n); strings.Contains(r.Reason, told) || strings.ContainsAny(r.Reason, `":`) {
			t.Errorf("%q: %+v, of %q", id, r, n.Reason)
		}
	}
	if r := because(Nobody{Kind: kindPort, Reason: "not Wi-Fi: NAS-Port-Type 4711"}); r != (Reason{kindPort, "not Wi-Fi"}) {
		t.Errorf("a port type is %+v", r)
	}
}

// TestReasonsOnlyGrow, though what is unmatched makes room for others, and
// their number is bounded.
func TestReasonsOnlyGrow(t *testing.T) {
	tracker := NewTracker(nil, Mapping{}, DefaultRules(), slog.New(slog.DiscardHandler))
	const times = 3 * maxUnmatched
	for i := range times {
		tracker.nobody(Nobody{Kind: kindIdentity, Key: fmt.Sprint(i), Reason: fmt.Sprintf("realm %q is not mapped", fmt.Sprint(i))}, time.Now())
	}
	if got := tracker.Reasons(); len(got) != 1 || got[Reason{kindIdentity, "realm … is not mapped"}] != times {
		t.Errorf("the reasons are %v", got)
	}
	for i := range 2 * maxReasons {
		tracker.nobody(Nobody{Kind: kindIdentity, Reason: fmt.Sprintf("made up %d", i)}, time.Now())
	}
	total := uint64(0)
	for _, n := range tracker.Reasons() {
		total += n
	}
	if got := tracker.Reasons(); len(got) != maxReasons+1 || total != times+2*maxReasons {
		t.Errorf("there are %d reasons, of %d records", len(got), total)
	}
}
