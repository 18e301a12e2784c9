package presence

import (
	"fmt"
	"testing"
	"time"
)

// A controller whose clock may have been set back is heard again, and tells
// first of what it held back: the Start is dated by its arrival, because nothing
// shows yet that it is of the past. What follows does.
func TestAStartThatWasHeldBackIsDatedByWhatFollows(t *testing.T) {
	d := newDay(t)
	d.w.Listening = d.clock("6:00")
	held := func(at string, status Status, more ...heard) {
		d.hear(at, status, laptop, "a", append(more, d.arriving("16:45:03"))...)
	}
	d.hear("16:45:03", Start, laptop, "a", func(n *Sighting) { n.Guess = true })
	held("14:48:52", Interim, age(10*time.Minute))
	held("14:58:52", Interim, age(20*time.Minute))
	held("16:09:31", Stop, age(90*time.Minute+39*time.Second), cause(UserRequest))
	d.is("16:46")
	d.want("london leaving 14:38:52")
	d.is("18:00")
	d.want("london over 14:38:52-16:09:31 left")
}

// Nor does anything show it where every record of a controller's backlog comes
// without a time that can be believed; what it tells live does.
func TestAStartThatWasHeldBackIsDatedByWhatIsToldLive(t *testing.T) {
	d := newDay(t)
	d.hear("10:59:13", Start, laptop, "a", guessed)
	for i := range 9 {
		d.hear(fmt.Sprintf("10:59:%d", 20+i), Interim, laptop, "a", age(time.Duration(i+1)*15*time.Minute), guessed)
	}
	d.hear("11:02:15", Interim, laptop, "a", age(150*time.Minute))
	d.want("london present 10:59:13")
	d.hear("11:17:15", Interim, laptop, "a", age(165*time.Minute))
	d.want("london present 08:32:15")
}

// A stamp of the past is not believed of a controller that nothing is known of; one
// count from there is enough to believe it after all, if only the Stop has one.
func TestAStampThatWasNotBelievedIsOnceACountAgrees(t *testing.T) {
	d := newDay(t)
	d.hear("9:01:47", Start, laptop, "a", guessed, stamp(d.clock("8:38:34")))
	d.want("london present 09:01:47")
	d.hear("9:28:38", Stop, laptop, "a", age(50*time.Minute+6*time.Second), cause(UserRequest))
	d.want("london leaving 08:38:34")
}

// The same of a stamp that was taken for one of a clock some minutes behind: the
// record was the first that was held back, and the next come at once.
func TestAStampOfAClockThatWasTakenToBeBehindIsBelievedOnceACountAgrees(t *testing.T) {
	d := newDay(t)
	d.hear("9:24:20", Start, laptop, "a", stamp(d.clock("9:19:10")))
	d.hear("9:29:09", Interim, laptop, "a", age(10*time.Minute))
	d.want("london present 09:19:10")
}

// A clock that is behind stamps so too, and the count is from the arrival then.
func TestAStampThatNoCountAgreesWithStaysUnbelieved(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a", guessed, stamp(d.clock("6:10")))
	d.hear("9:30", Interim, laptop, "a", age(30*time.Minute), stamp(d.clock("6:40")))
	d.hear("10:00", Interim, laptop, "a", age(60*time.Minute), stamp(d.clock("7:10")))
	d.want("london present 09:00:00")
}

// A controller delivers a morning of an hour within minutes, slowly, after a time in which
// nothing was heard of it. That its clock is right shows once it has caught up.
func TestWhatWasReplayedIsBelievedOnceTheClockIsKnownToBeRight(t *testing.T) {
	for off, want := range map[time.Duration]string{
		0:              "london present 09:06:58",
		2 * time.Hour:  "london present 11:19:48", // it told of something at once, and that was two hours behind
		-2 * time.Hour: "london present 11:19:48",
	} {
		d := newDay(t)
		for i, at := range []string{"11:19:48", "11:20:06", "11:20:24", "11:20:42", "11:21:00"} {
			count := time.Duration(i) * 10 * time.Minute
			d.hear(at, map[bool]Status{true: Start, false: Interim}[i == 0], laptop, "a", guessed, stamp(d.clock("9:06:58").Add(count)), age(count))
		}
		d.hear("11:21:18", Stop, laptop, "a", guessed, stamp(d.clock("9:53:12")), age(46*time.Minute+14*time.Second), cause(UserRequest))
		d.want("london leaving 11:19:48")
		d.hear("11:23:12", Start, laptop, "b", guessed, stamp(d.clock("10:43:24")), age(0))
		for _, at := range []string{"11:33:24", "11:43:24"} {
			is := d.nas["wlc"]
			is.Clock = Clock{Lag: off, Since: d.clock("11:33"), Spoke: d.clock(at)}
			d.nas["wlc"] = is
			if off == 0 {
				d.hear(at, Interim, laptop, "b", age(d.clock(at).Sub(d.clock("10:43:24"))))
			}
		}
		d.is("11:44")
		d.want(want)
	}
}

// But what an id showed before a Start that carried no time may have been
// another session's.
func TestAStartWithoutATimeAfterASessionOfItsIDIsAnother(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Interim, laptop, "a", age(10*time.Minute))
	d.hear("9:10", Stop, laptop, "a", age(20*time.Minute), cause(UserRequest))
	d.is("12:00")
	d.hear("13:00", Start, laptop, "a", func(n *Sighting) { n.Guess = true })
	d.is("13:30")
	d.want("london over 08:50:00-09:10:00 left; london present 13:00:00")
}

// A laptop whose access point was cut off was found silent, and its owner to have
// left. When it is heard again nobody knows what was between.
func TestWhoWasFoundSilentIsBackWhenTheyAreHeard(t *testing.T) {
	d := newDay(t)
	d.alone["wlc"] = true
	d.hear("9:00", Start, laptop, "a")
	for _, clock := range []string{"9:10", "9:20", "9:30", "9:40"} {
		d.hear(clock, Interim, laptop, "a")
	}
	d.is("12:00")
	d.hear("13:00", Interim, laptop, "a")
	d.is("13:05")
	d.want("london over 09:00:00-09:40:00 left; london present 13:00:00")
}
