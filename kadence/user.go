package kadence

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// userKind is the kind of note that keeps a user's id, by e-mail address.
const userKind = "kadence-user"

const (
	userKnown   = 12 * time.Hour // how long an id is believed
	userUnknown = 2 * time.Hour  // how long somebody is believed not to be a user
	userEmpty   = time.Hour      // how long an id is believed that has no bookings: it may be a deleted user's
)

// knownUser is what was found out about an address.
type knownUser struct {
	ID      string    `json:"id,omitempty"`      // empty: there is no such user
	Several bool      `json:"several,omitempty"` // … because there are several
	Found   time.Time `json:"found"`
}

// userID returns the id of the user with exactly this address, in whichever
// case. It returns [presence.ErrNoUser] if there is none, or more than one.
func (d *Desk) userID(ctx context.Context, email string) (knownUser, error) {
	email = presence.Fold(email)
	if !strings.Contains(email, "@") {
		return knownUser{}, presence.ErrNoUser // and not a question that everybody would be the answer to
	}
	known, err := d.notedUser(ctx, email)
	switch {
	case err != nil:
		return knownUser{}, err
	case known.ID != "":
		return known, nil
	case !known.Found.IsZero():
		return known, presence.ErrNoUser
	}
	known = knownUser{Found: time.Now()}
	ids, err := d.askUser(ctx, email)
	if err != nil {
		return knownUser{}, err
	}
	if known.Several = len(ids) > 1; len(ids) == 1 {
		known.ID = ids[0]
	}
	if err := d.remember(ctx, userKind, email, known); err != nil {
		return knownUser{}, err
	}
	switch len(ids) {
	case 1:
		return known, nil
	case 0:
		return known, presence.ErrNoUser
	}
	return known, fmt.Errorf("%w: %d users have the address", presence.ErrNoUser, len(ids))
}

// notedUser returns what is remembered of the address, and still believed; zero
// if that is nothing. It asks nobody.
func (d *Desk) notedUser(ctx context.Context, email string) (knownUser, error) {
	note, err := d.memory.Note(ctx, userKind, presence.Fold(email))
	if err != nil {
		return knownUser{}, fmt.Errorf("remember user: %w", err)
	}
	var known knownUser
	if json.Unmarshal(note, &known) != nil {
		return knownUser{}, nil
	}
	if !known.believed() {
		return knownUser{}, nil
	}
	return known, nil
}

func (k knownUser) believed() bool {
	if k.ID == "" {
		return time.Since(k.Found) < userUnknown
	}
	return time.Since(k.Found) < userKnown
}

// Notes is the part of [presence.Store] that Tidy uses.
type Notes interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]presence.Note, error)
	Update(ctx context.Context, changes []presence.Change, notes []presence.Note) error
}

// Tidy erases what was noted of users and is not believed any longer, so that
// nobody's address outlives them here. It needs no desk: there may be none any
// more.
func Tidy(ctx context.Context, store Notes) error {
	const page = 500
	for after := ""; ; {
		notes, err := store.Notes(ctx, userKind, after, page)
		if err != nil || len(notes) == 0 {
			return err
		}
		after = notes[len(notes)-1].Key
		notes = slices.DeleteFunc(notes, func(n presence.Note) bool {
			var known knownUser
			return json.Unmarshal(n.Value, &known) == nil && known.believed()
		})
		for i := range notes {
			notes[i].Value = nil
		}
		if len(notes) == 0 {
			continue
		}
		if err := store.Update(ctx, nil, notes); err != nil {
			return err
		}
	}
}

// forgetUser has the next look-up ask the API.
func (d *Desk) forgetUser(ctx context.Context, email string) error {
	note := presence.Note{Kind: userKind, Key: presence.Fold(email)}
	if err := d.memory.Update(ctx, nil, []presence.Note{note}); err != nil {
		return fmt.Errorf("forget user: %w", err)
	}
	return nil
}

func (d *Desk) remember(ctx context.Context, kind, key string, value any) error {
	b, err := json.Marshal(value)
	if err == nil {
		err = d.memory.Update(ctx, nil, []presence.Note{{Kind: kind, Key: key, Value: b}})
	}
	if err != nil {
		return fmt.Errorf("remember %s: %w", kind, err)
	}
	return nil
}

// askUser asks for the users with the address: by the exact filter first, and
// if that finds nobody by the partial one, which older servers know. Both
// answers are compared again: a server ignores a filter that it does not know
// and returns everybody, and one that it knows it may compare more freely than
// [presence.Fold] does. The address is folded.
func (d *Desk) askUser(ctx context.Context, email string) (ids []string, err error) {
	for _, filter := range []string{"emailExact", "email"} {
		query := url.Values{filter: {email}, "itemsPerPage": {"100"}}
		others := 0
		each := func(member json.RawMessage) {
			var user struct {
				ID    ref  `json:"id"`
				IRI   ref  `json:"@id"`
				Email text `json:"email"`
			}
			if json.Unmarshal(member, &user) != nil {
				return
			}
			if user.ID == "" {
				user.ID = user.IRI
			}
			if presence.Fold(string(user.Email)) != email || user.ID == "" {
				others++
				return
			}
			if !slices.Contains(ids, string(user.ID)) { // pages may overlap
				ids = append(ids, string(user.ID))
			}
		}
		r := request{route: "GET /v1/public/users", path: "/v1/public/users", query: query, urgency: reads}
		pages := maxPages
		if filter == "emailExact" {
			pages = 1 // more than a page of exact answers is no exact answer
		}
		whole, err := d.client.pages(ctx, r, pages, each)
		switch {
		case err != nil:
			return nil, err
		case len(ids) > 0:
			return ids, nil
		case filter == "email" && !whole:
			return nil, fmt.Errorf("%s: more than %d pages of users", r.route, maxPages)
		case others > 0 && filter == "emailExact" && d.once(filter):
			d.log.Warn("kadence ignores the filter emailExact: users are looked up by the partial one, and compared here")
		}
	}
	return nil, nil
}
