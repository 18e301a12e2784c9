package presence

import (
	"context"
	"iter"
	"slices"
)

// walkPage is how many people or notes one read of a walk takes: what is
// written meanwhile never waits for longer than that.
const walkPage = 500

// Everybody yields the people with user > after, in order, as many at once as
// one short read takes: nothing is open in the store while they are looked at,
// and they may be changed. It ends at the first error.
func Everybody(ctx context.Context, store interface {
	People(ctx context.Context, after string, limit int) ([]Person, error)
}, after string) iter.Seq2[[]Person, error] {
	return pages(after, func(p *Person) string { return p.User }, func(after string) ([]Person, error) {
		return store.People(ctx, after, walkPage)
	})
}

// the yields the users, as [Everybody] yields everybody.
func the(ctx context.Context, store Store, users []string) iter.Seq2[[]Person, error] {
	return func(yield func([]Person, error) bool) {
		for some := range slices.Chunk(users, walkPage) {
			if people, err := store.Persons(ctx, some); !yield(people, err) || err != nil {
				return
			}
		}
	}
}

// AllNotes yields the notes of a kind by key, as [Everybody] yields people.
func AllNotes(ctx context.Context, store interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)
}, kind string) iter.Seq2[[]Note, error] {
	return pages("", func(n *Note) string { return n.Key }, func(after string) ([]Note, error) {
		return store.Notes(ctx, kind, after, walkPage)
	})
}

// pages yields what read returns, each time after the last key of the time
// before, until there is no more or an error.
func pages[T any](after string, key func(*T) string, read func(after string) ([]T, error)) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for after := after; ; {
			page, err := read(after)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) == 0 {
				return
			}
			after = key(&page[len(page)-1]) // before the page is given away, and maybe overwritten
			if !yield(page, nil) {
				return
			}
		}
	}
}
