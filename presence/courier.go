package presence

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Courier carries visits to the desk. It works towards each visit's goal from
// the bookings as they are: while the visit is on, be checked in to every
// eligible booking of its time as it becomes due; once it is over, be checked
// out of those that we checked in. Every attempt is stored before it is made,
// and the booking is read before it is repeated, so that a crash at any moment
// neither loses nor repeats what took effect.
//
// rounds.go has its loop, plan.go says whom it looks at when, carry.go makes the
// calls, bookings.go says what the bookings ask for, health.go how the desk has been
// answering.
type Courier struct {
	// Restored is when the backup was made that was put in place of the store; zero if
	// none was. Who was in it may have left since, and is not checked in before they
	// are heard again. It is set before Run.
	Restored time.Time

	// Shared says that other daemons carry from the same store. It is set before Run.
	Shared bool

	// Rests reports whether no errand is to be run for the moment; nil: never. It is set
	// before Run.
	Rests func() bool

	store Store
	desk  Desk
	log   *slog.Logger
	rules atomic.Pointer[Rules]
	kick  chan struct{}
	anew  atomic.Bool // everybody who is due is to be read again

	mu        sync.Mutex // guards what follows
	health    Health
	sites     sites                // how the desk answered the calls of each
	questions map[string]question  // by user: those whom no reading of a building lists
	wanted    map[string]time.Time // by user: since when a question is to be asked when nothing is more urgent
	wonders   time.Time            // what questions that nothing depends on have used up of their share
	turns     map[string]time.Time // by site: … and looks at people without a booking of theirs
	alone     map[string]bool      // by user: who is not to be looked at together with others the next time
	passes    passes
	remarks   remarks
}

const (
	queueDepth  = 1 << 15          // due people among whom the most urgent is chosen
	callsAtOnce = 4                // calls under way at once
	callTime    = 90 * time.Second // for one person's calls; shorter than the lease
	sharedTime  = 30 * time.Second // … where several daemons share the store; shorter than sharedLease
	lookAgain   = time.Second      // how often errands are looked for that another daemon wrote
	stopTime    = 5 * time.Second  // for calls under way when the daemon stops
)

// NewCourier returns a courier that carries what is in the store to the desk.
func NewCourier(store Store, desk Desk, rules Rules, log *slog.Logger) *Courier {
	c := &Courier{store: store, desk: desk, log: log, kick: make(chan struct{}, 1), sites: newSites(), questions: map[string]question{},
		wanted: map[string]time.Time{}, turns: map[string]time.Time{}, alone: map[string]bool{},
		passes: passes{counts: map[string]*WalkInCount{}, days: map[string]*tally{}, nones: map[string]none{}}, remarks: newRemarks()}
	c.rules.Store(&rules)
	return c
}

// Reload makes rules count from now on.
func (c *Courier) Reload(rules Rules) {
	c.rules.Store(&rules)
	c.anew.Store(true)
	c.Kick()
}

// Kick makes the courier look for work now. It never blocks.
func (c *Courier) Kick() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// leases is for how long an errand is leased, and how long its calls may take.
func (c *Courier) leases() (leased, calls time.Duration) {
	if c.Shared {
		return sharedLease, sharedTime
	}
	return lease, callTime
}

// apart is how far this daemon's clock may be ahead of the one that stamped a visit.
func (c *Courier) apart() time.Duration {
	if c.Shared {
		return daemonsApart
	}
	return 0
}

// question is what the courier remembers of the questions about a user whom no
// reading of a building lists. The time between them grows.
type question struct {
	next   time.Time     // the next is not asked before this
	wait   time.Duration // the time between the latest two
	nobody bool          // the latest said that there is no such user
}
