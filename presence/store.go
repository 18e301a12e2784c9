package presence

import (
	"context"
	"time"
)

// Store keeps people, notes and history. Everything that it acknowledges is
// durable. It may be one process's file, or an engine that several share: nothing
// here asks for more than an atomic compare-and-swap of a few documents. Package
// store/storetest holds what is said here.
type Store interface {
	// Update makes the changes, and returns nil when all of them are durable. They are
	// made in order: each finds what those before it left of its person and its notes.
	// Each is atomic: its person and what is archived of them are written together, and its
	// notes with them or after, never before. A change that panics is an error, and
	// nothing of it is written.
	//
	// After an error, any of the changes may have been made, each of them whole: whoever
	// called makes them again, or bears it. When all are durable, Update calls
	// Outcome.Then of each, in order, before it returns; after an error it calls none.
	Update(ctx context.Context, changes []Change) error

	// Person returns all that is remembered about the user; a person who is not
	// remembered has only a User.
	Person(ctx context.Context, user string) (Person, error)

	// Persons returns what is remembered about the users, in their order, as one
	// reading, without Past and Story: what is stored apart.
	Persons(ctx context.Context, users []string) ([]Person, error)

	// People returns up to limit people with user > after, in order, as Persons does.
	People(ctx context.Context, after string, limit int) ([]Person, error)

	// Due returns up to limit users whose Wake (or NextErrand) is not after by, soonest
	// first, and when to ask again: no later than the earliest such moment of anybody
	// not returned; zero if there is none. It may name a user too early, and never too
	// late; but not twice: it puts right what it goes by. A store that several daemons
	// share names a moment or two late whom another of them wrote last: that one comes
	// for them, if it is still there.
	Due(ctx context.Context, q Queue, by time.Time, limit int) (users []string, next time.Time, err error)

	// NewlyDue returns, of those whom Due names for errands, whom it has not named before, and
	// whoever was written by this process since it named them, due or not: whoever asks
	// remembers the others. If anew is set, nobody is remembered, and it names everybody. It
	// keeps no order, and may name somebody again, or too early: then next is not after their
	// moment, and they are named once more. What it costs goes by whom it names. There is one
	// who asks in a process.
	NewlyDue(ctx context.Context, by time.Time, limit int, anew bool) (users []string, next time.Time, err error)

	// Note returns a note's value, nil if there is none.
	Note(ctx context.Context, kind, key string) ([]byte, error)

	// NotesOf returns the values of the notes of a kind, in the order of the keys, as
	// one reading; nil where there is none.
	NotesOf(ctx context.Context, kind string, keys []string) ([][]byte, error)

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

// Change changes one person, notes, or both. Apply is a function of what is stored: of
// the person and of the values of the notes that it reads, nil where there is none. It
// may run more than once, and each time on another state, because somebody else wrote
// first; only the last run counts. So it touches nothing but the person: whatever else
// follows is in what it returns. A person that is left with no facts, devices, visits
// and story is not stored any longer.
//
// What is stored apart of the person is not read: Past and Story are empty, and what Apply
// leaves in them comes to what is stored. If Apply asks for it by [Person.Want], what it
// did is thrown away, and it runs again with it: see [Person.Wants], [Person.Join] and
// [Person.Recall]. Of facts in Past those stay that have a place in Person.Over; of a story
// that was read, the lines that Apply left.
type Change struct {
	User  string    // "": it is about notes alone, and Apply gets no person
	Reads []NoteKey // notes that Apply reads
	Apply func(p *Person, notes [][]byte) Outcome
}

// Outcome is what came of a change beside what it made of the person.
type Outcome struct {
	Archived []Visit // taken out of the person because nothing is left to do on them: they enter the history
	Notes    []Note  // to be written
	Then     func()  // what follows outside the store once the change is durable; nil: nothing
}

// Note is a small named document beside the people: the desk's user ids, what
// is known of a NAS, which user a device was last seen with. A nil Value erases.
type Note struct {
	Kind, Key string
	Value     []byte
}

// NoteKey names a note.
type NoteKey struct{ Kind, Key string }

// WriteNotes returns the change that writes the notes, whatever they were before.
func WriteNotes(notes ...Note) Change {
	return Change{Apply: func(*Person, [][]byte) Outcome { return Outcome{Notes: notes} }}
}

// Queue names one of the two moments at which a person has to be looked at.
type Queue uint8

// The queues.
const (
	Wakes   Queue = iota // Person.Wake: the tracker's
	Errands              // Person.NextErrand: the courier's
)
