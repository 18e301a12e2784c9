package presence

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLunchKeepsTheAfternoonDesk(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "am", hour(9), hour(12))
		o.desk.book("ann@example.com", "pm", hour(13), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a")
		o.until(11, 50)
		o.hear(Stop, "ann", laptop, "a")
		o.until(12, 55)
		o.hear(Start, "ann", laptop, "b")
		o.until(13, 30)
		if got := o.desk.status("pm"); got != CheckedIn {
			t.Errorf("pm is %s, want checkedIn: calls %s\n%s", got, o.desk.made(), o.story())
		}
	})
}

func midnight(t *testing.T, stopHour, stopMin int) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "tomorrow", hour(24), hour(48))
		o.until(15, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(stopHour, stopMin)
		o.hear(Stop, "ann", laptop, "a")
		o.until(32, 0)
		if got := o.desk.status("tomorrow"); got != Booked {
			t.Errorf("at 8:00 tomorrow's booking is %s, want booked: calls %s\n%s", got, o.desk.made(), o.story())
		}
	})
}

func TestWhoLeftAt2330KeepsTomorrow(t *testing.T) { midnight(t, 23, 30) }

func TestWhoLeftAt0020KeepsTomorrow(t *testing.T) { midnight(t, 24, 20) }

func TestEndOfDryRunMidVisit(t *testing.T) {
	for _, app := range []bool{true, false} {
		inOffice(t, func(o *office) {
			var dry atomic.Bool
			dry.Store(true)
			o.stop()
			o.rules.DryRun = true
			o.start()
			o.desk.book("ann@example.com", "b", hour(9), hour(17))
			o.desk.fault = func(call string, _ *Booking) error {
				if dry.Load() && call != "read" {
					return ErrDryRun
				}
				return nil
			}
			o.until(8, 30)
			o.hear(Start, "ann", laptop, "a")
			o.until(9, 0)
			if app {
				o.desk.set("b", CheckedIn, "")
			}
			o.until(11, 0)
			dry.Store(false)
			o.rules.DryRun = false
			o.courier.Reload(o.rules)
			o.until(13, 0)
			if !app {
				o.want("in b, in b")
			}
			if !app {
				t.Logf("%s: %s", o.desk.status("b"), o.story())
				return
			}
			o.hear(Stop, "ann", laptop, "a")
			o.until(15, 0)
			o.want("in b")
			if got := o.desk.status("b"); got != CheckedIn {
				t.Errorf("b, that she checked in herself, is %s", got)
			}
		})
	}
}

func TestReloadOfHoursSendsNobodyHome(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 0)
		s := o.rules.Sites["london"]
		s.Opens = 10 * time.Hour
		rules := o.rules
		rules.Sites = map[string]Site{"london": s}
		o.tracker.Reload(plain{sites: []Site{s}}, rules)
		o.courier.Reload(rules)
		o.hear(Start, "ann", laptop, "b") // a roam: anything that has somebody look
		o.until(12, 5)
		if got := o.desk.status("b"); got != CheckedIn {
			t.Errorf("b is %s: %s\n%s", got, o.desk.made(), o.story())
		}
	})
}

func TestDroppedStaysDropped(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.fails(func(call string, _ *Booking) error { return errors.New("502") })
		o.until(8, 55)
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.hear(Start, "ann", laptop, "a")
		v := o.visit("ann@example.com")
		if err := o.courier.Drop("ann@example.com", v.ID); err != nil {
			t.Fatal(err)
		}
		o.until(9, 30)
		o.desk.fails(func(string, *Booking) error { return nil })
		o.until(10, 0)
		o.want("")
		// a second visit of hers, at another site
		paris := london(t)
		paris.Name = "paris"
		o.rules.Sites["paris"] = paris
		o.tracker.Reload(plain{sites: []Site{o.rules.Sites["london"], paris}}, o.rules)
		now := time.Now()
		o.tracker.Record(t.Context(), []Record{{Client: "p", Site: "paris", Heard: now, At: now, Status: Start, UserName: "ann", Device: phone, Session: "x", SSID: "Corp", NASID: "p"}})
		o.until(10, 30)
		p, _ := o.store.Person(t.Context(), "ann@example.com")
		for _, v := range p.Visits {
			if v.Site == "london" && v.CheckIn.Status != Skipped {
				t.Errorf("dropped, and then: %+v\ncalls %s", v.CheckIn, o.desk.made())
			}
		}
	})
}

func TestRoamersDoNotHideAMassEnd(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		dev := func(i int) string { return fmt.Sprintf("02:00:00:00:01:%02x", i) }
		for i := range 50 { // they walk past ap1, and its Stops come from nobody
			o.record(Record{Status: Start, UserName: fmt.Sprintf("v%03d", i), Device: dev(i), Session: fmt.Sprint("w", i), NASID: "ap1"})
			o.record(Record{Status: Start, UserName: fmt.Sprintf("v%03d", i), Device: dev(i), Session: fmt.Sprint("x", i), NASID: "ap2"})
			o.record(Record{Status: Stop, UserName: fmt.Sprintf("v%03d", i), Device: dev(i), Session: fmt.Sprint("x", i), NASID: "ap2"})
		}
		for i := range 20 {
			o.record(Record{Status: Start, UserName: fmt.Sprintf("u%03d", i), Device: dev(100 + i), Session: fmt.Sprint("a", i), NASID: "ap1"})
		}
		time.Sleep(48 * time.Hour)
		for i := range 20 {
			o.record(Record{Status: Stop, UserName: fmt.Sprintf("u%03d", i), Device: dev(100 + i), Session: fmt.Sprint("a", i), NASID: "ap1", Cause: UserRequest})
		}
		o.tracker.mu.Lock()
		for name, n := range o.tracker.nases {
			t.Logf("%s: live %d fell %v", name, len(n.live), n.Fell)
			if len(n.live) > 20 {
				t.Errorf("%s: %d devices are remembered as alive", name, len(n.live))
			}
		}
		o.tracker.mu.Unlock()
	})
}

func TestMassEndAfterARestart(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.rules.Linger = 10 * time.Minute
		o.start()
		o.until(9, 0)
		all := func(status Status, s string) (batch []Record) {
			for i := range 200 {
				batch = append(batch, Record{Status: status, UserName: fmt.Sprintf("u%03d", i), Device: fmt.Sprintf("02:00:00:00:00:%02x", i),
					Session: fmt.Sprint(s, i), Cause: UserRequest})
			}
			return batch
		}
		o.record(all(Start, "a")...)
		o.until(9, 30)
		o.stop()
		o.start()
		o.until(10, 0)
		o.record(all(Stop, "a")...)
		o.until(10, 20)
		o.record(all(Start, "b")...)
		o.until(12, 0)
		if got := o.visit("u100@example.com"); !got.Arrived.Equal(hour(9)) {
			t.Errorf("%+v", got)
		}
	})
}

func TestStillBookedIsTriedAgain(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a")
		o.want("in b")
		o.desk.set("b", Booked, "") // a 2xx of a proxy, or an effect that was rolled back
		o.until(12, 0)
		if got := o.desk.status("b"); got != CheckedIn {
			t.Errorf("b is %s: calls %s\n%s", got, o.desk.made(), o.story())
		}
	})
}

func TestBackWhileTheCheckOutIsUnderWay(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.door = func(r *reception) Desk { return slowOut{r} }
		o.start()
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 0)
		o.hear(Stop, "ann", laptop, "a")
		o.until(13, 0)
		time.Sleep(2 * time.Second)
		o.hear(Start, "ann", laptop, "b")
		o.until(13, 30)
		v := o.visit("ann@example.com")
		h, _ := o.store.History(t.Context(), "ann@example.com", hour(0), hour(23), 10)
		if o.desk.status("b") == CheckedOut && (len(h) == 0 || h[0].CheckOut.Status != Effected) {
			t.Errorf("b is checked out, yet history says %+v and the visit says %+v\n%s", h[0].CheckOut, v.CheckIn, o.story())
		}
	})
}

type slowOut struct{ *reception }

func (s slowOut) CheckOut(ctx context.Context, site string, b Booking) (Booking, error) {
	b, err := s.reception.CheckOut(ctx, site, b)
	time.Sleep(5 * time.Second)
	return b, err
}

func TestPendingForEver(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 0)
		o.hear(Stop, "ann", laptop, "a")
		var reads atomic.Int32
		o.desk.fails(func(call string, _ *Booking) error { reads.Add(1); return errors.New("site paris: no such building") })
		time.Sleep(10 * 24 * time.Hour)
		synctest.Wait()
		p, _ := o.store.Person(t.Context(), "ann@example.com")
		if len(p.Visits) > 0 {
			t.Errorf("after ten days and %d calls: %+v", reads.Load(), p.Visits[0].CheckOut)
		}
	})
}

func TestSameIDWithoutMAC(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.record(Record{Status: Start, UserName: "ann", Session: "00000001", NASID: "ap1"})
		o.until(9, 30)
		o.record(Record{Status: Start, UserName: "bob", Session: "00000001", NASID: "ap2"})
		if got := o.session("ann", "00000001").State; got != Open {
			t.Errorf("ann's session is %s, want open", got)
		}
	})
}

func TestNeverMeansNever(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(8, 55)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 0)
		o.hear(Stop, "ann", laptop, "a")
		o.desk.fails(func(string, *Booking) error { return errors.New("502") })
		o.until(13, 10)
		rules := o.rules
		rules.CheckOut = CheckOutNever
		o.tracker.Reload(plain{sites: []Site{o.rules.Sites["london"]}}, rules)
		o.courier.Reload(rules)
		o.desk.fails(func(string, *Booking) error { return nil })
		o.until(14, 30)
		o.want("in b")
	})
}

type slow struct{ *reception }

func (s slow) CheckOut(ctx context.Context, site string, b Booking) (Booking, error) {
	time.Sleep(800 * time.Millisecond) // four couriers: five calls a second
	return s.reception.CheckOut(ctx, site, b)
}

func TestCheckInsGoBeforeABacklogOfCheckOuts(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		ctx, cancel := context.WithCancel(context.Background())
		o.courier = NewCourier(o.store, slow{o.desk}, o.rules, quiet)
		var changes []Change
		for i := range 2300 { // an evening without the desk: their check-outs wait
			user := fmt.Sprintf("u%04d@example.com", i)
			id := fmt.Sprint("b", i)
			o.desk.book(user, id, hour(7), hour(23), func(b *Booking) { b.Status, b.Method = CheckedIn, "wifi" })
			changes = append(changes, Change{User: user, Apply: func(p *Person, _ [][]byte) Outcome {
				p.Visits = []Visit{{ID: id, User: user, Site: "london", Arrived: hour(7), Departed: hour(7).Add(time.Minute), State: Over, End: Left,
					CheckIn: Errand{Status: Effected}, CheckOut: Errand{Status: Pending, Next: hour(8)},
					Claims: []Claim{{Booking: id, In: hour(7), Tried: hour(7), Begin: hour(7), End: hour(23)}}}}
				p.NextErrand = p.nextErrand()
				return Outcome{}
			}})
		}
		if err := o.store.Update(ctx, changes); err != nil {
			t.Fatal(err)
		}
		o.desk.book("ann@example.com", "ann", hour(8), hour(17))
		done := make(chan bool)
		go func() { o.courier.Run(ctx); done <- true }()
		time.Sleep(10 * time.Second)
		came := time.Now()
		o.store.Update(ctx, []Change{{User: "ann@example.com", Apply: func(p *Person, _ [][]byte) Outcome {
			p.Visits = []Visit{{ID: "v", User: "ann@example.com", Site: "london", Arrived: came, State: Present,
				CheckIn: Errand{Status: Pending, Next: came}, CheckOut: Errand{Status: Waiting}}}
			p.NextErrand = p.nextErrand()
			return Outcome{}
		}}})
		o.courier.Kick()
		for o.desk.status("ann") != CheckedIn {
			time.Sleep(time.Second)
		}
		if waited := time.Since(came); waited > 5*time.Second {
			t.Errorf("somebody who just came waited %s behind check-outs", waited)
		}
		cancel()
		<-done
		o.stop = func() {}
	})
}

func TestShorterLingerCounts(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 0)
		o.hear(Stop, "ann", laptop, "a")
		rules := o.rules
		rules.Linger = 10 * time.Minute
		o.tracker.Reload(plain{sites: []Site{o.rules.Sites["london"]}}, rules)
		o.courier.Reload(rules)
		o.until(12, 15)
		if got := o.visit("ann@example.com"); got.State != Over {
			t.Errorf("at 12:15 she is %s", got.State)
		}
	})
}

func TestLateNewsOfAnotherUserEndsNoLiveSession(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "bob", laptop, "b")
		for _, m := range []int{10, 20, 30} {
			o.until(9, m)
			o.hear(Interim, "bob", laptop, "b")
		}
		o.record(Record{Status: Start, UserName: "ann", Device: laptop, Session: "a", At: o.at(9, 15)}) // a retransmission
		if got := o.session("bob", "b"); got.State != Open {
			t.Errorf("bob's session, alive at 9:30: %s, ended %s", got.State, got.Ended)
		}
		if got := o.session("ann", "a"); got.State != Ended {
			t.Errorf("ann's session: %s", got.State)
		}
	})
}
