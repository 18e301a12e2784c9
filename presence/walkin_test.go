package presence

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// walksIn is an office where whoever comes without a booking is booked a pass.
func walksIn(t *testing.T, f func(*office)) {
	t.Helper()
	inOffice(t, func(o *office) {
		o.stop()
		o.walkIns(WalkIns{Rule: WalkInsOnsite, After: 15 * time.Minute, Max: 50})
		o.start()
		f(o)
	})
}

func (o *office) walkIns(w WalkIns) {
	london := o.rules.Sites["london"]
	london.WalkIns = w
	o.rules.Sites = map[string]Site{"london": london}
}

// comes has ann come at nine, and waits until she has been here for half an hour.
func (o *office) comes() {
	o.t.Helper()
	o.until(9, 0)
	o.hear(Start, "ann", laptop, "a")
	o.until(9, 31)
}

func (o *office) wantReason(want string) {
	o.t.Helper()
	if got := o.visit("ann@example.com").CheckIn; !strings.Contains(got.Reason, want) {
		o.t.Errorf("told: %s %q, want %q", got.Status, got.Reason, want)
	}
}

func (o *office) pass() *Booking {
	o.desk.mu.Lock()
	defer o.desk.mu.Unlock()
	for _, b := range o.desk.bookings {
		if b.Via == "publicApi" {
			return b
		}
	}
	o.t.Fatalf("no pass was booked: %v\n%s", o.desk.calls, o.story())
	return nil
}

func TestWhoComesWithoutABookingIsBookedAPass(t *testing.T) {
	walksIn(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 14)
		o.want("")
		o.wantReason("no booking for today at this building; walk-in: at 2026-01-05T09:15:00Z")
		o.until(9, 15)
		o.want("book ann@example.com, in pass0")
		o.wantReason("walk-in: an onsite pass from 2026-01-05T09:15:00Z to 2026-01-05T18:00:00Z was booked")
		o.hear(Stop, "ann", laptop, "a")
		o.until(11, 0)
		o.want("book ann@example.com, in pass0, out pass0")
		o.hear(Start, "ann", laptop, "b") // back, having checked out
		o.until(17, 0)
		o.want("book ann@example.com, in pass0, out pass0")
		if got := o.courier.WalkIns()["london"]; got.Booked != 1 || got.Today != 1 {
			t.Errorf("counted: %+v", got)
		}
	})
}

func TestNobodyIsBookedAPassWithoutTheSiteWantingIt(t *testing.T) {
	inOffice(t, func(o *office) {
		o.comes()
		o.want("")
	})
}

// Whoever leaves before walk_ins_after, or comes when arrivals do not count, is
// booked none.
func TestWhoDoesNotStayIsBookedNoPass(t *testing.T) {
	walksIn(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 10)
		o.hear(Stop, "ann", laptop, "a")
		o.until(17, 0)
		o.want("")
	})
}

func TestWhoHasOrHadAPlaceTodayIsBookedNoPass(t *testing.T) {
	for _, c := range []struct {
		what string
		b    Booking
		want string
	}{
		{"a desk of the afternoon", Booking{Begin: hour(13), End: hour(17)}, ""},
		{"cancelled", Booking{Status: Cancelled}, ""},
		{"released", Booking{Status: Cancelled, Taken: true}, "book ann@example.com, in pass1"},
		{"checked out, and long over", Booking{Status: CheckedOut, Begin: hour(6), End: hour(7)}, ""},
		{"over", Booking{Status: Completed, Begin: hour(6), End: hour(8)}, ""},
		{"checked in by others", Booking{Status: CheckedIn}, ""},
		{"a room", Booking{Type: "room", Eligible: false, Status: Booked}, "book ann@example.com, in pass1"},
		{"yesterday's, cancelled", Booking{Status: Cancelled, Begin: hour(-8), End: hour(-1)}, "book ann@example.com, in pass1"},
		{"tomorrow's", Booking{Begin: hour(26), End: hour(30)}, "book ann@example.com, in pass1"},
	} {
		t.Run(c.what, func(t *testing.T) {
			walksIn(t, func(o *office) {
				begin, end := c.b.Begin, c.b.End
				if begin.IsZero() {
					begin, end = hour(8), hour(17)
				}
				o.desk.book("ann@example.com", "b", begin, end, func(b *Booking) {
					b.Taken = c.b.Taken
					if c.b.Status != "" {
						b.Status = c.b.Status
					}
					if c.b.Type != "" {
						b.Type, b.Eligible = c.b.Type, c.b.Eligible
					}
				})
				o.comes()
				o.want(c.want)
				if len(o.desk.wrong) > 0 {
					t.Error(o.desk.wrong)
				}
			})
		})
	}
}

// What happened since the building was read counts: she has booked, and cancelled,
// a minute before.
func TestWhatIsCancelledAMinuteBeforeCounts(t *testing.T) {
	walksIn(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 14)
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.desk.set("b", Cancelled, "")
		o.until(9, 16)
		if at := o.desk.readings[len(o.desk.readings)-1]; at.After(o.at(9, 14)) {
			t.Fatalf("the building was read at %s", at)
		}
		o.want("")
		o.wantReason("booking b is cancelled")
	})
}

func TestWhyThereIsNoPassIsTold(t *testing.T) {
	walksIn(t, func(o *office) {
		o.desk.from(func(r *reception) { r.none = func(string) string { return "there is no onsite pass: noCapacity" } })
		o.comes()
		o.want("")
		o.wantReason("no booking for today at this building; walk-in: there is no onsite pass: noCapacity")
		o.until(10, 30)
		if n := strings.Count(o.story(), "not done: walk-in:"); n != 1 {
			t.Errorf("it is told %d times:\n%s", n, o.story())
		}
		o.desk.from(func(r *reception) { r.none = nil })
		o.until(10, 50)
		o.want("book ann@example.com, in pass0")
	})
}

// An API that accepts and answers 500, and one that does not say.
func TestAPassOfWhichTheAnswerIsLostIsFoundAndNotAskedForAgain(t *testing.T) {
	walksIn(t, func(o *office) {
		o.desk.from(func(r *reception) { r.lost = func(call string) bool { return strings.HasPrefix(call, "book") } })
		o.comes()
		o.want("book ann@example.com, in pass0")
		o.wantReason("was booked")
		if got := o.courier.WalkIns()["london"]; got.Booked != 1 || got.Unclear != 1 {
			t.Errorf("counted: %+v", got)
		}
	})
	walksIn(t, func(o *office) { // and listed only later
		o.desk.from(func(r *reception) { r.late = func() time.Duration { return 40 * time.Minute } })
		o.comes()
		o.want("book ann@example.com")
		o.wantReason("walk-in: whether the desk booked the pass that was asked for at 2026-01-05T09:15:00Z nobody knows: it is not asked again today")
		o.until(10, 5)
		o.want("book ann@example.com, in pass0")
		o.wantReason("was booked")
	})
	walksIn(t, func(o *office) { // never
		o.desk.fails(func(call string, _ *Booking) error {
			if strings.HasPrefix(call, "book") {
				return errors.New("500 Internal Server Error")
			}
			return nil
		})
		o.comes()
		o.hear(Stop, "ann", laptop, "a")
		o.until(12, 0)
		o.hear(Start, "ann", laptop, "b")
		o.until(17, 0)
		o.want("book ann@example.com")
	})
}

func TestAPassThatWasNotAskedForIsAskedForAgain(t *testing.T) {
	for _, fault := range []error{&ThrottledError{Until: hour(9).Add(20 * time.Minute)}, fmt.Errorf("%w: dial tcp", ErrNotSent)} {
		walksIn(t, func(o *office) {
			o.desk.fails(func(call string, _ *Booking) error {
				if strings.HasPrefix(call, "book") && time.Now().Before(o.at(9, 20)) {
					return fault
				}
				return nil
			})
			o.comes()
			if calls := o.desk.made(); !strings.HasSuffix(calls, "book ann@example.com, in pass0") {
				t.Errorf("%v: calls %s\n%s", fault, calls, o.story())
			}
		})
	}
}

// Most are refused: it stops by itself, and says so, also after a restart; the next
// day it begins anew.
func TestARefusingDeskIsNotAskedOnAndOn(t *testing.T) {
	walksIn(t, func(o *office) {
		var refused int
		o.desk.fails(func(call string, _ *Booking) error {
			if strings.HasPrefix(call, "book") {
				refused++
				return &RefusedError{Reason: "not like this"}
			}
			return nil
		})
		o.until(9, 0)
		for i := range 12 { // one after the other: of those who come together some are being asked for
			time.Sleep(time.Minute)
			o.hear(Start, fmt.Sprintf("u%d", i), fmt.Sprintf("02:00:00:00:01:%02x", i), "a")
			if i == 8 {
				o.until(9, 40)
				o.stop()
				o.start()
			}
		}
		o.until(17, 0)
		if refused != refusedAtLeast {
			t.Errorf("%d were asked for, want %d", refused, refusedAtLeast)
		}
		if got := o.visit("u11@example.com").CheckIn.Reason; !strings.Contains(got, "walk-ins are stopped at this site until the day turns: 5 of 5 were refused") {
			t.Errorf("told: %q", got)
		}
		if got := o.courier.WalkIns()["london"]; got.Stopped == "" {
			t.Errorf("counted: %+v", got)
		}
		o.desk.fails(func(string, *Booking) error { return nil })
		o.until(33, 0)
		o.hear(Start, "new", "02:00:00:00:02:01", "a")
		o.until(33, 20)
		if got := o.desk.made(); !strings.Contains(got, "book new@example.com") {
			t.Errorf("the next day: %s", got)
		}
	})
}

func TestNoMoreThanTheMostAreBookedInADay(t *testing.T) {
	walksIn(t, func(o *office) {
		o.stop()
		o.walkIns(WalkIns{Rule: WalkInsOnsite, After: time.Minute, Max: 3})
		o.start()
		o.until(9, 0)
		for i := range 6 {
			o.hear(Start, fmt.Sprintf("u%d", i), fmt.Sprintf("02:00:00:00:01:%02x", i), "a")
		}
		o.until(9, 30)
		o.stop()
		o.start()
		o.until(12, 0)
		if n := strings.Count(o.desk.made(), "book"); n != 3 {
			t.Errorf("%d were booked: %s", n, o.desk.made())
		}
	})
}

// A pass that nobody is checked in to, because they have not self-certified say, is
// cancelled on leaving where that is configured, and not elsewhere.
func TestAPassIsUndoneOnlyWhereThatIsWanted(t *testing.T) {
	for _, undo := range []bool{true, false} {
		walksIn(t, func(o *office) {
			o.stop()
			o.walkIns(WalkIns{Rule: WalkInsOnsite, After: time.Minute, Max: 3, Undo: undo})
			o.start()
			o.desk.fails(func(call string, _ *Booking) error {
				if strings.HasPrefix(call, "in") {
					return &RefusedError{Reason: "self-certify first"}
				}
				return nil
			})
			o.desk.book("bob@example.com", "bobs", hour(9), hour(17))
			o.until(9, 0)
			o.hear(Start, "ann", laptop, "a")
			o.hear(Start, "bob", phone, "a")
			o.until(10, 0)
			o.hear(Stop, "ann", laptop, "a")
			o.hear(Stop, "bob", phone, "a")
			o.until(12, 0)
			if got := strings.Contains(o.desk.made(), "cancel pass1"); got != undo || strings.Contains(o.desk.made(), "cancel bobs") {
				t.Errorf("undo %v: calls %s\n%s", undo, o.desk.made(), o.story())
			}
			if got := o.pass().Status; (got == Cancelled) != undo {
				t.Errorf("undo %v: it is %s", undo, got)
			}
		})
	}
}

// A day of a walk-in, killed before and after each of its steps in turn.
func TestAWalkInIsBookedOnceWhereverTheProcessIsKilled(t *testing.T) {
	for _, answers := range []string{"come", "are lost", "are lost, and the effect is late"} {
		booked, steps := 0, 0
		for n, over := 0, false; !over; n++ {
			for _, after := range []bool{false, true} {
				walksIn(t, func(o *office) {
					o.stop()
					o.walkIns(WalkIns{Rule: WalkInsOnsite, After: time.Minute, Max: 50})
					lives := 0
					day := &restless{office: o, r: rand.New(rand.NewPCG(uint64(n), 5)), kill: func(*rand.Rand) *life {
						if lives++; lives > 1 {
							return newLife(-1, false)
						}
						return newLife(n, after)
					}}
					o.desk.lost = func(string) bool { return answers != "come" }
					if strings.HasSuffix(answers, "late") {
						o.desk.late = func() time.Duration { return 70 * time.Minute }
					}
					day.live()
					day.sleep(hour(9))
					day.says(Start, "ann", laptop, "a")
					day.sleep(o.at(9, 12))
					day.says(Stop, "ann", laptop, "a")
					day.sleep(o.at(10, 20))
					day.says(Start, "ann", laptop, "b")
					day.sleep(o.at(10, 30))
					day.stop()
					day.stop = func() {}
					over = day.lost == 0
					for _, offence := range o.desk.offences() {
						t.Errorf("killed at step %d (after it: %v): %s: %s\n%s", n, after, offence, o.desk.made(), o.story())
					}
					for _, e := range o.desk.took {
						if e.call == "book" {
							booked++
						}
					}
					steps++
				})
			}
		}
		t.Logf("answers %s; %d days of up to %d steps: %d passes", answers, steps, steps/2, booked)
		if booked < steps*9/10 {
			t.Errorf("of %d days only %d had a pass", steps, booked)
		}
	}
}
