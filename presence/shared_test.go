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

// spread is several trackers of a shared store, each with a clock of its own.
func spread(o *office, ahead ...time.Duration) (all []*Tracker) {
	o.stop()
	ctx, cancel := context.WithCancel(o.t.Context())
	var running sync.WaitGroup
	for i, by := range ahead {
		t := NewTracker(o.store.Another(fmt.Sprint("d", i)), plain{sites: []Site{o.rules.Sites["london"]}}, o.rules, quiet)
		t.Shared, t.Ahead, t.HasWork = true, by, func() {}
		running.Go(func() { t.Run(ctx) })
		all = append(all, t)
	}
	o.stop = func() { cancel(); running.Wait() }
	synctest.Wait()
	return all
}

// A NAS lost most of its people at once, whichever daemon each of its packets came to: those
// who came are known to all, and those who end are counted together.
func TestAMassEndIsSeenWhateverDaemonsHearOfIt(t *testing.T) {
	const people = 9
	to := map[string]func(n int) (came, went int){
		"each Start at one, each Stop at another": func(int) (int, int) { return 0, 1 },
		"one after the other":                     func(n int) (int, int) { return n % 3, (n + 1) % 3 },
		"halves":                                  func(n int) (int, int) { return n % 2, n % 2 },
		"all at one":                              func(int) (int, int) { return 2, 2 },
	}
	for name, daemon := range to {
		t.Run(name, func(t *testing.T) {
			inOffice(t, func(o *office) {
				all := spread(o, 0, 0, 0)
				o.until(9, 0)
				for n := range people {
					came, _ := daemon(n)
					tell(o, all[came], Start, fmt.Sprintf("u%02d", n), "wlc")
				}
				o.until(11, 0)
				for n := range people - 1 { // one is left
					_, went := daemon(n)
					tell(o, all[went], Stop, fmt.Sprintf("u%02d", n), "wlc")
					time.Sleep(time.Second)
				}
				o.until(11, 1)
				suspects, held := 0, 0
				for _, tracker := range all {
					held = max(held, int(tracker.Holds()[EventMassEnd].People))
				}
				for n := range people {
					p, err := o.store.Person(t.Context(), fmt.Sprintf("u%02d@example.com", n))
					if err != nil {
						t.Fatal(err)
					}
					for _, tracker := range all {
						for _, s := range p.Sessions(time.Now(), tracker.World()) {
							suspects += b2i(s.State == Suspect)
						}
					}
				}
				if want := people - 1; suspects != len(all)*want || held < want {
					t.Errorf("%d are held for one or other daemon, and it is told of %d", suspects, held)
				}
			})
		})
	}
}

// A Stop that one daemon hears before another has said that the device came is one of that
// device; and who came back since is there, whoever says so first.
func TestWhatDaemonsTellEachOtherComesInAnyOrder(t *testing.T) {
	at := func(seconds int) time.Time { return hour(9).Add(time.Duration(seconds) * time.Second) }
	say := func(status Status, seconds int) sign {
		return sign{NAS: "hq/wlc", Device: phone, Session: "a", Status: status, At: at(seconds), Heard: at(seconds), Person: true}
	}
	for _, c := range []struct {
		name        string
		hears       []sign // itself
		told        []sign
		live, ended bool
	}{
		{"it came", nil, []sign{say(Start, 0)}, true, false},
		{"it came and went", nil, []sign{say(Start, 0), say(Stop, 9)}, false, true},
		{"it went here", []sign{say(Stop, 9)}, []sign{say(Start, 0)}, false, true},
		{"it went here, and nobody saw it come", []sign{say(Stop, 9)}, nil, false, false},
		{"it went here, and had come back by then", []sign{say(Stop, 9), say(Start, 12)}, []sign{say(Start, 0)}, true, false},
		{"it came back here", []sign{say(Start, 12)}, []sign{say(Start, 0), say(Stop, 9)}, true, false},
		{"it was heard here first", []sign{say(Interim, 5)}, []sign{say(Start, 0)}, true, false},
		{"both heard it go", []sign{say(Start, 0), say(Stop, 9)}, []sign{say(Start, 0), say(Stop, 9)}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
			tr.Shared = true
			for _, s := range c.hears {
				tr.hear(&Sighting{NAS: s.NAS, Device: s.Device, Session: s.Session, Status: s.Status, At: s.At, Heard: s.Heard}, true)
			}
			for _, s := range c.told {
				tr.isTold(&s)
			}
			n := tr.nases["hq/wlc"]
			_, live := n.live[phone]
			_, ended := n.ends.of[phone]
			if live != c.live || ended != c.ended || live != (len(tr.at[phone]) > 0) {
				t.Errorf("live %v, ended %v, at %d NASes", live, ended, len(tr.at[phone]))
			}
		})
	}
}

// Who begins while others are there has missed nothing: they heard it. Who is the first has.
func TestWhoBeginsBesideOthersHasMissedNothing(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.stop = func() {}
		o.until(9, 0)
		first := spread(o, 0)[0]
		o.until(9, 1)
		if at := first.World().Listening; !at.Equal(hour(9)) {
			t.Errorf("the first has listened since %s", at)
		}
		stop := o.stop
		o.stop = func() {}
		o.until(10, 0)
		second := spread(o, 0)[0]
		o.until(10, 1)
		if at := second.World().Listening; !at.Equal(hour(9)) {
			t.Errorf("the second has listened since %s", at)
		}
		o.stop()
		stop()
		o.until(11, 0)
		third := spread(o, 0)[0]
		o.until(11, 1)
		if at := third.World().Listening; !at.Equal(hour(11)) {
			t.Errorf("whoever found nobody there has listened since %s", at)
		}
	})
}

// At the turn of the day a laptop that was left docked keeps nobody here any longer. A daemon
// whose clock is behind hears of it a moment later, when its own day has not turned yet: for
// the person it has.
func TestTimeNeverGoesBackForAPerson(t *testing.T) {
	for _, ahead := range [][]time.Duration{{0, 0}, {5 * time.Second, 0}, {0, 5 * time.Second}} {
		inOffice(t, func(o *office) {
			all := spread(o, ahead...)
			o.until(16, 0)
			record := func(tracker *Tracker, status Status, session string) {
				now := tracker.now()
				if err := tracker.Record(t.Context(), []Record{{
					Client: "hq", Site: "london", Heard: now, At: now, Status: status, UserName: "ann", Device: laptop, Session: session, SSID: "Corp", NASID: "wlc",
				}}); err != nil {
					t.Fatal(err)
				}
			}
			record(all[0], Start, "a")
			turn := o.at(28, 0).Add(-max(ahead[0], ahead[1])) // by the clock that is ahead
			for i := 0; time.Now().Add(10 * time.Minute).Before(turn); i++ {
				time.Sleep(10 * time.Minute)
				record(all[i%2], Interim, "a")
			}
			time.Sleep(time.Until(turn.Add(-time.Second)))
			record(all[0], Interim, "a") // who hears it last lets time pass over it
			time.Sleep(2500 * time.Millisecond)
			record(all[1], Start, "b")
			synctest.Wait()
			p := o.person("ann")
			if v := p.visit("london"); v != nil && max(ahead[0], ahead[1]) == ahead[0] {
				t.Errorf("with clocks ahead by %s: %+v", ahead, v)
			}
			time.Sleep(time.Hour)
			record(all[1], Interim, "b")
			synctest.Wait()
			p = o.person("ann")
			if v := p.visit("london"); v != nil {
				t.Errorf("with clocks ahead by %s: %+v an hour later", ahead, v)
			}
		})
	}
}

// What waits in one daemon's memory does not bring back whom another one has forgotten.
func TestWhoIsForgottenAtOneDaemonStaysForgottenAtTheOthers(t *testing.T) {
	inOffice(t, func(o *office) {
		all := spread(o, 0, 0, 0)
		o.until(9, 0)
		tell(o, all[0], Start, "u01", "wlc")
		for _, m := range []int{5, 10, 15} {
			o.until(9, m)
			tell(o, all[0], Interim, "u01", "wlc")
		}
		o.until(9, 20)
		time.Sleep(time.Second) // between two looks at what waits
		tell(o, all[0], Interim, "u01", "wlc")
		if all[0].mu.Lock(); len(all[0].heartbeats) != 1 {
			t.Error("no heartbeat waits")
		}
		all[0].mu.Unlock()
		if err := all[1].Forget(t.Context(), "u01@example.com"); err != nil {
			t.Fatal(err)
		}
		o.until(9, 24)
		if p := o.person("u01"); !p.Unknown() {
			t.Errorf("they are back: %+v", p)
		}
	})
}
