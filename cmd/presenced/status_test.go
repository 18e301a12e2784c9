package main

import (
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
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

// TestStatusTellsOfTLS: of accounting over it, if any is taken.
func TestStatusTellsOfTLS(t *testing.T) {
	s := control.Status{Clients: []control.Client{{Connections: 1}, {Connections: 2}}, Refused: 4}
	if got := overTLS(s); got != nil {
		t.Errorf("without a certificate of ours: %+v", got)
	}
	expires := control.Time{Time: time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)}
	s.Certificates = []control.Certificate{{Kind: "ca", Client: "aps"}, {Kind: "server", Expires: expires}}
	const want = "3 connections, 4 refused; presenced's own certificate is valid until 2027-03-04"
	if got := overTLS(s); len(got) != 1 || got[0].Text != want {
		t.Errorf("%+v, want %q", got, want)
	}
}
