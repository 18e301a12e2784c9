package store

import (
	"fmt"
	"time"

	"github.com/presenced/presenced/presence"
)

// Document is a person as every engine stores them, with the moments at which the queues
// name them. A queue may name a person too early, never too late, so a moment that
// moves later costs no write: it is put right when the person is due.
type Document struct {
	presence.Person
	Queued [len(queues)]time.Time // by queue; zero: it does not name them
}

// document is a Document as it is in the file.
type document struct {
	Document
	stored  []byte // nil: not stored; if it is not written, valid as long as the transaction
	written bool
	kept    int       // octets that recent.size counts for it
	changed bool      // by the update
	keys    []uint32  // of the facts that are stored apart
	told    bool      // lines are stored
	was     time.Time // when its errand was queued before the update
}

// recent holds people that were written and notes that were read or written lately, so
// that who is written again is neither looked up nor decoded. What is in it is as it is
// stored.
type recent struct {
	people map[string]*document
	notes  map[string][]byte // by their keys; nil: there is none
	size   int               // octets of people as they are stored; in memory they are several times as large
	noted  int               // octets of notes
}

const (
	recentMost  = 32 << 20
	recentNotes = 8 << 20
	noteCosts   = 128 // octets, beside the note's own
)

// take takes in what an update read and wrote, if it is done, and forgets what it
// touched if it is not.
func (r *recent) take(u *update, done bool) {
	for user, d := range u.loaded {
		r.size -= d.kept // more than nothing if it is in people
		switch {
		case !done || !d.written || d.stored == nil:
			delete(r.people, user)
			continue
		case d.kept == 0:
			r.people[user] = d
		}
		d.kept = len(d.stored)
		r.size += d.kept
	}
	if r.size > recentMost {
		r.size = 0
		clear(r.people)
	}
	for key, n := range u.noted {
		was, had := r.notes[key]
		if had {
			r.noted -= noteCosts + len(key) + len(was)
			delete(r.notes, key)
		}
		if done && (n.is != nil || n.was == nil) { // of what was erased nothing stays
			r.notes[key] = n.is
			r.noted += noteCosts + len(key) + len(n.is)
		}
	}
	if r.noted > recentNotes {
		r.noted = 0
		clear(r.notes)
	}
}

func decode(user string, data []byte) (*document, error) {
	is, err := Decode(user, data)
	if err != nil {
		return nil, err
	}
	return &document{Document: is, stored: data}, nil
}

// Decode returns what was encoded of the user; of nil, that nobody is stored.
func Decode(user string, data []byte) (d Document, err error) {
	if data != nil {
		r := newReader(string(data))
		for q := range d.Queued {
			d.Queued[q] = r.time()
		}
		readPerson(r, &d.Person)
		if err := r.end(); err != nil {
			return Document{}, fmt.Errorf("decode %q: %w", user, err)
		}
	}
	d.User = user
	d.Opened()
	return d, nil
}

// note notes what is stored apart.
func (d *document) note() { d.told, d.keys = d.Told.Lines > 0, d.Keys() }

// Keys returns the keys of the facts that are stored apart, as those of [PastKey].
func (d *Document) Keys() (all []uint32) {
	for i := range d.Over {
		for _, is := range d.Over[i].Of {
			all = append(all, is.Key)
		}
	}
	return all
}

// Encode appends the document, without the user, which is its key, and without what is
// stored apart.
func (d *Document) Encode(b []byte) []byte {
	b = append(b, codecVersion)
	for _, at := range d.Queued {
		b = appendTime(b, at)
	}
	return appendPerson(b, &d.Person)
}

// Moment returns the moment that the queue is to name the person at; zero for none.
func (d *Document) Moment(q presence.Queue) time.Time {
	return [...]time.Time{presence.Wakes: d.Wake, presence.Errands: d.NextErrand}[q]
}

// empty reports whether there is nothing to remember.
func (d *document) empty() bool {
	return d.Unknown()
}

// EncodeVisit returns a settled visit as it is stored.
func EncodeVisit(v *presence.Visit) []byte {
	return appendVisit([]byte{codecVersion}, v)
}

// DecodeVisit returns the visit that was encoded.
func DecodeVisit(data []byte) (v presence.Visit, err error) {
	r := newReader(string(data))
	readVisit(r, &v)
	if err := r.end(); err != nil {
		return v, fmt.Errorf("decode a visit of %q: %w", v.User, err)
	}
	return v, nil
}

// Codec packs people as they are stored, with their stories. It is for one goroutine.
type Codec struct{ room room }

var _ presence.Codec = (*Codec)(nil)

// Pack appends the person.
func (*Codec) Pack(to []byte, p *presence.Person) []byte {
	return appendList(appendPerson(append(to, codecVersion), p), p.Story, appendEntry)
}

// Unpack returns the person of that user; the one that it returned before is no longer
// valid. An error means that the person was not packed by this version.
func (c *Codec) Unpack(user, packed string) (presence.Person, error) {
	c.room.facts, c.room.marks = c.room.facts[:0], c.room.marks[:0]
	p, r := presence.Person{User: user}, newReader(packed)
	r.room = &c.room
	readPerson(r, &p)
	p.Story = readList(r, leastEntry, readEntry)
	if err := r.end(); err != nil {
		return p, fmt.Errorf("unpack %q: %w", user, err)
	}
	return p, nil
}
