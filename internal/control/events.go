package control

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/presenced/presenced/presence"
)

// Event is one row of `presenced events`: something that happened to the system.
type Event struct {
	Begin Time               `json:"begin"`
	End   Time               `json:"end"`   // null: it is of a moment, or lasts
	Lasts bool               `json:"lasts"` // it is not over
	Kind  presence.EventKind `json:"kind"`
	Of    string             `json:"of"` // a NAS, or how many; "" if it is of nothing in particular
	By    string             `json:"by"` // the account that did it; "" for nobody
	Text  string             `json:"text"`
}

// Events yields what happened to the system and was not over at since, by when it
// began.
func (l Listings) Events(ctx context.Context, since time.Time) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		all, err := presence.Events(ctx, l.Store, time.Time{})
		if err != nil {
			yield(Event{}, err)
			return
		}
		now := time.Now()
		for i := range all {
			e := &all[i]
			if e.Overlaps(since, now.Add(time.Hour), now) && !yield(Event{Time{e.Begin}, Time{e.End}, e.Lasts, e.Kind, e.Of, e.By, e.Text}, nil) {
				return
			}
		}
	}
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	from, _, err := span(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	array(w, s.Listings.Events(r.Context(), from))
}
