package presence

import "testing"

// hostapd, shut down, stops each session without a cause and then says
// Accounting-Off, all within a second.
func TestStopsOfAShutdownAreHeld(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", bssIs("02:00:00:00:ff:01"))
	d.hear("14:00", Stop, laptop, "a", bssIs("02:00:00:00:ff:01"))
	off := Reset{NAS: "wlc", BSSID: "02:00:00:00:ff:01", At: d.clock("14:00"), Heard: d.clock("14:00")}
	if !off.Covers(&d.p, d.w) {
		t.Fatal("the Accounting-Off covers nobody")
	}
	d.reset(off)
	if got := d.sessions()[0]; got.State != Suspect || got.Cause != NASReset {
		t.Errorf("session is %s (%s), want suspect (NAS reset)", got.State, got.Cause)
	}
}

func TestWhoLeftBeforeAShutdownHasLeft(t *testing.T) {
	for name, end := range map[string]struct {
		clock string
		cause Cause
	}{
		"a minute before":   {"13:59", 0},
		"by their own will": {"14:00", UserRequest},
		"after it":          {"14:00:01", 0},
	} {
		d := newDay(t)
		d.hear("9:00", Start, laptop, "a")
		d.hear(end.clock, Stop, laptop, "a", cause(end.cause))
		off := Reset{NAS: "wlc", At: d.clock("14:00"), Heard: d.clock("14:00:01")}
		d.reset(off)
		if got := d.sessions()[0].State; got != Ended || off.Covers(&d.p, d.w) {
			t.Errorf("who left %s: session is %s, want ended", name, got)
		}
	}
}

// A boot of two was told at four, with all that came after it: whoever began after it by
// the NAS's own clock is not ended by it. What had begun before is, and so is what came
// before, whatever its stamp: a boot may have set the clock back.
func TestABootThatIsToldLateEndsNothingThatCameAfterIt(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("13:50", Start, phone, "p")
	d.reset(Reset{NAS: "wlc", At: d.clock("16:00"), Heard: d.clock("16:00"), Stamp: d.clock("14:00")})
	d.hear("14:05", Start, laptop, "b", d.arriving("16:00:20"))
	d.is("16:10")
	d.wantState(laptop, "b", Open)
	d.wantState(phone, "p", Suspect)
	d.is("19:00")
	d.want("london present 09:00:00")
}
