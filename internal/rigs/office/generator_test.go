package office

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presenced/presenced/presence"
)

// offices checks a promise of the generator on small offices of any seed.
func offices(t *testing.T, calm bool, promise func(*rapid.T, *Office)) {
	rapid.Check(t, func(t *rapid.T) {
		plan := Week(rapid.IntRange(1, 6).Draw(t, "people"))
		plan.Days = rapid.IntRange(1, 3).Draw(t, "days")
		plan.Calm = calm
		promise(t, New(rapid.Uint64().Draw(t, "seed"), plan))
	})
}

func TestSameSeedSameOffice(t *testing.T) {
	a, b, other := New(7, Week(30)), New(7, Week(30)), New(8, Week(30))
	if !reflect.DeepEqual(a, b) {
		t.Error("two offices of seed 7 differ")
	}
	if reflect.DeepEqual(a.Truth, other.Truth) {
		t.Error("those of seeds 7 and 8 do not")
	}
}

func TestNobodyIsTwiceAtATime(t *testing.T) {
	offices(t, false, func(t *rapid.T, o *Office) {
		for i, s := range o.Truth.Stays {
			if !s.From.Before(s.To) {
				t.Fatalf("%+v takes no time", s)
			}
			if i > 0 && o.Truth.Stays[i-1].User == s.User && s.From.Before(o.Truth.Stays[i-1].To) {
				t.Fatalf("%+v and %+v", o.Truth.Stays[i-1], s)
			}
		}
	})
}

func TestEventsArriveInOrder(t *testing.T) {
	offices(t, false, func(t *rapid.T, o *Office) {
		for i, e := range o.Events {
			if i > 0 && e.Arrive.Before(o.Events[i-1].Arrive) {
				t.Fatalf("event %d arrives before the one before", i)
			}
			if !e.Record.Heard.Equal(e.Arrive) || e.Record.At.After(e.Arrive) {
				t.Fatalf("event of %s heard %s arrives %s", e.Record.At, e.Record.Heard, e.Arrive)
			}
		}
	})
}

// TestRetransmissionKeepsItsTimestamp: Acct-Delay-Time grows, Event-Timestamp
// does not move (RFC 2866 5.2, RFC 2869 5.3).
func TestRetransmissionKeepsItsTimestamp(t *testing.T) {
	delayed := 0
	offices(t, false, func(t *rapid.T, o *Office) {
		for _, e := range o.Events {
			if e.Stamp.Year() < 1971 || e.Delay == 0 {
				continue
			}
			delayed++
			// The way takes 3 s at most, a copy 20 s more, a clock errs by 2 s.
			if skew := e.Arrive.Add(-e.Delay).Sub(e.Stamp); skew < -3*time.Second || skew > 27*time.Second {
				t.Fatalf("%s sent %s, stamped %s with a delay of %s", e.Make, e.Arrive, e.Stamp, e.Delay)
			}
		}
	})
	if delayed == 0 {
		t.Error("nothing was sent again")
	}
}

// TestSessionsAreWhole: where nothing is lost, each session has one Start, then
// Interims of growing age, then at most one Stop; and what hostapd calls by
// the same name is the next. What is sent within milliseconds of the Stop may
// be overtaken by it.
func TestSessionsAreWhole(t *testing.T) {
	offices(t, true, func(t *rapid.T, o *Office) {
		type name struct{ device, session, nas string }
		running, stopped := map[name]presence.Record{}, map[name]time.Time{}
		for _, e := range o.Events {
			r := e.Record
			if r.Device == "" {
				t.Fatalf("%s of nobody, although nothing booted", r.Status)
			}
			n := name{r.Device, r.Session, r.NASID} // two that count may well count alike
			if e.Make == "Meraki MR 33.1" {
				n.nas = "" // the session goes from one to another
			}
			last, on := running[n]
			switch {
			case r.Status == presence.Start:
				if on {
					t.Fatalf("%v starts twice", n)
				}
			case !on && r.Heard.Sub(stopped[n]) < ordinary:
				continue
			case !on:
				t.Fatalf("%v: %s without a Start", n, r.Status)
			case r.Age < last.Age || r.At.Before(last.At.Add(-5*time.Second)):
				t.Fatalf("%v: %s of age %s at %s after age %s at %s", n, r.Status, r.Age, r.At, last.Age, last.At)
			}
			running[n] = r
			if r.Status == presence.Stop {
				if r.Cause == 0 {
					t.Fatalf("%v stops without a cause", n)
				}
				delete(running, n)
				stopped[n] = r.Heard
			}
		}
	})
}

// TestPhonesGoWithTheirOwners: whatever stays behind and shows on the air is a
// laptop.
func TestPhonesGoWithTheirOwners(t *testing.T) {
	offices(t, false, func(t *rapid.T, o *Office) {
		there := map[subject][]interval{}
		for _, s := range o.Truth.Stays {
			k := subject{s.User, s.Site}
			there[k] = append(there[k], interval{s.From, s.To})
		}
		for _, s := range o.Truth.Signs {
			if s.Until.Before(s.From) {
				t.Fatalf("%+v ends before it begins", s)
			}
			stays := there[subject{s.User, s.Site}]
			phone := strings.ContainsAny(s.Device[len(s.Device)-1:], "13579bdf")
			// An Interim from before its access point noticed can be the first after many that were lost.
			if phone && !within(stays, s.From, blur) && !within(stays, s.From.Add(-straggle), 0) {
				t.Fatalf("%+v, but %+v", s, stays)
			}
		}
	})
}

func TestEverythingGoesWrongSometimes(t *testing.T) {
	kinds, statuses, from := map[string]int{}, map[presence.Status]int{}, map[string]int{}
	causes, madeBy, machines := map[presence.Cause]int{}, map[string]int{}, 0
	for seed := range uint64(5) {
		o := New(seed, Week(40))
		for _, f := range o.Faults {
			kinds[f.Kind]++
		}
		for _, e := range o.Events {
			statuses[e.Record.Status]++
			from[e.Record.AtFrom]++
			causes[e.Record.Cause]++
			madeBy[e.Make]++
			if len(e.Record.UserName) > 5 && e.Record.UserName[:5] == "host/" {
				machines++
			}
		}
	}
	for _, kind := range []string{"AP reboot", "controller upgrade", "power cut", "uplink cut"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s", kind)
		}
	}
	for _, s := range []presence.Status{presence.Start, presence.Interim, presence.Stop, presence.AccountingOn} {
		if statuses[s] == 0 {
			t.Errorf("no %s", s)
		}
	}
	for _, source := range []string{"Event-Timestamp", "Acct-Delay-Time", "arrival"} {
		if from[source] == 0 {
			t.Errorf("no event time from %s", source)
		}
	}
	for _, c := range []presence.Cause{
		presence.UserRequest, presence.LostCarrier, presence.IdleTimeout, presence.SessionTimeout, presence.AdminReboot,
	} {
		if causes[c] == 0 {
			t.Errorf("no Stop for %s", c)
		}
	}
	if len(madeBy) != len(makes) || machines == 0 {
		t.Errorf("equipment %v, %d records of machines", madeBy, machines)
	}
}

func BenchmarkWeekOf300(b *testing.B) {
	for i := range b.N {
		o := New(uint64(i), Week(300))
		b.ReportMetric(float64(len(o.Events)), "events")
	}
}

func ExampleNew() {
	o := New(1, Week(3))
	s := o.Truth.Stays[0]
	fmt.Println(s.User, "was at", s.Site, "for", s.To.Sub(s.From).Round(time.Minute))
	// Output: ann.adams@example.com was at london for 4h4m0s
}
