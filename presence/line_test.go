package presence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What is first of things that come, change and go is what sorting says.
func TestWhatIsRankedIsInOrder(t *testing.T) {
	type thing struct{ key, place int }
	r := ranked[*thing]{before: func(a, b *thing) bool { return a.key < b.key }, index: func(x *thing) *int { return &x.place }}
	random, all := rand.New(rand.NewPCG(1, 2)), []*thing(nil)
	for range 5000 {
		switch n := random.IntN(4); {
		case n == 0 && len(all) > 0:
			i := random.IntN(len(all))
			r.remove(all[i])
			r.remove(all[i]) // it is gone, and nobody else goes
			all = slices.Delete(all, i, i+1)
		case n == 1 && len(all) > 0:
			x := all[random.IntN(len(all))]
			x.key = random.IntN(1000)
			r.put(x)
		default:
			x := &thing{key: random.IntN(1000)}
			all = append(all, x)
			r.put(x)
		}
		first, is := r.first()
		if is != (len(all) > 0) || r.len() != len(all) {
			t.Fatalf("%d things, want %d", r.len(), len(all))
		}
		if is && first.key != slices.MinFunc(all, func(a, b *thing) int { return a.key - b.key }).key {
			t.Fatalf("%d is first", first.key)
		}
	}
}

// besides are so many sites that do not answer, with somebody at each, and a site that
// does.
func besides(sites int, asked *int) *line {
	l := newLine(func(site string) (sound, rests bool) { *asked++; return site == "sound", false })
	for i := range sites {
		l.put(due{user: fmt.Sprint("other ", i), site: fmt.Sprint("site ", i)})
	}
	return l
}

// A choice asks as little of ten thousand sites that do not answer as of ten, and so does
// what the desk's answers come to.
func TestAChoiceWalksNoSites(t *testing.T) {
	for _, sites := range []int{10, 10_000} {
		asked := 0
		l, busy := besides(sites, &asked), newBusyPeople()
		asked = 0
		for range passesMost {
			l.put(due{user: "ann", site: "sound"})
			s, ok := l.choose(busy)
			if !ok || s.user != "ann" {
				t.Fatalf("beside %d sites %q is chosen", sites, s.user)
			}
			l.back(s, busy)
		}
		if asked > 4*passesMost {
			t.Errorf("beside %d sites, %d choices asked %d times how it stands with one", sites, passesMost, asked)
		}
	}
}

// Where the desk rests, everybody is to be read again, and another site's people are chosen.
func TestWhoWaitsWhereTheDeskRestsIsReadAgain(t *testing.T) {
	l := newLine(func(site string) (sound, rests bool) { return false, site == "resting" })
	for i := range 5 {
		l.put(due{user: fmt.Sprint("r", i), site: "resting"})
	}
	l.put(due{user: "ann", site: "another", urgency: refreshes})
	if s, _ := l.choose(newBusyPeople()); s.user != "ann" || len(l.unread) != 5 || len(l.places) != 0 {
		t.Errorf("%q is chosen, to be read are %v, %d wait", s.user, l.unread, len(l.places))
	}
}

// Who is read again and is as urgent as before keeps their place, and else comes behind
// those who are as urgent.
func TestWhoIsReadAgainKeepsTheirPlace(t *testing.T) {
	l := newLine(func(string) (sound, rests bool) { return true, false })
	for _, user := range []string{"ann", "bob", "eve"} {
		l.put(due{user: user, site: "london", urgency: refreshes})
	}
	l.put(due{user: "eve", site: "london", urgency: checkIns})
	l.put(due{user: "ann", site: "london", urgency: refreshes, rises: hour(9)})
	l.put(due{user: "tom", site: "london", urgency: checkIns})
	l.put(due{user: "tom", site: "paris", urgency: lookUps})
	var order []string
	for {
		s, ok := l.choose(newBusyPeople())
		if !ok {
			break
		}
		order = append(order, s.user)
	}
	if want := []string{"eve", "ann", "bob", "tom"}; !slices.Equal(order, want) {
		t.Errorf("they come in the order %q, want %q", order, want)
	}
	if _, is := l.rising.first(); is || l.len() > 0 || len(l.sites) > 0 {
		t.Errorf("something is left: %+v", l)
	}
}

// What is due of somebody becomes more urgent as a booking does that is known, and as
// something else becomes due: they are read again then.
func TestWhoWaitsIsReadAsTimeMakesThemUrgent(t *testing.T) {
	rules := DefaultRules()
	rules.Early = 15 * time.Minute
	p := Person{Visits: []Visit{{State: Present, CheckIn: Errand{Status: Waiting, Next: hour(9)}, Claims: []Claim{
		{Booking: "a", Begin: hour(8), End: hour(9), In: hour(8)}, {Booking: "b", Begin: hour(11), End: hour(12)}, {Booking: "c", Begin: hour(12), End: hour(13)},
	}}}}
	if got, want := p.rises(hour(9), rules), hour(11).Add(-rules.Early); !got.Equal(want) {
		t.Errorf("read again at %v, want %v", got, want)
	}
	p.Visits = append(p.Visits, Visit{State: Over, CheckOut: Errand{Status: Waiting, Next: hour(10)}})
	if got, want := p.rises(hour(9), rules), hour(10); !got.Equal(want) {
		t.Errorf("with another visit's check-out: read again at %v, want %v", got, want)
	}
	p.Visits[0].Claims = nil
	p.Visits[1].CheckOut.Next = hour(8)
	if got := p.rises(hour(9), rules); !got.IsZero() {
		t.Errorf("nothing changes by itself, and they are read again at %v", got)
	}
}

// BenchmarkChoice is what one choice of the courier costs beside so many sites that do not
// answer, with somebody at each.
func BenchmarkChoice(b *testing.B) {
	for _, sites := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("sites=%d", sites), func(b *testing.B) {
			asked := 0
			l, busy, c := besides(sites, &asked), newBusyPeople(), NewCourier(NewMemory(), newReception(), DefaultRules(), quiet)
			for i := range sites {
				c.faulted("ann", fmt.Sprint("site ", i), ErrUnlisted)
			}
			for b.Loop() {
				_, _ = c.Health(), c.dead()
				l.put(due{user: "ann", site: "sound"})
				s, ok := l.choose(busy)
				if !ok {
					b.Fatal("nobody is chosen")
				}
				l.back(s, busy)
			}
		})
	}
}
