// Package control shows an operator what presenced holds, and takes orders: rows
// read from a store, an HTTP server with them on a unix socket, and its one
// typed client. A row is the same whether the daemon served it or the file was
// read while no daemon ran, and no read holds the store for longer than one page.
package control

import (
	"encoding/json"
	"time"
)

// Time is a moment in JSON: RFC 3339 in UTC, or null if there is none.
type Time struct{ time.Time }

// MarshalJSON implements [json.Marshaler].
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC())
}

// Duration is a duration in JSON: as Go writes it, "" for none.
type Duration time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// String returns d as Go writes it, "" for none.
func (d Duration) String() string {
	if d == 0 {
		return ""
	}
	return time.Duration(d).String()
}
