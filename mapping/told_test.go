package mapping

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
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
		for r := range reasons(n) {
			if strings.Contains(r.Reason, told) || strings.ContainsAny(r.Reason, `":`) {
				t.Errorf("%q: %+v, of %q", id, r, n.Reason)
			}
		}
	}
	port := reading(rules, func(r *presence.Record) { r.PortType = 4711 }).Nobody
	if got := reasons(port); got[presence.Reason{Kind: presence.KindPort, Reason: "not Wi-Fi"}] != 1 || len(got) != 1 {
		t.Errorf("a port type is %+v", got)
	}
}

// reasons are what is told of records that led to n.
func reasons(n presence.Nobody) map[presence.Reason]uint64 {
	tracker := presence.NewTracker(nil, &Rules{}, presence.DefaultRules(), slog.New(slog.DiscardHandler))
	tracker.Refused(n, time.Now())
	return tracker.Reasons()
}
