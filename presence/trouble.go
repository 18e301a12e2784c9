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
	mu sync.Mutex // guards what follows
	of Troubles
	r  *rand.Rand // nil: nothing does
}

// begin has these troubles befall it from now on.
func (t *trouble) begin(seed uint64, of Troubles) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of, t.r = of, rand.New(rand.NewPCG(seed, 0x7206b1e))
}

func (t *trouble) by(chance func(*Troubles) float64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	probable := chance(&t.of)
	return probable > 0 && t.r.Float64() < probable
}

func (t *trouble) conflicts() bool { return t.by(func(of *Troubles) float64 { return of.Conflicts }) }
func (t *trouble) loses() bool     { return t.by(func(of *Troubles) float64 { return of.Losses }) }
func (t *trouble) hints() bool     { return t.by(func(of *Troubles) float64 { return of.Hints }) }

// end returns what the answer is to what was made.
func (t *trouble) end() error {
	if t.by(func(of *Troubles) float64 { return of.GivesUp }) {
		return ErrGaveUp
	}
	return nil
}

// wait lets an answer take its time.
func (t *trouble) wait() {
	var slow time.Duration
	if t.by(func(of *Troubles) float64 { return of.Delays }) {
		t.mu.Lock()
		if t.of.Slow > 0 {
			slow = time.Duration(t.r.Int64N(int64(t.of.Slow)))
		}
		t.mu.Unlock()
	}
	time.Sleep(slow)
}
