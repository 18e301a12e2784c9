package presence

import (
	"slices"
	"time"
)

// The lines of a person's story.

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

// tell adds a line to the story, once.
func (p *Person) tell(at time.Time, kind EntryKind, text string) {
	e := Entry{At: at, Kind: kind, Text: text}
	if slices.ContainsFunc(p.Story, func(o Entry) bool { return o.At.Equal(at) && o.Kind == kind && o.Text == text }) {
		return
	}
	p.Story = append(p.Story, e)
	if n := len(p.Story); n > maxStory {
		p.Story = slices.Delete(p.Story, 0, n-maxStory)
	}
}
