package store

import (
	"fmt"
	"testing"
)

// Who is kept is bounded by what is counted for them, and who is not stored as
// it is there is not kept.
func TestRecentIsCounted(t *testing.T) {
	const each = recentMost / 100
	r := recent{people: map[string]*document{}}
	counted := func(when string) {
		t.Helper()
		sum := 0
		for _, d := range r.people {
			sum += d.kept
		}
		if r.size != sum || r.size > recentMost {
			t.Errorf("%s: %d octets of %d people are counted as %d, of %d at the most", when, sum, len(r.people), r.size, recentMost)
		}
	}
	take := func(user string, octets int, done bool) {
		d := r.people[user]
		if d == nil {
			d = &document{}
		}
		d.written, d.stored = true, make([]byte, octets)
		r.take(&update{loaded: map[string]*document{user: d}}, done)
	}
	most := 0
	for i := range 250 {
		take(fmt.Sprint(i), each, true)
		counted("another")
		most = max(most, len(r.people))
	}
	if most < 99 || len(r.people) == 250 {
		t.Errorf("%d people were kept, and %d are", most, len(r.people))
	}
	take("249", 2*each, true)
	counted("grown")
	if r.people["249"] == nil {
		t.Error("who was written again is not kept")
	}
	take("249", each, false)
	counted("failed")
	if r.people["249"] != nil {
		t.Error("what failed to be stored is kept")
	}
	take("248", each, true)
	r.people["248"].stored = nil
	r.take(&update{loaded: map[string]*document{"248": r.people["248"]}}, true)
	counted("erased")
	if r.people["248"] != nil {
		t.Error("who was erased is kept")
	}
}

// Likewise of notes.
func TestRecentNotesAreCounted(t *testing.T) {
	const each = recentNotes / 100
	r := recent{notes: map[string][]byte{}}
	take := func(key string, was, is []byte, done bool) {
		t.Helper()
		r.take(&update{noted: map[string]*note{key: {was, is}}}, done)
		sum := 0
		for key, value := range r.notes {
			sum += noteCosts + len(key) + len(value)
		}
		if r.noted != sum || sum > recentNotes {
			t.Errorf("%d octets of %d notes are counted as %d, of %d at the most", sum, len(r.notes), r.noted, recentNotes)
		}
	}
	kept := func(key string) bool {
		_, is := r.notes[key]
		return is
	}
	most := 0
	for i := range 250 {
		take(fmt.Sprint(i), nil, make([]byte, each), true)
		most = max(most, len(r.notes))
	}
	if most < 95 || len(r.notes) == 250 {
		t.Errorf("%d notes were kept, and %d are", most, len(r.notes))
	}
	take("249", nil, make([]byte, each), false)
	if kept("249") {
		t.Error("what failed to be stored is kept")
	}
	take("none", nil, nil, true)
	if !kept("none") {
		t.Error("that there is no such note is not kept")
	}
	take("248", make([]byte, each), nil, true)
	if kept("248") {
		t.Error("the key of what was erased is kept")
	}
}
