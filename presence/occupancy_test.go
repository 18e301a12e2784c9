package presence

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestADaysOccupancyIsWhatWasCounted, in a few hundred octets.
func TestADaysOccupancyIsWhatWasCounted(t *testing.T) {
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 1))
		var day slots
		present, busy := 0, dice.IntN(3) > 0
		for i := range day {
			if dice.IntN(40) == 0 {
				busy = !busy
			}
			if dice.IntN(20) == 0 {
				continue // it did not run
			}
			s := &day[i]
			s.Known = true
			if busy {
				s.Arrived = dice.IntN(30)
				s.Left[dice.IntN(4)] = dice.IntN(min(present, 10) + 1)
			}
			present = max(0, present+s.Arrived-s.Left[0]-s.Left[1]-s.Left[2]-s.Left[3])
			s.Present = present
		}
		again, err := decodeSlots(day.encode())
		if err != nil || again != day {
			t.Fatalf("seed %d: it comes back as another: %v", seed, err)
		}
	}
	// An office of three hundred: all come from eight to ten and go from four to six.
	var day slots
	for i := range day {
		s := &day[i]
		s.Known = true
		if i > 0 {
			s.Present = day[i-1].Present
		}
		switch hour := i / 12; hour {
		case 8, 9:
			s.Arrived = 300 / 24
		case 16, 17:
			s.Left[0] = 300 / 24
		}
		s.Present += s.Arrived - s.Left[0]
	}
	if n := len(day.encode()); n > 500 {
		t.Errorf("it takes %d octets", n)
	}
}

func FuzzOccupancy(f *testing.F) {
	f.Add((&slots{{Known: true, Moves: Moves{Present: 3, Arrived: 3}}}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		day, err := decodeSlots(data)
		if err != nil {
			return
		}
		if again, err := decodeSlots(day.encode()); err != nil || again != day {
			t.Errorf("it comes back as another: %v", err)
		}
	})
}

// TestComingAndGoingIsCountedOnce, by reason; a restart and a repeat change nothing, and
// who is erased has not left.
func TestComingAndGoingIsCountedOnce(t *testing.T) {
	inOffice(t, func(o *office) {
		want := func(present, arrived, left int) {
			t.Helper()
			if m := o.tracker.Moves()["london"]; m.Present != present || m.Arrived != arrived || m.Left[0] != left || m.Left[1]+m.Left[2]+m.Left[3] != 0 {
				t.Errorf("%s: counted %+v, want %d present, %d arrived, %d left", time.Now().Format("15:04"), m, present, arrived, left)
			}
		}
		o.until(9, 0)
		want(0, 0, 0)
		for range 3 {
			o.hear(Start, "ann", laptop, "a")
		}
		o.hear(Start, "bob", phone, "b")
		want(2, 2, 0)
		o.hear(Stop, "bob", phone, "b")
		o.until(9, 30)
		want(2, 2, 0)
		o.until(11, 0)
		want(1, 2, 1)
		o.stop()
		o.start()
		o.until(11, 1)
		want(1, 0, 0)
		if err := o.tracker.Forget(t.Context(), "ann@example.com"); err != nil {
			t.Fatal(err)
		}
		want(0, 0, 0)
	})
}

// TestAPastNumberIsNeverAnother: a slot that is counted twice, by a process and the one
// after it, has what both saw, and the day before stays as it is.
func TestAPastNumberIsNeverAnother(t *testing.T) {
	store := NewMemory()
	begin := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	count := func(at time.Time, m Moves) {
		t.Helper()
		if err := store.Update(t.Context(), []Change{CountSlot("london", at, m)}); err != nil {
			t.Fatal(err)
		}
	}
	count(begin.AddDate(0, 0, -1), Moves{Present: 7, Arrived: 7})
	count(begin, Moves{Present: 3, Arrived: 3})
	count(begin, Moves{Present: 5, Arrived: 3, Left: [4]int{1}})
	all, err := Occupancy(t.Context(), store, "london", begin.AddDate(0, 0, -1), begin.Add(OccupancySlot))
	if err != nil || len(all) != slotsADay+1 {
		t.Fatalf("%d slots: %v", len(all), err)
	}
	if got := all[0].Moves; got != (Moves{Present: 7, Arrived: 7}) {
		t.Errorf("the day before has %+v", got)
	}
	if got := all[slotsADay].Moves; got != (Moves{Present: 5, Arrived: 6, Left: [4]int{1}}) {
		t.Errorf("the slot has %+v", got)
	}
	if all[1].Known {
		t.Error("a slot is known that nobody counted")
	}
	if err := TidyOccupancy(t.Context(), store, begin.AddDate(0, 0, OccupancyKept)); err != nil {
		t.Fatal(err)
	}
	if notes, _ := store.Notes(t.Context(), occupancyKind, "", 10); len(notes) != 1 {
		t.Errorf("after 400 days %d days are kept, want the second", len(notes))
	}
}
