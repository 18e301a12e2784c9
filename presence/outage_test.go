package presence

import (
	"testing"
	"time"
)

// What fifty made-up offices found out.

func apIs(name string) heard { return func(n *Sighting) { n.AP = name } }

func TestRoamsToldByInterimsAreNoInterval(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", apIs("ap1"))
	d.hear("9:20", Interim, laptop, "a", apIs("ap2")) // a roam; periodic interims are off
	d.nas["wlc"] = d.nas["wlc"].hear(d.clock("13:00"))
	d.is("13:00")
	d.wantState(laptop, "a", Open)
	d.want("london present 09:00:00")
}

func TestIntervalIsCountedOverRoams(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", apIs("ap1"))
	d.hear("9:50", Interim, laptop, "a", apIs("ap2"))
	d.hear("10:00", Interim, laptop, "a", apIs("ap2"))
	if got := d.p.Sessions[0].Interim; got != time.Hour {
		t.Errorf("learned %s, want 1h0m0s", got)
	}
}

func TestPrivateMACChangingAtMidnightIsNoDeparture(t *testing.T) {
	d := newDay(t)
	d.hear("20:00", Start, phone, "a")
	d.hear("+1 0:00", Stop, phone, "a")
	d.hear("+1 0:00:03", Start, "02:00:00:00:00:03", "b")
	d.is("+1 1:30")
	d.want("london present 20:00:00")
}

func TestResetEndsASessionWithoutInterimsThen(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.p.Reset(Reset{NAS: "wlc", At: d.clock("12:00"), Heard: d.clock("12:00")}, d.w)
	d.is("12:59") // an hour, not outage_hold, from when it was last believed to be alive
	d.want("london leaving 09:00:00")
	d.is("13:01")
	d.want("london over 09:00:00-12:00:00 left")
}

func TestStopOfAnUnknownSessionEndsTheOneBefore(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("11:00", Stop, laptop, "b", age(30*time.Minute)) // a's Stop and b's Start were lost
	d.is("12:01")
	d.want("london over 09:00:00-11:00:00 left")
}

func TestSuspectOverNightIsNewInTheMorning(t *testing.T) {
	d := newDay(t)
	d.hear("20:00", Start, phone, "a")
	d.hear("20:10", Interim, phone, "a")
	d.hear("20:20", Interim, phone, "a") // the power fails and everybody goes home
	d.is("+1 8:00")
	d.nas["wlc"] = d.nas["wlc"].hear(d.clock("+1 8:00"))
	d.hear("+1 8:10", Start, phone, "b")
	if v := d.p.visit("london"); v == nil || !v.Arrived.Equal(d.clock("+1 8:10")) {
		t.Errorf("visit: %+v", v)
	}
}

func TestTwoNASesMayCountAlike(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, phone, "8010000d", nasIs("ap1"))
	d.hear("10:00", Start, phone, "8010000d", nasIs("ap2"))
	d.hear("10:00", Stop, phone, "8010000d", nasIs("ap1"), age(time.Hour))
	d.is("11:30")
	d.want("london present 09:00:00")
}

func TestInterimOfTheAPLeftBehindEndsNothing(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, phone, "a", nasIs("ap1"))
	d.hear("9:12", Interim, phone, "b", nasIs("ap2"), age(20*time.Minute)) // its Start was lost
	d.hear("9:15", Stop, phone, "b", nasIs("ap2"), age(23*time.Minute), cause(IdleTimeout))
	d.is("11:30")
	d.want("london present 08:52:00")
}
