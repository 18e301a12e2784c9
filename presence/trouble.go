package presence

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// What an engine that several daemons share may do at any time, by chance, for tests.

// Troubles are how probable each kind of trouble is; 0: there is none of it.
type Troubles struct {
	Conflicts float64       // somebody else writes first, so that a change runs on another state before it runs on the stored one
	Losses    float64       // the answer to what was written is lost, so that the change runs again, on what it has made
	GivesUp   float64       // everything was made, and the answer is an error
	Hints     float64       // a queue names somebody too early
	Delays    float64       // an answer takes its time …
	Slow      time.Duration // … up to this
}

// UsualTroubles are those that an engine gets over: nobody learns of them, and what comes of
// anything is the same.
var UsualTroubles = Troubles{Conflicts: 0.1, Losses: 0.1, Hints: 0.1}

// ErrGaveUp is the error of a store in trouble, after it made what was asked.
var ErrGaveUp = errors.New("the engine gave up: nobody knows what was made")

// trouble is what befalls one daemon's store.
type trouble struct {
	of Troubles
	mu sync.Mutex // guards r
	r  *rand.Rand // nil: nothing does
}

func (t *trouble) by(chance float64) bool {
	if chance == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.r.Float64() < chance
}

func (t *trouble) conflicts() bool { return t.by(t.of.Conflicts) }
func (t *trouble) loses() bool     { return t.by(t.of.Losses) }
func (t *trouble) hints() bool     { return t.by(t.of.Hints) }

// end returns what the answer is to what was made.
func (t *trouble) end() error {
	if t.by(t.of.GivesUp) {
		return ErrGaveUp
	}
	return nil
}

// wait lets an answer take its time.
func (t *trouble) wait() {
	if t.of.Slow == 0 || !t.by(t.of.Delays) {
		return
	}
	t.mu.Lock()
	slow := time.Duration(t.r.Int64N(int64(t.of.Slow)))
	t.mu.Unlock()
	time.Sleep(slow)
}
