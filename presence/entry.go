package presence

import (
	"cmp"
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
	if slices.ContainsFunc(p.Story, e.same) {
		return
	}
	p.Story = append(p.Story, e)
	p.shortenStory()
}

// shortenStory keeps the latest lines. If not all of them are there, it asks for them once
// there are half as many too many.
func (p *Person) shortenStory() {
	n := len(p.Story)
	switch {
	case p.apart.lacks&AllLines == 0 && n > maxStory:
		p.Story = slices.Delete(p.Story, 0, n-maxStory)
	case p.apart.lacks&AllLines != 0 && p.Told.Lines+n > maxStory+maxStory/2:
		p.Want(AllLines)
	}
}

// Told says what is stored of the story, apart from the person.
type Told struct {
	Lines int       `json:"lines,omitempty"` // no fewer than there are
	From  time.Time `json:"from,omitzero"`   // no later than the first
	To    time.Time `json:"to,omitzero"`     // when the latest was
}

func (t *Told) add(at time.Time) {
	t.Lines, t.From, t.To = t.Lines+1, earlier(t.From, at), later(t.To, at)
}

// Part leaves of the person what is read with every record, and returns what is to be
// stored apart from it: facts, of which those stay stored that have a stretch in Over,
// and lines. Of the lines, these are all if all is set, and else come to those that are
// stored.
func (p *Person) Part() (past []Facts, lines []Entry, all bool) {
	past, lines, all = p.Past, p.Story, p.apart.lacks&AllLines == 0
	if all {
		p.Told = Told{}
	}
	for i := range lines {
		p.Told.add(lines[i].At)
	}
	p.Past, p.Story = nil, nil
	p.Opened()
	return past, lines, all
}

// Recall adds the lines that are stored apart to those that came to them since.
func (p *Person) Recall(lines []Entry) {
	fresh := p.Story
	p.Story = slices.Clone(lines)
	for _, e := range fresh {
		if !slices.ContainsFunc(lines, e.same) {
			p.Story = append(p.Story, e)
		}
	}
	slices.SortStableFunc(p.Story, Entry.Compare)
	p.apart.lacks &^= AllLines
	p.apart.wants &^= AllLines
	p.shortenStory()
}

// Compare puts lines in the order in which they are told.
func (e Entry) Compare(o Entry) int {
	return cmp.Or(e.At.Compare(o.At), cmp.Compare(e.Kind.Rank(), o.Kind.Rank()), cmp.Compare(e.Hash(), o.Hash()))
}

// Rank says where lines of the kind stand among those of one moment.
func (k EntryKind) Rank() byte { return byte(slices.Index(entryKinds[:], k) + 1) }

var entryKinds = [...]EntryKind{Heard, Concluded, Done, NotDone}

// Hash tells lines of one moment and kind apart.
func (e *Entry) Hash() uint32 { return hash32(string(e.Kind) + "\x00" + e.Text) }

func (e Entry) same(o Entry) bool { return e.At.Equal(o.At) && e.Kind == o.Kind && e.Text == o.Text }
