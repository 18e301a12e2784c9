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

func TestLaptopLeftBehindThatPausesIsNobody(t *testing.T) {
	d := newDay(t)
	say := func(status Status, at time.Time, device, session string) {
		d.again(Sighting{
			User: d.p.User, Device: device, Site: "london", Session: session, SSID: "Corp", NAS: "wlc", Status: status, At: at, Heard: at,
		})
	}
	for at := d.clock("20:00"); at.Before(d.clock("+1 18:30")); at = at.Add(time.Minute) {
		id := at.Format("021504")
		say(Start, at, laptop, id)
		if at.Equal(d.clock("+1 9:00")) {
			say(Start, at.Add(20*time.Second), phone, "p")
		}
		say(Stop, at.Add(40*time.Second), laptop, id)
		if at.Equal(d.clock("+1 17:00")) {
			say(Stop, at.Add(50*time.Second), phone, "p") // believed an hour later, when the laptop pauses
		}
	}
	d.want("london over 20:00:00-04:00:00 day turned; london over 09:00:20-17:00:50 left")
}
