package presence

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Of two heartbeats that wait for the same commit, the later one counts,
// whichever came first.
func TestAHeartbeatThatWasOvertakenTakesNothingBack(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		for _, m := range []int{5, 10} {
			o.until(9, m)
			o.hear(Interim, "ann", laptop, "a")
		}
		o.until(9, 15)
		time.Sleep(time.Second) // between two looks at what waits
		writes := o.store.Written()
		for _, at := range []time.Time{o.at(9, 15), o.at(9, 15).Add(-30 * time.Second)} {
			if err := o.record(Record{Status: Interim, UserName: "ann", Device: laptop, Session: "a", At: at}); err != nil {
				t.Fatal(err)
			}
		}
		if o.store.Written() != writes {
			t.Fatal("a heartbeat was committed at once")
		}
		time.Sleep(flushEvery)
		synctest.Wait()
		if got := o.session("ann", "a").Seen; !got.Equal(o.at(9, 15)) {
			t.Errorf("last seen %s, want 9:15", got)
		}
	})
}

// over is a tracker over s, of one site that is always open.
func over(s Store) *Tracker {
	site, rules := Site{Name: "london", Zone: time.UTC, Closes: 24 * time.Hour}, DefaultRules()
	rules.Sites = map[string]Site{"london": site}
	mapping := plain{sites: []Site{site}}
	return NewTracker(s, mapping, rules, slog.New(slog.DiscardHandler))
}

func annArrives() []Record {
	now := time.Now()
	return []Record{{Client: "hq", Site: "london", Status: Start, UserName: "ann", Device: laptop, Session: "a", At: now, Heard: now}}
}

// unreadable is a Store whose notes cannot be read while that is set.
type unreadable struct {
	*Memory
	notes atomic.Bool
}

var errDisk = errors.New("input/output error")

func (s *unreadable) NotesOf(ctx context.Context, kind string, keys []string) ([][]byte, error) {
	if s.notes.Load() {
		return nil, errDisk
	}
	return s.Memory.NotesOf(ctx, kind, keys)
}

// What is not recorded because the store cannot be read is missed as much as
// what cannot be written: it is said, and it is nobody's departure.
func TestWhatCannotBeReadIsAnOutageToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &unreadable{Memory: NewMemory()}
		tracker := over(s)
		hear := func() error { return tracker.Record(t.Context(), annArrives()) }
		time.Sleep(time.Hour)
		s.notes.Store(true)
		if err := hear(); !errors.Is(err, errDisk) {
			t.Fatalf("record: %v, want %v", err, errDisk)
		}
		if err := tracker.Failing(); !errors.Is(err, errDisk) {
			t.Errorf("failing: %v, want %v", err, errDisk)
		}
		failed := time.Now()
		time.Sleep(time.Hour)
		_ = hear() // fails as before, and not since then
		if since := tracker.FailingSince(); !since.Equal(failed) {
			t.Errorf("failing since %s, want %s", since, failed)
		}
		s.notes.Store(false)
		if err := errors.Join(hear(), tracker.Failing()); err != nil || !tracker.FailingSince().IsZero() {
			t.Errorf("failing since %s: %v", tracker.FailingSince(), err)
		}
		if w := tracker.world(time.Now()); !w.Listening.Equal(time.Now()) || !w.Holding.After(time.Now()) {
			t.Errorf("it is %s, listening since %s, departures held until %s", time.Now(), w.Listening, w.Holding)
		}
	})
}

// What was found out about a NAS while nothing could be written is written
// when that is over: a restart does not send home who ended with all others.
func TestAMassEndDuringAnOutageIsHeldAfterARestart(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.rules.Linger = 10 * time.Minute
		o.start()
		o.until(9, 0)
		o.record(crowd(50, Start, "a")...)
		o.until(10, 0)
		time.Sleep(time.Second)                      // between two looks at what waits
		for _, stops := range crowd(50, Stop, "a") { // the first of them know of nobody else yet
			o.record(stops)
		}
		o.store.Fails(errDisk)
		time.Sleep(2 * flushEvery)
		o.store.Fails(nil)
		time.Sleep(2 * flushEvery)
		o.stop()
		o.start()
		o.until(10, 20)
		o.record(crowd(50, Start, "b")...)
		o.until(12, 0)
		if got := o.visit("u000@example.com"); got.State != Present || !got.Arrived.Equal(hour(9)) {
			t.Errorf("%+v", got)
		}
	})
}

// meanwhile is a Store that has something else happen once, when an update is
// done and nobody was told yet.
type meanwhile struct {
	*Memory
	happens func()
}

func (s *meanwhile) Update(ctx context.Context, changes []Change) error {
	err := s.Memory.Update(ctx, changes)
	if f := s.happens; f != nil {
		s.happens = nil
		f()
	}
	return err
}

// Whose a device is, is not taken from what one socket last heard while another
// heard of somebody else.
func TestTwoSocketsHearOfTwoUsersOfOneDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &meanwhile{Memory: NewMemory()}
		tracker := over(s)
		hear := func(user, session string) {
			time.Sleep(time.Second)
			r := annArrives()
			r[0].UserName, r[0].Session = user, session
			if err := tracker.Record(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		s.happens = func() { hear("bob", "b") }
		hear("ann", "a")
		hear("ann", "c")
		if p, _ := s.Person(t.Context(), "bob@example.com"); len(live(p, tracker)) != 0 {
			t.Errorf("bob still has ann's device: %+v", p.Facts)
		}
	})
}

// doubtful is a Store that does what it says has failed, once.
type doubtful struct {
	*Memory
	once bool
}

func (s *doubtful) Update(ctx context.Context, changes []Change) error {
	err := s.Memory.Update(ctx, changes)
	if s.once && err == nil {
		s.once = false
		return errDisk
	}
	return err
}

// An update that failed and yet was done gives the courier its work, though
// the repeat of it finds nothing to change.
func TestWorkOfAnUpdateThatFailedAndWasDoneIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &doubtful{NewMemory(), true}
		tracker, kicks, arrives := over(s), 0, annArrives()
		tracker.HasWork = func() { kicks++ }
		if err := tracker.Record(t.Context(), arrives); !errors.Is(err, errDisk) {
			t.Fatalf("record: %v, want %v", err, errDisk)
		}
		if err := tracker.Record(t.Context(), arrives); err != nil {
			t.Fatal(err)
		}
		if p, _ := s.Person(t.Context(), "ann@example.com"); p.NextErrand.IsZero() {
			t.Fatalf("there is no work for the courier: %+v", p)
		}
		if kicks == 0 {
			t.Error("the courier was not told of it")
		}
	})
}

// A heartbeat was answered: it is not lost with a batch that took it along and
// could not be written.
func TestAHeartbeatOutlivesABatchThatFails(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		for _, m := range []int{5, 10} {
			o.until(9, m)
			o.hear(Interim, "ann", laptop, "a")
		}
		o.until(9, 15)
		time.Sleep(time.Second) // between two looks at what waits
		heard, writes := time.Now(), o.store.Written()
		o.hear(Interim, "ann", laptop, "a")
		if o.store.Written() != writes {
			t.Fatal("a heartbeat was committed at once")
		}
		o.store.Fails(errDisk)
		if err := o.record(Record{Status: Start, UserName: "bob", Device: laptop, Session: "b"}); !errors.Is(err, errDisk) {
			t.Fatalf("record: %v, want %v", err, errDisk)
		}
		o.store.Fails(nil)
		time.Sleep(2 * flushEvery)
		synctest.Wait()
		if got := o.session("ann", "a").Seen; !got.Equal(heard) {
			t.Errorf("last seen %s, want %s", got, heard)
		}
	})
}

// What waits for a device to be named is answered when it is stored, and not
// when it was only to be: sent again, it is news again.
func TestWhatWaitsForANameOutlivesABatchThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemory()
		tracker, began := over(s), time.Now()
		say := func(user string) error { // of one Start: who they are is known at the second copy
			return tracker.Record(t.Context(), []Record{{
				Client: "hq", Site: "london", Status: Start, UserName: user, Device: laptop, Session: "a", At: began, Heard: time.Now(),
			}})
		}
		if err := say(""); err != nil {
			t.Fatal(err)
		}
		s.Fails(errDisk)
		if err := say("host/pc1"); !errors.Is(err, errDisk) {
			t.Fatalf("record: %v, want %v", err, errDisk)
		}
		s.Fails(nil)
		if err := say("host/pc1"); err != nil {
			t.Fatal(err)
		}
		value, err := s.Note(t.Context(), devices, laptop)
		if err != nil {
			t.Fatal(err)
		}
		n, err := parseNames(value)
		if err != nil || len(n.Waiting) != 1 || n.Waiting[0].Marks[0].Whose != Another {
			t.Errorf("stored: %s", value)
		}
	})
}
