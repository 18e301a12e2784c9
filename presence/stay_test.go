package presence

import (
	"testing"
	"time"
)

func TestCase53RoamWithStopOfTheOldAP(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", nasIs("ap1"))
	d.hear("10:00", Start, laptop, "b", nasIs("ap2"))
	d.hear("10:00:02", Stop, laptop, "a", nasIs("ap1"))
	d.is("15:00")
	d.want("london present 09:00:00")
	if got := d.sessions()[len(d.sessions())-1].NAS; got != "ap2" {
		t.Errorf("at %s, want ap2", got)
	}
}

func TestCase54RoamWithLateIdleStop(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", nasIs("ap1"))
	d.hear("10:00", Start, laptop, "b", nasIs("ap2"))
	d.hear("10:05", Stop, laptop, "a", nasIs("ap1"), cause(IdleTimeout))
	d.is("15:00")
	d.want("london present 09:00:00")
}

func TestCase55ReconnectWithinLinger(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a")
	d.want("london leaving 09:00:00")
	d.hear("10:59", Start, laptop, "b")
	d.is("15:00")
	d.want("london present 09:00:00")
}

func TestCase58SameMultiSessionIsTheSameVisit(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", multi("m"))
	d.hear("10:00", Start, laptop, "b", multi("m"))
	d.hear("10:00:01", Stop, laptop, "a", multi("m"))
	d.is("15:00")
	d.want("london present 09:00:00")
}

func TestCase61LastDeviceDecides(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:00:30", Start, phone, "b")
	d.hear("16:00", Stop, laptop, "a")
	d.is("17:30")
	d.want("london present 09:00:00")
	d.hear("17:31", Stop, phone, "b")
	d.is("18:30")
	d.want("london leaving 09:00:00")
	d.is("18:32")
	d.want("london over 09:00:00-17:31:00 left")
}

// A laptop that came today and stays keeps its owner present until the day
// turns; one that was there all night does not.
func TestCase62PhoneLeavesLaptopStays(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:01", Start, phone, "b")
	d.hear("17:00", Stop, phone, "b")
	d.hear("19:00", Interim, laptop, "a")
	d.is("20:00")
	d.want("london present 09:00:00")
}

func TestCase63PrivateMACChangesAtNoon(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, "02:aa:00:00:00:01", "a")
	d.hear("12:00", Stop, "02:aa:00:00:00:01", "a")
	d.hear("12:00:05", Start, "02:bb:00:00:00:02", "b")
	d.is("16:00")
	d.want("london present 09:00:00")
	d.hear("17:00", Stop, "02:bb:00:00:00:02", "b")
	d.is("19:00")
	d.want("london over 09:00:00-17:00:00 left")
}

func TestCase67FlappingAllDayIsOneVisit(t *testing.T) {
	d := newDay(t)
	for c := d.clock("9:00"); c.Before(d.clock("17:00")); c = c.Add(90 * time.Second) {
		id := c.Format("150405")
		d.hear(c.Format("15:04:05"), Start, laptop, id)
		d.hear(c.Add(32*time.Second).Format("15:04:05"), Stop, laptop, id)
	}
	d.is("17:30")
	d.want("london leaving 09:00:00")
	if n := len(d.sessions()); n > maxEnded+1 {
		t.Errorf("%d sessions are remembered, want at most %d", n, maxEnded+1)
	}
	if n := len(d.p.Story); n > maxStory {
		t.Errorf("the story has %d lines, want at most %d", n, maxStory)
	}
}

// The session of hours that ended last is remembered, however many of seconds
// ended since it began: what comes late of it is no arrival.
func TestCase67TombstoneOfALongSession(t *testing.T) {
	d := newDay(t)
	d.hear("8:13", Start, laptop, "long")
	for i := range maxEnded + 4 {
		c := d.clock("9:00").Add(time.Duration(i) * 90 * time.Second)
		id := c.Format("150405")
		d.hear(c.Format("15:04:05"), Start, phone, id)
		d.hear(c.Add(32*time.Second).Format("15:04:05"), Stop, phone, id)
	}
	d.hear("17:13", Interim, laptop, "long", age(9*time.Hour))
	d.hear("17:13:01", Stop, laptop, "long", age(9*time.Hour+time.Second), cause(UserRequest))
	d.hear("17:13", Interim, laptop, "long", age(9*time.Hour), d.arriving("17:13:18")) // a copy by another path
	d.wantState(laptop, "long", Ended)
	d.is("18:30")
	d.want("london over 08:13:00-17:13:01 left")
}

func TestCase68LunchSleepIsNoDeparture(t *testing.T) {
	d := newDay(t)
	d.w.Linger = 30 * time.Minute
	d.hear("9:00", Start, laptop, "a")
	d.hear("12:00", Stop, laptop, "a", cause(LostCarrier))
	d.hear("12:20", Start, laptop, "b")
	d.is("16:00")
	d.want("london present 09:00:00")
}

func TestCase69DepartureIsStampedWithTheLastEnd(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("17:30", Stop, laptop, "a")
	d.is("18:29:59")
	d.want("london leaving 09:00:00")
	d.is("18:30")
	d.want("london over 09:00:00-17:30:00 left")
	d.is("+1 12:00")
	d.want("london over 09:00:00-17:30:00 left")
}

func TestCase70BackOneSecondBeforeAndAfterLinger(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a")
	d.hear("10:59:59", Start, laptop, "b")
	d.want("london present 09:00:00")

	d = newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a")
	d.hear("11:00:01", Start, laptop, "b")
	d.want("london over 09:00:00-10:00:00 left; london present 11:00:01")
}

func TestCase72InfrastructureStopsAreHeld(t *testing.T) {
	d := newDay(t)
	d.w.Linger = 10 * time.Minute
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a", cause(AdminReboot))
	d.wantState(laptop, "a", Suspect)
	d.is("10:25")
	d.want("london present 09:00:00")
	d.is("10:39") // linger runs from the end of the hold
	d.want("london leaving 09:00:00")
	d.is("10:41")
	d.want("london over 09:00:00-10:00:00 left")
}

func TestCase73MassEndIsHeld(t *testing.T) {
	d := newDay(t)
	d.w.Linger = 15 * time.Minute
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a", cause(UserRequest))
	nas := d.nas["wlc"]
	nas.Fell = d.clock("10:00:30")
	d.nas["wlc"] = nas
	d.is("10:20")
	d.want("london present 09:00:00")
	d.hear("10:25", Start, laptop, "b")
	d.is("15:00")
	d.want("london present 09:00:00")
}

func TestCase73WhoDoesNotComeBackLeftThen(t *testing.T) {
	d := newDay(t)
	d.w.Linger = 15 * time.Minute
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a", cause(UserRequest))
	nas := d.nas["wlc"]
	nas.Fell = d.clock("10:00:30")
	d.nas["wlc"] = nas
	d.is("10:44") // linger runs from the end of the hold
	d.want("london leaving 09:00:00")
	d.is("10:46")
	d.want("london over 09:00:00-10:00:00 left")
}

func TestCase74SessionTimeoutAndReconnect(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a", cause(SessionTimeout))
	d.want("london present 09:00:00")
	d.hear("10:00:02", Start, laptop, "b")
	d.is("15:00")
	d.want("london present 09:00:00")
}

func TestCase75TwoBuildingsAtOnce(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("11:00", Start, laptop, "b", at("paris"), nasIs("wlc-paris"))
	d.want("london leaving 09:00:00; paris present 11:00:00")
	d.hear("11:05", Start, phone, "c")
	d.want("london present 09:00:00; paris present 11:00:00")
}

func TestCase76And77ResetCoversWhatItNames(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", bssIs("02:00:00:00:ff:01"))
	d.hear("9:00", Start, phone, "b", bssIs("02:00:00:00:ff:02"))
	d.reset(Reset{NAS: "wlc", BSSID: "02:00:00:00:ff:02", At: d.clock("10:00"), Heard: d.clock("10:00")})
	d.wantState(laptop, "a", Open)
	d.wantState(phone, "b", Suspect)
	d.reset(Reset{NAS: "other", At: d.clock("10:01"), Heard: d.clock("10:01")})
	d.wantState(laptop, "a", Open)
	d.reset(Reset{NAS: "wlc", At: d.clock("10:01"), Heard: d.clock("10:01")})
	d.wantState(laptop, "a", Suspect)
}

func TestCase78ResetAndReassociation(t *testing.T) {
	d := newDay(t)
	d.w.Linger = 10 * time.Minute
	d.hear("9:00", Start, laptop, "a")
	d.reset(Reset{NAS: "wlc", At: d.clock("14:00"), Heard: d.clock("14:00")})
	d.is("14:20")
	d.want("london present 09:00:00")
	d.hear("14:25", Start, laptop, "b")
	d.is("16:00")
	d.want("london present 09:00:00")
}

func TestCase79ResetAfterTheFirstStartOfTheNewLife(t *testing.T) {
	d := newDay(t)
	d.hear("10:00:05", Start, laptop, "a")
	d.reset(Reset{NAS: "wlc", At: d.clock("10:00"), Heard: d.clock("10:00:06")})
	d.wantState(laptop, "a", Open)
}

func TestCase80OffThenOnIsOneCleanUp(t *testing.T) {
	d := newDay(t)
	d.w.Linger = 10 * time.Minute
	d.hear("9:00", Start, laptop, "a")
	d.reset(Reset{NAS: "wlc", At: d.clock("10:00"), Heard: d.clock("10:00")})
	d.is("10:20")
	d.reset(Reset{NAS: "wlc", At: d.clock("10:20"), Heard: d.clock("10:20")})
	d.is("10:45") // stations have outage_hold from the On
	d.want("london present 09:00:00")
	d.is("11:01")
	d.want("london over 09:00:00-10:00:00 left")
}

func TestCase88LaptopLeftOverNightChecksNobodyIn(t *testing.T) {
	d := newDay(t)
	d.hear("16:00", Start, laptop, "a")
	for c := d.clock("16:10"); c.Before(d.clock("+1 12:00")); c = c.Add(10 * time.Minute) {
		n := Sighting{User: d.p.User, Device: laptop, Site: "london", Session: "a", SSID: "Corp", NAS: "wlc", Status: Interim, At: c, Heard: c}
		d.hearAgain(n)
	}
	d.want("london over 16:00:00-04:00:00 day turned")

	// Its owner's phone does, coming back.
	d.hear("+1 12:00", Start, phone, "b")
	d.want("london over 16:00:00-04:00:00 day turned; london present 12:00:00")
}

// The laptop's session of the day is told of by nothing but its Stop, which
// says since when it was there.
func TestCase88LaptopLeftOverNightIsKnownByItsStop(t *testing.T) {
	d := newDay(t)
	d.hear("16:00", Start, laptop, "a")
	d.hear("+1 0:00", Stop, laptop, "a", age(8*time.Hour), cause(SessionTimeout))
	d.hear("+1 0:00:01", Start, laptop, "b")
	d.hear("+1 8:00:01", Stop, laptop, "b", age(8*time.Hour), cause(SessionTimeout))
	d.hear("+1 8:00:02", Start, laptop, "c")
	d.hear("+1 8:10", Start, phone, "p")
	d.hear("+1 18:04", Stop, phone, "p")
	d.hear("+1 18:18", Stop, laptop, "d", age(8*time.Hour), cause(SessionTimeout)) // the power failed at ten, and its Start was lost
	d.hear("+1 18:18:01", Start, laptop, "e")
	d.is("+1 20:00")
	d.want("london over 16:00:00-04:00:00 day turned; london over 08:10:00-18:04:00 left")
}

// … even if the session before it was given up meanwhile, for its age.
func TestCase88LaptopLeftOverNightIsKnownAfterMaxSession(t *testing.T) {
	d := newDay(t)
	d.hear("16:00", Start, laptop, "a")
	d.hear("+1 0:00", Stop, laptop, "a", age(8*time.Hour), cause(SessionTimeout))
	d.hear("+1 0:00:01", Start, laptop, "b")
	d.hear("+1 8:10", Start, phone, "p")
	d.is("+1 14:30")
	d.wantState(laptop, "b", Expired)
	d.hear("+1 16:00:02", Stop, laptop, "c", age(8*time.Hour), cause(SessionTimeout))
	d.hear("+1 16:00:03", Start, laptop, "d")
	d.hear("+1 17:00", Stop, phone, "p")
	d.is("+1 19:00")
	d.want("london over 16:00:00-04:00:00 day turned; london over 08:10:00-17:00:00 left")
}

func TestWorkingPastMidnightIsOneVisit(t *testing.T) {
	d := newDay(t)
	d.hear("20:00", Start, laptop, "a")
	d.hear("+1 1:30", Stop, laptop, "a")
	d.is("+1 3:00")
	d.want("london over 20:00:00-01:30:00 left")
}

func TestArrivalsOutsideTheHoursDoNotCount(t *testing.T) {
	d := newDay(t)
	d.hear("5:30", Start, laptop, "a")
	d.is("12:00")
	d.want("")
	d.hear("12:00", Start, phone, "b")
	d.want("london present 12:00:00")
}

func TestSettle(t *testing.T) {
	d := newDay(t)
	d.w.Settle = 10 * time.Minute
	d.hear("9:00", Start, phone, "a")
	d.want("london arriving 09:00:00")
	d.hear("9:05", Stop, phone, "a") // walked by
	d.is("9:30")
	d.want("london arriving 09:00:00")
	d.is("10:06")
	if v := d.archived; len(v) != 1 || v[0].CheckIn.Status != Skipped {
		t.Errorf("archived: %+v", v)
	}

	d = newDay(t)
	d.w.Settle = 10 * time.Minute
	d.hear("9:00", Start, phone, "a")
	d.is("9:10")
	d.want("london present 09:00:00")
}

func TestCase49LateArrivalIsStampedWhenItWas(t *testing.T) {
	d := newDay(t)
	d.hear("8:00", Start, laptop, "a", d.arriving("9:30"))
	d.want("london arriving 08:00:00")
	d.is("9:31")
	d.want("london present 08:00:00")
}

// The Stop of 8:10 follows its Start of 8:00 in the replayed file: nobody
// arrives at 9:30.
func TestCase49ReplayOfAVisitThatIsOver(t *testing.T) {
	d := newDay(t)
	d.hear("8:00", Start, laptop, "a", d.arriving("9:30"))
	d.hear("8:10", Stop, laptop, "a", d.arriving("9:30:01"))
	d.is("9:31:02") // the rest of a replay may follow
	if d.visits(); len(d.archived) != 1 || d.archived[0].CheckIn.Status != Skipped {
		t.Errorf("visits: %s", d.visits())
	}
}

func TestCase49OldStopDoesNotEndTheLiveSession(t *testing.T) {
	d := newDay(t)
	d.hear("7:50", Start, laptop, "a")
	d.hear("8:05", Start, laptop, "b")
	d.hear("8:00", Stop, laptop, "a", d.arriving("9:30"))
	d.wantState(laptop, "b", Open)
	d.is("12:00")
	d.want("london present 07:50:00")
}

func TestCase50YesterdaysEventsAreHistory(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", d.arriving("+1 9:00"))
	d.hear("17:00", Stop, laptop, "a", d.arriving("+1 9:00:01"))
	d.is("+1 12:00")
	d.want("")
}

func TestCase51ReplayedStartOfLastWeek(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", func(n *Sighting) { n.At = n.At.AddDate(0, 0, -7) })
	d.is("12:00")
	d.want("")
}

func TestDepartureWaitsForControllersAfterOurOwnAbsence(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a")
	d.w.Listening, d.w.Holding = d.clock("10:59"), d.clock("11:01:30") // the daemon was away until 10:59
	d.pass(d.clock("11:01"))
	d.want("london leaving 09:00:00")
	d.hear("10:30", Start, laptop, "b", d.arriving("11:01:20")) // its NAS tried again
	d.is("15:00")
	d.want("london present 09:00:00")
}

// The clock on the wall is what deadlines are stored in. When it is set, all
// that is certain is that no more than linger can be missing.
func TestCase52ClockThatIsSetIsNobodysDeparture(t *testing.T) {
	if stepped(5*time.Second, 5*time.Second) || !stepped(time.Hour+5*time.Second, 5*time.Second) || !stepped(-time.Hour, 5*time.Second) {
		t.Error("a step of the clock goes unseen, or one is seen where there is none")
	}
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a")
	d.w.Listening, d.w.Holding = d.clock("11:05"), d.clock("12:05") // it was 10:05 a moment ago
	d.p.Advance(d.clock("11:05"), d.w)
	d.want("london leaving 09:00:00")
	d.hear("11:30", Start, laptop, "b")
	d.is("15:00")
	d.want("london present 09:00:00")
}

func TestAgeingWaitsAnIntervalAfterOurOwnAbsence(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:05", Interim, laptop, "a")
	d.hear("9:10", Interim, laptop, "a")
	d.w.Listening = d.clock("11:00")
	d.nas["wlc"] = d.nas["wlc"].hear(d.clock("11:00:10"))
	d.pass(d.clock("11:01"))
	d.wantState(laptop, "a", Open)
	d.hear("11:04", Interim, laptop, "a")
	d.is("11:10")
	d.want("london present 09:00:00")
}

func TestSharedAccountHasNoVisits(t *testing.T) {
	d := newDay(t)
	d.w.MaxDevices = 3
	for i, device := range []string{"02:00:00:00:01:01", "02:00:00:00:01:02", "02:00:00:00:01:03", "02:00:00:00:01:04"} {
		d.hear("9:0"+string(rune('0'+i)), Start, device, device)
	}
	d.is("9:10")
	d.want("london over 09:00:00-09:03:00 withdrawn")
	if d.archived[0].CheckOut.Status != Skipped {
		t.Errorf("check-out: %+v", d.archived[0].CheckOut)
	}
}

func TestSupersededByAnotherUser(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.is("10:00")
	d.hear("10:00", Start, laptop, "b", func(n *Sighting) { n.Whose = Another })
	d.wantState(laptop, "a", Ended)
	d.is("11:01")
	d.want("london over 09:00:00-10:00:00 left")
}

func TestDaysOnWhichTheClocksChange(t *testing.T) {
	site := london(t)
	for _, c := range []struct{ at, day, next string }{
		{"2026-03-29T00:30:00Z", "2026-03-28T04:00:00Z", "2026-03-29T03:00:00Z"}, // 00:30 GMT, before the change
		{"2026-03-29T03:30:00Z", "2026-03-29T03:00:00Z", "2026-03-30T03:00:00Z"}, // 04:30 BST
		{"2026-10-25T00:30:00Z", "2026-10-24T03:00:00Z", "2026-10-25T04:00:00Z"}, // 01:30 BST
		{"2026-10-25T03:30:00Z", "2026-10-24T03:00:00Z", "2026-10-25T04:00:00Z"}, // 03:30 GMT
		{"2026-10-25T04:00:00Z", "2026-10-25T04:00:00Z", "2026-10-26T04:00:00Z"},
	} {
		at, _ := time.Parse(time.RFC3339, c.at)
		if got := site.Day(at, 4*time.Hour).UTC().Format(time.RFC3339); got != c.day {
			t.Errorf("the day of %s began %s, want %s", c.at, got, c.day)
		}
		if got := site.NextDay(at, 4*time.Hour).UTC().Format(time.RFC3339); got != c.next {
			t.Errorf("the day of %s ends %s, want %s", c.at, got, c.next)
		}
	}
}

func TestThePastIsForgotten(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("17:00", Stop, laptop, "a")
	d.is("18:30")
	if d.p.Wake.IsZero() {
		t.Fatal("nobody will look again")
	}
	d.pass(d.clock("+1 9:00").AddDate(0, 0, 2))
	if len(d.sessions())+len(d.p.Devices)+len(d.p.Visits)+len(d.p.Story) > 0 || !d.p.Wake.IsZero() {
		t.Errorf("still remembered: %+v", d.p)
	}
}
