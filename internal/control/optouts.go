package control

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/presenced/presenced/presence"
)

// OptOut is one of those who opted out at presenced itself: of them, their names are not
// known.
type OptOut struct {
	Since Time `json:"since"`
}

// Resting is one row of `presenced not-today`: somebody for whom nothing is done until the
// day turns.
type Resting struct {
	User  string `json:"user"`
	Asked Time   `json:"asked"`
	Until Time   `json:"until"`
}

// OptOuts yields those who opted out at presenced itself, as they did.
func (l Listings) OptOuts(ctx context.Context) iter.Seq2[OptOut, error] {
	return func(yield func(OptOut, error) bool) {
		_, when, err := presence.OptOuts(ctx, l.Store)
		if err != nil {
			yield(OptOut{}, err)
			return
		}
		for _, at := range slices.SortedFunc(maps.Values(when), time.Time.Compare) {
			if !yield(OptOut{Time{at}}, nil) {
				return
			}
		}
	}
}

// OptedOut reports whether somebody who goes by one of the names opted out at presenced
// itself.
func (l Listings) OptedOut(ctx context.Context, names ...string) (bool, error) {
	key, when, err := presence.OptOuts(ctx, l.Store)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(names, func(name string) bool { return !when[presence.HashName(key, name)].IsZero() }), nil
}

// Resting yields for whom nothing is done until the day turns, as they asked.
func (l Listings) Resting(ctx context.Context) iter.Seq2[Resting, error] {
	return func(yield func(Resting, error) bool) {
		var rows []Resting
		now := time.Now()
		err := presence.Resting(ctx, l.Store, now, func(user string, asked time.Time) {
			if until := l.restsUntil("", asked, now); !until.IsZero() {
				rows = append(rows, Resting{user, Time{asked}, Time{until}})
			}
		})
		if err != nil {
			yield(Resting{}, err)
			return
		}
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// restsUntil is [presence.Rules.RestsUntil] at the site, or at the one where it holds the
// longest.
func (l Listings) restsUntil(site string, asked, now time.Time) (until time.Time) {
	rules := l.Rules()
	if site != "" {
		return rules.RestsUntil(site, asked, now)
	}
	for name := range rules.Sites {
		if at := rules.RestsUntil(name, asked, now); at.After(until) {
			until = at
		}
	}
	return until
}

// unknown is the error that nothing is remembered of the user, and why, if they are not to
// be tracked.
func (l Listings) unknown(ctx context.Context, user string) error {
	why := ""
	if l.Names.Barred != nil {
		why = l.Names.Barred(user)
	} else if out, err := l.OptedOut(ctx, user); err == nil && out {
		why = "opted out at presenced itself"
	}
	if why != "" {
		return fmt.Errorf("%s: %w: %s", user, ErrUnknown, why)
	}
	return fmt.Errorf("%s: %w", user, ErrUnknown)
}

// own are the routes by which people are opted out, and in, and left alone for a day.
func (s *Server) own(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/opt-outs", func(w http.ResponseWriter, r *http.Request) { array(w, s.Listings.OptOuts(r.Context())) })
	mux.HandleFunc("GET /v1/opted-out", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		out, err := s.Listings.OptedOut(r.Context(), r.Form["name"]...)
		object(w, out, err)
	})
	mux.HandleFunc("GET /v1/resting", s.reads("who asked for not today", func(w http.ResponseWriter, r *http.Request) {
		array(w, s.Listings.Resting(r.Context()))
	}))
	mux.HandleFunc("POST /v1/people/{user}/opt-out", func(w http.ResponseWriter, r *http.Request) {
		s.order(w, r, "opt a person out", struct{}{}, s.OptOut(r.Context(), r.PathValue("user")))
	})
	mux.HandleFunc("POST /v1/people/{user}/opt-in", func(w http.ResponseWriter, r *http.Request) {
		s.order(w, r, "opt a person in", struct{}{}, s.OptIn(r.Context(), r.PathValue("user")))
	})
	mux.HandleFunc("POST /v1/people/{user}/not-today", func(w http.ResponseWriter, r *http.Request) {
		order := map[bool]string{false: "not today, for a person", true: "today after all, for a person"}[yes(r, "undo")]
		s.order(w, r, order, struct{}{}, s.NotToday(r.Context(), r.PathValue("user"), yes(r, "undo")))
	})
}

// OptOuts yields what [Listings.OptOuts] does.
func (r *Remote) OptOuts(ctx context.Context) iter.Seq2[OptOut, error] {
	return rows[OptOut](ctx, r, "/v1/opt-outs", nil)
}

// OptedOut returns what [Listings.OptedOut] does.
func (r *Remote) OptedOut(ctx context.Context, names ...string) (out bool, err error) {
	return out, r.object(ctx, http.MethodGet, "/v1/opted-out", url.Values{"name": names}, &out)
}

// Resting yields what [Listings.Resting] does.
func (r *Remote) Resting(ctx context.Context) iter.Seq2[Resting, error] {
	return rows[Resting](ctx, r, "/v1/resting", nil)
}

// OptOut has nothing recorded of whom the name leads to any more, and what was erased.
func (r *Remote) OptOut(ctx context.Context, name string) error {
	return r.object(ctx, http.MethodPost, "/v1/people/"+url.PathEscape(name)+"/opt-out", nil, nil)
}

// OptIn takes back what [Remote.OptOut] did.
func (r *Remote) OptIn(ctx context.Context, name string) error {
	return r.object(ctx, http.MethodPost, "/v1/people/"+url.PathEscape(name)+"/opt-in", nil, nil)
}

// NotToday has nothing done for whom the name leads to until the day turns where they are,
// or takes that back.
func (r *Remote) NotToday(ctx context.Context, name string, undo bool) error {
	return r.object(ctx, http.MethodPost, "/v1/people/"+url.PathEscape(name)+"/not-today", url.Values{"undo": {strconv.FormatBool(undo)}}, nil)
}
