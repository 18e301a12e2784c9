package office

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// The properties of what presence concludes that hold on any day, whatever the
// equipment. They are tried on days of a few people, each with devices and
// maybe a machine, on makes and NASes by chance:
//
//	go test ./internal/rigs/office -run 'TestAnyOrder|TestLate|TestLooking|TestLaterSign|TestWhatIsStored' -args -makes all -seed 7

var dayseeds = flag.Uint64("days", 6, "how many days the properties are tried on")

// days calls f with the day of each seed, and the chance that goes with it.
func days(t *testing.T, f func(t *testing.T, d dice, o *Office)) {
	if !judged && *only == "" {
		t.Skip("presence is not yet held to the field: -args -makes all")
	}
	names, _ := equipped()
	n := *dayseeds
	if racing {
		n = min(n, 1)
	}
	for _, seed := range seedsOf(n) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			d := dice{rand.New(rand.NewPCG(seed, 0xda7))}
			makes := slices.Clone(names)
			d.Shuffle(len(makes), func(i, j int) { makes[i], makes[j] = makes[j], makes[i] })
			makes = makes[:min(len(makes), 6)]
			plan := Field(2*len(makes), makes...)
			plan.Days, plan.Calm = 1, d.chance(0.5)
			f(t, d, New(seed, plan))
		})
	}
}

// with is the office with other events.
func (o *Office) with(events []Event, ends time.Time) *Office {
	other := *o
	other.Events = inOrder(events)
	other.Truth.Ends = ends
	return &other
}

// at has the event arrive at another time: what it is about was when it was.
func (e Event) at(t time.Time) Event {
	e.Arrive, e.Record.Heard, e.moved = t, t, true
	if e.Record.At.After(t) {
		e.Record.At = t
	}
	return e
}

// concluded lets the tracker live through the office.
func concluded(t *testing.T, o *Office) []Concluded {
	t.Helper()
	visits, err := tracker(t, newMemory)(o, o.Rules())
	if err != nil {
		t.Fatal(err)
	}
	return visits
}

// lines are the visits as they are compared: without what was done about
// them, and with what was believed when only if that is to be compared.
func lines(visits []Concluded, believed bool) (all []string) {
	for _, v := range visits {
		departed := "-"
		if v.State == presence.Over {
			departed = clock(v.Departed)
		}
		line := fmt.Sprintf("%s at %s %s to %s: %s %s", v.User, v.Site, clock(v.Arrived), departed, v.State, v.End)
		if believed {
			line += fmt.Sprintf(", noticed %s, believed %s", clock(v.Noticed), clock(v.Believed))
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}

// differ returns what is in only one of two lists in order, one a line; "" if
// nothing is.
func differ(want, got []string) string {
	var b strings.Builder
	for _, l := range want {
		if _, same := slices.BinarySearch(got, l); !same {
			b.WriteString("- " + l + "\n")
		}
	}
	for _, l := range got {
		if _, same := slices.BinarySearch(want, l); !same {
			b.WriteString("+ " + l + "\n")
		}
	}
	return b.String()
}

// squeezed has the events arrive one after the other within a minute.
func squeezed(events []Event, from time.Time) []Event {
	all := make([]Event, len(events))
	for i, e := range events {
		all[i] = e.at(from.Add(time.Duration(i) * time.Minute / time.Duration(len(events))))
	}
	return all
}

// TestAnyOrderComesToTheSame: what a day has sent and comes within a minute,
// in any order and some of it twice, comes to the same visits. The rest of the
// day goes on from there as it does.
func TestAnyOrderComesToTheSame(t *testing.T) {
	days(t, func(t *testing.T, d dice, o *Office) {
		until := o.Begins.Add(d.between(9*time.Hour, 26*time.Hour)).Truncate(time.Minute)
		i, _ := slices.BinarySearchFunc(o.Events, until, func(e Event, t time.Time) int { return e.Arrive.Compare(t) })
		early, rest := o.Events[:i], slices.Clone(o.Events[i:])
		for i := range rest { // what is later waits until the minute is over
			rest[i] = rest[i].at(later(rest[i].Arrive, until.Add(time.Minute+time.Duration(i))))
		}
		comes := func(early []Event) []string {
			return lines(concluded(t, o.with(append(squeezed(early, until), rest...), until.Add(30*time.Hour))), false)
		}
		want := comes(early)
		for range 3 {
			mixed := slices.Clone(early)
			for _, e := range early {
				if d.chance(0.1) {
					mixed = append(mixed, e)
				}
			}
			d.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
			if diff := differ(want, comes(mixed)); diff != "" {
				t.Errorf("seed %d, what came by %s: -in order +mixed\n%s", o.Seed, clock(until), diff)
			}
		}
	})
}

// TestLateComesToTheSame: records that are up to four minutes late come to the
// same arrivals and departures as in order, but where a deadline passed between
// a record's time and its coming. Of each difference it is shown that one did.
func TestLateComesToTheSame(t *testing.T) {
	days(t, func(t *testing.T, d dice, o *Office) {
		ends := o.Truth.Ends.Add(24 * time.Hour)
		inOrder, late := make([]Event, len(o.Events)), make([]Event, len(o.Events))
		for i, e := range o.Events {
			inOrder[i], late[i] = e.at(e.Arrive), e.at(e.Arrive.Add(d.between(0, 4*time.Minute)))
		}
		want, got := concluded(t, o.with(inOrder, ends)), concluded(t, o.with(late, ends))
		for _, user := range o.users() {
			w, g := lines(of(want, user), false), lines(of(got, user), false)
			if diff := differ(w, g); diff != "" && !o.overtaken(late, user, slices.Concat(of(want, user), of(got, user))) {
				find(t, fmt.Sprintf("seed %d: -in order +late\n%s", o.Seed, diff))
			}
		}
	})
}

// users returns everybody who was there.
func (o *Office) users() (all []string) {
	for _, s := range o.Truth.Stays {
		all = append(all, s.User)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// of returns the visits of one user.
func of(visits []Concluded, user string) (all []Concluded) {
	for _, v := range visits {
		if v.User == user {
			all = append(all, v)
		}
	}
	return all
}

// overtaken reports whether anything was believed of the user after a record
// of theirs was sent and before it came.
func (o *Office) overtaken(late []Event, user string, visits []Concluded) bool {
	devices := map[string]bool{}
	for _, s := range o.Truth.Signs {
		if s.User == user {
			devices[s.Device] = true
		}
	}
	return slices.ContainsFunc(late, func(e Event) bool {
		return devices[e.Record.Device] && slices.ContainsFunc(visits, func(v Concluded) bool {
			return !v.Believed.IsZero() && !v.Believed.Before(e.Record.At) && !v.Believed.After(e.Arrive)
		})
	})
}

// TestLookingMoreOftenChangesNothing: neither what is concluded nor when.
func TestLookingMoreOftenChangesNothing(t *testing.T) {
	days(t, func(t *testing.T, _ dice, o *Office) {
		want := lines(concluded(t, o), true)
		other := *o
		other.looks = 90 * time.Second
		if diff := differ(want, lines(concluded(t, &other), true)); diff != "" {
			find(t, fmt.Sprintf("seed %d: -when due +every %s\n%s", o.Seed, other.looks, diff))
		}
	})
}

// TestWhatIsStoredApartChangesNothing: neither what is concluded nor when, although most
// records find of a person only what is alive.
func TestWhatIsStoredApartChangesNothing(t *testing.T) {
	days(t, func(t *testing.T, _ dice, o *Office) {
		apart := lines(concluded(t, o), true)
		whole, err := tracker(t, newWholeMemory)(o, o.Rules())
		if err != nil {
			t.Fatal(err)
		}
		if diff := differ(lines(whole, true), apart); diff != "" {
			t.Errorf("seed %d: -in one +apart\n%s", o.Seed, diff)
		}
	})
}

// TestLaterSignMeansAlive: an Interim of any session of the day that is later
// than everything else brings its user back, whatever was concluded before,
// but for two. An echo: it is of a session that said Stop less than five
// minutes ago. A ghost: the device has been alive in a newer session less than
// five minutes ago.
func TestLaterSignMeansAlive(t *testing.T) {
	days(t, func(t *testing.T, d dice, o *Office) {
		for range 6 {
			now := o.Begins.Add(d.between(8*time.Hour, 21*time.Hour))
			i, _ := slices.BinarySearchFunc(o.Events, now, func(e Event, t time.Time) int { return e.Arrive.Compare(t) })
			heard := o.Events[:i]
			sign, ok := revives(d, heard, now)
			if !ok {
				continue
			}
			visits := concluded(t, o.with(append(slices.Clone(heard), sign), now.Add(2*time.Second)))
			alive := func(v Concluded) bool {
				return v.User == sign.names && v.Site == sign.Record.Site && (v.State == presence.Present || v.State == presence.Arriving)
			}
			if !slices.ContainsFunc(visits, alive) {
				t.Errorf("seed %d: %s is not there at %s, although %s of %s says so, begun %s\n%s", o.Seed, sign.names, clock(now),
					sign.Record.Session, sign.Record.Device, clock(now.Add(-sign.Record.Age)), strings.Join(lines(of(visits, sign.names), true), "\n"))
			}
		}
	})
}

// revives returns an Interim, at now, of a session of which a Start of today
// that names somebody was heard, and which is neither an echo nor a ghost.
func revives(d dice, heard []Event, now time.Time) (Event, bool) {
	for range 20 {
		if len(heard) == 0 {
			return Event{}, false
		}
		e := pick(d, heard)
		r := e.Record
		opens := time.Date(now.Year(), now.Month(), now.Day(), 6, 0, 0, 0, now.Location())
		if r.Status != presence.Start || e.names == "" || e.names == "-" || r.At.Before(opens) {
			continue
		}
		excused := slices.ContainsFunc(heard, func(o Event) bool {
			lately := now.Sub(o.Record.At) < ghost+blur
			same := o.Record.Session == r.Session
			switch {
			case o.Record.Device != r.Device:
				return false
			case same: // an echo, or it has gone to somebody else, or begun again
				return o.Record.Status == presence.Stop && lately || o.names != e.names && o.names != "" || o.Record.Status == presence.Start && o.Record.At.After(r.At)
			}
			return lately || o.names != e.names && o.names != ""
		})
		if excused {
			continue
		}
		e = e.at(now)
		e.Record.Status, e.Record.At, e.Record.Age, e.Record.HasAge = presence.Interim, now, now.Sub(r.At).Truncate(time.Second), true
		return e, true
	}
	return Event{}, false
}
