package kadence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// readAgain is how old a booking may be when it is acted upon. Older ones are
// read again first: somebody may have cancelled, or used the app.
const readAgain = 75 * time.Second

// Listed returns what a reading of the site's building says of the user; see
// [presence.Desk].
func (d *Desk) Listed(ctx context.Context, user, site string, asOf time.Time) (presence.Listing, error) {
	p, err := d.place(ctx, site)
	if err != nil {
		return presence.Listing{}, err
	}
	everybody, err := d.latest(ctx, p, asOf)
	switch {
	case err != nil:
		return presence.Listing{}, err
	case everybody == nil:
		return presence.Listing{}, presence.ErrUnlisted
	}
	l := presence.Listing{At: everybody.read, News: d.takeNews(p.building)}
	theirs := everybody.of[presence.Fold(user)]
	if len(theirs) > 0 {
		switch same, err := d.sameUser(ctx, user, theirs, everybody.read); {
		case err != nil:
			return l, err
		case !same:
			return l, presence.ErrUnlisted
		}
		from, to := p.around(time.Now())
		l.Bookings = d.pick(theirs, p, everybody.read, from, to)
		return l, nil
	}
	known, err := d.notedUser(ctx, user)
	switch {
	case err != nil:
		return l, err
	case !everybody.whole:
		return l, presence.ErrUnlisted
	case known.Found.IsZero():
		l.Unasked = true
	case known.ID == "":
		return l, presence.ErrNoUser
	case known.Invited:
		l.Remark = ", and the person has never signed in to Kadence"
	}
	return l, nil
}

// Bookings returns the user's own bookings at the site's building that share
// some time with that around now; see [presence.Desk]. Guests' bookings are
// among them, and not eligible.
func (d *Desk) Bookings(ctx context.Context, user, site string, asOf time.Time) ([]presence.Booking, error) {
	p, err := d.place(ctx, site)
	if err != nil {
		return nil, err
	}
	switch now := time.Now(); {
	case asOf.IsZero():
		asOf = now.Add(time.Nanosecond - readingAge)
	case asOf.After(now):
		asOf = now
	}
	from, to := p.around(time.Now())
	everybody, err := d.readingFor(ctx, p, asOf)
	if err != nil {
		return nil, err
	}
	if everybody != nil {
		theirs := everybody.of[presence.Fold(user)]
		switch {
		case d.outdated(theirs, everybody.read):
		case len(theirs) > 0:
			if same, err := d.sameUser(ctx, user, theirs, everybody.read); err != nil {
				return nil, err
			} else if same {
				return d.pick(theirs, p, everybody.read, from, to), nil
			}
		case everybody.whole:
			// Nobody of that address has a booking; whether there is
			// such a user at all is worth knowing, and is remembered.
			_, err := d.userID(ctx, user)
			return nil, err
		}
	}
	return d.bookingsOf(ctx, user, p, from, to)
}

// sameUser reports whether all the bookings, which were found by the user's
// address, are of one user, and of the one that the address is known to be. If
// not, that user's bookings are to be asked for; and who it is, too, unless
// that was found out since the bookings were read.
func (d *Desk) sameUser(ctx context.Context, email string, all []booking, read time.Time) (bool, error) {
	known, err := d.notedUser(ctx, email)
	if err != nil {
		return false, err
	}
	id := known.ID
	if id == "" {
		id = string(all[0].User)
	}
	if !known.Several && !slices.ContainsFunc(all, func(w booking) bool { return string(w.User) != id }) {
		return true, nil
	}
	if known.Found.Before(read) {
		err = d.doubtUser(ctx, email)
	}
	return false, err
}

// bookingsOf reads the bookings of one user that share some time with that from from
// to to, on the place's clock.
func (d *Desk) bookingsOf(ctx context.Context, user string, p place, from, to time.Time) ([]presence.Booking, error) {
	if err := d.denying(p.building); err != nil {
		return nil, err
	}
	for again := true; ; again = false {
		known, err := d.userID(ctx, user)
		if err != nil {
			return nil, err
		}
		query := overlap(from, to)
		query.Set("building.id", p.building)
		query.Set("itemsPerPage", "100")
		read, bad := time.Now(), 0
		var theirs []booking
		_, err = d.client.pages(ctx, request{
			route: "GET /v1/public/users/{id}/bookings", path: "/v1/public/users/" + known.ID + "/bookings",
			query: query, urgency: reads,
		}, maxPages, func(member json.RawMessage) {
			w, err := decodeBooking(member)
			switch {
			case err != nil:
				bad++
			case string(w.User) == known.ID: // and not a delegate's, or a guest's host's
				theirs = append(theirs, w)
			}
		})
		d.skipped(bad)
		var denied *presence.DeniedError
		gone := errors.As(err, &denied) && denied.Gone
		if gone && again || err == nil && len(theirs) == 0 && read.Sub(known.Found) > userEmpty {
			if err := d.doubtUser(ctx, user); err != nil {
				return nil, err
			}
		}
		switch {
		case gone && again: // perhaps the address has a new user
			continue
		case gone && !known.Missed.IsZero(): // which is not remembered for long: it may be a fault
			return nil, presence.ErrNoUser
		}
		d.answered(p.building, user, err)
		if err != nil {
			return nil, err
		}
		return d.pick(theirs, p, read, from, to), nil
	}
}

// pick returns those bookings that are at the place and share some time with that
// from from to to, as of the given reading or as we know them since.
func (d *Desk) pick(all []booking, p place, read, from, to time.Time) []presence.Booking {
	var picked []presence.Booking
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range all {
		w, at := d.amended(w, read)
		if string(w.Building) == p.building && w.overlaps(from, to) {
			picked = append(picked, d.domain(w, at))
		}
	}
	return picked
}

// CheckIn checks the booking in with method wifi and returns it as it is
// afterwards. A booking that turns out not to be what it was read as is
// returned as it is, with [presence.ErrChanged] and without the call. If neither the answer nor the booking after it
// can be read, that is an error: the caller reads before it repeats.
func (d *Desk) CheckIn(ctx context.Context, site string, b presence.Booking) (presence.Booking, error) {
	return d.act(ctx, site, b, action{"check-in", presence.Booked, checkIns, "wifi"})
}

// CheckOut checks the booking out with method wifi and returns it as it is
// afterwards; see [Desk.CheckIn]. Doubt is an error, as there.
func (d *Desk) CheckOut(ctx context.Context, site string, b presence.Booking) (presence.Booking, error) {
	return d.act(ctx, site, b, action{"check-out", presence.CheckedIn, checkOuts, "wifi"})
}

// action is one of the things that are done to bookings.
type action struct {
	verb    string // as the API's path has it
	from    presence.BookingStatus
	urgency urgency
	method  string // by which it is done; "" if the API does not ask
}

func (d *Desk) act(ctx context.Context, site string, b presence.Booking, a action) (presence.Booking, error) {
	switch {
	case !isID(b.ID) || !isID(b.UserID):
		return b, &presence.DeniedError{Reason: "a booking without an id, or of nobody"}
	case b.Guest:
		return b, &presence.DeniedError{Reason: "a guest's booking is not ours to touch"}
	}
	if time.Since(b.Read) > readAgain {
		fresh, err := d.reread(ctx, site, b, a.urgency)
		switch {
		case err != nil:
			return fresh, err
		case fresh.Status != a.from || !fresh.Begin.Equal(b.Begin) || !fresh.End.Equal(b.End):
			return fresh, presence.ErrChanged
		}
		b = fresh
	}
	acting := d.acting
	if acting == self {
		acting = b.UserID
	}
	// From here on, nobody knows what the booking is until it is read or
	// answered: whatever becomes of the call, older readings do not count.
	d.outdate(b.ID)
	read, route := time.Now(), "POST /v1/public/bookings/{id}/"+a.verb
	body, err := d.client.do(ctx, request{
		route: route, path: "/v1/public/bookings/" + b.ID + "/" + a.verb,
		body: struct {
			UserID string `json:"userId"`
			Method string `json:"method,omitempty"`
		}{acting, a.method},
		urgency: a.urgency,
	})
	if err != nil && !errors.Is(err, errUnreadable) {
		return b, err
	}
	if w, err := decodeBooking(body); err == nil && string(w.ID) == b.ID {
		after := d.domain(w, read)
		b.Status, b.Method, b.Begin, b.End, b.Read = after.Status, after.Method, after.Begin, after.End, read
		d.amend(w)
		return b, nil
	}
	// A success, to all appearance; but a proxy's page comes with 200, too.
	after, err := d.reread(ctx, site, b, a.urgency)
	if err == nil {
		return after, nil
	}
	var refused *presence.RefusedError
	var denied *presence.DeniedError
	if errors.As(err, &refused) || errors.As(err, &denied) {
		err = errors.New(err.Error()) // it is the reading that was: of the call it says nothing
	}
	return b, fmt.Errorf("%s: %w, and then: %w", route, errUnreadable, err)
}

// reread reads one booking again. Its error is a [*presence.DeniedError] if it
// is gone, or no longer the same user's at the site.
func (d *Desk) reread(ctx context.Context, site string, b presence.Booking, u urgency) (presence.Booking, error) {
	p, err := d.place(ctx, site)
	if err != nil {
		return b, err
	}
	r := request{route: "GET /v1/public/bookings/{id}", path: "/v1/public/bookings/" + b.ID, urgency: u}
	read := time.Now()
	body, err := d.client.do(ctx, r)
	var denied *presence.DeniedError
	if errors.As(err, &denied) && denied.Gone {
		d.outdate(b.ID)
	}
	if err != nil {
		return b, err
	}
	w, err := decodeBooking(body)
	switch {
	case err != nil:
		return b, fmt.Errorf("%s: %w", r.route, err)
	case string(w.ID) != b.ID, string(w.User) != b.UserID, string(w.Building) != p.building, bool(w.Guest):
		d.outdate(b.ID)
		return b, &presence.DeniedError{Reason: "the booking is no longer this user's at this building"}
	}
	d.amend(w)
	return d.domain(w, read), nil
}

// amendment is what we know of a booking beside the readings of its building.
type amendment struct {
	at time.Time // when what had been read became old news
	is *booking  // what it is since; nil: nobody knows
}

// outdate notes that what has been read of the booking until now is old news.
func (d *Desk) outdate(id string) { d.note(id, nil) }

// amend notes what the booking is now.
func (d *Desk) amend(w booking) { d.note(string(w.ID), &w) }

func (d *Desk) note(id string, is *booking) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.amendments[id] = amendment{now, is}
	if now.Sub(d.swept) > amendmentAge {
		d.swept = now
		for id, a := range d.amendments {
			if now.Sub(a.at) > amendmentAge {
				delete(d.amendments, id)
			}
		}
	}
}

// amendmentAge is longer than any reading of a building serves.
const amendmentAge = 15 * time.Minute

// amended returns the booking as it is known, which was read at the given time
// with its building, and when that is of: zero if nobody knows. Who calls holds
// the lock.
func (d *Desk) amended(w booking, read time.Time) (booking, time.Time) {
	a, ok := d.amendments[string(w.ID)]
	switch {
	case !ok || a.at.Before(read):
		return w, read
	case a.is == nil:
		return w, time.Time{}
	}
	w.Status, w.Method, w.Begin, w.End = a.is.Status, a.is.Method, a.is.Begin, a.is.End
	w.InSource, w.InAt, w.Released, w.Cause = a.is.InSource, a.is.InAt, a.is.Released, a.is.Cause
	if a.is.Building != "" {
		w.Building = a.is.Building
	}
	return w, a.at
}

// outdated reports whether one of the bookings changed after it was read.
func (d *Desk) outdated(all []booking, read time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range all {
		if a, ok := d.amendments[string(w.ID)]; ok && !a.at.Before(read) {
			return true
		}
	}
	return false
}
