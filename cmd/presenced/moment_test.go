package main

import (
	"testing"
	"time"
)

// TestTimesAreToldAsAPersonTellsThem asks on a Thursday in London, four days after
// the clocks went back there.
func TestTimesAreToldAsAPersonTellsThem(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 10, 29, 14, 5, 0, 0, london)
	for text, want := range map[string][2]string{
		"90m":                  {"2026-10-29T12:35:00Z", "2026-10-29T12:35:00Z"},
		"3d":                   {"2026-10-26T14:05:00Z", "2026-10-26T14:05:00Z"},
		"1d12h":                {"2026-10-28T02:05:00Z", "2026-10-28T02:05:00Z"},
		"0s":                   {"2026-10-29T14:05:00Z", "2026-10-29T14:05:00Z"},
		"today":                {"2026-10-29T00:00:00Z", "2026-10-30T00:00:00Z"},
		"Yesterday":            {"2026-10-28T00:00:00Z", "2026-10-29T00:00:00Z"},
		"thursday":             {"2026-10-29T00:00:00Z", "2026-10-30T00:00:00Z"}, // which is today
		"fri":                  {"2026-10-23T00:00:00+01:00", "2026-10-24T00:00:00+01:00"},
		"Sunday":               {"2026-10-25T00:00:00+01:00", "2026-10-26T00:00:00Z"}, // of 25 hours
		"2026-10-25":           {"2026-10-25T00:00:00+01:00", "2026-10-26T00:00:00Z"},
		"2026-10-24 08:30":     {"2026-10-24T08:30:00+01:00", "2026-10-24T08:30:00+01:00"},
		"2026-10-24T08:30":     {"2026-10-24T08:30:00+01:00", "2026-10-24T08:30:00+01:00"},
		"2026-10-24 08:30:15":  {"2026-10-24T08:30:15+01:00", "2026-10-24T08:30:15+01:00"},
		"2026-10-24T08:00:00Z": {"2026-10-24T08:00:00Z", "2026-10-24T08:00:00Z"},
	} {
		from, to, err := moment(text, now)
		if got := [2]string{from.Format(time.RFC3339), to.Format(time.RFC3339)}; err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "tomorrow", "-3h", "someday", "2026-13-01", "3", "mo"} {
		if from, _, err := moment(text, now); err == nil {
			t.Errorf("%q is taken for %s", text, from)
		}
	}
}
