package presence

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestCallsAreCountedByTheirResult: a booking once for each, however often it is tried,
// and one whose answer was lost as done once that is found.
func TestCallsAreCountedByTheirResult(t *testing.T) {
	count := func(o *office) string {
		var all []string
		called := o.courier.Called()["london"]
		for verb, counts := range map[string]map[CallResult]uint64{"in": called.In, "out": called.Out} {
			for result, n := range counts {
				for range n {
					all = append(all, verb+" "+string(result))
				}
			}
			if len(counts) != len(callResults) {
				t.Errorf("%s tells of %v", verb, maps.Clone(counts))
			}
		}
		return strings.Join(slices.Sorted(slices.Values(all)), ", ")
	}
	for name, c := range map[string]struct {
		fault func(call string, b *Booking) error
		lost  bool
		want  string
	}{
		"all is well":    {want: "in done, out done"},
		"answers lost":   {lost: true, want: "in done, in failed, out done, out failed"},
		"uncertified":    {fault: func(string, *Booking) error { return &RefusedError{Reason: "self-certify first"} }, want: "in uncertified"},
		"denied":         {fault: func(string, *Booking) error { return &DeniedError{Reason: "switched off"} }, want: "in denied"},
		"a dry run":      {fault: func(string, *Booking) error { return ErrDryRun }, want: "in dry_run, out dry_run"},
		"without answer": {fault: func(string, *Booking) error { return errors.New("502 Bad Gateway") }, want: "in failed"},
	} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, func(o *office) {
				o.stop()
				o.rules.DryRun = name == "a dry run"
				o.start()
				o.desk.book("ann@example.com", "b", hour(9), hour(17))
				o.desk.fails(func(call string, b *Booking) error {
					if call == "read" || c.fault == nil || !strings.HasPrefix(call, "in ") && !strings.HasPrefix(call, "out ") {
						return nil
					}
					return c.fault(call, b)
				})
				o.desk.lost = func(string) bool { return c.lost }
				o.until(9, 0)
				o.hear(Start, "ann", laptop, "a")
				o.until(10, 0)
				o.hear(Stop, "ann", laptop, "a")
				o.until(12, 0)
				if got := count(o); got != c.want {
					t.Errorf("counted: %s, want %s\n%s", got, c.want, o.story())
				}
			})
		})
	}
}

// TestAResetHoldsWhoIsThere, which is counted as it is told.
func TestAResetHoldsWhoIsThere(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 30)
		o.hear(AccountingOn, "", "", "")
		o.until(9, 31)
		if got := o.tracker.Holds()[EventNASReset]; got != (Holds{1, 1}) {
			t.Errorf("held: %+v\n%s", got, o.story())
		}
	})
}
