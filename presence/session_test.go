package presence

import (
	"fmt"
	"testing"
	"time"
)

func TestCase36StopOvertakesStart(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Stop, laptop, "a", d.arriving("9:00:10"))
	d.want("")
	d.hear("8:55", Start, laptop, "a", d.arriving("9:00:11"))
	d.wantState(laptop, "a", Ended)
	d.is("11:00")
	d.want("london over 08:55:00-09:00:00 left")
}

func TestCase37InterimJustAfterStopStaysClosed(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:30", Stop, laptop, "a", age(30*time.Minute))
	d.hear("9:30:01", Interim, laptop, "a", age(30*time.Minute))
	d.wantState(laptop, "a", Ended)
}

func TestCase38LaterInterimReopens(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:30", Stop, laptop, "a", age(30*time.Minute))
	d.hear("9:40", Interim, laptop, "a", age(40*time.Minute))
	d.wantState(laptop, "a", Open)
	d.is("16:00")
	d.want("london present 09:00:00")
}

func TestCase38ReopensAfterTheVisitIsOver(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:30", Stop, laptop, "a", age(30*time.Minute))
	d.hear("11:00", Interim, laptop, "a", age(2*time.Hour))
	d.want("london over 09:00:00-09:30:00 left; london present 09:30:00")
}

func TestCase39InterimOfUnknownSessionIsAStart(t *testing.T) {
	d := newDay(t)
	d.hear("11:00", Interim, laptop, "a", age(2*time.Hour))
	d.wantState(laptop, "a", Open)
	d.want("london present 09:00:00")
}

func TestCase40StopOfUnknownSessionIsNoArrival(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Stop, laptop, "a", age(time.Hour))
	d.wantState(laptop, "a", Ended)
	d.is("12:00")
	d.want("")
}

func TestCase41StartTwiceIsOneArrival(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Start, laptop, "a")
	d.want("london present 09:00:00")
}

func TestCase42IDOfYesterdayIsANewSession(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "00000001")
	d.hear("17:00", Stop, laptop, "00000001")
	d.is("20:00")
	d.hear("+1 9:00", Start, laptop, "00000001")
	d.wantState(laptop, "00000001", Open)
	d.want("london over 09:00:00-17:00:00 left; london present 09:00:00")
}

// Its Start was lost, and it has lasted longer already than the one that had
// the id before: by its own count it began long after that had ended.
func TestCase42IDOfYesterdayIsANewSessionWithoutItsStart(t *testing.T) {
	d := newDay(t)
	d.hear("18:43", Start, phone, "00000001")
	d.hear("18:51", Stop, phone, "00000001", age(8*time.Minute))
	d.is("20:00")
	d.hear("+1 9:10", Interim, phone, "00000001", age(10*time.Minute))
	d.wantState(phone, "00000001", Open)
	d.want("london over 18:43:00-18:51:00 left; london present 09:00:00")
}

func TestCase57SessionStopsAtAnotherNAS(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", nasIs("ap1"))
	d.hear("9:30", Stop, laptop, "a", nasIs("ap2"))
	d.wantState(laptop, "a", Ended)
}

func TestCase56SessionMovesBetweenAPs(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", bssIs("ap1"))
	d.hear("9:10", Interim, laptop, "a", bssIs("ap2"))
	if got := d.sessions()[0].BSSID; got != "ap2" {
		t.Errorf("the session is at %s, want ap2", got)
	}
	d.want("london present 09:00:00")
}

func TestCase60LateStartDoesNotSupersede(t *testing.T) {
	d := newDay(t)
	d.hear("9:05", Start, laptop, "b", nasIs("ap2"))
	d.hear("9:00", Start, laptop, "a", nasIs("ap1"), d.arriving("9:05:10"))
	d.wantState(laptop, "b", Open)
	d.wantState(laptop, "a", Ended)
	d.want("london present 09:00:00")
}

// By Acct-Delay-Time, in whole seconds, the repeat of a Start can come out later
// than the Start, and than the roam since. Nobody has said that the session had
// ended and another begun with its id.
func TestCase60RepeatedStartDoesNotSupersede(t *testing.T) {
	d := newDay(t)
	d.hear("9:00:03", Start, phone, "a", nasIs("ap1"))
	d.hear("9:00:04", Start, phone, "b", nasIs("ap2"))
	d.hear("9:00:05", Start, phone, "a", nasIs("ap1"), d.arriving("9:00:07"))
	d.wantState(phone, "b", Open)
	d.wantState(phone, "a", Ended)
}

func TestCase59MissingStopIsSuperseded(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", nasIs("ap1"))
	d.hear("9:30", Start, laptop, "b", nasIs("ap2"))
	d.wantState(laptop, "a", Ended)
	d.hear("9:35", Stop, laptop, "a", nasIs("ap1"), cause(IdleTimeout))
	d.wantState(laptop, "b", Open)
	d.is("12:00")
	d.want("london present 09:00:00")
}

func TestCase82SessionWithInterimsFallsSilent(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:05", Interim, laptop, "a")
	d.hear("9:10", Interim, laptop, "a")
	for _, clock := range []string{"9:12", "9:17", "9:22", "9:27"} { // others on the same NAS are heard
		d.nas["wlc"] = d.nas["wlc"].hear(d.clock(clock))
	}
	d.is("9:24")
	d.wantState(laptop, "a", Open)
	d.is("9:28")
	d.wantState(laptop, "a", Ended)
	d.is("12:00")
	d.want("london over 09:00:00-09:10:00 left")
}

// A controller's interval becomes linger: the next interim is due as a departure is.
func TestCase82AnIntervalThatBecomesLingerIsNobodysDeparture(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	for _, at := range []string{"9:05", "9:10", "9:15", "9:20", "9:25"} {
		d.hear(at, Interim, laptop, "a")
	}
	for at := d.clock("9:30"); !at.After(d.clock("11:25")); at = at.Add(5 * time.Minute) { // the controller speaks
		d.nas["wlc"] = d.nas["wlc"].hear(at)
	}
	d.is("10:25:03")
	d.want("london leaving 09:00:00")
	d.hear("10:25:00", Interim, laptop, "a", d.arriving("10:25:08"))
	d.want("london present 09:00:00")
	d.is("11:20")
	d.want("london present 09:00:00")
}

func TestCase83WithoutInterimsOnlyAgeEndsASession(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.is("22:59")
	d.wantState(laptop, "a", Open)
	d.is("23:01")
	d.wantState(laptop, "a", Expired)
	d.want("london over 09:00:00-09:00:00 unknown")
}

func TestCase84FirstShortInterimIsNoInterval(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:00:05", Interim, laptop, "a")
	d.hear("9:10:05", Interim, laptop, "a")
	d.hear("9:20:05", Interim, laptop, "a")
	if got := d.sessions()[0].Interim; got != 10*time.Minute {
		t.Errorf("learned %s, want 10m0s", got)
	}
}

// The Interim of a roam that came back, when that of the roam away was lost,
// looks like one of an interval that is not the NAS's. One gap teaches nothing.
func TestCase84IntervalHeardOnceIsNotCountedOn(t *testing.T) {
	d := newDay(t)
	d.hear("8:43", Start, laptop, "a")
	d.hear("8:43:04", Interim, laptop, "a")
	d.hear("9:18", Interim, laptop, "a")
	for clock := d.clock("9:20"); clock.Before(d.clock("14:00")); clock = clock.Add(5 * time.Minute) { // others are heard
		d.nas["wlc"] = d.nas["wlc"].hear(clock)
	}
	d.is("14:00")
	d.wantState(laptop, "a", Open)
	d.want("london present 08:43:00")
}

func TestCase85SilentNASIsNobodysDeparture(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:05", Interim, laptop, "a")
	d.hear("9:10", Interim, laptop, "a")
	d.is("9:30")
	d.wantState(laptop, "a", Suspect)
	d.is("13:00")
	d.want("london present 09:00:00")

	// It is heard again: whoever does not come back within outage_hold left
	// when last heard.
	d.nas["wlc"] = d.nas["wlc"].hear(d.clock("13:00"))
	d.is("13:29")
	d.wantState(laptop, "a", Suspect)
	d.is("13:31")
	d.wantState(laptop, "a", Ended)
	d.is("14:29") // linger runs from the end of the hold
	d.want("london leaving 09:00:00")
	d.is("14:31")
	d.want("london over 09:00:00-09:10:00 left")
}

func TestCase85OthersWereHeardAMomentLonger(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:05", Interim, laptop, "a")
	d.hear("9:10", Interim, laptop, "a")
	d.nas["wlc"] = d.nas["wlc"].hear(d.clock("9:11"))
	d.is("13:00")
	d.wantState(laptop, "a", Suspect)
	d.want("london present 09:00:00")
}

// The uplink is back a moment before three interims are missing: the NAS was
// silent as a whole all the same, and has much to deliver.
func TestCase85NASIsHeardAgainJustBefore(t *testing.T) {
	d := newDay(t)
	d.w.Linger = 15 * time.Minute
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:05", Interim, laptop, "a")
	d.hear("9:10", Interim, laptop, "a")
	d.nas["wlc"] = d.nas["wlc"].hear(d.clock("9:24:30"))
	d.is("9:28")
	d.wantState(laptop, "a", Suspect)
	d.hear("9:28", Interim, laptop, "a")
	d.is("9:30")
	d.want("london present 09:00:00")
}

// A heartbeat is kept for the next commit: the session is no more silent for
// that, even if the commit is the one that lets time pass.
func TestCase82HeartbeatKeptForTheCommit(t *testing.T) {
	d := newDay(t)
	d.w.Linger = 15 * time.Minute
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:05", Interim, laptop, "a")
	n := d.hear("9:10", Interim, laptop, "a")
	for _, clock := range []string{"9:12", "9:17", "9:22"} {
		d.nas["wlc"] = d.nas["wlc"].hear(d.clock(clock))
	}
	n.At, n.Heard = d.clock("9:24:59"), d.clock("9:24:59")
	d.w.Passed = d.clock("9:25:01")
	d.archived = append(d.archived, d.p.Hear(n, d.w)...)
	d.wantState(laptop, "a", Open)
	d.want("london present 09:00:00")
}

func TestCase85WhoComesBackNeverLeft(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("9:05", Interim, laptop, "a")
	d.hear("9:10", Interim, laptop, "a")
	d.is("13:00")
	d.hear("13:05", Start, laptop, "b")
	d.is("16:00")
	d.want("london present 09:00:00")
}

func TestCase112StopAndStartWithinOneSecond(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Stop, laptop, "a")
	d.hear("10:00", Start, laptop, "a")
	d.wantState(laptop, "a", Open)
	d.is("16:00")
	d.want("london present 09:00:00")
}

// The Start that has the id again comes before the Stop of the session before,
// whose clock counts whole seconds: only its Acct-Session-Time tells whose it is.
func TestCase112StartOvertakesTheStop(t *testing.T) {
	for _, stop := range []string{"9:59:59", "10:00:00", "10:00:01"} {
		d := newDay(t)
		d.hear("9:00", Start, laptop, "a")
		d.hear("10:00", Start, laptop, "a")
		d.hear(stop, Stop, laptop, "a", age(time.Hour), cause(UserRequest), d.arriving("10:00:02"))
		d.wantState(laptop, "a", Open)
		d.is("13:00")
		d.want("london present 09:00:00")
		d.hear("13:00", Stop, laptop, "a", age(3*time.Hour), cause(UserRequest))
		d.is("15:00")
		d.want("london over 09:00:00-13:00:00 left")
	}
}

// After an uplink was cut, the NAS delivers the Start that has the id again
// before the Stop of the session before.
func TestCase112StopOfTheSessionBeforeIsMinutesLate(t *testing.T) {
	d := newDay(t)
	d.hear("14:52", Start, laptop, "a")
	d.hear("15:02", Start, laptop, "a", d.arriving("15:07:45"))
	d.hear("14:58", Stop, laptop, "a", age(6*time.Minute), cause(UserRequest), d.arriving("15:07:46"))
	d.wantState(laptop, "a", Open)
	d.is("17:00")
	d.want("london present 14:52:00")
}

// The Start that has the id again is lost; the Interims that follow count from
// later than the Stop.
func TestCase112InterimsOfTheNextSessionAlone(t *testing.T) {
	d := newDay(t)
	d.hear("13:27", Start, laptop, "a")
	d.hear("14:33", Stop, laptop, "a", age(66*time.Minute), cause(IdleTimeout))
	d.hear("15:23", Interim, laptop, "a", age(20*time.Minute))
	d.wantState(laptop, "a", Open)
	d.is("15:50")
	d.want("london present 13:27:00")
	// What comes late of the session before is none of its news.
	d.hear("14:20", Interim, laptop, "a", age(53*time.Minute), d.arriving("15:51"))
	d.hear("14:33", Stop, laptop, "a", age(66*time.Minute), cause(IdleTimeout), d.arriving("15:51"))
	d.wantState(laptop, "a", Open)
	d.want("london present 13:27:00")
}

// The station roams to another NAS that counts alike, and the two clocks do not
// agree on which second it was.
func TestCase43RoamToTheSameIDOfAnotherNAS(t *testing.T) {
	d := newDay(t)
	d.hear("13:30", Start, laptop, "801000b4", nasIs("ap4"))
	d.hear("15:35:58", Stop, laptop, "801000b4", nasIs("ap4"), age(2*time.Hour+5*time.Minute), cause(UserRequest))
	d.hear("15:35:57", Start, laptop, "801000b4", nasIs("ap2"), d.arriving("15:35:58"))
	d.wantState(laptop, "801000b4", Open)
	d.is("17:30")
	d.want("london present 13:30:00")
}

// A session of a second whose Stop comes first, and whose Start is stamped
// later than that by a clock of whole seconds, is over all the same.
func TestCase36StopOvertakesStartOfASecond(t *testing.T) {
	d := newDay(t)
	d.hear("17:00", Start, phone, "p")
	d.hear("17:56:00", Stop, laptop, "a", age(time.Second), cause(UserRequest))
	d.hear("17:56:01", Start, laptop, "a")
	d.hear("17:56:01", Start, laptop, "a", d.arriving("17:56:03"))
	d.wantState(laptop, "a", Ended)
	d.hear("18:00", Stop, phone, "p")
	d.is("19:30")
	d.want("london over 17:00:00-18:00:00 left")
}

// … and so they do if the Stop is lost, or late, as well.
func TestCase112StopComesAfterInterimsOfTheNextSession(t *testing.T) {
	d := newDay(t)
	d.hear("13:27", Start, laptop, "a")
	d.hear("13:37", Interim, laptop, "a", age(10*time.Minute))
	d.hear("14:27", Interim, laptop, "a", age(time.Hour))
	d.hear("15:23", Interim, laptop, "a", age(20*time.Minute))
	d.hear("14:33", Stop, laptop, "a", age(66*time.Minute), cause(IdleTimeout), d.arriving("15:24"))
	d.wantState(laptop, "a", Open)
	d.want("london present 13:27:00")
}

func TestCase114NewestFirstAfterAnOutage(t *testing.T) {
	type news struct {
		clock   string
		status  Status
		session string
		age     time.Duration
	}
	ordered := []news{
		{"9:00", Start, "a", 0}, {"9:02", Stop, "a", 2 * time.Minute}, {"9:02:10", Start, "b", 0},
		{"9:03:10", Interim, "b", time.Minute}, {"9:04", Stop, "b", 110 * time.Second}, {"9:04:05", Start, "c", 0},
	}
	states := func(backwards bool) string {
		d := newDay(t)
		for i := range ordered {
			n := ordered[i]
			if backwards {
				n = ordered[len(ordered)-1-i]
			}
			d.hear(n.clock, n.status, laptop, n.session, age(n.age), d.arriving("9:05"))
		}
		d.is("9:10")
		s := d.visits()
		for _, id := range []string{"a", "b", "c"} {
			s += " " + string(d.state(laptop, id))
		}
		return s
	}
	if got, want := states(true), states(false); got != want {
		t.Errorf("newest first: %s\n in order: %s", got, want)
	}
	if got, want := states(true), "london present 09:00:00 ended ended open"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHearingARepeatChangesNothing(t *testing.T) {
	d := newDay(t)
	said := []Sighting{
		d.hear("9:00", Start, laptop, "a"),
		d.hear("9:10", Interim, laptop, "a", age(10*time.Minute)),
		d.hear("9:20", Interim, laptop, "a", age(20*time.Minute)),
		d.hear("9:25", Stop, laptop, "a", age(25*time.Minute), cause(AdminReboot)),
		d.hear("9:26", Start, laptop, "b"),
		d.hear("9:40", Stop, laptop, "b", cause(UserRequest)),
	}
	remembered := func() string { return fmt.Sprintf("%+v\n%+v\n%+v\n%+v", d.p.Facts, d.p.Devices, d.p.Floors, d.p.Story) }
	before := remembered()
	for _, n := range said {
		n.Heard = d.clock("9:41")
		d.hearAgain(n)
	}
	if after := remembered(); after != before {
		t.Errorf("the person became %s\nfrom %s", after, before)
	}
	d.want("london leaving 09:00:00")
}
