package control

import (
	"errors"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// TestADayOfASiteIsNamedByItsClock and by when its day turns: at three in the morning of
// Tuesday, Monday is on.
func TestADayOfASiteIsNamedByItsClock(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	site, rules := presence.Site{Name: "tokyo", Zone: tokyo}, presence.Rules{DayStarts: 4 * time.Hour}
	for now, want := range map[time.Time]map[string]string{
		time.Date(2026, 12, 1, 3, 0, 0, 0, tokyo): {
			"": "2026-11-30", "today": "2026-11-30", "Monday": "2026-11-30", "mon": "2026-11-30", "yesterday": "2026-11-29", "tuesday": "2026-11-24",
			"2026-11-30": "2026-11-30", "2026-12-01": "future",
		},
		time.Date(2026, 12, 1, 4, 0, 0, 0, tokyo): {
			"": "2026-12-01", "today": "2026-12-01", "yesterday": "2026-11-30", "tuesday": "2026-12-01", "2026-12-01": "2026-12-01", "2026-12-02": "future", "soon": "wrong",
		},
	} {
		for word, day := range want {
			at, err := dayOf(site, word, now.UTC(), rules)
			got := site.Day(at, rules.DayStarts).Format(time.DateOnly)
			switch {
			case errors.As(err, new(FutureError)):
				got = "future"
			case err != nil:
				got = "wrong"
			}
			if got != day {
				t.Errorf("at %s %q is %s (%v), want %s", now, word, got, err, day)
			}
		}
	}
}
