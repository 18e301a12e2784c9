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
