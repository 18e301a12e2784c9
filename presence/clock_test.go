package presence

import (
	"testing"
	"time"
)

const skewOf = 10 * time.Minute

// told is a NAS as its records show it: what they say of when events were, by
// a clock of which all is known that they told.
type told struct {
	*testing.T
	clock Clock
}

var twelve = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// says has the NAS say at the time heard, without a delay, that an event was at
// the time stamp, and checks what is made of it.
func (n *told) says(heard, stamp, want time.Time, wantFrom string) {
	n.Helper()
	at, from, bad := n.clock.EventTime(Stamps{Heard: heard, Stamp: stamp}, skewOf)
	if !at.Equal(want) || from != wantFrom || bad != (wantFrom == byArrival) {
		n.Errorf("heard %s, stamped %s: %s from %s, bad: %v; want %s from %s",
			heard.Format(time.DateTime), stamp.Format(time.DateTime), at.Format(time.DateTime), from, bad, want.Format(time.DateTime), wantFrom)
	}
}

// speaksOfNow has the NAS tell every minute from one time to another of what is.
func (n *told) speaksOfNow(from, to time.Time) {
	n.Helper()
	for at := from; !at.After(to); at = at.Add(time.Minute) {
		n.says(at, at, at, "Event-Timestamp")
	}
}

// The first record of a NAS tells of its clock, too: what is within max_skew
// was told at once, by a clock that is off.
func TestEventTimeOfTheFirstRecord(t *testing.T) {
	at := func(clock time.Duration) time.Time { return twelve.Add(clock) }
	for _, c := range []struct {
		name  string
		stamp time.Time
		delay time.Duration
		want  time.Time
		from  string
		bad   bool
	}{
		{"neither", time.Time{}, 0, twelve, "arrival", false},
		{"a stamp", twelve, 0, twelve, "Event-Timestamp", false},
		{"a moment before", at(-3 * time.Second), 0, at(-3 * time.Second), "Event-Timestamp", false},
		{"a moment ahead is not the future", at(3 * time.Second), 0, twelve, "Event-Timestamp", false},
		{"1970", time.Unix(12011, 0), 0, twelve, "arrival", true},
		{"2106", time.Unix(1<<32-1, 0), 0, twelve, "arrival", true},
		{"3 h ahead", at(3 * time.Hour), 0, twelve, "arrival", true},
		{"3 h ahead, delayed", at(3 * time.Hour), time.Minute, at(-time.Minute), "Acct-Delay-Time", true},
		{"20 min behind", at(-20 * time.Minute), 0, twelve, "arrival", true},
		{"a little behind", at(-9 * time.Minute), 0, twelve, "Event-Timestamp, by a clock that is 9m0s behind", false},
		{"a little ahead", at(9 * time.Minute), 0, twelve, "Event-Timestamp, by a clock that is 9m0s ahead", false},
		{"a little ahead, and delayed", at(time.Minute), 30 * time.Second, at(-30 * time.Second), "Event-Timestamp, by a clock that is 1m30s ahead", false},
		{"both", at(-30 * time.Second), 30 * time.Second, at(-30 * time.Second), "Event-Timestamp", false},
		{"both, in other words", at(-40 * time.Second), 30 * time.Second, at(-30 * time.Second), "Event-Timestamp, by a clock that is 10s behind", false},
		{"only a delay", time.Time{}, 10 * time.Minute, at(-10 * time.Minute), "Acct-Delay-Time", false},
		{"replayed from a file", at(-90 * time.Minute), 90 * time.Minute, at(-90 * time.Minute), "Event-Timestamp", false},
		{"replayed, no stamp", time.Time{}, 90 * time.Minute, at(-90 * time.Minute), "Acct-Delay-Time", false},
		{"of yesterday", at(-26 * time.Hour), 26 * time.Hour, at(-26 * time.Hour), "Event-Timestamp", false},
		{"after a long outage", time.Time{}, 6 * 24 * time.Hour, at(-6 * 24 * time.Hour), "Acct-Delay-Time", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, from, bad := new(Clock).EventTime(Stamps{Heard: twelve, Stamp: c.stamp, Delay: c.delay}, skewOf)
			if !at.Equal(c.want) || from != c.from || bad != c.bad {
				t.Errorf("at %s from %s, bad: %v; want %s from %s, bad: %v", at, from, bad, c.want, c.from, c.bad)
			}
		})
	}
}

func TestEventTimeGoesByTheSkewThatIsConfigured(t *testing.T) {
	stamps := Stamps{Heard: twelve, Stamp: twelve.Add(-50 * time.Minute)}
	for skew, want := range map[time.Duration]string{time.Hour: "Event-Timestamp, by a clock that is 50m0s behind", skewOf: "arrival"} {
		if _, from, bad := new(Clock).EventTime(stamps, skew); from != want || bad != (want == byArrival) {
			t.Errorf("%s: from %s, bad: %v", skew, from, bad)
		}
	}
}

// A NAS that also speaks of now is not replaying, however right its clock is:
// a stamp of the past is of a clock that stands still, or of a captured packet.
func TestAStampOfThePastAmongThoseOfNowIsNotBelieved(t *testing.T) {
	for _, age := range []time.Duration{11 * time.Minute, 3 * time.Hour, 23 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour} {
		n := &told{T: t}
		n.speaksOfNow(twelve.Add(-5*time.Minute), twelve)
		for i := range 3 {
			heard := twelve.Add(time.Duration(1+i) * 20 * time.Second)
			n.says(heard, twelve.Add(-age), heard, "arrival")
			n.says(heard, heard, heard, "Event-Timestamp")
		}
	}
}

// What lies where nothing was heard of the NAS was kept by it, or by who is
// between, until it could be delivered.
func TestAReplayOfWhatWasNotHeardIsBelieved(t *testing.T) {
	n, back := &told{T: t}, twelve.Add(-3*time.Hour)
	n.speaksOfNow(back.Add(-time.Hour), back)
	n.says(twelve, back.Add(time.Minute), back.Add(time.Minute), "Event-Timestamp, replayed")
	n.says(twelve, back.Add(-30*time.Minute), twelve, "arrival") // it was heard then
	n.speaksOfNow(twelve.Add(time.Second), twelve.Add(time.Second))
	for i := range 5 { // the rest, while it speaks of now, too
		event := back.Add(time.Duration(1+i) * 30 * time.Minute)
		n.says(twelve.Add(time.Duration(2+i)*time.Second), event, event, "Event-Timestamp, replayed")
	}
}

// Stamps that catch up with the time are of a replay: a clock that is behind
// goes as the time does.
func TestStampsThatCatchUpAreOfAReplay(t *testing.T) {
	n, event := &told{T: t}, twelve.Add(-3*time.Hour)
	n.speaksOfNow(twelve.Add(-5*time.Minute), twelve)
	n.says(twelve.Add(time.Second), event, twelve.Add(time.Second), "arrival") // nothing tells yet
	for i := range 9 {
		event = event.Add(10 * time.Minute)
		n.says(twelve.Add(time.Duration(2+i)*time.Second), event, event, "Event-Timestamp, replayed")
	}
}

// A clock that was never right has not been set.
func TestAClockThatIsBehindReplaysNothing(t *testing.T) {
	for _, behind := range []time.Duration{20 * time.Minute, 3 * time.Hour, 7 * 24 * time.Hour} {
		n := &told{T: t}
		for i := range 24 {
			heard := twelve.Add(time.Duration(i) * time.Minute)
			n.says(heard, heard.Add(-behind), heard, "arrival")
		}
	}
}

// A clock that begins anew at some date as it boots tells nothing, even if
// nothing was heard of its NAS for long.
func TestAClockThatBootedInThePastReplaysNothing(t *testing.T) {
	for _, booted := range []time.Time{time.Unix(12011, 0), time.Date(2000, 1, 1, 0, 0, 9, 0, time.UTC), twelve.AddDate(0, 0, -32)} {
		n := &told{T: t}
		n.speaksOfNow(twelve.AddDate(0, 0, -60), twelve.AddDate(0, 0, -60))
		n.says(twelve, booted, twelve, "arrival")
	}
}

// What is delivered late without saying so is dated by what is known of the
// clock, which is off.
func TestALateRecordIsDatedByTheClockThatIsOff(t *testing.T) {
	n, ahead := &told{T: t}, 4*time.Minute
	for i := range 10 {
		heard := twelve.Add(time.Duration(i) * time.Minute)
		n.says(heard, heard.Add(ahead), heard, "Event-Timestamp, by a clock that is 4m0s ahead")
	}
	heard := twelve.Add(11 * time.Minute)
	event := heard.Add(-2 * time.Minute)
	n.says(heard, event.Add(ahead), event, "Event-Timestamp, by a clock that is 4m0s ahead")
}

// Each NAS has a clock of its own, max_skew is that of the rules, and of each
// record the batch says what was made of its stamp.
func TestTheTrackerDatesEachNASByItsOwnClock(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		now := time.Now()
		of := func(nas string, ago time.Duration) Record {
			return Record{
				Status: Start, Session: nas + ago.String(), UserName: "ann", Device: laptop, NASID: nas,
				Stamps: Stamps{Heard: now, Stamp: now.Add(-ago)},
			}
		}
		batch := []Record{of("right", 0), of("behind", 3*time.Hour), of("right", 9*time.Minute), of("right", 11*time.Minute), of("off", 9*time.Minute)}
		if err := o.record(batch...); err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct {
			ago  time.Duration
			from string
			bad  bool
		}{
			{0, "Event-Timestamp", false}, {0, "arrival", true}, {9 * time.Minute, "Event-Timestamp", false}, {0, "arrival", true},
			{0, "Event-Timestamp, by a clock that is 9m0s behind", false},
		} {
			if r := &batch[i]; !r.At.Equal(now.Add(-want.ago)) || r.AtFrom != want.from || r.BadStamp != want.bad {
				t.Errorf("record %d: at %s from %s, bad: %v", i, now.Sub(r.At), r.AtFrom, r.BadStamp)
			}
		}
	})
}

// A clock that was set back tells of the past as if it were now: nothing of it
// is a replay, however long it goes on.
func TestAClockThatIsSetBackReplaysNothing(t *testing.T) {
	n := &told{T: t}
	n.speaksOfNow(twelve.Add(-time.Hour), twelve.Add(-time.Minute))
	for i := range 24 {
		heard := twelve.Add(time.Duration(i) * time.Minute)
		n.says(heard, heard.Add(-20*time.Minute), heard, "arrival")
	}
}

// A clock that was hours ahead and is put right is believed at once.
func TestAClockThatIsPutRightIsBelieved(t *testing.T) {
	n := &told{T: t}
	for i := range 30 {
		heard := twelve.Add(time.Duration(i-60) * time.Minute)
		n.says(heard, heard.Add(3*time.Hour), heard, "arrival")
	}
	n.says(twelve, twelve.Add(-time.Second), twelve.Add(-time.Second), "Event-Timestamp")
}

// The night, in which nothing is heard of a NAS either, is longer than the outage
// of the afternoon, and no reason to disbelieve what is told of the latter.
func TestTheNightDoesNotHideTheOutageOfTheDay(t *testing.T) {
	n := told{T: t}
	n.speaksOfNow(twelve.Add(-20*time.Hour), twelve.Add(-18*time.Hour))
	n.speaksOfNow(twelve.Add(-6*time.Hour), twelve)
	back := twelve.Add(150 * time.Minute)
	for _, event := range []time.Time{twelve.Add(10 * time.Minute), twelve.Add(10 * time.Minute), twelve.Add(11 * time.Minute)} {
		n.says(back, event, event, "Event-Timestamp, replayed")
	}
}

// The clock of an access point went back to the night by a power cut. Its stamps
// are not of what the night held back.
func TestAClockThatWasSetBackKeepsStep(t *testing.T) {
	n := told{T: t}
	n.speaksOfNow(twelve.Add(-20*time.Hour), twelve.Add(-18*time.Hour))
	behind := 3 * time.Hour
	n.says(twelve, twelve.Add(-behind), twelve.Add(-behind), "Event-Timestamp, replayed") // as it may be
	for _, after := range []time.Duration{2 * time.Minute, 5 * time.Minute, 6 * time.Minute, 10 * time.Minute} {
		at := twelve.Add(after)
		n.says(at, at.Add(-behind), at, byArrival)
		n.says(at.Add(time.Second), at.Add(-behind), at.Add(time.Second), byArrival) // somebody else, or a copy
	}
}

// With Accounting-On it is known from the first record on.
func TestAClockThatWasSetBackByABoot(t *testing.T) {
	n := told{T: t}
	n.speaksOfNow(twelve.Add(-20*time.Hour), twelve.Add(-18*time.Hour))
	n.clock.boot()
	behind := 3 * time.Hour
	for _, after := range []time.Duration{0, 3 * time.Second, 4 * time.Second, 10 * time.Minute} {
		at := twelve.Add(after)
		n.says(at, at.Add(-behind), at, byArrival)
	}
}

// What an access point sent again and again while its line was cut comes at once then, and
// says for how long it waited: that is no catching up.
func TestAClockThatWasSetBackDoesNotCatchUpByItsDelays(t *testing.T) {
	n := told{T: t}
	n.speaksOfNow(twelve.Add(-20*time.Hour), twelve)
	n.clock.boot()
	behind, cut := 30*time.Hour, twelve.Add(time.Hour)
	for at := twelve.Add(time.Minute); at.Before(cut); at = at.Add(time.Minute) {
		n.says(at, at.Add(-behind), at, byArrival)
	}
	back := cut.Add(2 * time.Hour)
	for i, delay := range []time.Duration{110 * time.Minute, 40 * time.Minute, 3 * time.Minute} {
		heard := back.Add(time.Duration(i) * time.Second)
		event := heard.Add(-delay)
		if at, from, _ := n.clock.EventTime(Stamps{Heard: heard, Stamp: event.Add(-behind), Delay: delay}, skewOf); !at.Equal(event) {
			t.Errorf("delayed by %s: %s, from %s; want %s", delay, at.Format(time.DateTime), from, event.Format(time.DateTime))
		}
	}
}

// But one that was kept back with what followed it was told late.
func TestABootThatIsToldLate(t *testing.T) {
	n := told{T: t}
	n.speaksOfNow(twelve.Add(-6*time.Hour), twelve)
	back := twelve.Add(2 * time.Hour)
	n.clock.boot()
	n.says(back, twelve.Add(10*time.Minute), back, byArrival)
	for _, after := range []time.Duration{12 * time.Minute, 20 * time.Minute, 20 * time.Minute} {
		event := twelve.Add(after)
		n.says(back.Add(time.Second), event, event, "Event-Timestamp, replayed")
	}
}

// However quiet the NAS was before, what the latest outage held back comes next.
func TestTheLatestOutageIsKnown(t *testing.T) {
	n := told{T: t}
	for _, hours := range []int{-10, -8, -6, -4, -2} { // it speaks once in two hours
		n.speaksOfNow(twelve.Add(time.Duration(hours)*time.Hour), twelve.Add(time.Duration(hours)*time.Hour+time.Minute))
	}
	n.speaksOfNow(twelve.Add(-30*time.Minute), twelve)
	event := twelve.Add(2 * time.Minute)
	n.says(twelve.Add(18*time.Minute), event, event, "Event-Timestamp, replayed")
}
