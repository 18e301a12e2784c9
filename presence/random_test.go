package presence

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var seeds = flag.Uint64("seeds", 60/fewer, "how many random days the properties are tried on")

// randomDay is what one person's devices say on a random day: sessions that
// begin, show signs of life, roam, end or are never heard of again. Gaps keep
// clear of linger by a few minutes, so that whoever looks a little later
// concludes the same.
func randomDay(r *rand.Rand, d *day) (said []Sighting) {
	minutes := func(from, to int) time.Duration {
		return time.Duration(from)*time.Minute + time.Duration(r.Int64N(int64(to-from)*int64(time.Minute)))
	}
	for i := range 1 + r.IntN(3) {
		device := fmt.Sprintf("02:00:00:00:00:%02x", i+1)
		now := d.clock("6:30").Add(minutes(0, 240))
		interval := []time.Duration{0, 5 * time.Minute, 10 * time.Minute}[r.IntN(3)]
		for n := 0; now.Before(d.clock("19:00")); n++ {
			id := fmt.Sprintf("%d-%d", i, n%7) // ids repeat
			nas := NASName(fmt.Sprintf("ap%d", r.IntN(3)))
			say := func(status Status, at, began time.Time, c Cause) {
				said = append(said, Sighting{
					User: d.p.User, Device: device, Site: "london", Session: id, SSID: "Corp", NAS: nas,
					Whose: Mine, Status: status, At: at, Heard: at, Age: at.Sub(began), HasAge: true, Cause: c,
				})
			}
			began, stays := now, minutes(1, 200)
			say(Start, began, began, 0)
			if interval > 0 {
				for at := began.Add(interval); at.Before(began.Add(stays)); at = at.Add(interval) {
					say(Interim, at, began, 0)
				}
			}
			now = began.Add(stays)
			if r.IntN(8) > 0 {
				say(Stop, now, began, []Cause{UserRequest, LostCarrier, IdleTimeout, NASReboot}[r.IntN(4)])
			}
			if r.IntN(3) == 0 {
				now = now.Add(minutes(70, 180)) // away
			} else {
				now = now.Add(minutes(0, 50)) // a pause
			}
			now = now.Add(time.Second)
		}
	}
	slices.SortStableFunc(said, func(a, b Sighting) int { return a.At.Compare(b.At) })
	return said
}

// played plays what was said to a person, with something done between any two
// sightings, and returns the visits at the end of the next day.
func played(t *testing.T, said []Sighting, between func(*day, Sighting)) string {
	d := newDay(t)
	for _, n := range said {
		d.hearAgain(n)
		between(d, n)
	}
	d.is("+1 23:00")
	return d.visits()
}

func TestPropertiesOfRandomDays(t *testing.T) {
	for seed := range *seeds {
		r := rand.New(rand.NewPCG(seed, 0))
		said := randomDay(r, newDay(t))
		for close(said, time.Hour, time.Minute) {
			said = randomDay(r, newDay(t))
		}
		want := played(t, said, func(*day, Sighting) {})
		check := func(what, got string) {
			if got != want {
				t.Fatalf("seed %d: %s\n gives %s\n  want %s", seed, what, got, want)
			}
		}
		check("hearing every record twice", played(t, said, func(d *day, n Sighting) { d.hearAgain(n) }))
		check("hearing an old record again", played(t, said, func(d *day, n Sighting) {
			old := said[r.IntN(len(said))]
			if old.At.Before(n.At) && n.At.Sub(old.At) < time.Hour {
				old.Heard = n.Heard
				d.archived = append(d.archived, d.p.Hear(old, d.w)...)
			}
		}))
		check("looking at the clock more often", played(t, said, func(d *day, n Sighting) {
			for i := range 5 {
				d.pass(n.Heard.Add(time.Duration(i) * time.Second))
			}
		}))
		check("a restart after every record", played(t, said, func(d *day, n Sighting) {
			data, err := json.Marshal(d.p)
			if err != nil {
				t.Fatal(err)
			}
			d.p = Person{}
			if err := json.Unmarshal(data, &d.p); err != nil {
				t.Fatal(err)
			}
		}))
		check("our own absence", played(t, said, func(d *day, n Sighting) {
			if r.IntN(4) == 0 {
				d.w.Listening, d.w.Holding = n.Heard, n.Heard.Add(retryTime)
			}
		}))
		check("another interleaving of the devices", played(t, interleave(r, said), func(*day, Sighting) {}))
	}
}

// close reports whether somebody comes back within margin of linger after an
// end: a delay on the way there decides what is concluded then.
func close(said []Sighting, linger, margin time.Duration) bool {
	for _, end := range said {
		for _, n := range said {
			gap := n.At.Sub(end.At) - linger
			if end.Status == Stop && n.Status == Start && gap.Abs() < margin {
				return true
			}
		}
	}
	return false
}

// interleave delays the records of each device by up to 40 seconds: those of
// one device stay in order, those of different devices need not.
func interleave(r *rand.Rand, said []Sighting) []Sighting {
	delay := map[string]time.Duration{}
	late := slices.Clone(said)
	for i := range late {
		n := &late[i]
		if _, ok := delay[n.Device]; !ok {
			delay[n.Device] = time.Duration(r.Int64N(int64(40 * time.Second)))
		}
		n.Heard = n.Heard.Add(delay[n.Device])
	}
	slices.SortStableFunc(late, func(a, b Sighting) int { return a.Heard.Compare(b.Heard) })
	return late
}

func TestNoVisitDepartsBeforeItsLastSighting(t *testing.T) {
	for seed := range *seeds {
		d := newDay(t)
		said := randomDay(rand.New(rand.NewPCG(seed, 1)), d)
		for _, n := range said {
			d.hearAgain(n)
		}
		d.is("+1 23:00")
		for _, v := range d.archived {
			for _, n := range said {
				if n.At.After(v.Arrived) && n.At.After(v.Departed) && n.At.Before(v.Departed.Add(d.w.Linger)) && n.Status != Stop {
					t.Fatalf("seed %d: departed %s, alive %s\n%s", seed, v.Departed, n.At, d.visits())
				}
			}
		}
	}
}
