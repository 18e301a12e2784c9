package kadence

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/presenced/presenced/presence"
)

// rosterAge is how long one reading of a building's bookings serves. It is
// read again only when somebody asks, and then once for everybody who does.
const rosterAge = time.Minute

// rosterRetry is how long after a failure to read it people are looked up one
// by one.
const rosterRetry = time.Minute

// roster is one reading of all bookings of a building on a day.
type roster struct {
	read  time.Time            // just before it was asked for
	of    map[string][]booking // by e-mail address, folded
	whole bool                 // everybody who has a booking is in it
}

// rosterKey names a roster: building id, and the day as the building writes it.
type rosterKey struct{ building, day string }

// rosterTry is the latest roster, and how reading the one after it failed.
type rosterTry struct {
	*roster
	failed time.Time
	reason string
}

// usable reports whether the roster serves somebody who asks now for what was
// read no earlier than asOf.
func (r *roster) usable(asOf time.Time) bool {
	return r != nil && time.Since(r.read) < rosterAge && !r.read.Before(asOf)
}

// roster returns the bookings of everybody at the place on the day that begins
// at from; nil if that is no way to answer now, and to ask for the one person
// is. An error is one that asking otherwise would not avoid.
func (d *Desk) roster(ctx context.Context, p place, from, to, asOf time.Time) (*roster, error) {
	key := rosterKey{p.building, from.Format(time.DateOnly)}
	d.mu.Lock()
	last := d.rosters[key]
	d.mu.Unlock()
	switch {
	case last.usable(asOf):
		return last.roster, nil
	case last.roster != nil && time.Since(last.read) < rosterAge:
		return nil, nil // fresh, but not for this person: one look-up is cheaper than all pages
	case time.Since(last.failed) < rosterRetry:
		return nil, nil
	}
	next, err := together(ctx, &d.flights, "roster "+key.building+" "+key.day, fetchTime,
		func(ctx context.Context) (*roster, error) { return d.readRoster(ctx, key, from, to) })
	var throttled *presence.ThrottledError
	var closed *presence.ClosedError
	switch {
	case errors.As(err, &throttled), errors.As(err, &closed), ctx.Err() != nil:
		return nil, err
	case err != nil:
		d.rosterFailed(key, err)
		return nil, nil
	case !next.usable(asOf): // it was under way before asOf
		return nil, nil
	}
	return next, nil
}

func (d *Desk) readRoster(ctx context.Context, key rosterKey, from, to time.Time) (*roster, error) {
	d.mu.Lock()
	last := d.rosters[key]
	d.mu.Unlock()
	if last.usable(time.Time{}) { // the flight before had just landed
		return last.roster, nil
	}
	r := &roster{read: time.Now(), of: map[string][]booking{}, whole: true}
	query := overlap(from, to)
	query.Set("buildingId", key.building)
	query.Set("itemsPerPage", "500")
	query.Set("order[startDate]", "asc") // pages of an unordered collection may overlap
	bad := 0
	all, err := d.client.pages(ctx, request{
		route: "GET /v1/public/bookings", path: "/v1/public/bookings", query: query, urgency: reads,
	}, maxPages, func(member json.RawMessage) {
		w, err := decodeBooking(member)
		switch {
		case err != nil:
			bad++
			r.whole = false
		case w.Email == "" || w.User == "":
			r.whole = false
		default:
			email := presence.Fold(string(w.Email))
			r.of[email] = append(r.of[email], w)
		}
	})
	if err != nil {
		return nil, err
	}
	r.whole = r.whole && all
	d.skipped(bad)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rosters[key].reason != "" {
		d.log.WithField("building", key.building).Info("kadence lists the building's bookings again")
	}
	for k, old := range d.rosters { // yesterday's
		if old.roster == nil && time.Since(old.failed) > time.Hour || old.roster != nil && time.Since(old.read) > time.Hour {
			delete(d.rosters, k)
		}
	}
	d.rosters[key] = rosterTry{roster: r}
	return r, nil
}

func (d *Desk) rosterFailed(key rosterKey, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.rosters[key]
	if last.reason != err.Error() {
		d.log.WithField("building", key.building).WithError(err).
			Warn("kadence does not list the building's bookings: people are looked up one by one")
	}
	last.failed, last.reason = time.Now(), err.Error()
	d.rosters[key] = last
}

// overlap returns the filter for bookings that share some time with the days
// from from to to. The API compares it with each building's own wall clock, so
// it takes no zone.
func overlap(from, to time.Time) url.Values {
	const wall = "2006-01-02T15:04:05"
	return url.Values{
		"startDateTime[local_strictly_before]": {to.Format(wall)},
		"endDateTime[local_strictly_after]":    {from.Format(wall)},
	}
}

// skipped counts bookings that could not be decoded: they hide nobody else's.
func (d *Desk) skipped(n int) {
	if n == 0 {
		return
	}
	d.client.stats.skipped(n)
	if d.once("skipped") {
		d.log.WithField("bookings", n).Warn("kadence sends bookings that cannot be decoded: they are skipped")
	}
}
