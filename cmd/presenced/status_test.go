package main

import (
	"testing"
	"time"
)

// TestSkewIsWrittenToBeRead: to the second, and a clock that was never set is
// not so many hours behind.
func TestSkewIsWrittenToBeRead(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                      "",
		300 * time.Millisecond: "",
		-1234567890123:         "-20m35s",
		90 * time.Minute:       "1h30m0s",
		-(283819*time.Hour + 12*time.Minute + 52*time.Second): "clock not set",
		400 * 24 * time.Hour: "clock not set",
	} {
		if got := skew(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
