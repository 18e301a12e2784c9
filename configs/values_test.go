package configs

import (
	"regexp"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

func TestDurations(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0s": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "-1m": -time.Minute,
	} {
		if got, err := ParseDuration(s); got != want || err != nil {
			t.Errorf("%q is %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "60", "10 minutes", "1.5d", "d", "1d-1h", "1d+1h", "1h1d", "-1d", "9999999d", "999999d", "1w", "1d 1h"} {
		if got, err := ParseDuration(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestHours(t *testing.T) {
	const h = time.Hour
	for s, want := range map[string]presence.Span{
		"06:00-22:00": {From: 6 * h, To: 22 * h}, "00:00-24:00": {From: 0, To: 24 * h},
		"6:00 - 22:30": {From: 6 * h, To: 22*h + 30*time.Minute}, "22:00-06:00": {From: 22 * h, To: 6 * h},
	} {
		if got, err := hours(s); got != want || err != nil {
			t.Errorf("%q is %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "06:00", "6-22", "06:00-22:60", "06:00-24:01", "24:00-06:00", "09:00-09:00", "-", "006:00-22:00", "06:0-22:00", "+6:00-22:00"} {
		if got, err := hours(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

// TestRewritesTakeOnlyWhatIsThere: what a match does not have would be empty,
// and the user somebody else.
func TestRewritesTakeOnlyWhatIsThere(t *testing.T) {
	match := regexp.MustCompile(`^(a)(?P<who>b)$`)
	for user, good := range map[string]bool{
		"$1@x": true, "${1}x@x": true, "$who@x": true, "${who}@x": true, "$0": true, "$$1@x": true, "x@x": true,
		"$3@x": false, "$1x@x": false, "${whom}@x": false, "$who_@x": false,
	} {
		if err := expands(match, user); (err == nil) != good {
			t.Errorf("%q is %v", user, err)
		}
	}
}
