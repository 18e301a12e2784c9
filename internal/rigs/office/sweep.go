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

// Sweep runs the engine over the offices with each of the lingers, and
// prints what it would have come to, and what without lunch. Linger and lunch
// apart, the rules are the offices' own.
func Sweep(w io.Writer, offices []*Office, lingers []time.Duration, engine Engine) ([]Row, error) {
	var rows []Row
	for _, linger := range lingers {
		row := Row{Of: short(linger), Without: &Score{}}
		for _, o := range offices {
			for _, score := range []*Score{&row.Score, row.Without} {
				rules := o.Rules()
				rules.Linger = linger
				if score == row.Without {
					rules.Lunch = presence.Span{}
				}
				visits, err := engine(o, rules)
				if err != nil {
					return rows, fmt.Errorf("run the office of seed %d: %w", o.Seed, err)
				}
				score.Add(Compare(o.Truth, visits, rules))
			}
		}
		rows = append(rows, row)
	}
	return rows, Print(w, "linger", rows)
}
