package presence

import (
	"testing"
	"time"
)

// TestLunchIsWaitedForLonger: at the default settings; and nobody is waited for
// beyond those who left as lunch ended.
func TestLunchIsWaitedForLonger(t *testing.T) {
	site := london(t)
	rules := DefaultRules()
	rules.Sites = map[string]Site{"london": site}
	at := func(hour, minute int) time.Time { return time.Date(2026, 7, 6, hour, minute, 0, 0, site.Zone) }
	for _, test := range []struct {
		hour, minute int
		want         time.Duration
	}{
		{10, 59, time.Hour}, {11, 0, 2 * time.Hour}, {12, 15, 2 * time.Hour}, {13, 30, 2 * time.Hour},
		{14, 0, 90 * time.Minute}, {14, 29, 61 * time.Minute}, {14, 30, time.Hour}, {17, 0, time.Hour},
	} {
		if got := rules.LingerAfter(at(test.hour, test.minute), "london"); got != test.want {
			t.Errorf("who leaves at %d:%02d is waited for %s, want %s", test.hour, test.minute, got, test.want)
		}
	}
	for last := at(0, 0); last.Before(at(23, 59)); last = last.Add(time.Minute) {
		next := last.Add(time.Minute)
		if a, b := last.Add(rules.LingerAfter(last, "london")), next.Add(rules.LingerAfter(next, "london")); b.Before(a) {
			t.Errorf("who leaves at %s is believed gone at %s, who leaves a minute earlier at %s", next, b, a)
		}
	}
}

func TestLunchIsOfTheSite(t *testing.T) {
	site := london(t)
	for _, test := range []struct {
		what   string
		change func(*Rules, *Site)
		want   time.Duration // for who leaves at 12:30
	}{
		{"turned off", func(r *Rules, _ *Site) { r.Lunch = Span{} }, time.Hour},
		{"turned off here", func(_ *Rules, s *Site) { s.Lunch = &Span{} }, time.Hour},
		{"another linger", func(r *Rules, _ *Site) { r.LunchLinger = 90 * time.Minute }, 90 * time.Minute},
		{"another linger here", func(_ *Rules, s *Site) { s.LunchLinger = new(100 * time.Minute) }, 100 * time.Minute},
		{"later here", func(_ *Rules, s *Site) { s.Lunch = &Span{13 * time.Hour, 15 * time.Hour} }, time.Hour},
		{"over midnight", func(r *Rules, _ *Site) { r.Lunch = Span{23 * time.Hour, 13 * time.Hour} }, 90 * time.Minute},
		{"a shorter one", func(r *Rules, _ *Site) { r.LunchLinger = time.Minute }, time.Hour},
	} {
		rules, here := DefaultRules(), site
		test.change(&rules, &here)
		rules.Sites = map[string]Site{"london": here}
		if got := rules.LingerAfter(time.Date(2026, 1, 5, 12, 30, 0, 0, site.Zone), "london"); got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
}
