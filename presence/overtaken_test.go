package presence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestRecordStampedJustBeforeTheDayTurned(t *testing.T) {
	d := newDay(t)
	d.hear("20:00", Start, laptop, "a")
	d.hear("20:10", Interim, laptop, "a", age(10*time.Minute))
	for i := 2; i < 47; i++ {
		d.hear(d.clock("20:00").Add(time.Duration(i)*10*time.Minute).Format("15:04"), Interim, laptop, "a",
			func(n *Sighting) {
				n.At = d.clock("20:00").Add(time.Duration(i) * 10 * time.Minute)
				n.Heard = n.At
				n.Age, n.HasAge = time.Duration(i)*10*time.Minute, true
			})
	}
	d.is("+1 4:00") // the tick
	n := Sighting{User: d.p.User, Device: laptop, Site: "london", Session: "a", SSID: "Corp", NAS: "wlc",
		Status: Interim, At: d.clock("+1 3:59:59"), Heard: d.clock("+1 3:59:59"), Age: 8*time.Hour - time.Second, HasAge: true}
	d.archived = append(d.archived, d.p.Hear(n, d.w)...) // stamped before, committed after
	d.is("+1 5:00")
	d.want("london over 20:00:00-04:00:00 day turned")
}

func TestLateStartOfASupersededSession(t *testing.T) {
	d := newDay(t)
	d.hear("9:00:00", Start, phone, "z")
	d.hear("9:05", Stop, phone, "z")
	d.hear("9:05", Start, laptop, "b")
	d.hear("9:10", Stop, laptop, "b", age(5*time.Minute))
	d.hear("9:00", Start, laptop, "a", d.arriving("9:10:30")) // its AP sends again
	d.is("14:00")
	d.want("london over 09:00:00-09:10:00 left")
}

func TestSessionMovesToAnotherSite(t *testing.T) {
	d := newDay(t)
	d.hear("8:00", Start, laptop, "a")
	d.hear("8:10", Interim, laptop, "a", age(10*time.Minute))
	d.hear("12:00", Interim, laptop, "a", age(4*time.Hour), at("paris"))
	d.is("14:00")
	d.want("london over 08:00:00-12:00:00 left; paris present 12:00:00")
}

func TestSharedFlapping(t *testing.T) {
	d := newDay(t)
	d.w.MaxDevices = 1
	d.hear("9:00", Start, laptop, "a")
	d.hear("10:00", Start, phone, "b")
	d.hear("10:10", Stop, phone, "b")
	d.hear("11:00", Start, phone, "c")
	d.hear("11:10", Stop, phone, "c")
	d.is("12:00")
	seen := map[string]int{}
	for _, v := range slices.Concat(d.archived, d.p.Visits) {
		seen[v.ID]++
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("visit %s is there %d times: %s", id, n, d.visits())
		}
	}
}

func TestReplayedStartKeepsNobodyHere(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, laptop, "a")
	d.hear("17:00", Stop, laptop, "a", age(8*time.Hour))
	d.hear("17:10", Start, laptop, "old", func(n *Sighting) { n.At = n.At.AddDate(0, 0, -7) })
	d.is("21:00")
	d.want("london over 09:00:00-17:00:00 left")
}

func TestAnyOrderOfOneDevice(t *testing.T) {
	bad := 0
	for seed := range 10 * *seeds {
		r := rand.New(rand.NewPCG(seed, 7))
		base := newDay(t)
		now := base.clock("9:00")
		var said []Sighting
		for n := range 1 + r.IntN(3) {
			began := now
			say := func(st Status, at time.Time) {
				said = append(said, Sighting{User: base.p.User, Device: laptop, Site: "london", Session: fmt.Sprint(n), SSID: "Corp",
					NAS: "wlc", Status: st, At: at, Age: at.Sub(began), HasAge: true})
			}
			say(Start, now)
			for range r.IntN(2) {
				now = now.Add(time.Duration(60+r.IntN(60)) * time.Second)
				say(Interim, now)
			}
			now = now.Add(time.Duration(10+r.IntN(60)) * time.Second)
			if r.IntN(4) > 0 {
				say(Stop, now)
			}
			now = now.Add(time.Duration(1+r.IntN(30)) * time.Second)
		}
		final := func(order []int) string {
			d := newDay(t)
			heard := now.Add(time.Minute)
			for _, i := range order {
				n := said[i]
				n.Heard = heard
				heard = heard.Add(100 * time.Millisecond)
				d.hearAgain(n)
			}
			d.pass(heard.Add(5 * time.Minute))
			s := d.visits()
			for i := range 3 {
				s += " " + string(d.state(laptop, fmt.Sprint(i)))
			}
			return s
		}
		order := make([]int, len(said))
		for i := range order {
			order[i] = i
		}
		want := final(order)
		for range 10 {
			p := r.Perm(len(said))
			if got := final(p); got != want {
				bad++
				if bad <= 6 {
					s := ""
					for _, i := range p {
						s += fmt.Sprintf(" %s(%s)@%s", said[i].Status, said[i].Session, said[i].At.Format("15:04:05"))
					}
					t.Errorf("seed %d:\n  %s\n  gives %s\n  want  %s", seed, s, got, want)
				}
				break
			}
		}
	}
}

func TestDeviceThatComesAfterHoursKeepsAVisit(t *testing.T) {
	d := newDay(t) // the site's hours are 6:00 to 22:00
	d.hear("9:00", Start, laptop, "a")
	d.hear("21:50", Stop, laptop, "a")
	d.hear("22:05", Start, phone, "p")
	d.is("23:30")
	d.want("london present 09:00:00")
}
