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

	userMissed = 15 * time.Minute   // how long an id is believed that is not found any more
	userGone   = 24 * time.Hour     // how long it has to be missing to be a deleted user's: an empty answer may be a fault
	userKept   = 7 * 24 * time.Hour // how long an id is kept, so that its missing is noticed
)

// knownUser is what was found out about an address.
type knownUser struct {
	ID      string    `json:"id,omitempty"`      // empty: there is no such user
	Several bool      `json:"several,omitempty"` // … because there are several
	Invited bool      `json:"invited,omitempty"` // they have never signed in
	Found   time.Time `json:"found"`
	Missed  time.Time `json:"missed,omitzero"` // since when nobody is found, who has had the id
}

// userID returns the id of the user with exactly this address, in whichever
// case. It returns [presence.ErrNoUser] if there is none, or more than one.
func (d *Desk) userID(ctx context.Context, user string) (knownUser, error) {
	email := presence.Fold(user)
	if !strings.Contains(email, "@") {
		return knownUser{}, presence.ErrNoUser // and not a question that everybody would be the answer to
	}
	known, err := d.userNote(ctx, email)
	switch {
	case err != nil:
		return knownUser{}, err
	case !known.believed():
	case known.ID != "":
		return known, nil
	default:
		return known, presence.ErrNoUser
	}
	ids, invited, err := d.askUser(ctx, email)
	if err != nil {
		return knownUser{}, err
	}
	known = known.renew(ids, time.Now())
	known.Invited = invited
	if err := d.noteUser(ctx, user, known); err != nil {
		return knownUser{}, err
	}
	switch {
	case known.ID != "":
		return known, nil
	case !known.Several:
		return known, presence.ErrNoUser
	}
	return known, fmt.Errorf("%w: %d users have the address", presence.ErrNoUser, len(ids))
}

// renew returns what is known after the ids of an address were asked for. Who
// was known and is not found is believed to be gone only after a while.
func (k knownUser) renew(ids []string, now time.Time) knownUser {
	next := knownUser{Found: now}
	switch {
	case len(ids) == 1:
		next.ID = ids[0]
	case len(ids) > 1:
		next.Several = true
	case k.ID == "" || !k.Missed.IsZero() && now.Sub(k.Missed) >= userGone:
	case k.Missed.IsZero():
		next.ID, next.Missed = k.ID, now
	default:
		next.ID, next.Missed = k.ID, k.Missed
	}
	return next
}

// notedUser returns what is remembered of the address, and still believed; zero
// if that is nothing. It asks nobody.
func (d *Desk) notedUser(ctx context.Context, email string) (knownUser, error) {
	known, err := d.userNote(ctx, email)
	if err != nil || !known.believed() {
		return knownUser{}, err
	}
	return known, nil
}

// userNote returns what is remembered of the address, believed or not.
func (d *Desk) userNote(ctx context.Context, email string) (known knownUser, err error) {
	note, err := d.memory.Note(ctx, userKind, presence.Fold(email))
	if err != nil {
		return knownUser{}, fmt.Errorf("remember user: %w", err)
	}
	if json.Unmarshal(note, &known) != nil {
		return knownUser{}, nil
	}
	return known, nil
}

func (k knownUser) believed() bool {
	age := time.Since(k.Found)
	switch {
	case k.ID == "":
		return age < userUnknown
	case !k.Missed.IsZero():
		return age < userMissed
	}
	return age < userKnown
}

// kept reports whether what is known is of use yet.
func (k knownUser) kept() bool { return k.believed() || k.ID != "" && time.Since(k.Found) < userKept }

// Notes is the part of [presence.Store] that Tidy uses.
type Notes interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]presence.Note, error)
	Update(ctx context.Context, changes []presence.Change) error
}

// Tidy erases what was noted of users and is of no use any longer, so that
// nobody's address outlives them here. It needs no desk: there may be none any
// more.
func Tidy(ctx context.Context, store Notes) error {
	for notes, err := range presence.AllNotes(ctx, store, userKind) {
		if err != nil {
			return err
		}
		notes = slices.DeleteFunc(notes, func(n presence.Note) bool {
			var known knownUser
			return json.Unmarshal(n.Value, &known) == nil && known.kept()
		})
		for i := range notes {
			notes[i].Value = nil
		}
		if len(notes) == 0 {
			continue
		}
		if err := store.Update(ctx, []presence.Change{presence.WriteNotes(notes...)}); err != nil {
			return err
		}
	}
	return nil
}

// doubtUser makes the next look-up ask the API, without forgetting that there was
// a user.
func (d *Desk) doubtUser(ctx context.Context, user string) error {
	known, err := d.userNote(ctx, user)
	if err != nil || !known.believed() {
		return err
	}
	known.Found = time.Now().Add(-userKnown)
	return d.noteUser(ctx, user, known)
}

// noteUser remembers what was found out about the user's address. Whoever was forgotten
// while it was asked for stays forgotten.
func (d *Desk) noteUser(ctx context.Context, user string, known knownUser) error {
	value, err := json.Marshal(known)
	if err != nil {
		panic(err) // texts and times
	}
	err = d.memory.Update(ctx, []presence.Change{{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
		if p.Unknown() {
			return presence.Outcome{}
		}
		return presence.Outcome{Notes: []presence.Note{{Kind: userKind, Key: presence.Fold(user), Value: value}}}
	}}})
	if err != nil {
		return fmt.Errorf("remember user: %w", err)
	}
	return nil
}

// askUser asks for the users with the address: by the exact filter first, and
// if that finds nobody by the partial one, which older servers know. Both
// answers are compared again: a server ignores a filter that it does not know
// and returns everybody, and one that it knows it may compare more freely than
// [presence.Fold] does. The address is folded. invited says that the user has never
// signed in.
func (d *Desk) askUser(ctx context.Context, email string) (ids []string, invited bool, err error) {
	for _, filter := range []string{"emailExact", "email"} {
		query := url.Values{filter: {email}, "itemsPerPage": {"100"}}
		others := 0
		each := func(member json.RawMessage) {
			var user struct {
				ID    ref   `json:"id"`
				IRI   ref   `json:"@id"`
				Email text  `json:"email"`
				New   truth `json:"invitationPending"`
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
				ids, invited = append(ids, string(user.ID)), bool(user.New)
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
			return nil, false, err
		case len(ids) > 0:
			return ids, invited, nil
		case filter == "email" && !whole:
			return nil, false, fmt.Errorf("%s: more than %d pages of users", r.route, maxPages)
		case others > 0 && filter == "emailExact" && d.once(filter):
			d.log.Warn("kadence ignores the filter emailExact: users are looked up by the partial one, and compared here")
		}
	}
	return nil, false, nil
}
