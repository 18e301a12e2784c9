package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// TestWantsAreHeldTo: each want is met by what it says, and by nothing else.
func TestWantsAreHeldTo(t *testing.T) {
	at := func(text string) time.Time {
		t.Helper()
		moment, err := parseClock(text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	visit := func(arrived, departed, believed string) Visit {
		v := Visit{Visit: presence.Visit{User: "ida@example.com", Site: "hq", Arrived: at(arrived), State: presence.Present}}
		if departed != "" {
			v.State, v.Departed, v.Believed = presence.Over, at(departed), at(believed)
		}
		return v
	}
	here, left := visit("09:00:40", "", ""), visit("09:00:40", "17:00", "18:00:00")
	leaving := here
	leaving.State, leaving.Departed = presence.Leaving, at("10:00")
	for _, c := range []struct {
		wants string // with " & " between
		is    []Visit
		stood standing
		holds bool
	}{
		{wants: "ida visit hq", is: []Visit{here}, holds: true},
		{wants: "ida visit annex", is: []Visit{here}},
		{wants: "ida visit hq"},
		{wants: "ida visit hq", is: []Visit{here, left}},
		{wants: "ida no visit", holds: true},
		{wants: "ida no visit", is: []Visit{here}},
		{wants: "ida visit hq arrived 09:00", is: []Visit{here}, holds: true},
		{wants: "ida visit hq arrived 09:02", is: []Visit{here}, holds: true},
		{wants: "ida visit hq arrived 09:03", is: []Visit{here}},
		{wants: "ida visit hq arrived 09:00..09:00:39", is: []Visit{here}},
		{wants: "ida visit hq arrived 08:00|09:00:40..10:00", is: []Visit{here}, holds: true},
		{wants: "ida visit hq arrived <=09:00:40", is: []Visit{here}, holds: true},
		{wants: "ida visit hq arrived >=09:00:41", is: []Visit{here}},
		{wants: "ida visit hq arrived 4T09:00", is: []Visit{here}},
		{wants: "ida visit hq departed -", is: []Visit{here}, holds: true},
		{wants: "ida visit hq departed -", is: []Visit{leaving}, holds: true},
		{wants: "ida visit hq departed -", is: []Visit{left}},
		{wants: "ida visit hq departed 17:00", is: []Visit{left}, holds: true},
		{wants: "ida visit hq departed 17:00", is: []Visit{here}},
		{wants: "ida visit hq departed 10:00", is: []Visit{leaving}},
		{wants: "ida visit hq departed 16:00..16:59|-", is: []Visit{left}},
		{wants: "ida visit hq believed 17:55..18:00", is: []Visit{left}, holds: true},
		{wants: "ida visit hq believed 17:55..17:59:59", is: []Visit{left}},
		{wants: "ida visit hq believed 17:55..17:59", is: []Visit{here}, holds: true},
		{wants: "ida visit? hq departed 10:00 & ida visit hq departed 17:00", is: []Visit{left}, holds: true},
		{wants: "ida visit hq departed 17:00 & ida visit? hq departed -", is: []Visit{left, here}, holds: true},
		{wants: "ida visit hq departed 17:00 & ida visit? hq departed -", is: []Visit{left, left}},
		{wants: "nobody else", holds: true},
		{wants: "nobody else", is: []Visit{here}},
		{wants: "max no visit", is: []Visit{here}, holds: true},
		{wants: "max no visit & nobody else", is: []Visit{here}},
		{wants: "at 10:00 ida present|leaving", stood: standing{state: "leaving"}, holds: true},
		{wants: "at 10:00 ida present|leaving", stood: standing{state: "gone"}},
		{wants: "at 10:00 ida booking checkedIn", stood: standing{booking: presence.CheckedIn}, holds: true},
		{wants: "at 10:00 ida booking checkedIn", stood: standing{booking: presence.CheckedOut}},
		{wants: "at 10:00 ida heard 09:55..10:00", stood: standing{heard: at("09:55")}, holds: true},
		{wants: "at 10:00 ida heard 09:55..10:00", stood: standing{heard: at("09:54:59")}},
		{wants: "at 10:00 ida heard 09:55..10:00"},
	} {
		r := &Replay{}
		for want := range strings.SplitSeq(c.wants, " & ") {
			if err := r.wants.add(want); err != nil {
				t.Errorf("%s: %v", want, err)
			}
		}
		o := &Outcome{Visits: map[string][]Visit{}, stood: []standing{c.stood}}
		if len(c.is) > 0 {
			o.Visits["ida@example.com"] = c.is
		}
		if faults := r.Faults(o); (len(faults) == 0) != c.holds {
			t.Errorf("%s, is %v %+v: faults %q", c.wants, c.is, c.stood, faults)
		}
	}
}

func TestWhatIsNoWantIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "ida", "ida visit", "ida visits hq", "ida visit hq arrived", "ida visit hq came 09:00", "ida visit hq arrived nine",
		"ida visit hq arrived 09:00..ten", "at 9 ida present", "at 09:00 ida", "at 09:00 ida seen 08:00", "ida no visits",
	} {
		if err := new(wants).add(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
