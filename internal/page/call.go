package page

import (
	"time"

	"github.com/presenced/presenced/presence"
)

// call is a check-in or a check-out of a booking: made, refused, only
// pretended, or to be made.
type call struct {
	At       time.Time // when it was made, or is to be
	User     string
	Visit    string
	Site     string
	Zone     *time.Location
	Verb     string // "check-in" or "check-out"
	Booking  string // "" if it is not known yet
	Begin    time.Time
	End      time.Time
	Result   result
	Attempts int // failures in a row
	Reason   string
}

// result is what became of a call.
type result string

const (
	done    result = "done"
	dryRun  result = "dry run"
	refused result = "refused"
	pending result = "pending"
)

// Mark names the shape that stands for the call in a timeline.
func (c call) Mark() string {
	switch c.Result {
	case refused, pending:
		return string(c.Result)
	case dryRun:
		return c.Verb + "-dry"
	}
	return c.Verb
}

// callsOf returns the calls of a visit: one for each that took effect or was
// refused, and the next one that is to be made.
func callsOf(v presence.Visit, zone *time.Location) (calls []call) {
	add := func(c call) {
		c.User, c.Visit, c.Site, c.Zone = v.User, v.ID, v.Site, zone
		calls = append(calls, c)
	}
	for _, c := range v.Claims {
		one := call{Booking: c.Booking, Begin: c.Begin, End: c.End, Result: done}
		if c.DryRun {
			one.Result = dryRun
		}
		if !c.In.IsZero() {
			one.At, one.Verb = c.In, "check-in"
			add(one)
		}
		if !c.Out.IsZero() {
			one.At, one.Verb = c.Out, "check-out"
			if v.Outlook.State == presence.Over {
				one.Reason = v.Outlook.Why
			}
			add(one)
		}
		if c.Refused != "" && c.Out.IsZero() { // else it had taken effect after all
			one.At, one.Verb, one.Result, one.Reason = c.Tried, "check-in", refused, c.Refused
			if !c.In.IsZero() || v.State == presence.Over && v.CheckOut.Status != presence.Skipped {
				one.Verb = "check-out"
			}
			add(one)
		}
	}
	for _, side := range []struct {
		verb string
		presence.Errand
	}{{"check-in", v.CheckIn}, {"check-out", v.CheckOut}} {
		if side.Status == presence.Pending {
			add(call{At: side.Next, Verb: side.verb, Result: pending, Attempts: side.Attempts, Reason: side.Reason})
		}
	}
	return calls
}
