package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

var kills = flag.Int("kills", 6, "how often TestKilledUnderLoadLosesNothing kills the daemon")

// deliver sends a record of the association that is delivered some time after
// the event. Each device has an access point of its own, or most of one's people
// leaving at once would be taken for the network's doing.
func deliver(ctx context.Context, c *controller.Controller, status rfc2866.AcctStatusType, a *controller.Association, ago time.Duration) error {
	p := c.Packet(status)
	c.Station(p, a)
	rfc2865.NASIdentifier_SetString(p, "ap of "+a.Device)
	at := time.Now().Add(-ago)
	if a.Began.IsZero() {
		a.Began = at
	}
	rfc2869.EventTimestamp_Set(p, at)
	rfc2866.AcctDelayTime_Set(p, rfc2866.AcctDelayTime(ago/time.Second))
	rfc2866.AcctSessionTime_Set(p, rfc2866.AcctSessionTime(at.Sub(a.Began)/time.Second))
	return c.Send(ctx, p, fmt.Sprint(status), false)
}

// regular is somebody with a booking of today and a device whose interim
// interval is known once they have arrived, so that most of what is heard of it
// is a heartbeat.
type regular struct {
	controller.Association
	booking string
}

// crowd are people who come and go while the daemon is killed, and what was
// acknowledged of them.
type crowd struct {
	*bench
	chance *rand.Rand

	mu      sync.Mutex
	all     []*regular
	arrived int // of all, in order
	left    int
	here    []*regular // acknowledged as arrived
	gone    []*regular // acknowledged as left
	records int        // acknowledged
	calm    bool       // nobody sends any more
}

// next returns somebody who may arrive or, once everybody has, leave.
func (c *crowd) next(count *int, upTo int) *regular {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *count >= upTo {
		return nil
	}
	*count++
	return c.all[*count-1]
}

func (c *crowd) note(list *[]*regular, r *regular) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*list = append(*list, r)
}

// anybody returns somebody who is here and not about to leave.
func (c *crowd) anybody() *regular {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.here) <= c.left {
		return nil
	}
	r := c.all[c.left+c.chance.IntN(c.arrived-c.left)]
	if !slices.Contains(c.here, r) {
		return nil
	}
	return r
}

// send has controllers report what happens until calm: who may arrives or
// leaves, and those who are here are heard of all the time.
func (c *crowd) send(controllers int, next func() *regular, report func(*controller.Controller, *regular) error) (wait func()) {
	c.calm = false
	var sending sync.WaitGroup
	for range controllers {
		wlc := c.controller()
		sending.Go(func() {
			for {
				c.mu.Lock()
				calm := c.calm
				c.mu.Unlock()
				r := next()
				var err error
				switch {
				case r != nil:
					err = report(wlc, r)
				case calm:
					return
				default:
					if r = c.anybody(); r == nil {
						time.Sleep(time.Millisecond)
						continue
					}
					heard := r.Association // others tell of it too
					err = deliver(c.t.Context(), wlc, rfc2866.AcctStatusType_Value_InterimUpdate, &heard, 0)
				}
				if err != nil {
					c.t.Error(err)
					return
				}
				c.mu.Lock()
				c.records++
				c.mu.Unlock()
			}
		})
	}
	return func() {
		c.mu.Lock()
		c.calm = true
		c.mu.Unlock()
		sending.Wait()
	}
}

// holds checks that the file has every session that was acknowledged, open or
// not as it was.
func (c *crowd) holds() {
	c.t.Helper()
	s, err := store.OpenReadOnly(filepath.Join(c.dir, "presenced.db"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer s.Close()
	w, err := presence.Remembered(c.t.Context(), s, presence.DefaultRules())
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	here, gone, left := slices.Clone(c.here), slices.Clone(c.gone), slices.Clone(c.all[:c.left])
	c.mu.Unlock()
	for _, r := range here {
		p, err := s.Person(c.t.Context(), r.Identity)
		if err != nil {
			c.t.Fatal(err)
		}
		sessions := p.Sessions(time.Now(), w)
		i := slices.IndexFunc(sessions, func(of presence.Session) bool { return of.ID == r.Session })
		switch {
		case i < 0:
			c.t.Errorf("the session of %s was acknowledged and is lost", r.Identity)
		case slices.Contains(gone, r) == (sessions[i].State == presence.Open) && (slices.Contains(gone, r) || !slices.Contains(left, r)):
			c.t.Errorf("the session of %s is %s; its end was acknowledged: %v", r.Identity, sessions[i].State, slices.Contains(gone, r))
		}
	}
}

// settled waits until every booking has come to the status. What was leased to
// a daemon that died is not waited for.
func (c *crowd) settled(status sandbox.Status) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		open := map[string]sandbox.Status{}
		for _, r := range c.all {
			if b, _ := c.api.Booking(r.booking); b.Status != status {
				open[r.Identity] = b.Status
			}
		}
		if len(open) == 0 {
			return
		}
		late := time.Now().After(deadline)
		for _, v := range c.visits() {
			switch is, ok := open[v.User]; {
			case !ok:
			case late:
				c.t.Errorf("%s is %s: %+v", v.User, is, v)
			default:
				_ = c.daemon().Retry(c.t.Context(), v.User, v.ID) // there may be nothing to be done yet
			}
		}
		if late {
			c.t.Fatalf("not %s within a minute: %v", status, open)
		}
		time.Sleep(time.Second)
	}
}

// TestKilledUnderLoadLosesNothing kills the daemon at moments left to chance
// while people arrive, are heard of and leave, with heartbeats waiting that
// were answered: what was acknowledged is in the file each time, and in the end
// everybody has been checked in and out once, and has come once.
func TestKilledUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const controllers, perKill = 4, 6
	c := &crowd{bench: newBench(t, testbed.Settings{Linger: "2s", More: "rate = 1000\n"}), chance: rand.New(rand.NewPCG(seed, 0))}
	booked, _ := c.api.Booking(c.booking)
	now := time.Now()
	half := max(1, *kills/2)
	for i := range half * perKill {
		who := fmt.Sprintf("user%d@example.com", i)
		c.all = append(c.all, &regular{
			controller.Association{Identity: who, Device: fmt.Sprintf("02:00:00:02:%02x:%02x", i>>8, i&255), SSID: "Corp", AP: "lobby", Session: fmt.Sprintf("s%d", i)},
			c.api.Book(sandbox.Booking{User: c.api.AddUser(who), Building: booked.Building, Begin: now.Add(-time.Hour), End: now.Add(4 * time.Hour)}),
		})
	}
	p := c.serve()
	killed, may := 0, 0
	kill := func() {
		for range half {
			c.mu.Lock()
			may += perKill
			wait := time.Duration(c.chance.Int64N(int64(400 * time.Millisecond)))
			c.mu.Unlock()
			time.Sleep(wait)
			p.kill()
			killed++
			c.holds()
			p = c.serve()
		}
	}
	upTo := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return may
	}

	wait := c.send(controllers, func() *regular { return c.next(&c.arrived, upTo()) }, func(wlc *controller.Controller, r *regular) error {
		// Not so late that the arrival is not believed at once, and early enough for the next to tell an interval.
		if err := deliver(t.Context(), wlc, rfc2866.AcctStatusType_Value_Start, &r.Association, 57*time.Second); err != nil {
			return err
		}
		if err := deliver(t.Context(), wlc, rfc2866.AcctStatusType_Value_InterimUpdate, &r.Association, 0); err != nil {
			return err
		}
		c.note(&c.here, r)
		return nil
	})
	kill()
	wait()
	c.settled(sandbox.CheckedIn)

	may = 0
	wait = c.send(controllers, func() *regular { return c.next(&c.left, upTo()) }, func(wlc *controller.Controller, r *regular) error {
		if err := deliver(t.Context(), wlc, rfc2866.AcctStatusType_Value_Stop, &r.Association, 0); err != nil {
			return err
		}
		c.note(&c.gone, r)
		return nil
	})
	kill()
	wait()
	c.settled(sandbox.CheckedOut)

	visits := map[string]int{}
	for _, v := range c.visits() {
		visits[v.User]++
	}
	for _, r := range c.all {
		effects := c.api.Effects(r.booking)
		if len(effects) != 2 || effects[0].Effect != sandbox.CheckedIn || effects[1].Effect != sandbox.CheckedOut {
			t.Errorf("%s: these calls took effect: %+v, want a check-in and a check-out", r.Identity, effects)
		}
		if visits[r.Identity] != 1 {
			t.Errorf("%s has %d visits", r.Identity, visits[r.Identity])
		}
	}
	if offences := c.api.Offences(); len(offences) > 0 {
		t.Errorf("offences: %v", offences)
	}
	t.Logf("%d kills, %d people checked in and out once each, %d records of them acknowledged", killed, len(c.all), c.records)
}
