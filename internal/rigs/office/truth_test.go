package office

import (
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// TestSignsAreWhatWasDelivered: when a session has to be given up follows from
// the records of it that came, and not from those that were sent.
func TestSignsAreWhatWasDelivered(t *testing.T) {
	start := func(when string) Event { return event(presence.Start, when, 0) }
	interim := func(when string, age time.Duration) Event { return event(presence.Interim, when, age) }
	stop := func(when string, age time.Duration) Event { return event(presence.Stop, when, age) }
	for _, c := range []struct {
		name  string
		got   []Event
		until string
		quiet string
		told  bool
	}{
		{"told in full", []Event{start("9:00"), stop("10:00", time.Hour)}, "10:00", "10:00", true},
		{"a Start alone shows no interval", []Event{start("9:00")}, "9:00", "23:00", false},
		{"an Interim after seconds shows none either", []Event{start("9:00"), interim("9:00:05", 5*time.Second)}, "9:00:05", "23:00:05", false},
		{"one Interim may be of anything", []Event{start("9:00"), interim("9:10", 10*time.Minute)}, "9:10", "12:40", false},
		{
			"two show the interval", []Event{start("9:00"), interim("9:10", 10*time.Minute), interim("9:20", 20*time.Minute)},
			"9:20", "10:20", false,
		},
		{"a copy of the Start begins anew", []Event{start("9:00"), stop("9:01", time.Minute), start("9:01:15")}, "9:01:15", "23:01:15", false},
		{"a clock of whole seconds does not", []Event{start("9:00:02"), stop("9:00:01", 0)}, "9:00:02", "9:00:02", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &session{user: "ann@example.com", network: &network{site: "london", interim: 10 * time.Minute, make: makes[0]}}
			signs := s.signs(c.got, nil)
			if len(signs) != 1 {
				t.Fatalf("%d signs", len(signs))
			}
			if g := signs[0]; !g.Until.Equal(second(c.until)) || !g.Quiet.Equal(second(c.quiet)) || g.Told != c.told {
				t.Errorf("until %s, quiet %s, told %t; want %s, %s, %t", clock(g.Until), clock(g.Quiet), g.Told, c.until, c.quiet, c.told)
			}
		})
	}
}

// TestEitherOfTwoControllersShowsAStation: what tells of it in parallel cuts a sign
// short, and not what its Stop shows.
func TestEitherOfTwoControllersShowsAStation(t *testing.T) {
	foreign, anchor := sign("laptop", "9:00", "17:00"), sign("laptop", "9:00", "9:00")
	anchor.anchor, anchor.Told = true, false
	truth := Truth{Signs: []Sign{foreign, anchor}}
	truth.settle()
	if got := truth.Signs[0]; !got.Until.Equal(at("9:00")) || !got.Stopped.Equal(at("17:00")) {
		t.Errorf("until %s, stopped %s", clock(got.Until), clock(got.Stopped))
	}
}

func event(status presence.Status, when string, age time.Duration) Event {
	at := second(when)
	return Event{Arrive: at, AP: "lobby", names: "ann@example.com", Record: presence.Record{Status: status, At: at, Heard: at, Age: age}}
}

// second returns a time of Monday's, with seconds or without.
func second(s string) time.Time {
	for _, layout := range []string{"15:04:05", "15:04"} {
		if c, err := time.Parse(layout, s); err == nil {
			return time.Date(2026, 3, 2, c.Hour(), c.Minute(), c.Second(), 0, time.UTC)
		}
	}
	panic(s)
}
