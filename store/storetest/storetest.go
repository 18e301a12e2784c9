// Package storetest says what a [presence.Store] has to do: tests that every engine
// runs, as every double does. They look at it from outside alone, through the interface.
package storetest

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/presenced/presenced/presence"
)

// Meanwhile is what an engine may go through at any time without anybody noticing: a
// restart, a kill, its housekeeping.
type Meanwhile struct {
	Name string
	Do   func(presence.Store) (presence.Store, error) // returns the store to go on with, and closes the other
}

// Run holds a store to its contract. open returns a new one that holds nothing; if it is
// an [io.Closer], it is closed in the end.
func Run(t *testing.T, open func(testing.TB) presence.Store, meanwhile ...Meanwhile) {
	t.Run("TheStoreIsWhatMapsWouldBe", func(t *testing.T) { model(t, open, meanwhile) })
	for name, holds := range contract {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			defer end(t, s)
			holds(t, s)
		})
	}
}

func end(t testing.TB, s presence.Store) {
	if c, ok := s.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// put makes a change that leaves of the person what f makes of it.
func put(user string, f func(*presence.Person)) presence.Change {
	return presence.Change{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome { f(p); return presence.Outcome{} }}
}

// archive makes a change that archives visits.
func archive(user string, visits ...presence.Visit) presence.Change {
	return presence.Change{User: user, Apply: func(*presence.Person, [][]byte) presence.Outcome {
		return presence.Outcome{Archived: visits}
	}}
}

// tell makes a change that adds a line to the person's story, so that there is
// something to remember.
func tell(user, text string) presence.Change {
	return put(user, func(p *presence.Person) {
		p.Devices = append(p.Devices, presence.Device{Last: monday, ID: text})
	})
}

func update(t testing.TB, s presence.Store, changes ...presence.Change) {
	t.Helper()
	if err := s.Update(context.Background(), changes); err != nil {
		t.Fatal(err)
	}
}

// same reports how got differs from want.
func same[T any](t testing.TB, got, want T) {
	t.Helper()
	if diff := unlike(got, want); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func unlike[T any](got, want T) string {
	return gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(presence.Person{}, presence.Facts{}, presence.Outlook{}))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprint("the store: ", err))
	}
	return v
}
