package presence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowDesk is a desk that takes its time, each daemon's another one, and fails one reading
// in six.
type slowDesk struct {
	*reception
	step  time.Duration
	count atomic.Int64
}

func (d *slowDesk) wait() int64 {
	n := d.count.Add(1)
	time.Sleep(time.Duration(n%7+1) * d.step)
	return n
}

func (d *slowDesk) Listed(ctx context.Context, user, site string, asOf time.Time) (Listing, error) {
	if d.wait()%6 == 0 {
		return Listing{}, errors.New("the reading failed")
	}
	return d.reception.Listed(ctx, user, site, asOf)
}

func (d *slowDesk) CheckIn(ctx context.Context, site string, b Booking) (Booking, error) {
	d.wait() // it takes effect late, and so does the answer come
	b, err := d.reception.CheckIn(ctx, site, b)
	d.wait()
	return b, err
}

func (d *slowDesk) CheckOut(ctx context.Context, site string, b Booking) (Booking, error) {
	d.wait()
	b, err := d.reception.CheckOut(ctx, site, b)
	d.wait()
	return b, err
}

// Two daemons carry from one store, which names everybody to both at once: each booking is
// checked in once and checked out once all the same, because what one of them is at is left
// alone by the other.
func TestEachCallIsMadeByOneOfTwoDaemons(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		const people = 60
		ctx, cancel := context.WithCancel(o.t.Context())
		var running sync.WaitGroup
		var trackers []*Tracker
		for i := range 2 {
			tracker := NewTracker(o.store, plain{sites: []Site{o.rules.Sites["london"]}}, o.rules, quiet)
			courier := NewCourier(o.store, &slowDesk{reception: o.desk, step: time.Duration(190+70*i) * time.Millisecond}, o.rules, quiet)
			courier.Shared, tracker.HasWork = true, courier.Kick
			running.Go(func() { tracker.Run(ctx) })
			running.Go(func() { courier.Run(ctx) })
			trackers = append(trackers, tracker)
		}
		o.stop = func() { cancel(); running.Wait() }
		hear := func(status Status, session string) {
			for n := range people {
				user := fmt.Sprintf("u%03d", n)
				now := time.Now()
				if err := trackers[n%2].Record(ctx, []Record{{
					Client: "hq", Site: "london", Heard: now, At: now, Status: status, UserName: user, Device: fmt.Sprintf("02:00:5e:10:00:%02x", n),
					Session: user + session, SSID: "Corp", NASID: fmt.Sprint("wlc", n%2),
				}}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
		for n := range people {
			user := fmt.Sprintf("u%03d", n)
			o.desk.book(user+"@example.com", user, hour(8), hour(20))
		}
		o.until(9, 0)
		hear(Start, "a")
		o.until(12, 0)
		hear(Stop, "a")
		o.until(15, 0)
		synctest.Wait()
		made := map[string]int{}
		for _, call := range strings.Split(o.desk.made(), ", ") {
			made[call]++
		}
		for n := range people {
			for _, call := range []string{fmt.Sprintf("in u%03d", n), fmt.Sprintf("out u%03d", n)} {
				if made[call] != 1 {
					t.Errorf("%s was called %d times", call, made[call])
				}
			}
		}
	})
}

// pair is two trackers over one store, of two daemons.
func pair(o *office) (both [2]*Tracker) {
	o.stop()
	ctx, cancel := context.WithCancel(o.t.Context())
	var running sync.WaitGroup
	for i := range both {
		t := NewTracker(o.store, plain{sites: []Site{o.rules.Sites["london"]}}, o.rules, quiet)
		t.Shared, t.HasWork = true, func() {}
		running.Go(func() { t.Run(ctx) })
		both[i] = t
	}
	o.stop = func() { cancel(); running.Wait() }
	synctest.Wait()
	return both
}

// tell records what a NAS has to say, at one of the daemons.
func tell(o *office, t *Tracker, status Status, user, nas string) {
	o.t.Helper()
	now := time.Now()
	r := Record{Client: "hq", Heard: now, At: now, Status: status, NASID: nas, SSID: "Corp", Site: "london"}
	if user != "" {
		r.UserName, r.Device, r.Session = user, "02:00:5e:10:01:"+user[len(user)-2:], user
	}
	if err := t.Record(o.t.Context(), []Record{r}); err != nil {
		o.t.Fatal(err)
	}
}

// What one daemon hears of a NAS, the others know soon: that it is alive, and that it lost
// most of its people at once.
func TestWhatOneDaemonHearsOfANASTheOthersKnow(t *testing.T) {
	inOffice(t, func(o *office) {
		both := pair(o)
		o.until(9, 0)
		for n := range 8 {
			tell(o, both[0], Start, fmt.Sprintf("u%02d", n), "wlc")
		}
		o.until(9, 2)
		r := Record{Client: "hq", NASID: "wlc"}
		name := r.NAS()
		if is := both[1].NASes()[name]; !is.Heard.Equal(hour(9)) {
			o.t.Errorf("the other daemon knows of it: %+v", is)
		}
		o.until(9, 30)
		for n := range 8 {
			tell(o, both[0], Stop, fmt.Sprintf("u%02d", n), "wlc")
		}
		o.until(9, 31)
		if is := both[1].NASes()[name]; !is.Fell.Equal(o.at(9, 30)) {
			o.t.Errorf("the other daemon does not know that it fell: %+v", is)
		}
	})
}

// That a NAS was reset counts for its people, whichever daemon took them in and whichever
// was told of it.
func TestAResetThatAnotherDaemonIsToldOfCounts(t *testing.T) {
	inOffice(t, func(o *office) {
		both := pair(o)
		o.until(9, 0)
		tell(o, both[0], Start, "u01", "wlc")
		o.until(9, 20)
		tell(o, both[1], AccountingOn, "", "wlc")
		o.until(9, 21)
		for i, tracker := range both {
			p, err := o.store.Person(o.t.Context(), "u01@example.com")
			if err != nil {
				o.t.Fatal(err)
			}
			if all := p.Sessions(time.Now(), tracker.World()); len(all) != 1 || all[0].State != Suspect {
				o.t.Errorf("for daemon %d: %+v", i, all)
			}
		}
	})
}

// After nothing could be recorded for a while, every daemon knows that records may have
// been missed: those, too, that had nothing to record meanwhile.
func TestEveryDaemonKnowsThatRecordsWereMissed(t *testing.T) {
	inOffice(t, func(o *office) {
		both := pair(o)
		o.until(9, 0)
		tell(o, both[0], Start, "u01", "wlc")
		o.until(9, 10)
		o.store.Fails(errors.New("no majority"))
		now := time.Now()
		if err := both[0].Record(o.t.Context(), []Record{{Client: "hq", Heard: now, At: now, Status: Interim, UserName: "u02", Device: laptop, Session: "b", NASID: "wlc", SSID: "Corp", Site: "london"}}); err == nil {
			o.t.Fatal("it was recorded")
		}
		o.until(9, 20)
		o.store.Fails(nil)
		o.until(9, 22)
		for i, tracker := range both {
			if at := tracker.World().Listening; at.Before(o.at(9, 20)) {
				o.t.Errorf("daemon %d believes to have heard all since %s", i, at)
			}
		}
	})
}

// What two daemons know of a NAS comes to the same, whoever is told of the other.
func TestNASesJoinInAnyOrder(t *testing.T) {
	at := func(minutes int) time.Time { return hour(9).Add(time.Duration(minutes) * time.Minute) }
	for _, c := range []struct{ a, b, want NAS }{
		{NAS{}, NAS{Heard: at(5), Since: at(1)}, NAS{Heard: at(5), Since: at(1)}},
		{NAS{Heard: at(5), Since: at(1)}, NAS{Heard: at(9), Since: at(6)}, NAS{Heard: at(9), Since: at(1)}},
		{NAS{Heard: at(5), Since: at(1)}, NAS{Heard: at(59), Since: at(50)}, NAS{Heard: at(59), Since: at(50)}},
		{NAS{Heard: at(5), Since: at(1), Fell: at(4)}, NAS{Heard: at(6), Since: at(2), Fell: at(3)}, NAS{Heard: at(6), Since: at(1), Fell: at(4)}},
		{NAS{Heard: at(5), Since: at(1), Interval: time.Minute}, NAS{Heard: at(6), Since: at(2)}, NAS{Heard: at(6), Since: at(1), Interval: time.Minute}},
	} {
		for _, got := range []NAS{c.a.join(c.b), c.b.join(c.a), c.a.join(c.b).join(c.b), c.b.join(c.a.join(c.b))} {
			if !got.Heard.Equal(c.want.Heard) || !got.Since.Equal(c.want.Since) || !got.Fell.Equal(c.want.Fell) || got.Interval != c.want.Interval {
				t.Errorf("%+v and %+v come to %+v", c.a, c.b, got)
			}
		}
	}
	r, o := Reset{At: at(1), Heard: at(1)}, Reset{At: at(2), Heard: at(2)}
	if got := (NAS{Heard: at(1), Resets: []Reset{r}}).join(NAS{Heard: at(2), Resets: []Reset{r, o}}).Resets; len(got) != 2 || !got[1].same(o) {
		t.Errorf("the resets come to %+v", got)
	}
}
