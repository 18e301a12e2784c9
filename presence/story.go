package presence

import "time"

// Entry is one line of a person's story.
type Entry struct {
	At   time.Time `json:"at"`
	Kind EntryKind `json:"kind"`
	Text string    `json:"text"`
}

// EntryKind says which kind of line an Entry is.
type EntryKind string

// The kinds of lines in a story.
const (
	Heard     EntryKind = "heard"
	Concluded EntryKind = "concluded"
	Done      EntryKind = "done"
	NotDone   EntryKind = "not done"
)
