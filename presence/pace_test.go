package presence

import (
	"testing"
	"time"
)

// TestPace: an Interim that comes when it was due says only that the session goes on;
// of a session without an interval, any that does not come too soon.
func TestPace(t *testing.T) {
	const m = time.Minute
	for _, c := range []struct {
		name string
		is   pace
		gap  time.Duration
		want pace
	}{
		{"when it was due", pace{10 * m, false}, 10 * m, pace{10 * m, false}},
		{"some seconds late", pace{10 * m, false}, 10*m + 8*time.Second, pace{10 * m, false}},
		{"one was lost", pace{10 * m, false}, 20 * m, pace{}},
		{"the interval is another", pace{10 * m, false}, 5 * m, pace{}},
		{"after a Start", pace{longestInterim, true}, 10 * m, pace{10 * m, true}},
		{"sooner than before", pace{10 * m, true}, 5 * m, pace{5 * m, true}},
		{"later than before", pace{5 * m, true}, 10 * m, pace{5 * m, true}},
		{"an event", pace{longestInterim, true}, 20 * time.Second, pace{}},
		{"a night later", pace{longestInterim, true}, 10 * time.Hour, pace{}},
	} {
		if got := c.is.beat(c.gap); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestNobodyIsWokenTooLate: nothing is concluded of a missing beat before the person is
// woken for it, whatever the interval turns out to be by then.
func TestNobodyIsWokenTooLate(t *testing.T) {
	w := World{Rules: DefaultRules(), NAS: func(NASName) NAS { return NAS{} }}
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	for _, gap := range []time.Duration{2 * time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour, 4 * time.Hour} {
		for _, slip := range []time.Duration{0, gap / 30, min(10*time.Second, gap/8), -gap / 30, -min(10*time.Second, gap/8)} {
			if gap+slip < shortestPace || gap+slip > longestInterim {
				continue // its person is looked at
			}
			s := Session{facts: &Facts{}}
			for i := range signsKept - 1 {
				s.rhythm.add(at.Add(time.Duration(i) * gap))
			}
			p := pace{s.rhythm.interval(), false}
			for range signsKept { // each beat is as far off as may be
				s.Heard = s.rhythm.at[s.rhythm.n-1].Add(gap + slip)
				if p.beat(gap+slip) != p {
					t.Fatalf("%v is no beat of %v", gap+slip, p)
				}
				s.rhythm.add(s.Heard)
				s.Interim = s.interval(&w)
				if silent, woken := s.silent(&w), s.Heard.Add(p.unmissed()); woken.After(silent) {
					t.Errorf("gap %v, slip %v: it is silent at %v, and its person is woken at %v", gap, slip, silent, woken)
				}
			}
		}
	}
}
