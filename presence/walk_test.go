package presence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// shelf is a store of notes and people that fails from one read on.
type shelf struct {
	keys    []string
	failing int // which read fails, from 1; 0: none
	reads   int
	largest int
}

var errShelf = errors.New("no such shelf")

func (s *shelf) read(after string, limit int) ([]string, error) {
	if s.reads++; s.reads == s.failing {
		return nil, errShelf
	}
	from, found := slices.BinarySearch(s.keys, after)
	if found {
		from++
	}
	s.largest = max(s.largest, limit)
	return s.keys[from:min(len(s.keys), from+limit)], nil
}

func (s *shelf) People(_ context.Context, after string, limit int) (people []Person, err error) {
	keys, err := s.read(after, limit)
	for _, key := range keys {
		people = append(people, Person{User: key})
	}
	return people, err
}

func (s *shelf) Notes(_ context.Context, kind, after string, limit int) (notes []Note, err error) {
	keys, err := s.read(after, limit)
	for _, key := range keys {
		notes = append(notes, Note{Kind: kind, Key: key})
	}
	return notes, err
}

func shelfOf(n int) *shelf {
	s := &shelf{}
	for i := range n {
		s.keys = append(s.keys, fmt.Sprintf("%06d", i))
	}
	return s
}

// TestAWalkMeetsEverybodyOnce: however many there are, and whatever is made of
// a page by who was given it.
func TestAWalkMeetsEverybodyOnce(t *testing.T) {
	for _, n := range []int{0, 1, walkPage - 1, walkPage, walkPage + 1, 3*walkPage + 7} {
		s := shelfOf(n)
		var people, notes []string
		for page, err := range Everybody(t.Context(), s, "") {
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page {
				people = append(people, p.User)
			}
			clear(page)
		}
		for page, err := range AllNotes(t.Context(), s, devices) {
			if err != nil {
				t.Fatal(err)
			}
			for _, note := range page {
				if note.Kind != devices {
					t.Fatalf("a note of kind %q", note.Kind)
				}
				notes = append(notes, note.Key)
			}
			clear(page)
		}
		if !slices.Equal(people, s.keys) || !slices.Equal(notes, s.keys) {
			t.Errorf("of %d, %d people and %d notes were met", n, len(people), len(notes))
		}
		if s.largest > walkPage {
			t.Errorf("a read took %d", s.largest)
		}
	}
}

func TestAWalkBeginsAfterSomebody(t *testing.T) {
	s := shelfOf(walkPage + 10)
	for page, err := range Everybody(t.Context(), s, s.keys[walkPage+7]) {
		if err != nil || len(page) != 2 || page[0].User != s.keys[walkPage+8] {
			t.Errorf("%d people: %v", len(page), err)
		}
	}
	if s.reads != 2 {
		t.Errorf("%d reads", s.reads)
	}
}

// TestAWalkEndsAtAnError, and reads no further than it is followed.
func TestAWalkEndsAtAnError(t *testing.T) {
	s := shelfOf(3 * walkPage)
	s.failing = 2
	met, faults := 0, 0
	for page, err := range Everybody(t.Context(), s, "") {
		if met += len(page); err != nil {
			if faults++; !errors.Is(err, errShelf) {
				t.Error(err)
			}
		}
	}
	if met != walkPage || faults != 1 || s.reads != 2 {
		t.Errorf("%d people and %d errors of %d reads", met, faults, s.reads)
	}
	s = shelfOf(3 * walkPage)
	for range Everybody(t.Context(), s, "") {
		break
	}
	if s.reads != 1 {
		t.Errorf("%d reads for one page", s.reads)
	}
}
