package kadence

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/presenced/presenced/presence"
)

// readingAge is how old a reading of a building's bookings may be that serves
// somebody who does not say. It is read again only when somebody asks, and then
// once for everybody who does.
const readingAge = time.Minute

// readingRetryTime is how long after a failure to read it people are looked up
// one by one.
const readingRetryTime = time.Minute

// maxReadingFaults is how many failures in a row that may pass are told to
// whoever asked, before people are looked up one by one.
const maxReadingFaults = 3

// around is how long before and after now bookings are looked at.
const around = 12 * time.Hour

// reading is what one reading of a building said: all its bookings around a
// moment.
type reading struct {
	read  time.Time            // just before it was asked for
	of    map[string][]booking // by e-mail address, folded
	whole bool                 // everybody who has a booking is in it
	pages int                  // that it took
}

// lastReading is the latest reading of a building, and how reading the one
// after it failed.
type lastReading struct {
	*reading
	failed  time.Time
	faults  int // failures in a row
	reason  string
	denied  bool     // … for good: it is the site's trouble, and not the desk's
	denials          // of questions about its people
	news    []string // of whom the latest reading said something new that nobody has been told yet
}

// denials are the questions in a row about people of a building that were
// denied, each about somebody else than the one before.
type denials struct {
	people int
	user   string
	at     time.Time
	latest error
}

// denialsRest is how many of them are no longer about the people: then one a
// minute finds out whether that is over.
const denialsRest = 3

// denying returns why a question about somebody at the building would be denied;
// nil if it is worth asking.
func (d *Desk) denying(building string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if last := d.readings[building]; last.denied && last.people >= denialsRest && time.Since(last.at) < readingRetryTime {
		return last.latest
	}
	return nil
}

// answered notes what came of a question about somebody at the building.
func (d *Desk) answered(building, user string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.readings[building]
	switch {
	case err == nil:
		last.denials = denials{}
	case !denied(err):
		return
	default:
		if last.user != user || last.people >= denialsRest {
			last.people++
		}
		last.user, last.at, last.latest = user, time.Now(), err
	}
	d.readings[building] = last
}

// denied reports whether the answer is that we may not, or that there is nothing
// of the kind, which no repetition changes.
func denied(err error) bool {
	var denied *presence.DeniedError
	var refused *presence.RefusedError
	return errors.As(err, &denied) || errors.As(err, &refused)
}

// since reports whether there is a reading that was made no earlier than asOf.
func (r *reading) since(asOf time.Time) bool { return r != nil && !r.read.Before(asOf) }

// rest is how long after a reading another is worth its pages. One page is no
// more than a question about one user is.
func (r *reading) rest() time.Duration {
	if r.pages <= 1 {
		return 2 * time.Second
	}
	return min(time.Duration(r.pages)*10*time.Second, readingAge)
}

// readingFor returns the bookings of everybody at the place, as of asOf or later;
// nil if that is no way to answer now, and to ask for the one person is. An
// error is one that asking otherwise would not avoid.
func (d *Desk) readingFor(ctx context.Context, p place, asOf time.Time) (*reading, error) {
	d.mu.Lock()
	last := d.readings[p.building]
	d.mu.Unlock()
	switch {
	case last.since(asOf):
		return last.reading, nil
	case last.since(time.Now().Add(time.Nanosecond - readingAge)):
		return nil, nil // fresh, but not for this person: one look-up is cheaper than all pages
	case time.Since(last.failed) < readingRetryTime:
		return nil, nil
	}
	next, err := d.newReading(ctx, p, last)
	switch {
	case err != nil && d.passes(ctx, err):
		return nil, err
	case err != nil || !next.since(asOf): // it was under way before asOf
		return nil, nil
	}
	return next, nil
}

// latest returns the bookings of everybody at the place, as of asOf or later if
// reading them again is worth it; nil if they are not listed.
func (d *Desk) latest(ctx context.Context, p place, asOf time.Time) (*reading, error) {
	d.mu.Lock()
	last := d.readings[p.building]
	d.mu.Unlock()
	if last.since(asOf) || last.reading != nil && time.Since(last.read) < last.rest() {
		return last.reading, nil
	}
	next, err := d.newReading(ctx, p, last)
	if err != nil {
		d.mu.Lock()
		faults := d.readings[p.building].faults
		d.mu.Unlock()
		if !denied(err) && !errors.Is(err, errResting) && faults < maxReadingFaults || d.passes(ctx, err) {
			return nil, err
		}
		return nil, nil
	}
	return next, nil
}

// Roll returns what the latest reading of the site's building says of everybody, as of
// asOf or later if reading it again is worth it. Where that fails it says why, with
// what was read before.
func (d *Desk) Roll(ctx context.Context, site string, asOf time.Time) presence.Roll {
	roll := presence.Roll{Of: map[string][]presence.Booking{}}
	p, err := d.place(ctx, site)
	if err != nil {
		roll.Why = err.Error()
		return roll
	}
	everybody, err := d.latest(ctx, p, asOf)
	d.mu.Lock()
	last := d.readings[p.building]
	d.mu.Unlock()
	if everybody == nil {
		everybody, roll.Why = last.reading, last.reason
		if err != nil {
			roll.Why = err.Error()
		}
	}
	if everybody == nil {
		return roll
	}
	from, to := p.around(time.Now())
	for user, all := range everybody.of {
		roll.Of[user] = d.pick(all, p, everybody.read, from, to)
	}
	roll.At = everybody.read
	return roll
}

// errResting says that the building's bookings were not listed a moment ago.
var errResting = errors.New("not listed a moment ago")

// passes reports whether asking otherwise would fail for the same reason.
func (d *Desk) passes(ctx context.Context, err error) bool {
	var throttled *presence.ThrottledError
	var closed *presence.ClosedError
	return errors.As(err, &throttled) || errors.As(err, &closed) || ctx.Err() != nil
}

// newReading reads the bookings of everybody at the place, once for all who ask.
func (d *Desk) newReading(ctx context.Context, p place, last lastReading) (*reading, error) {
	if last.faults >= maxReadingFaults && time.Since(last.failed) < readingRetryTime {
		return nil, errResting
	}
	next, err := together(ctx, &d.flights, "bookings of "+p.building, fetchTime,
		func(ctx context.Context) (*reading, error) { return d.readBookings(ctx, p) })
	if err != nil && !d.passes(ctx, err) {
		d.readingFailed(p.building, err)
	}
	return next, err
}

// readBookings reads all pages of the bookings of the place.
func (d *Desk) readBookings(ctx context.Context, p place) (*reading, error) {
	d.mu.Lock()
	last := d.readings[p.building]
	d.mu.Unlock()
	if last.reading != nil && time.Since(last.read) < last.rest() { // the flight before had just landed
		return last.reading, nil
	}
	r := &reading{read: time.Now(), of: map[string][]booking{}, whole: true}
	query := overlap(p.around(r.read))
	query.Set("buildingId", p.building)
	query.Set("itemsPerPage", "500")
	query.Set("order[startDate]", "asc") // pages of an unordered collection may overlap
	bad, size := 0, 0
	all, err := d.client.pages(ctx, request{
		route: "GET /v1/public/bookings", path: "/v1/public/bookings", query: query, urgency: checkOuts, // check-ins wait for it
	}, maxPages, func(member json.RawMessage) {
		size++
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
	r.whole, r.pages = r.whole && all, 1+max(size-1, 0)/500
	d.skipped(bad)
	d.mu.Lock()
	defer d.mu.Unlock()
	if last := d.readings[p.building]; last.reason != "" {
		d.log.Info("kadence lists the building's bookings again", "building", p.building)
	}
	for k, old := range d.readings { // of buildings that nobody asks for
		if old.reading == nil && time.Since(old.failed) > time.Hour || old.reading != nil && time.Since(old.read) > time.Hour {
			delete(d.readings, k)
		}
	}
	last = d.readings[p.building]
	d.readings[p.building] = lastReading{reading: r, news: append(last.news, d.newsOf(last.reading, r)...)}
	return r, nil
}

// newsOf returns of whom the reading says something that neither the one before
// said nor we did. Who calls holds the lock.
func (d *Desk) newsOf(was, is *reading) (users []string) {
	if was == nil {
		return nil
	}
	type state struct {
		status     text
		begin, end time.Time
	}
	for email, all := range is.of {
		old := map[ref]state{}
		for _, w := range was.of[email] {
			w, _ = d.amended(w, was.read)
			old[w.ID] = state{w.Status, w.Begin.Time, w.End.Time}
		}
		for _, w := range all {
			if old[w.ID] != (state{w.Status, w.Begin.Time, w.End.Time}) {
				users = append(users, email)
				break
			}
		}
	}
	return users
}

// takeNews returns of whom the latest readings said something new, once.
func (d *Desk) takeNews(building string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.readings[building]
	news := last.news
	if last.news = nil; news != nil {
		d.readings[building] = last
	}
	return news
}

// readingFailed notes that the bookings of the building could not be read.
func (d *Desk) readingFailed(building string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.readings[building]
	last.failed, last.faults = time.Now(), last.faults+1
	if last.denied = denied(err); last.denied {
		last.faults = max(last.faults, maxReadingFaults) // it will not pass
	}
	if last.reason != err.Error() {
		d.log.Warn("kadence does not list the building's bookings: people are looked up one by one", "building", building, "error", err)
		last.reason = err.Error()
	}
	d.readings[building] = last
}

// overlap returns the filter for bookings that share some time with that from
// from to to. The API compares it with each building's own wall clock, so
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
		d.log.Warn("kadence sends bookings that cannot be decoded: they are skipped", "bookings", n)
	}
}
