package presence

import (
	"fmt"
	"testing"
	"time"
)

// An access point that gives a station the id that it had, again and again,
// between another that does likewise: when the person came is not forgotten.
func TestIDsGivenAgainAllDay(t *testing.T) {
	d := newDay(t)
	at := d.clock("9:00")
	for i := range 60 {
		ap, id := "ap1", "a"
		if i%2 > 0 {
			ap, id = "ap2", "b"
		}
		say := func(s Status, at time.Time) {
			d.hearAgain(Sighting{User: d.p.User, Whose: Mine, Device: phone, Site: "london", Session: id, SSID: "Corp", NAS: NASName(ap), AP: ap, Status: s, At: at, Heard: at})
		}
		say(Start, at)
		say(Stop, at.Add(7*time.Minute))
		at = at.Add(8 * time.Minute)
		for i := range d.p.Facts {
			if n := len(d.p.Facts[i].Marks); n > marksKept+2 {
				t.Fatalf("%d marks are kept of one id", n)
			}
		}
	}
	d.pass(at)
	d.want("london leaving 09:00:00")
}

// A NAS that counts milliseconds is known for it by the sessions before, so that
// one interim after an outage does not make the phone one of three weeks ago.
func TestAgesAreNoCountsWhereTheyWereNoneBefore(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, phone, "a")
	d.hear("9:05", Interim, phone, "a", age(5000*time.Minute))
	d.hear("9:10", Interim, phone, "a", age(10000*time.Minute))
	d.hear("9:15", Stop, phone, "a", age(15000*time.Minute))
	d.is("10:30")
	d.hear("14:41", Interim, phone, "b", age(30000*time.Minute), nasIs("ap2"))
	d.is("14:50")
	d.want("london over 09:00:00-09:15:00 left; london present 14:41:00")
}

// A Stop tells as much of that as an interim does.
func TestAStopShowsThatAgesAreNoCounts(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, phone, "a")
	d.hear("9:05", Interim, phone, "a", age(5000*time.Minute))
	d.hear("9:15", Stop, phone, "a", age(15000*time.Minute))
	d.is("10:30")
	d.hear("14:41", Interim, phone, "b", age(30000*time.Minute), nasIs("ap2"))
	d.is("14:50")
	d.want("london over 09:00:00-09:15:00 left; london present 14:41:00")
}

// A record without a stamp that comes an hour late seems to be of when it came,
// and the next one's count to have outrun the time: it shows nothing of how the
// site's equipment counts. So the phone, whose Start was lost, came when it says.
func TestAgesOfWhatComesLateAreCounts(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Interim, laptop, "a", age(5*time.Minute), guessed)
	d.hear("10:01", Interim, laptop, "a", age(61*time.Minute))
	d.hear("10:30", Interim, phone, "p", age(95*time.Minute))
	d.is("10:31")
	d.want("london present 08:55:00")
}

// Two ids that are given on both days are dropped one after the other: yesterday's
// sessions of the second do not make today's streak one of yesterday. Else the
// laptop would be one that was left docked, and nobody there once the phone is gone.
func TestYesterdaysSessionOfAnIDIsNoPartOfTodaysStreak(t *testing.T) {
	d := newDay(t)
	for _, day := range []string{"", "+1 "} {
		d.hear(day+"9:00", Start, laptop, "x")
		d.hear(day+"9:10", Stop, laptop, "x")
		d.hear(day+"9:11", Start, laptop, "y")
		d.hear(day+"9:20", Stop, laptop, "y")
	}
	d.hear("+1 9:20:30", Start, phone, "p")
	for i := range 2 * maxEnded {
		id := fmt.Sprint("z", i)
		d.hear(fmt.Sprintf("+1 9:%02d:00", 21+i), Start, laptop, id)
		d.hear(fmt.Sprintf("+1 9:%02d:30", 21+i), Stop, laptop, id)
	}
	d.hear("+1 10:00", Start, laptop, "last")
	d.hear("+1 10:30", Stop, phone, "p")
	d.is("+1 12:00")
	d.want("london over 09:00:00-09:20:00 left; london present 09:00:00")
}

// Last night's session said that it was over, or was given up, and its id was given
// again to one whose Start was lost. The Stop of that one does not make of the two
// a session of the whole night.
func TestAStopThatCountsFromAfterTheEndIsOfAnother(t *testing.T) {
	for _, stopped := range []bool{true, false} {
		d := newDay(t)
		d.hear("9:00", Start, phone, "a")
		until := "london over 09:00:00-09:00:00 unknown"
		if stopped {
			d.hear("9:40", Stop, phone, "a", age(40*time.Minute), cause(IdleTimeout))
			until = "london over 09:00:00-09:40:00 left"
		}
		d.is("+1 8:00")
		d.hear("+1 9:30", Stop, phone, "a", age(30*time.Minute), cause(IdleTimeout))
		d.hear("+1 9:35", Start, phone, "b")
		d.is("+1 9:40")
		d.want(until + "; london present 09:35:00")
	}
}
