package presence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// flood has a client send so many records of what make makes up.
func (o *office) flood(client string, n int, make func(i int, r *Record)) {
	o.t.Helper()
	for from := 0; from < n; from += 512 {
		var batch []Record
		for i := from; i < min(n, from+512); i++ {
			now := time.Now()
			r := Record{Client: client, Site: "london", Heard: now, At: now, Status: Start, SSID: "Corp", NASID: "wlc"}
			make(i, &r)
			batch = append(batch, r)
		}
		if err := o.tracker.Record(o.t.Context(), batch); err != nil {
			o.t.Fatal(err)
		}
	}
}

// corpAlone has only the network Corp count.
func (o *office) corpAlone() {
	o.stop()
	site := o.rules.Sites["london"]
	site.SSIDs = []string{"Corp"}
	o.rules.Sites["london"] = site
	o.start()
}

func (o *office) share(client string, of ShareOf) Share {
	for _, s := range o.tracker.Shares() {
		if s.Client == client && s.Of == of {
			return s
		}
	}
	return Share{}
}

// More NASes than a client can have, on a network that does not even count,
// are told, and cost nobody what is known of theirs: whether of another client
// or of the same, at an access point that is known or one that comes after, a
// power cut sends nobody home.
func TestMadeUpNASesAreNobodyElsesLoss(t *testing.T) {
	for _, client := range []string{"guest", "hq"} {
		inOffice(t, func(o *office) {
			o.stop()
			o.rules.Linger = 10 * time.Minute
			o.start()
			people := func(status Status, floor, session string) {
				batch := crowd(12, status, floor+session)
				for i := range batch {
					batch[i].UserName, batch[i].NASID = floor+batch[i].UserName, floor
					batch[i].Device = strings.Replace(batch[i].Device, "02:00", "02:0"+floor, 1)
				}
				for _, r := range batch {
					o.record(r)
				}
			}
			o.until(9, 0)
			people(Start, "1", "a")
			o.flood(client, maxNASes+5000, func(i int, r *Record) { r.NASID, r.SSID = fmt.Sprint("made up ", i), "Guest" })
			o.until(9, 1)
			people(Start, "2", "a")
			o.until(9, 5)
			people(Stop, "1", "a")
			people(Stop, "2", "a")
			o.until(9, 20)
			people(Start, "1", "b")
			people(Start, "2", "b")
			o.until(9, 40)
			for _, floor := range []string{"1", "2"} {
				if got := o.visit(floor + "u003@example.com"); got.State != Present || !got.Arrived.Before(hour(9).Add(5*time.Minute)) {
					t.Errorf("%s makes NASes up: after the power cut on floor %s: %+v", client, floor, got)
				}
			}
			if s := o.share(client, ShareOfNASes); s.Refused == 0 || !s.Near(hour(9)) || s.Held > maxNASes {
				t.Errorf("it is not told: %+v", s)
			}
			if s := o.share("other", ShareOfNASes); s.Refused > 0 {
				t.Errorf("told of another: %+v", s)
			}
		})
	}
}

// What is forgotten of NASes does not come back with a restart.
func TestMadeUpNASesAreNotRemembered(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.flood("guest", 3000, func(i int, r *Record) { r.NASID, r.SSID = fmt.Sprint("made up ", i), "Guest" })
		o.stop()
		notes, _ := o.store.Notes(t.Context(), nasKind, "", 10_000)
		if len(notes) != 1 {
			t.Errorf("%d NASes are remembered, and one was heard of", len(notes))
		}
		o.start()
	})
}

// A client that has brought as many people as it may brings nobody new, which
// is told from half of that on; whom it brought goes on, and so does everybody
// else. A restart changes nothing of it.
func TestMadeUpPeopleAreBounded(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.rules.MaxPeople = 20
		o.start()
		o.until(9, 0)
		madeUp := func(from int) func(i int, r *Record) {
			return func(i int, r *Record) {
				i += from
				r.UserName, r.Device, r.Session = fmt.Sprint("nobody", i), fmt.Sprintf("02:00:00:01:%02x:%02x", i>>8, i&255), fmt.Sprint("m", i)
			}
		}
		o.flood("lab", 10, madeUp(0))
		if s := o.share("lab", ShareOfPeople); s.Near(time.Now()) || s.Held != 10 {
			t.Errorf("told too early: %+v", s)
		}
		o.flood("lab", 3, madeUp(10))
		if s := o.share("lab", ShareOfPeople); !s.Near(time.Now()) || s.Over(time.Now()) {
			t.Errorf("not told before it is too late: %+v", s)
		}
		o.flood("lab", 600, madeUp(20)) // a batch may go over it
		o.stop()
		o.start()
		o.until(9, 1)
		o.flood("lab", 2000, madeUp(1000))
		people, _ := o.store.People(t.Context(), "", 10_000)
		if len(people) > 20+600 {
			t.Errorf("%d people are remembered", len(people))
		}
		if s := o.share("lab", ShareOfPeople); s.Refused != 2000 || !s.Over(time.Now()) {
			t.Errorf("told: %+v", s)
		}
		if !slices.ContainsFunc(o.tracker.Unmatched(), func(u Unmatched) bool { return u.Key == "lab" && u.Count == 2000 }) {
			t.Errorf("unmatched: %v", o.tracker.Unmatched())
		}
		o.hear(Start, "ann", laptop, "a") // of another client
		o.until(9, 5)
		o.flood("lab", 1, func(_ int, r *Record) { madeUp(0)(0, r); r.Status = Stop })
		if got := o.visit("ann@example.com"); got.State != Present {
			t.Errorf("ann: %+v", got)
		}
		if got := o.session("nobody0", "m0"); got.Live() {
			t.Errorf("who was brought before does not go on: %+v", got)
		}
	})
}

// Of the devices of a shared account nothing is kept but how many records came.
func TestASharedAccountLeavesNoDevices(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.flood("hq", 3000, func(i int, r *Record) {
			r.UserName, r.Device, r.Session = "portal", fmt.Sprintf("02:00:00:01:%02x:%02x", i>>8, i&255), fmt.Sprint("s", i)
		})
		notes, _ := o.store.Notes(t.Context(), devices, "", 10_000)
		if p := o.person("portal"); !p.Crowd(time.Now()) || len(p.Facts) > 0 || p.Shared.Count != 3000 {
			t.Errorf("crowd: %v; %d sessions, %+v", p.Crowd(time.Now()), len(p.Facts), p.Shared)
		}
		if len(notes) > 512 { // of the batch in which it was found out
			t.Errorf("%d devices are noted", len(notes))
		}
		o.tracker.mu.Lock()
		if len(o.tracker.at) > 512 {
			t.Errorf("%d devices are held to be somewhere", len(o.tracker.at))
		}
		o.tracker.mu.Unlock()
		o.stop()
		o.start() // which is told by the first record
		o.flood("hq", 3000, func(i int, r *Record) {
			r.UserName, r.Device, r.Session = "portal", fmt.Sprintf("02:00:00:02:%02x:%02x", i>>8, i&255), fmt.Sprint("s", i)
		})
		if notes, _ = o.store.Notes(t.Context(), devices, "", 10_000); len(notes) > 2*512 {
			t.Errorf("%d devices are noted after a restart", len(notes))
		}
	})
}

// Devices that nobody was named for are remembered up to a client's share.
func TestDevicesOfNobodyAreBounded(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.rules.MaxPeople = 100
		o.start()
		o.until(9, 0)
		o.flood("lab", 5000, func(i int, r *Record) {
			r.UserName, r.Device, r.Session = "anonymous", fmt.Sprintf("02:00:00:01:%02x:%02x", i>>8, i&255), fmt.Sprint("s", i)
		})
		if notes, _ := o.store.Notes(t.Context(), devices, "", 10_000); len(notes) > devicesOfOne*100+512 {
			t.Errorf("%d devices are noted", len(notes))
		}
		if s := o.share("lab", ShareOfDevices); !s.Over(time.Now()) {
			t.Errorf("not told: %+v", s)
		}
		o.flood("hq", 1, func(_ int, r *Record) { r.UserName, r.Device, r.Session = "anonymous", phone, "p" })
		o.hear(Interim, "ann", phone, "p")
		if got := o.session("ann", "p"); !got.Live() {
			t.Errorf("another client's: %+v", got)
		}
	})
}

// Session ids without end from one client leave those of others known: a Stop
// that names no device ends its session all the same.
func TestMadeUpSessionsAreNobodyElsesLoss(t *testing.T) {
	inOffice(t, func(o *office) {
		o.corpAlone()
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.flood("lab", 3*maxIDs, func(i int, r *Record) {
			r.UserName, r.Device, r.Session, r.SSID = "x", "02:00:00:01:00:00", fmt.Sprint("made up ", i), "Guest"
		})
		o.until(9, 10)
		o.hear(Stop, "", "", "a")
		if got := o.session("ann", "a"); got.Live() {
			t.Errorf("%+v", got)
		}
	})
}

// What one client sends that leads nowhere does not hide what another's does.
func TestMadeUpNetworksHideNothing(t *testing.T) {
	inOffice(t, func(o *office) {
		o.corpAlone()
		o.until(9, 0)
		o.flood("hq", 1, func(_ int, r *Record) { r.UserName, r.Device, r.Session, r.SSID = "ann", laptop, "a", "Corp-5G" })
		o.flood("lab", 3*maxUnmatched, func(i int, r *Record) {
			r.UserName, r.Device, r.Session, r.SSID = "ann", phone, "b", fmt.Sprint("made up ", i)
		})
		all := o.tracker.Unmatched()
		if len(all) > maxUnmatched || !slices.ContainsFunc(all, func(u Unmatched) bool { return u.Key == "Corp-5G" }) {
			t.Errorf("%d are listed, Corp-5G not among them", len(all))
		}
	})
}

// walked is a store that counts how often everybody is read, which takes a while.
type walked struct {
	*Memory
	walks atomic.Int64
	takes atomic.Int64 // nanoseconds
}

func (w *walked) People(ctx context.Context, after string, limit int) ([]Person, error) {
	if after == "" {
		w.walks.Add(1)
		time.Sleep(time.Duration(w.takes.Load()))
	}
	return w.Memory.People(ctx, after, limit)
}

// Resets of NASes that nobody ever was at have nobody looked at, before a
// restart and after; those of one that somebody is at hold whom they are about,
// and have everybody looked at for a tenth of the time at most.
func TestResetsLeaveTimeForOthers(t *testing.T) {
	inOffice(t, func(o *office) {
		w := &walked{}
		o.wrap = func(m *Memory) Store { w.Memory = m; return w }
		o.stop()
		o.start()
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.hear(Start, "bob", phone, "b")
		on := func(i int, r *Record) { r.Status, r.SSID, r.NASID = AccountingOn, "", fmt.Sprint("made up ", i) }
		for range 2 {
			o.until(9, 10)
			before := w.walks.Load()
			for range 10 {
				o.flood("hq", 2000, on)
				time.Sleep(10 * time.Second)
			}
			if w.walks.Load() != before {
				t.Errorf("everybody was read %d times", w.walks.Load()-before)
			}
			o.stop()
			o.start()
		}
		o.until(9, 30)
		before := w.walks.Load()
		w.takes.Store(int64(time.Second))
		for range 600 {
			o.flood("hq", 1, func(_ int, r *Record) { r.Status, r.SSID, r.NASID = AccountingOn, "", "wlc" })
			time.Sleep(100 * time.Millisecond)
		}
		if n := w.walks.Load() - before; n == 0 || n > 60/sweepShare+2 {
			t.Errorf("everybody was read %d times within a minute", n)
		}
		w.takes.Store(0)
		time.Sleep(time.Minute)
		if got := o.session("ann", "a"); got.State != Suspect {
			t.Errorf("ann's session is %s after the reset of its NAS", got.State)
		}
	})
}
