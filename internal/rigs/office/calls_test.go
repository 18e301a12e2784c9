package office

import "testing"

// TestCallsOverADay: a hundred people at two buildings, and every call of a day
// of theirs: check-ins and check-outs, and what has to be read for them beside
// the regular readings, of which there is one for each building in five minutes
// at most while somebody is there.
//
//	go test ./internal/rigs/office -run TestCallsOverADay -v
func TestCallsOverADay(t *testing.T) {
	people, least := 100, 30
	if racing {
		people, least = 20, 6
	}
	plan := Week(people)
	plan.Days = 1
	o := New(*first, plan)
	a := keep(t, o, o.Rules())
	t.Logf("%d check-ins and %d check-outs: %d calls and %d readings on their account, %.2f for each check-in; %d regular readings",
		a.CheckIns, a.Outs, a.Calls, a.Extra, a.PerCheckIn(), a.Regular)
	for _, n := range a.Notes {
		t.Error(n)
	}
	if a.CheckIns < least || a.PerCheckIn() > 3 {
		t.Errorf("%.2f calls for each of %d check-ins, want 3 at most", a.PerCheckIn(), a.CheckIns)
	}
}
