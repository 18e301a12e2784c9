package office

import (
	"fmt"
	"io"
	"time"

	"github.com/presenced/presenced/presence"
)

// Lingers are the values of linger that an operator may ask about.
var Lingers = []time.Duration{
	15 * time.Minute, 30 * time.Minute, 45 * time.Minute, time.Hour, 75 * time.Minute, 90 * time.Minute, 2 * time.Hour,
}

// Engine hears an office's events, each at the time at which it arrives, and
// returns what it has concluded once the office is closed.
type Engine func(o *Office, rules presence.Rules) ([]Concluded, error)

// Sweep has the engine live through the offices with each of the lingers, and
// prints what it would have come to. Linger and settle apart, the rules are
// the offices' own.
func Sweep(w io.Writer, offices []*Office, lingers []time.Duration, engine Engine) ([]Row, error) {
	var rows []Row
	for _, linger := range lingers {
		row := Row{Of: short(linger)}
		for _, o := range offices {
			rules := o.Rules()
			rules.Linger = linger
			visits, err := engine(o, rules)
			if err != nil {
				return rows, fmt.Errorf("run the office of seed %d: %w", o.Seed, err)
			}
			row.Add(Compare(o.Truth, visits, rules))
		}
		rows = append(rows, row)
	}
	return rows, Print(w, "linger", rows)
}
