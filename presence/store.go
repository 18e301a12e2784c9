package presence

import (
	"context"
	"time"
)

// Store keeps people, notes and history. Everything that it acknowledges is
// durable. It may be a shared engine: nothing here asks for more than an
// atomic compare-and-swap of a few documents.
type Store interface {
	// Update applies the changes in order to the people they name, and
	// writes the notes, all or nothing, and returns when that is on disk.
	// A Change may run twice and must have no side effects.
	Update(ctx context.Context, changes []Change, notes []Note) error

	// Person returns what is remembered about the user; a person who is not
	// remembered has only a User.
	Person(ctx context.Context, user string) (Person, error)

	// People returns up to limit people with user > after, in order.
	People(ctx context.Context, after string, limit int) ([]Person, error)

	// Due returns up to limit users whose Wake (or NextErrand) is not after by,
	// soonest first, and the earliest such moment of anybody not returned
	// (zero if there is none). It may name a user too early or twice, never
	// too late.
	Due(ctx context.Context, q Queue, by time.Time, limit int) (users []string, next time.Time, err error)

	// Note returns a note's value, nil if there is none.
	Note(ctx context.Context, kind, key string) ([]byte, error)

	// Notes returns up to limit notes of a kind with key > after, in order.
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)

	// History returns archived visits that arrived in [from, to), oldest
	// first, at most limit; user "" means everybody's.
	History(ctx context.Context, user string, from, to time.Time, limit int) ([]Visit, error)

	// Forget erases the person, their history and the notes under their name,
	// from the disk too.
	Forget(ctx context.Context, user string) error

	// Prune erases history that arrived before the given time, in bounded
	// steps, and returns how many visits went. When it returns, nothing that
	// was erased before, from history, people or notes, is on disk any more.
	Prune(ctx context.Context, before time.Time) (int, error)
}

// Change changes one person: Apply is a function of the stored person. It returns
// the visits that it archived: removed from the person because nothing is left to
// do on them. They enter the history in the same transaction. A person that is left
// with no facts, devices, visits and story is not stored any longer.
type Change struct {
	User  string
	Apply func(*Person) (archived []Visit)
}

// Note is a small named document beside the people: the desk's user ids, what
// is known of a NAS, which user a device was last seen with. A nil Value erases.
type Note struct {
	Kind, Key string
	Value     []byte
}

// Queue names one of the two moments at which a person has to be looked at.
type Queue uint8

// The queues.
const (
	Wakes   Queue = iota // Person.Wake: the tracker's
	Errands              // Person.NextErrand: the courier's
)
