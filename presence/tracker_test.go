package presence

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func (o *office) record(records ...Record) error {
	now := time.Now()
	for i := range records {
		r := &records[i]
		r.Client, r.Site, r.Heard, r.SSID = "hq", "london", now, "Corp"
		if r.At.IsZero() {
			r.At = now
		}
		if r.NASID == "" {
			r.NASID = "wlc"
		}
	}
	err := o.tracker.Record(o.t.Context(), records)
	synctest.Wait()
	return err
}

func (o *office) session(user, id string) Session {
	o.t.Helper()
	p, _ := o.store.Person(o.t.Context(), user+"@example.com")
	for _, s := range p.Sessions(time.Now(), o.tracker.World()) {
		if s.ID == id {
			return s
		}
	}
	o.t.Fatalf("%s has no session %s: %+v", user, id, p.Facts)
	return Session{}
}

func (o *office) person(user string) Person {
	p, err := o.store.Person(o.t.Context(), user+"@example.com")
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

// live returns the sessions of p that are live now.
func live(p Person, t *Tracker) []Session {
	return slices.DeleteFunc(p.Sessions(time.Now(), t.World()), func(s Session) bool { return !s.Live() })
}

func TestHeartbeatsRideAlong(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		for _, m := range []int{5, 10} {
			o.until(9, m)
			o.hear(Interim, "ann", laptop, "a")
		}
		o.until(9, 15)
		writes := o.store.Written()
		o.hear(Interim, "ann", laptop, "a")
		if o.store.Written() != writes {
			t.Error("a heartbeat was committed at once")
		}
		time.Sleep(flushEvery + time.Second)
		synctest.Wait()
		if got := o.session("ann", "a").Seen; !got.Equal(o.at(9, 15)) {
			t.Errorf("last seen %s, want 9:15", got)
		}

		o.until(9, 20)
		o.hear(Interim, "ann", laptop, "a")
		o.stop() // a clean stop writes what waits
		if got := o.session("ann", "a").Seen; !got.Equal(o.at(9, 20)) {
			t.Errorf("last seen %s, want 9:20", got)
		}
		o.start()
	})
}

func TestDepartureIsBelievedOnTime(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.rules.Linger = 2 * time.Second
		o.start()
		o.until(9, 0)
		time.Sleep(1200 * time.Millisecond) // between two looks at what waits
		o.hear(Start, "ann", laptop, "a")
		o.hear(Stop, "ann", laptop, "a")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := o.visit("ann@example.com"); got.State != Over {
			t.Errorf("ann is %s, 2s after she left with a linger of 2s", got.State)
		}
	})
}

func TestStrangersAndAnonymousPeopleAreCounted(t *testing.T) {
	inOffice(t, func(o *office) {
		o.hear(Start, "ann", laptop, "a")
		o.hear(Start, "anonymous", phone, "b")
		if got := o.tracker.Identities()["hq"]; got != (Identities{Named: 1, Anonymous: 1}) {
			t.Errorf("identities: %+v", got)
		}
		o.tracker.Stranger(netip.MustParseAddr("192.0.2.7"), time.Now())
		for _, u := range o.tracker.Unmatched() {
			if u.Key == "192.0.2.7" && u.Kind == KindSource && u.Remedy != "" {
				return
			}
		}
		t.Errorf("unmatched: %+v", o.tracker.Unmatched())
	})
}

func TestCase02NoAnswerWhileRecordingFails(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "bob", phone, "b")
		for _, m := range []int{5, 10} {
			o.until(9, m)
			o.hear(Interim, "bob", phone, "b")
		}
		full := errors.New("no space left on device")
		o.store.Fails(full)
		ann := Record{Status: Start, UserName: "ann", Device: laptop, Session: "a"}
		if err := o.record(ann); !errors.Is(err, full) {
			t.Errorf("record: %v, want %v", err, full)
		}
		if o.tracker.Healthy() {
			t.Error("healthy while recording fails")
		}
		o.until(9, 15)
		if err := o.record(Record{Status: Interim, UserName: "bob", Device: phone, Session: "b"}); err == nil {
			t.Error("a heartbeat was answered while recording fails")
		}
		o.store.Fails(nil)
		time.Sleep(2 * flushEvery) // it finds out by itself
		if !o.tracker.Healthy() {
			t.Error("still not healthy")
		}
		if err := o.record(ann); err != nil {
			t.Error(err)
		}
		o.session("ann", "a")
	})
}

func TestCase64TwoUsersOnOneDevice(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(10, 0)
		o.hear(Start, "bob", laptop, "b")
		if got := o.session("ann", "a"); got.State != Ended || !got.Ended.Equal(hour(10)) {
			t.Errorf("ann's session: %+v", got)
		}
		if got := o.visit("ann@example.com"); got.State != Leaving {
			t.Errorf("ann is %s, want leaving", got.State)
		}
		if got := o.visit("bob@example.com"); got.State != Present {
			t.Errorf("bob is %s, want present", got.State)
		}
	})
}

func TestCase64InOneBatch(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		err := o.record(
			Record{Status: Start, UserName: "ann", Device: laptop, Session: "a"},
			Record{Status: Start, UserName: "bob", Device: laptop, Session: "b", At: time.Now().Add(time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		if got := o.session("ann", "a").State; got != Ended {
			t.Errorf("ann's session is %s, want ended", got)
		}
	})
}

func TestSharedDeviceHeardLateStaysWithTheLatest(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 30)
		o.hear(Start, "bob", laptop, "b")
		if err := o.record(Record{Status: Start, UserName: "ann", Device: laptop, Session: "a", At: o.at(9, 0)}); err != nil {
			t.Fatal(err)
		}
		if got := o.session("bob", "b").State; got != Open {
			t.Errorf("bob's session is %s, want open", got)
		}
		if got := o.session("ann", "a"); got.State != Ended || !got.Ended.Equal(o.at(9, 30)) {
			t.Errorf("ann's session: %+v", got)
		}
	})
}

func TestCase113UserNameChangesInsideASession(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 30)
		o.hear(Interim, "bob", laptop, "a")
		if got := o.session("ann", "a"); got.State != Ended || !got.Ended.Equal(o.at(9, 30)) {
			t.Errorf("ann's session: %+v", got)
		}
		if got := o.session("bob", "a").State; got != Open {
			t.Errorf("bob's session is %s, want open", got)
		}
	})
}

func TestCase43SameIDFromTwoNASesForTwoUsers(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.record(Record{Status: Start, UserName: "ann", Device: laptop, Session: "00000001", NASID: "ap1"})
		o.record(Record{Status: Start, UserName: "bob", Device: phone, Session: "00000001", NASID: "ap2"})
		o.record(Record{Status: Stop, UserName: "bob", Device: phone, Session: "00000001", NASID: "ap2"})
		if got := o.session("ann", "00000001").State; got != Open {
			t.Errorf("ann's session is %s, want open", got)
		}
	})
}

func TestCase78ControllerRebootWith3000Users(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		const users = 300 // each is a change of its own; the sweep goes in chunks
		var batch []Record
		for i := range users {
			batch = append(batch, Record{
				Status: Start, UserName: fmt.Sprintf("u%03d", i), Device: fmt.Sprintf("02:00:00:00:%02x:%02x", i/256, i%256),
				Session: fmt.Sprint(i),
			})
		}
		if err := o.record(batch...); err != nil {
			t.Fatal(err)
		}
		o.until(10, 0)
		before := o.desk.made()
		if err := o.record(Record{Status: AccountingOn}); err != nil {
			t.Fatal(err)
		}
		for _, user := range []string{"u000", "u299"} {
			if got := live(o.person(user), o.tracker); len(got) != 1 || got[0].State != Suspect {
				t.Errorf("%s: sessions are %+v, want one suspect", user, got)
			}
		}
		if notes, _ := o.store.Notes(t.Context(), resets, "", 10); len(notes) > 0 {
			t.Errorf("%d resets are still to be swept", len(notes))
		}
		if o.desk.made() != before {
			t.Errorf("calls to the desk: %s", o.desk.made())
		}
	})
}

func TestCase86And87InterimsTellWhoIsThere(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(11, 0) // installed in a running network, or back after an outage
		var batch []Record
		for i := range 100 {
			batch = append(batch, Record{
				Status: Interim, UserName: fmt.Sprintf("u%03d", i), Device: fmt.Sprintf("02:00:00:00:00:%02x", i),
				Session: fmt.Sprint(i), Age: 2 * time.Hour, HasAge: true,
			})
		}
		if err := o.record(batch...); err != nil {
			t.Fatal(err)
		}
		for _, user := range []string{"u000", "u099"} {
			if got := o.visit(user + "@example.com"); got.State != Present || !got.Arrived.Equal(hour(9)) {
				t.Errorf("%s: %+v", user, got)
			}
		}
	})
}

func TestResetSurvivesARestartBeforeItIsSwept(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(10, 0)
		o.stop() // nobody sweeps
		if err := o.record(Record{Status: AccountingOff}); err != nil {
			t.Fatal(err)
		}
		o.start()
		synctest.Wait()
		if got := o.session("ann", "a").State; got != Suspect {
			t.Errorf("session is %s, want suspect", got)
		}
	})
}

func TestCase72MassEndOfHundredsIsHeld(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.rules.Linger = 10 * time.Minute
		o.start()
		o.until(9, 0)
		o.record(crowd(200, Start, "a")...)
		o.until(10, 0)
		o.record(crowd(200, Stop, "a")...)
		o.until(10, 20)
		o.record(crowd(200, Start, "b")...)
		o.until(12, 0)
		for _, user := range []string{"u000", "u100", "u199"} {
			if got := o.visit(user + "@example.com"); got.State != Present || !got.Arrived.Equal(hour(9)) {
				t.Errorf("%s: %+v", user, got)
			}
		}
	})
}

// BenchmarkMassEnd is a NAS of many stations that all stop at once: the cost
// of each is to be the same however many they are.
func BenchmarkMassEnd(b *testing.B) {
	for _, stations := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(stations), func(b *testing.B) {
			for range b.N {
				tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
				for _, status := range []Status{Start, Stop} {
					for i := range stations {
						tr.hear(&Sighting{NAS: "hq/wlc", Status: status, Device: fmt.Sprint(i), Heard: hour(9)}, true)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(2*stations), "ns/record")
		})
	}
}

func TestMassEndIsSeenInSpiteOfOldDebtsAndARestart(t *testing.T) {
	inOffice(t, func(o *office) {
		many := func(status Status, from, to int) (batch []Record) {
			for i := from; i < to; i++ {
				batch = append(batch, Record{
					Status: status, UserName: fmt.Sprintf("u%03d", i), Device: fmt.Sprintf("02:00:00:00:00:%02x", i), Session: fmt.Sprint(i),
				})
			}
			return batch
		}
		o.until(8, 30)
		o.record(many(Start, 0, 40)...) // whose Stops are lost
		time.Sleep(24 * time.Hour)
		o.record(many(Start, 100, 130)...)
		if err := o.tracker.Housekeep(o.t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		o.stop()
		o.start()
		synctest.Wait()
		o.record(many(Stop, 100, 130)...)
		for name, nas := range o.tracker.NASes() {
			if nas.Fell.IsZero() {
				t.Errorf("%s: all its people ended at once, unseen", name)
			}
		}
	})
}

func TestWhatIsKnownOfNASesIsBounded(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	for i := range 2 * maxNASes {
		tr.hear(&Sighting{NAS: NASName(fmt.Sprint("hq/", i)), Status: Start, Device: fmt.Sprint(i), Heard: time.Now()}, false)
	}
	if n := len(tr.nases); n > maxNASes {
		t.Errorf("%d NASes are kept, want at most %d", n, maxNASes)
	}
	for _, n := range tr.nases {
		if len(n.live) > 0 {
			t.Fatal("a guest's device is kept")
		}
	}
}

func TestOneDepartureIsNoMassEnd(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(10, 0)
		o.hear(Stop, "ann", laptop, "a")
		for name, nas := range o.tracker.NASes() {
			if !nas.Fell.IsZero() {
				t.Errorf("%s fell at %s", name, nas.Fell)
			}
		}
	})
}

func TestForgetLeavesNothing(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		if err := o.tracker.Forget(t.Context(), "ann@example.com"); err != nil {
			t.Fatal(err)
		}
		if len(o.store.people)+len(o.store.history) > 0 {
			t.Errorf("people %v, history %v", o.store.people, o.store.history)
		}
		if value, _ := o.store.Note(t.Context(), devices, laptop); value != nil {
			t.Errorf("her device is remembered: %s", value)
		}
	})
}

func TestZapShowsFirst(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		match := func(user string, s Session) bool { return s.Device == laptop }
		hit, err := o.tracker.Zap(t.Context(), match, true)
		if err != nil || len(hit["ann@example.com"]) != 1 || o.session("ann", "a").State != Open {
			t.Errorf("dry: %v %v", hit, err)
		}
		if _, err := o.tracker.Zap(t.Context(), match, false); err != nil {
			t.Fatal(err)
		}
		if got := o.session("ann", "a"); got.State != Ended || got.Cause != Zapped {
			t.Errorf("session: %+v", got)
		}
	})
}

func TestHousekeepingForgetsOldDevices(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.hear(Stop, "ann", laptop, "a")
		time.Sleep(3 * 24 * time.Hour)
		if err := o.tracker.Housekeep(t.Context(), 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		if value, _ := o.store.Note(t.Context(), devices, laptop); value != nil {
			t.Errorf("remembered: %s\n%+v", value, o.store.load("ann@example.com", true))
		}
		if len(o.store.history) > 0 {
			t.Errorf("history: %+v", o.store.history)
		}
	})
}

func TestUnmatchedIsBounded(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	for i := range 3 * maxUnmatched {
		tr.nobody(Nobody{Kind: "identity", Key: fmt.Sprint(i)}, "", time.Unix(int64(i), 0))
	}
	all := tr.Unmatched()
	if len(all) > maxUnmatched {
		t.Errorf("%d entries, want at most %d", len(all), maxUnmatched)
	}
	for _, u := range all {
		if u.Key == fmt.Sprint(3*maxUnmatched-1) {
			return
		}
	}
	t.Error("the latest was dropped")
}
