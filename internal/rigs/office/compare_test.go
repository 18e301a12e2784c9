package office

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// at returns a time of Monday's, written as "9:00"; with "+1 " before it, of
// Tuesday's.
func at(s string) time.Time {
	s, tuesday := strings.CutPrefix(s, "+1 ")
	c, err := time.Parse("15:04", s)
	if err != nil {
		panic(err)
	}
	day := 2
	if tuesday {
		day++
	}
	return time.Date(2026, 3, day, c.Hour(), c.Minute(), 0, 0, time.UTC)
}

func stay(from, to string) Stay { return Stay{"ann@example.com", "london", at(from), at(to)} }

// sign is a sign of a device that was told in full, as it happened.
func sign(device, from, to string) Sign {
	return Sign{
		User: "ann@example.com", Site: "london", Device: device, From: at(from), Shown: at(from), Until: at(to), Told: true, Quiet: at(to),
	}
}

// left is a visit that was believed over when linger had passed.
func left(from, to string) Concluded {
	return Concluded{
		presence.Visit{User: "ann@example.com", Site: "london", Arrived: at(from), Departed: at(to), State: presence.Over, End: presence.Left},
		at(from), at(to).Add(time.Hour),
	}
}

// open is a visit that is still on.
func open(from string) Concluded {
	return Concluded{presence.Visit{User: "ann@example.com", Site: "london", Arrived: at(from), State: presence.Present}, at(from), time.Time{}}
}

func believed(v Concluded, when string) Concluded {
	v.Believed = at(when)
	return v
}

func TestCompareCounts(t *testing.T) {
	full := []Sign{sign("phone", "9:00", "17:00")}
	lunch := []Sign{sign("phone", "9:00", "12:00"), sign("phone", "12:45", "17:00")}
	untold := sign("phone", "9:00", "17:00")
	untold.Told, untold.Quiet = false, at("23:00")
	only := sign("phone", "9:00", "17:00")
	only.Only = true
	unheard := sign("phone", "9:00", "17:05")
	unheard.deaf = []interval{{at("17:30"), at("19:00")}}
	docked, again := sign("laptop", "9:00", "18:00"), sign("laptop", "+1 9:30", "+1 12:00")
	docked.Told, again.Same = false, true
	for _, c := range []struct {
		name   string
		stays  []Stay
		signs  []Sign
		visits []Concluded
		want   Score
	}{
		{
			"a day as it was", []Stay{stay("9:00", "17:00")}, full, []Concluded{left("9:00", "17:00")},
			Score{Arrivals: 1, Departures: 1},
		},
		{
			"a short lunch is no absence", []Stay{stay("9:00", "12:00"), stay("12:45", "17:00")}, lunch, []Concluded{left("9:00", "17:00")},
			Score{Arrivals: 1, Departures: 1},
		},
		{
			"a visit split by a short lunch", []Stay{stay("9:00", "12:00"), stay("12:45", "17:00")}, lunch,
			[]Concluded{believed(left("9:00", "12:00"), "12:40"), left("12:45", "17:00")},
			Score{Arrivals: 1, Departures: 1, False: 1, Hasty: 1},
		},
		{
			"a long lunch parts two presences", []Stay{stay("9:00", "12:00"), stay("14:00", "17:00")},
			[]Sign{sign("phone", "9:00", "12:00"), sign("phone", "14:00", "17:00")},
			[]Concluded{left("9:00", "12:00"), left("14:00", "17:00")}, Score{Arrivals: 2, Departures: 2},
		},
		{
			"a device that sleeps for linger excuses a false departure", []Stay{stay("9:00", "17:00")},
			[]Sign{sign("phone", "9:00", "12:00"), sign("phone", "14:00", "17:00")},
			[]Concluded{left("9:00", "12:00"), left("14:00", "17:00")}, Score{Arrivals: 1, Departures: 1, False: 1},
		},
		{"nobody noticed", []Stay{stay("9:00", "17:00")}, full, nil, Score{Arrivals: 1, Missed: 1}},
		{"no packet shows it", []Stay{stay("9:00", "17:00")}, nil, nil, Score{}},
		{"a Stop alone shows no arrival", []Stay{stay("9:00", "17:00")}, []Sign{only}, nil, Score{}},
		{"nobody came", nil, nil, []Concluded{left("9:00", "17:00")}, Score{Invented: 1}},
		{
			"a machine came on", nil, full, []Concluded{left("9:00", "17:00")}, Score{Machines: 1},
		},
		{
			"outside the hours", []Stay{stay("4:30", "5:30")}, []Sign{sign("phone", "4:30", "5:30")}, nil, Score{},
		},
		{
			"still believed to be there", []Stay{stay("9:00", "17:00")}, full, []Concluded{open("9:00")},
			Score{Arrivals: 1, Departures: 1, Unnoticed: 1},
		},
		{
			"… because nobody told", []Stay{stay("9:00", "17:00")}, []Sign{untold}, []Concluded{open("9:00")},
			Score{Arrivals: 1, Departures: 1, Unnoticed: 1, Hidden: 1},
		},
		{
			"… because a laptop stayed", []Stay{stay("9:00", "17:00")}, []Sign{sign("laptop", "9:05", "+1 5:00"), sign("phone", "9:00", "17:00")},
			[]Concluded{open("9:00")}, Score{Arrivals: 1, Departures: 1, Unnoticed: 1, Hidden: 1},
		},
		{
			"… because the daemon did not run until they were back", []Stay{stay("9:00", "17:00"), stay("18:30", "18:45")}, []Sign{unheard},
			[]Concluded{believed(left("9:00", "17:05"), "19:03")}, Score{Arrivals: 1, Departures: 1, Unnoticed: 1, Hidden: 1},
		},
		{"what is heard again in the morning shows no arrival", []Stay{stay("+1 9:20", "+1 12:00")}, []Sign{docked, again}, nil, Score{}},
		{
			"a laptop left behind yesterday keeps nobody", []Stay{stay("9:00", "17:00"), stay("+1 9:00", "+1 12:00")},
			[]Sign{sign("laptop", "9:05", "+1 18:00"), sign("phone", "9:00", "17:00"), sign("phone", "+1 9:00", "+1 12:00")},
			[]Concluded{{
				presence.Visit{User: "ann@example.com", Site: "london", Arrived: at("9:00"), Departed: at("+1 4:00"), State: presence.Over, End: presence.DayTurned},
				at("9:00"), at("+1 4:00"),
			}, left("+1 9:00", "+1 12:00")},
			Score{Arrivals: 2, Departures: 2, Unnoticed: 1, Hidden: 1},
		},
		{
			"the departure has the wrong time", []Stay{stay("9:00", "17:00")}, full, []Concluded{believed(left("9:00", "16:00"), "18:00")},
			Score{Arrivals: 1, Departures: 1, Misdated: 1},
		},
		{
			"believed too early", []Stay{stay("9:00", "17:00")}, full, []Concluded{believed(left("9:00", "17:00"), "17:40")},
			Score{Arrivals: 1, Departures: 1, Hasty: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := Week(1).Rules()
			rules.Lunch = presence.Span{}
			got := Compare(Truth{Stays: c.stays, Signs: c.signs, Ends: at("+1 20:00")}, c.visits, rules)
			notes := got.Notes
			if n := got.Faults() + got.Unnoticed - got.Hidden; n != len(notes) {
				t.Errorf("%d notes, want %d", len(notes), n)
			}
			got.Delays, got.Notes = nil, nil
			if !equal(got, c.want) {
				t.Errorf("score\n %+v, want\n %+v\n%s", got, c.want, join(notes))
			}
		})
	}
}

func join(notes []Note) string {
	var lines []string
	for _, n := range notes {
		lines = append(lines, n.String())
	}
	return strings.Join(lines, "\n")
}

func equal(a, b Score) bool {
	return a.Arrivals == b.Arrivals && a.Missed == b.Missed && a.Invented == b.Invented && a.Machines == b.Machines &&
		a.Departures == b.Departures && a.False == b.False && a.Hasty == b.Hasty && a.Unnoticed == b.Unnoticed &&
		a.Hidden == b.Hidden && a.Misdated == b.Misdated
}

func TestDelayIsFromLeavingToBelieving(t *testing.T) {
	late := sign("phone", "9:00", "17:05") // the access point noticed five minutes late
	s := Compare(Truth{Stays: []Stay{stay("9:00", "17:00")}, Signs: []Sign{late}, Ends: at("+1 20:00")},
		[]Concluded{left("9:00", "17:05")}, Week(1).Rules())
	if want := []time.Duration{65 * time.Minute}; !slices.Equal(s.Delays, want) {
		t.Errorf("delays %v, want %v", s.Delays, want)
	}
	s.Add(Score{Delays: []time.Duration{time.Hour}})
	if got := s.Delay(0); got != time.Hour {
		t.Errorf("shortest delay %s, want 1h", got)
	}
}

func TestPrintAligns(t *testing.T) {
	var b strings.Builder
	err := Print(&b, "seed", []Row{{Of: "7", Score: Score{Arrivals: 12345, Delays: []time.Duration{65 * time.Minute}}}})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(lines) != 2 || len(lines[0]) != len(lines[1]) || !strings.Contains(lines[1], "12345") || !strings.HasSuffix(lines[1], "1:05") {
		t.Errorf("table:\n%s", b.String())
	}
}
