package lab

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	walkers = flag.Int("walkers", 16, "how many devices move about at random")
	hours   = flag.Duration("hours", 3*time.Hour, "for how long they do")
	workers = flag.Int("workers", 10, "how many people come to the office")
)

// walker moves a device about between two access points.
type walker struct {
	*Device
	o    *airOffice
	dice *rand.Rand
	aps  [2]*AccessPoint
}

// some is a time between two.
func (w *walker) some(from, to time.Duration) time.Duration {
	return from + time.Duration(w.dice.Int64N(int64(to-from)))
}

// other is the access point on which the device is not.
func (w *walker) other() *AccessPoint {
	if w.At() == w.aps[0] {
		return w.aps[1]
	}
	return w.aps[0]
}

// roam moves to the other access point; out of the range of the old one, mostly.
func (w *walker) roam() {
	to := w.other()
	w.Roam(to, Anew)
	if w.dice.IntN(10) < 7 {
		w.Hear(to)
	}
}

// nap is off the air for a while, and back at either access point.
func (w *walker) nap(most time.Duration) {
	w.Hear()
	time.Sleep(w.some(2*time.Second, most))
	w.Back(w.aps[w.dice.IntN(2)])
}

// offAndOn leaves properly before that.
func (w *walker) offAndOn(most time.Duration) {
	w.Leave()
	w.Hear()
	time.Sleep(w.some(2*time.Second, most))
	ap := w.aps[w.dice.IntN(2)]
	w.Again(ap, func() { w.Hear(ap); w.do("reconnect") })
}

// step does something at random.
func (w *walker) step(most time.Duration) {
	switch w.dice.IntN(9) {
	case 0, 1, 2:
		w.roam()
	case 3:
		for range 2 {
			to := w.other()
			w.Roam(to, Anew)
			w.Hear(to)
			time.Sleep(w.some(0, 90*time.Second))
		}
	case 4, 5:
		w.nap(most)
	case 6:
		w.offAndOn(most)
	case 7:
		w.Again(w.At(), func() { w.do("reassociate") })
	case 8:
		at := w.At()
		w.Hear(at)
		w.Again(at, func() { at.Deauthenticate(w.Device) })
	}
}

// walk moves about until a time, and goes, silently or not.
func (w *walker) walk(until time.Time, pace, most time.Duration) {
	for {
		wait := min(time.Duration(w.dice.ExpFloat64()*float64(pace)), 50*time.Minute)
		if time.Now().Add(wait).After(until) {
			break
		}
		time.Sleep(wait)
		w.step(most)
	}
	time.Sleep(max(time.Until(until), 0) + w.some(time.Second, 400*time.Second))
	if w.dice.IntN(2) == 0 {
		w.Leave()
	} else {
		w.Die()
	}
}

// TestRadioWalkers has devices move about at random for hours. Half of them are on access points whose accounting loses a fifth of its
// datagrams, both ways.
func TestRadioWalkers(t *testing.T) {
	o := newAirOffice(t)
	if o == nil {
		return
	}
	o.wires[1].Lose = aFifth(rand.New(rand.NewPCG(7, 0)))
	parts, names := map[string]func(*testing.T){}, []string{}
	for i := range *walkers {
		name := fmt.Sprintf("walker-%d", i)
		names = append(names, name)
		parts[name] = func(t *testing.T) {
			time.Sleep(time.Duration(i) * stagger)
			w := &walker{o: o, Device: o.device(t, name, DeviceConfig{Fast: i%2 == 1}), dice: rand.New(rand.NewPCG(uint64(i), 1))}
			w.aps = [2]*AccessPoint{o.ap["ap1"], o.ap["ap2"]}
			if i%4 >= 2 {
				w.aps = [2]*AccessPoint{o.ap["ap10"], o.ap["ap11"]}
			}
			w.Join(w.aps[0])
			w.walk(time.Now().Add(*hours), while/3, 15*time.Minute)
		}
	}
	o.play(parts)
	o.judge()
	for _, name := range names {
		o.keep(name, "")
	}
}

// TestRadioOffice has people come to the office with a laptop and a phone,
// work, go to lunch and leave. Phones doze and roam, laptops sit, and stay
// behind at lunch or go with their owner.
func TestRadioOffice(t *testing.T) {
	o := newAirOffice(t)
	if o == nil {
		return
	}
	parts := map[string]func(*testing.T){}
	for i := range *workers {
		user := fmt.Sprintf("person-%d@example.com", i)
		dice := rand.New(rand.NewPCG(uint64(i), 2))
		some := func(from, to time.Duration) time.Duration { return from + time.Duration(dice.Int64N(int64(to-from))) }
		comes := MachineStarts.Add(some(30*time.Minute, 90*time.Minute))
		lunch := comes.Add(some(150*time.Minute, 180*time.Minute))
		back := lunch.Add(some(15*time.Minute, 45*time.Minute))
		leaves := back.Add(some(2*time.Hour, 3*time.Hour))
		aps := [2]*AccessPoint{o.ap["ap1"], o.ap["ap2"]}
		if i%2 == 1 {
			aps = [2]*AccessPoint{o.ap["ap12"], o.ap["ap13"]}
		}
		day := func(kind string, lunches bool, pace, nap time.Duration) {
			name := fmt.Sprintf("%s-%d", kind, i)
			dice := rand.New(rand.NewPCG(uint64(i), uint64(len(kind))))
			lag := some(0, 2*time.Minute)
			parts[name] = func(t *testing.T) {
				time.Sleep(time.Until(comes.Add(lag)))
				w := &walker{o: o, Device: o.device(t, name, DeviceConfig{User: user, Fast: i%2 == 0}), dice: dice, aps: aps}
				w.Join(w.aps[0])
				if lunches {
					w.walk(lunch, pace, nap)
					time.Sleep(time.Until(back))
					w.Again(w.aps[0], func() { w.Hear(w.aps[0]); w.do("reconnect") })
				}
				w.walk(leaves, pace, nap)
			}
		}
		day("phone", true, 20*time.Minute, 12*time.Minute)
		day("laptop", i%3 == 0, 60*time.Minute, time.Minute)
	}
	o.play(parts)
	o.judge()
}
