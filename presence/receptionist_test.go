package presence

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// span is a time from one moment to another.
type span struct{ from, to time.Time }

func (s span) overlap(o span) time.Duration {
	return earlier(s.to, o.to).Sub(later(s.from, o.from))
}

// A perfect receptionist who sees a person come and go checks in to every
// booking that is due while the person is there, and out of it when the person
// has left before it ended. Whatever the desk answers meanwhile, presence must
// come to the same end. What comes within patience of a limit may go either
// way: a fault may have lasted that long.
func TestBookingsEndAsAPerfectReceptionistWouldHaveThem(t *testing.T) {
	const patience = 75 * time.Minute
	for seed := range *seeds {
		inOffice(t, func(o *office) {
			o.store.InTrouble(seed, early)
			r := rand.New(rand.NewPCG(seed, 2))
			some := func(from, to int) time.Time {
				return hour(0).Add(time.Duration(from)*time.Minute + time.Duration(r.IntN(to-from))*time.Minute)
			}
			took := map[string]int{}
			faults := 0
			o.desk.fault = func(call string, b *Booking) error {
				if faults > 2 || r.IntN(4) > 0 { // no more than a few in a row
					faults = 0
					return nil
				}
				faults++
				switch r.IntN(4) {
				case 0:
					return &ThrottledError{Until: time.Now().Add(time.Minute)}
				case 1:
					if call != "read" && !time.Now().Before(b.Begin) { // before it, it would mean: too early
						return &RefusedError{Reason: "not just now"}
					}
				}
				return errors.New("502 Bad Gateway")
			}
			o.desk.lost = func(call string) bool { took[call]++; return r.IntN(4) == 0 }

			bookings := map[string]span{}
			for i := range 1 + r.IntN(3) {
				begin := some(8*60, 16*60)
				id := fmt.Sprintf("b%d", i)
				bookings[id] = span{begin, begin.Add(time.Duration(60+r.IntN(360)) * time.Minute)}
				o.desk.book("ann@example.com", id, begin, bookings[id].to)
			}
			var here []span // with the hour in which nobody can know that she has left
			stay := span{some(8*60+1, 11*60), some(11*60+1, 14*60)}
			here = append(here, span{stay.from, stay.to.Add(time.Hour)})
			stays := []span{stay}
			if r.IntN(2) == 0 {
				stay = span{some(15*60+10, 16*60), some(16*60, 18*60)}
				here = append(here, span{stay.from, stay.to.Add(time.Hour)})
				stays = append(stays, stay)
			}
			for i, stay := range stays {
				time.Sleep(time.Until(stay.from))
				o.hear(Start, "ann", laptop, fmt.Sprint(i))
				time.Sleep(time.Until(stay.to))
				o.hear(Stop, "ann", laptop, fmt.Sprint(i))
			}
			time.Sleep(time.Until(hour(23)))
			synctest.Wait()

			for id, b := range bookings {
				due := span{b.from.Add(-time.Hour), b.to}
				var in, out bool // must have been
				var mayIn bool   // may have been
				var mayOut bool
				for _, h := range here {
					with := h.overlap(due)
					mayIn = mayIn || with > 0
					in = in || with > patience
					left := h.to
					if with > 0 && b.to.After(left) {
						mayOut = true
						out = out || with > patience && b.to.Sub(left) > patience
					}
				}
				status := o.desk.status(id)
				ins, outs := took["in "+id], took["out "+id]
				bad := ""
				switch {
				case ins > 1 || outs > 1:
					bad = "a call took effect twice"
				case in && ins == 0:
					bad = "not checked in"
				case !mayIn && ins > 0:
					bad = "checked in for nothing"
				case out && status != CheckedOut:
					bad = "not checked out"
				case !mayOut && outs > 0:
					bad = "checked out too soon"
				}
				if bad != "" {
					t.Errorf("seed %d: booking %s %s: %s: %s\n stays %v\n calls %s\n%s", seed, id, b, status, bad, stays,
						strings.Join(o.desk.calls, ", "), o.story())
				}
			}
		})
		if t.Failed() {
			return
		}
	}
}

func (s span) String() string { return s.from.Format("15:04") + "-" + s.to.Format("15:04") }
