package terminal

import (
	"testing"
	"time"
)

// TestTimesAreToldAsAPersonWould: roughly when near, by the clock when not.
func TestTimesAreToldAsAPersonWould(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 7, 9, 17, 30, 0, 0, london)
	for _, c := range []struct {
		before           time.Duration
		ago, short, long string
	}{
		{0, "now", "now", "17:30 (now)"},
		{42 * time.Second, "42 s ago", "42 s ago", "17:29 (42 s ago)"},
		{3 * time.Minute, "3 min ago", "3 min ago", "17:27 (3 min ago)"},
		{-12*time.Minute - 20*time.Second, "in 12 min", "in 12 min", "17:42 (in 12 min)"},
		{2 * time.Hour, "2 h ago", "15:30", "15:30 (2 h ago)"},
		{2*time.Hour + 5*time.Minute, "2 h 5 min ago", "15:25", "15:25 (2 h 5 min ago)"},
		{20 * time.Hour, "20 h ago", "Wed 8 Jul 21:30", "Wed 8 Jul 21:30"},
		{4 * 24 * time.Hour, "4 d ago", "Sun 5 Jul 17:30", "Sun 5 Jul 17:30"},
		{365 * 24 * time.Hour, "365 d ago", "Wed 9 Jul 2025 17:30", "Wed 9 Jul 2025 17:30"},
	} {
		at := now.Add(-c.before)
		// Who asks may be elsewhere: it is the site's clock that is told.
		for _, now := range []time.Time{now, now.UTC()} {
			if got := Ago(at, now); got != c.ago {
				t.Errorf("%s: ago %q, want %q", c.before, got, c.ago)
			}
			if got := Short(at, now); got != c.short {
				t.Errorf("%s: short %q, want %q", c.before, got, c.short)
			}
			if got := ClockAndAge(at, now); got != c.long {
				t.Errorf("%s: %q, want %q", c.before, got, c.long)
			}
		}
	}
}
