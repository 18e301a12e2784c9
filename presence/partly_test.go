package presence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// partly is a store that makes some changes of an update, and then fails, as one does
// whose changes are transactions of their own.
type partly struct {
	*Memory
	after int // changes that it makes of the next update; negative: all
}

func (s *partly) Update(ctx context.Context, changes []Change) error {
	n := s.after
	if n < 0 || n >= len(changes) {
		s.after = -1
		return s.Memory.Update(ctx, changes)
	}
	silent := make([]Change, n)
	for i := range silent { // after an error nobody is told
		silent[i] = changes[i]
		silent[i].Apply = func(p *Person, notes [][]byte) Outcome {
			o := changes[i].Apply(p, notes)
			o.Then = nil
			return o
		}
	}
	s.after = -1
	return errors.Join(errDisk, s.Memory.Update(ctx, silent))
}

// Whatever part of an update was made before it failed, the same records again come to
// what they would have: of a device that goes over to somebody else, too, whose facts
// are handed over on the way.
func TestAnUpdateThatWasMadeInPartIsMadeUpFor(t *testing.T) {
	day := func(t *testing.T, after int) (all []Person, failed bool) {
		synctest.Test(t, func(t *testing.T) {
			s := &partly{NewMemory(), -1}
			tracker := over(s)
			hear := func(user string, status Status) {
				time.Sleep(time.Minute)
				r := annArrives()
				r[0].UserName, r[0].Status = user, status
				r = append(r, r[0])
				r[1].UserName, r[1].Device, r[1].Session = "cid", phone, "c"
				if user == "bob" && status == Interim {
					s.after = after
				}
				for err := tracker.Record(t.Context(), r); err != nil; err = tracker.Record(t.Context(), r) {
					if failed = true; !errors.Is(err, errDisk) {
						t.Fatal(err)
					}
				}
			}
			hear("ann", Start)
			hear("ann", Interim)
			hear("bob", Interim)
			hear("bob", Stop)
			time.Sleep(time.Hour)
			if err := tracker.commit(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
			for _, user := range []string{"ann", "bob", "cid"} {
				p, _ := s.Person(t.Context(), user+"@example.com")
				all = append(all, p)
			}
			if note, _ := s.Note(t.Context(), devices, laptop); len(note) > 200 {
				t.Errorf("after %d: facts are left in the note of the device: %s", after, note)
			}
		})
		return all, failed
	}
	want, _ := day(t, -1)
	for after := 0; ; after++ {
		got, failed := day(t, after)
		if !failed {
			if after < 3 {
				t.Fatalf("the update had %d changes", after)
			}
			return
		}
		for i := range want {
			if w, g := fmt.Sprintf("%+v", want[i].Facts), fmt.Sprintf("%+v", got[i].Facts); w != g {
				t.Errorf("after %d changes, %s:\n%s\nwant\n%s", after, want[i].User, g, w)
			}
			if len(want[i].Visits) != len(got[i].Visits) {
				t.Errorf("after %d changes, %s has the visits %+v, want %+v", after, want[i].User, got[i].Visits, want[i].Visits)
			}
		}
	}
}

// Of two daemons over one store, each hears of devices that the other heard last. Whose
// a device is, is what is stored and not what either remembers.
func TestADeviceThatAnotherDaemonGaveAwayIsNotTakenForOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemory()
		one, other := over(s), over(s)
		hear := func(tracker *Tracker, user string, status Status) {
			time.Sleep(time.Minute)
			r := annArrives()
			r[0].UserName, r[0].Status = user, status
			if err := tracker.Record(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		hear(one, "ann", Start)
		hear(other, "bob", Interim)
		hear(one, "", Interim) // nobody's name: whose the device is
		hear(one, "", Stop)
		for _, c := range []struct {
			user  string
			marks int
		}{{"ann@example.com", 2}, {"bob@example.com", 4}} { // ann's Start, and that she lost it
			p, _ := s.Person(t.Context(), c.user)
			if len(p.Facts) != 1 || len(p.Facts[0].Marks) != c.marks {
				t.Errorf("%s knows %+v, want %d marks", c.user, p.Facts, c.marks)
			}
		}
	})
}

// A heartbeat that is under way while its user is forgotten does not bring them back.
func TestAHeartbeatBringsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemory()
		tracker := over(s)
		for beat := range 5 {
			r := annArrives()
			if beat > 0 {
				r[0].Status = Interim
			}
			if err := tracker.Record(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
		}
		if len(tracker.heartbeats) == 0 {
			t.Fatal("there is no heartbeat")
		}
		beats := slices.Clone(tracker.heartbeats["ann@example.com"])
		if err := tracker.Forget(t.Context(), "ann@example.com"); err != nil {
			t.Fatal(err)
		}
		tracker.heartbeats["ann@example.com"] = beats // as a flush has them that has begun before
		if err := tracker.commit(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		if all, _ := s.People(t.Context(), "", 9); len(all) > 0 {
			t.Errorf("remembered: %+v", all)
		}
	})
}
