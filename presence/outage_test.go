package presence

import (
	"strings"
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

// Interims that tell of roams come in pairs, and two pairs may be equally far
// apart: a session that was alive over a gap far longer has no such interval.
func TestPairsOfEventsAreNoInterval(t *testing.T) {
	d := newDay(t)
	d.alone["wlc"] = true // else its silence would be its NAS's
	d.hear("13:23:34", Start, laptop, "a")
	for _, clock := range []string{"13:56:57", "14:02:22", "15:45:08", "15:50:29"} {
		d.hear(clock, Interim, laptop, "a")
	}
	d.is("18:00")
	d.want("london present 13:23:34")
}

func TestIntervalIsWhatRepeatsOverRoams(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", apIs("ap1"))
	d.hear("9:50", Interim, laptop, "a", apIs("ap2"))
	d.hear("10:00", Interim, laptop, "a", apIs("ap2"))
	if got := d.sessions()[0].Interim; got != 0 {
		t.Errorf("learned %s from gaps that are not alike", got)
	}
	d.hear("11:00", Interim, laptop, "a", apIs("ap2"))
	d.hear("12:00", Interim, laptop, "a", apIs("ap1"))
	if got := d.sessions()[0].Interim; got != time.Hour {
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
	d.reset(Reset{NAS: "wlc", At: d.clock("12:00"), Heard: d.clock("12:00")})
	d.is("13:29") // linger runs from the end of outage_hold
	d.want("london leaving 09:00:00")
	d.is("13:31")
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
		d.hearAgain(Sighting{
			User: d.p.User, Device: device, Site: "london", Session: session, SSID: "Corp", NAS: "wlc", Whose: Mine, Status: status, At: at, Heard: at,
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

func TestResetOfANASThatFellSilentEndsItsSessions(t *testing.T) {
	d := newDay(t)
	for _, clock := range []string{"9:10", "9:20", "9:30"} { // and the power fails
		if clock == "9:10" {
			d.hear("9:00", Start, laptop, "a")
		}
		d.hear(clock, Interim, laptop, "a")
	}
	d.is("10:30")
	d.wantState(laptop, "a", Suspect)
	d.reset(Reset{NAS: "wlc", At: d.clock("11:00"), Heard: d.clock("11:00")})
	d.is("11:29")
	d.want("london present 09:00:00")
	d.is("12:31") // outage_hold after the reset, and linger after that
	d.want("london over 09:00:00-09:30:00 left")
	d.wantState(laptop, "a", Ended)
}

// A laptop whose profile has interims of 50 minutes, at a controller where the
// others have five minutes, is found silent once and not each hour.
func TestASessionThatOutranItsNASIsNotFoundSilentAgain(t *testing.T) {
	d := newDay(t)
	d.nas["wlc"], d.alone["wlc"] = NAS{Interval: 5 * time.Minute}, true
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:50", Interim, laptop, "a")
	d.hear("10:40", Interim, laptop, "a")
	d.hear("11:30", Interim, laptop, "a")
	d.is("12:19")
	d.want("london present 09:00:00")
	if n := strings.Count(d.story(), "gone: silence"); n != 1 {
		t.Errorf("found silent %d times\n%s", n, d.story())
	}
}

// Who came back from lunch while presenced was down is heard at their next interim,
// later than what controllers send again. Of a NAS with other stations one of
// those would have told that it fell silent.
func TestWhoCameBackUnheardIsWaitedForAnInterval(t *testing.T) {
	d := newDay(t)
	d.nas["wlc"], d.alone["wlc"] = NAS{Interval: 10 * time.Minute}, true
	d.hear("11:50", Start, laptop, "a")
	d.hear("12:00", Stop, laptop, "a")
	d.w.Listening, d.w.Holding = d.clock("12:59"), d.clock("13:01:30")
	d.is("13:10")
	d.want("london leaving 11:50:00")
	d.hear("13:11", Interim, laptop, "b", age(20*time.Minute))
	d.is("13:40")
	d.want("london present 11:50:00")
}

// The phone may have come back at the access point that it left, which has not
// been heard since: it does not matter that the laptop left later, and elsewhere.
func TestADepartureWaitsForAnyNASThatIsSilent(t *testing.T) {
	d := newDay(t)
	d.nas["ap1"], d.nas["ap2"] = NAS{Interval: 5 * time.Minute}, NAS{Interval: 5 * time.Minute}
	d.hear("9:00", Start, laptop, "a", nasIs("ap1"))
	d.hear("9:00", Start, phone, "p", nasIs("ap2"))
	d.hear("11:50", Stop, phone, "p", nasIs("ap2"))
	d.hear("12:00", Stop, laptop, "a", nasIs("ap1"))
	for at := d.clock("12:05"); !at.After(d.clock("13:30")); at = at.Add(5 * time.Minute) {
		d.nas["ap1"] = d.nas["ap1"].hear(at)
		d.pass(at)
	}
	d.want("london leaving 09:00:00")
	if held := d.p.Visits[0].Outlook.Held; held != HeldByNAS {
		t.Errorf("the departure waits for %q, want %q", held, HeldByNAS)
	}
	d.nas["ap2"] = d.nas["ap2"].hear(d.clock("13:31"))
	d.is("14:02") // outage_hold after it is heard again
	d.want("london over 09:00:00-12:00:00 left")
}

// The phone went from one controller to another, and its owner left. That the
// first has been silent since is known by the hash of its name: the name is not
// kept of who has left.
func TestWhoLeftASilentNASIsWaitedForThoughItsNameIsForgotten(t *testing.T) {
	d := newDay(t)
	d.alone["other"] = true
	d.hear("9:00", Start, phone, "a")
	for _, clock := range []string{"9:10", "9:20", "9:30", "9:40", "11:59"} {
		d.hear(clock, Interim, phone, "a")
	}
	d.hear("12:00", Start, phone, "b", nasIs("other"))
	d.hear("12:00:01", Stop, phone, "a", cause(UserRequest))
	d.hear("12:20", Stop, phone, "b", cause(UserRequest), nasIs("other"))
	d.nas["wlc"] = NAS{Interval: 10 * time.Minute, Others: 9, Heard: d.clock("12:10"), Since: d.clock("9:00")}
	for i := range d.p.Facts {
		if name := d.p.Facts[i].Place.NAS; d.p.Facts[i].ID == "a" && name != "" {
			t.Fatalf("%s is kept", name)
		}
	}
	d.is("13:30")
	d.want("london leaving 09:00:00")
	d.is("16:30") // but not for ever
	d.want("london over 09:00:00-12:20:00 left")
}

// A site with interims of an hour has no habit of them after a morning; that three
// of its stations are heard hourly is enough to know that it fell silent.
func TestThreeRegularStationsShowANASSilent(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, phone, "a")
	d.hear("12:00", Stop, phone, "a", cause(UserRequest))
	d.nas["wlc"] = NAS{Others: 4, Regular: 3, Every: 10 * time.Minute, Heard: d.clock("12:05"), Since: d.clock("9:00")}
	d.is("13:10")
	d.want("london leaving 09:00:00")
	d.nas["wlc"] = NAS{Others: 4, Regular: 2, Every: 10 * time.Minute, Heard: d.clock("12:05"), Since: d.clock("9:00")}
	d.is("13:21")
	d.want("london over 09:00:00-12:00:00 left")
}
