package presence

import (
	"fmt"
	"testing"
	"time"
)

// checkedIn notes that the first visit checked in to a booking.
func (d *day) checkedIn(begin, end string) {
	d.t.Helper()
	v := &d.p.Visits[0]
	v.Claims = append(v.Claims, Claim{Booking: begin, Begin: d.clock(begin), End: d.clock(end), In: d.clock(begin)})
	v.CheckIn.Status = Effected
}

// Whoever leaves at five in the morning frees the desk that they had booked
// until eight.
func TestTheTurnOfTheDayEndsNoVisitWhoseBookingRuns(t *testing.T) {
	d := newDay(t)
	d.hear("21:50", Start, laptop, "a")
	d.checkedIn("22:00", "+1 08:00")
	d.hear("+1 05:00", Stop, laptop, "a")
	d.is("+1 05:30")
	d.want("london leaving 21:50:00")
	d.is("+1 06:30")
	d.want("london over 21:50:00-05:00:00 left")
}

func TestAVisitEndsWithTheBookingThatItWentOnFor(t *testing.T) {
	d := newDay(t)
	d.hear("21:50", Start, laptop, "a")
	d.checkedIn("22:00", "+1 06:00")
	d.hear("+1 05:50", Interim, laptop, "a")
	d.is("+1 05:59")
	d.want("london present 21:50:00")
	d.is("+1 06:01")
	d.want("london over 21:50:00-06:00:00 day turned")
}

func TestABookingThatEndsBeforeTheTurnProlongsNothing(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.checkedIn("09:00", "17:00")
	d.hear("18:00", Interim, laptop, "a")
	d.hear("+1 03:50", Interim, laptop, "a")
	d.is("+1 03:59")
	d.want("london present 09:00:00")
	d.is("+1 04:01")
	d.want("london over 09:00:00-04:00:00 day turned")
}

// A controller that is upgraded in the night stops its sessions, boots for two
// hours, and has what was docked on the air again when the site is open.
func TestWhatABootBringsUpAgainIsNoArrival(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("20:00", Interim, laptop, "a")
	d.hear("+1 4:11", Stop, laptop, "a", cause(AdminReboot))
	d.reset(Reset{NAS: "wlc", At: d.clock("+1 6:33"), Heard: d.clock("+1 6:33")})
	d.hear("+1 6:34", Start, laptop, "b")
	d.hear("+1 6:40", Interim, laptop, "b")
	d.is("+1 7:30")
	d.want("london over 09:00:00-04:00:00 day turned")
}

// A phone whose Stop was lost was given up in the evening. That its access point boots
// in the morning, and that it is there again soon after, is its owner's arrival.
func TestABootBringsNobodyUpWhoHadBeenGivenUpBefore(t *testing.T) {
	d := newDay(t)
	d.hear("15:28", Start, phone, "a")
	d.reset(Reset{NAS: "wlc", At: d.clock("15:58"), Heard: d.clock("15:58")})
	d.is("18:00")
	d.want("london over 15:28:00-15:58:00 left")
	d.reset(Reset{NAS: "wlc", At: d.clock("+1 8:00"), Heard: d.clock("+1 8:00")})
	d.hear("+1 8:23", Start, phone, "b")
	d.want("london over 15:28:00-15:58:00 left; london present 08:23:00")
}

// A docked phone without interims is given up before midnight; then its access point is
// shut down, which says that it was there, and boots. That it is there still is nobody's
// arrival, and what is heard of anything else is.
func TestABootIsNobodysReturnWhoHadBeenGivenUp(t *testing.T) {
	d := newDay(t)
	d.hear("9:57", Start, phone, "a")
	d.is("+1 0:10")
	d.wantState(phone, "a", Expired)
	d.hear("+1 0:19:26", Stop, phone, "a", age(14*time.Hour+22*time.Minute), cause(AdminReboot))
	d.reset(Reset{NAS: "wlc", At: d.clock("+1 0:22:35"), Heard: d.clock("+1 0:22:35")})
	d.hear("+1 0:24:07", Start, phone, "a")
	d.is("+1 1:30")
	d.want("london over 09:57:00-09:57:00 unknown")
	d.hear("+1 8:05", Start, laptop, "b")
	d.want("london over 09:57:00-09:57:00 unknown; london present 08:05:00")
}

// However many sessions the phone had meanwhile: what only its age ended was
// there until then, and is not the oldest of what is kept.
func TestAfterALongDayABootBringsUpWhatWasDocked(t *testing.T) {
	d := newDay(t)
	d.hear("11:14", Start, laptop, "a")
	for i := range maxEnded + 4 {
		d.hear(fmt.Sprintf("12:%02d", i), Start, phone, fmt.Sprint("p", i))
		d.hear(fmt.Sprintf("12:%02d:30", i), Stop, phone, fmt.Sprint("p", i), cause(UserRequest))
	}
	d.is("+1 2:00")
	d.reset(Reset{NAS: "wlc", At: d.clock("+1 6:52:33"), Heard: d.clock("+1 6:52:33")})
	d.hear("+1 6:52:51", Start, laptop, "b")
	d.hear("+1 8:04", Start, phone, "c")
	for i := range maxEnded + 4 {
		d.hear(fmt.Sprintf("+1 8:%02d", 5+i), Start, phone, fmt.Sprint("q", i))
		d.hear(fmt.Sprintf("+1 8:%02d:30", 5+i), Stop, phone, fmt.Sprint("q", i), cause(UserRequest))
	}
	d.is("+1 8:30")
	d.want("london over 11:14:00-12:19:30 left; london leaving 08:04:00")
}

// An anchor controller tells of the station too, has not booted, and may be the
// first to speak.
func TestAnAnchorTellsOfWhatABootBringsUp(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:00", Start, laptop, "A", nasIs("anchor"))
	d.hear("20:00", Interim, laptop, "A", nasIs("anchor"))
	d.is("+1 5:00")
	d.reset(Reset{NAS: "wlc", At: d.clock("+1 6:04"), Heard: d.clock("+1 6:04")})
	d.hear("+1 6:06", Start, laptop, "B", nasIs("anchor"))
	d.hear("+1 6:06:01", Start, laptop, "b")
	for _, clock := range []string{"6:16", "6:26", "6:36", "6:46"} {
		d.hear("+1 "+clock, Interim, laptop, "B", nasIs("anchor"))
		d.hear("+1 "+clock+":01", Interim, laptop, "b")
	}
	d.is("+1 7:30")
	d.want("london over 09:00:00-04:00:00 day turned")
	d.hear("+1 8:17", Start, phone, "c")
	d.hear("+1 8:17:01", Start, phone, "C", nasIs("anchor"))
	d.is("+1 8:30")
	d.want("london over 09:00:00-04:00:00 day turned; london present 08:17:00")
}

// An access point that restarted at noon, and what it brought up then, is another
// matter.
func TestWhatABootBroughtUpAtNoonIsNotBroughtUpInTheMorning(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("12:00", Stop, laptop, "a", cause(AdminReboot))
	d.hear("12:05", Start, laptop, "b")
	d.hear("17:00", Stop, laptop, "b", cause(UserRequest))
	d.is("19:00")
	d.reset(Reset{NAS: "wlc", At: d.clock("+1 8:57"), Heard: d.clock("+1 8:57")})
	d.hear("+1 8:58", Start, laptop, "c")
	d.is("+1 9:30")
	d.want("london over 09:00:00-17:00:00 left; london present 08:58:00")
}

// A device that was at one site in the morning is heard in the afternoon by records that
// name neither its user nor a place. Others of the access point do: it is at another site.
func TestWhatNamesNoPlaceIsWhereItsAccessPointIs(t *testing.T) {
	bare := func(n *Sighting) { n.Site, n.Whose = "", Unsaid }
	for site, want := range map[string]string{"": "london", noSite: "london", "a site that was closed": "london", "paris": "paris"} {
		d := newDay(t)
		d.nas["ap-15"] = NAS{Site: site}
		d.hear("9:00", Start, laptop, "a")
		d.hear("12:57", Stop, laptop, "a", cause(UserRequest))
		d.hear("15:02", Interim, laptop, "b", nasIs("ap-15"), age(30*time.Minute), bare)
		d.want("london over 09:00:00-12:57:00 left; " + want + " present 14:32:00")
		d.hear("16:13", Stop, laptop, "b", nasIs("ap-15"), bare)
		d.is("21:00") // and nothing but its hash is left of the NAS's name
		d.want("london over 09:00:00-12:57:00 left; " + want + " over 14:32:00-16:13:00 left")
	}
}

func TestWhereANASIs(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	for _, c := range []struct{ say, want string }{{"", ""}, {noSite, ""}, {"paris", "paris"}, {"", "paris"}, {"london", noSite}, {"paris", noSite}} {
		tr.hear(&Sighting{NAS: "ap-15", Status: Start, Site: c.say}, false)
		if got := tr.nas("ap-15").Site; got != c.want {
			t.Errorf("after a record at %q the NAS is at %q, want %q", c.say, got, c.want)
		}
	}
	p := tr.policy.Load()
	tr.Reload(p.mapping, p.rules)
	if got := tr.nas("ap-15").Site; got != "" {
		t.Errorf("by the mapping before it is at %q", got)
	}
}

// But who went home with their laptop, and is the first after the boot, arrives.
func TestWhoComesAfterABootArrives(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("17:00", Stop, laptop, "a", cause(UserRequest))
	d.is("19:00")
	d.reset(Reset{NAS: "wlc", At: d.clock("+1 6:33"), Heard: d.clock("+1 6:33")})
	d.hear("+1 6:34", Start, laptop, "b")
	d.is("+1 7:30")
	d.want("london over 09:00:00-17:00:00 left; london present 06:34:00")
}

// A docked laptop is alone at its controller at night, and so is found silent
// itself when that is switched off.
func TestWhatABootBringsUpAgainWasThoughtSilent(t *testing.T) {
	d := newDay(t)
	d.nas["wlc"], d.alone["wlc"] = NAS{Interval: 15 * time.Minute}, true
	d.hear("20:00", Start, laptop, "a")
	d.hear("20:15", Interim, laptop, "a")
	d.hear("20:30", Interim, laptop, "a")
	d.is("23:00")
	d.wantState(laptop, "a", Ended)
	d.reset(Reset{NAS: "wlc", At: d.clock("+1 6:33"), Heard: d.clock("+1 6:33")})
	d.hear("+1 6:34", Start, laptop, "b")
	d.is("+1 7:30")
	d.want("london over 20:00:00-20:30:00 left")
}

// A machine signs in while the line is cut, and its user after it, to a session of the
// foreign controller: the anchor's goes on under the machine's name. The user was there
// when the foreign controller says, and not only when the anchor had last spoken.
func TestAnAnchorThatKeepsTheMachinesNameMovesNobodysArrival(t *testing.T) {
	d := newDay(t)
	d.w.Listening = d.clock("6:00")
	machine := func(n *Sighting) { n.Whose = Another }
	for i, at := range []string{"17:15", "17:25", "17:35"} {
		later := time.Duration(i) * 10 * time.Minute
		d.hear(at+":06", Interim, laptop, "M", nasIs("anchor"), age(83*time.Minute+later), machine)
		d.hear(at+":24", Interim, laptop, "A", nasIs("foreign"), age(80*time.Minute+later))
	}
	d.want("london present 15:55:24")
}
