package presence

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// What has happened is read from the store, and does not grow there.

// Events returns the events that began at since or later, oldest first.
func Events(ctx context.Context, store interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)
}, since time.Time) (all []Event, err error) {
	after := ""
	if !since.IsZero() {
		after = eventKey(since)
	}
	for notes, err := range pages(after, func(n *Note) string { return n.Key }, func(after string) ([]Note, error) {
		return store.Notes(ctx, eventKind, after, walkPage)
	}) {
		if err != nil {
			return nil, err
		}
		for _, n := range notes {
			var e Event
			if json.Unmarshal(n.Value, &e) == nil {
				all = append(all, e)
			}
		}
	}
	return all, nil
}

// TidyEvents erases the events that were over before the given time, and the oldest of
// more than are kept.
func TidyEvents(ctx context.Context, store interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)
	Update(ctx context.Context, changes []Change) error
}, before time.Time) error {
	all, err := Events(ctx, store, time.Time{})
	if err != nil {
		return err
	}
	var gone []Note
	for i := range all {
		if e := &all[i]; len(all)-i > mostEvents || !e.Lasts && later(e.Begin, e.End).Before(before) {
			gone = append(gone, Note{Kind: eventKind, Key: e.Note().Key})
		}
	}
	for some := range slices.Chunk(gone, walkPage) {
		if err := store.Update(ctx, []Change{WriteNotes(some...)}); err != nil {
			return err
		}
	}
	return nil
}
