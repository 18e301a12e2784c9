package kadence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/presenced/presenced/presence"
)

// Passes for a building, for whoever came without a booking: what could be booked,
// and the booking of it. The API knows no key of a request, so that none here is
// made more than once.

// nopassTime is how long a building is believed to have no passes.
const nopassTime = 5 * time.Minute

// nopass is why a building has no passes.
type nopass struct {
	why string
	at  time.Time
}

// Today asks for the user's bookings of the calendar day at the site's building; see
// [presence.Passes].
func (d *Desk) Today(ctx context.Context, user, site string) ([]presence.Booking, error) {
	p, err := d.place(ctx, site)
	if err != nil {
		return nil, err
	}
	y, month, day := time.Now().In(p.zone).Date()
	return d.bookingsOf(ctx, user, p, time.Date(y, month, day, 0, 0, 0, 0, p.zone), time.Date(y, month, day+1, 0, 0, 0, 0, p.zone))
}

// Pass returns what could be booked for the user at the site's building now; see
// [presence.Passes].
func (d *Desk) Pass(ctx context.Context, user, site string) (presence.Pass, error) {
	p, err := d.place(ctx, site)
	if err != nil {
		return presence.Pass{}, err
	}
	d.mu.Lock()
	known := d.nopasses[p.building]
	d.mu.Unlock()
	if time.Since(known.at) < nopassTime {
		return presence.Pass{None: known.why}, nil
	}
	id, err := d.userID(ctx, user)
	if err != nil {
		return presence.Pass{}, err
	}
	now := time.Now()
	days, err := d.bookableDays(ctx, id.ID, p)
	if err != nil {
		return presence.Pass{}, err
	}
	today := bookableToday(days, p, now)
	pass := presence.Pass{UserID: id.ID, Begin: today.Start.Time, End: today.End.Time}
	if pass.End.IsZero() {
		pass.None = "the building is closed today, or the person may not book there"
		return pass, nil
	}
	if from := now.Truncate(time.Minute).UTC(); pass.Begin.Before(from) {
		pass.Begin = from
	}
	if pass.None, err = d.passesAt(ctx, p, pass.Begin, pass.End); err == nil && pass.None != "" {
		d.mu.Lock()
		d.nopasses[p.building] = nopass{pass.None, now}
		d.mu.Unlock()
	}
	return pass, err
}

// bookableDay is when a user may book at a building, on one day.
type bookableDay struct {
	Start stamp `json:"start"`
	End   stamp `json:"end"`
}

// bookableDays returns when the user may book at the place. Only from here is it known
// when a building is open.
func (d *Desk) bookableDays(ctx context.Context, userID string, p place) (days []bookableDay, err error) {
	_, err = d.client.pages(ctx, request{
		route: "GET /v1/public/bookable-days", path: "/v1/public/bookable-days",
		query: url.Values{"buildingId": {p.building}, "userId": {userID}}, urgency: reads,
	}, 1, func(member json.RawMessage) {
		var day bookableDay
		if json.Unmarshal(member, &day) == nil && !day.Start.IsZero() && day.End.After(day.Start.Time) {
			days = append(days, day)
		}
	})
	return days, err
}

// bookableToday returns that of the days which is today at the place, or has begun;
// zero if there is none.
func bookableToday(days []bookableDay, p place, now time.Time) (today bookableDay) {
	local := now.In(p.zone).Format(time.DateOnly)
	for _, day := range days {
		switch {
		case !day.End.After(now):
		case now.Before(day.Start.Time) && day.Start.In(p.zone).Format(time.DateOnly) != local:
		case today.End.IsZero() || day.Start.Before(today.Start.Time):
			today = day
		}
	}
	return today
}

// passesAt says why the place has no pass for the time; "" if it has.
func (d *Desk) passesAt(ctx context.Context, p place, begin, end time.Time) (none string, err error) {
	r := request{
		route: "GET /v1/public/bookable-onsite-passes", path: "/v1/public/bookable-onsite-passes",
		query: url.Values{"buildingId": {p.building}, "startDateTime": {utc(begin)}, "endDateTime": {utc(end)}}, urgency: reads,
	}
	body, err := d.client.do(ctx, r)
	var denied *presence.DeniedError
	switch {
	case errors.As(err, &denied) && denied.Gone:
		return "there are no onsite passes at this building", nil
	case err != nil:
		return "", err
	}
	var said struct {
		Available *bool `json:"available"`
		Left      *int  `json:"numPassesAvailable"` // absent: without limit
		Why       text  `json:"unavailabilityReason"`
	}
	if err := json.Unmarshal(body, &said); err != nil || said.Available == nil {
		return "", fmt.Errorf("%s: decode answer: it does not say whether there is any", r.route)
	}
	switch {
	case !*said.Available && said.Why != "":
		return "there is no onsite pass: " + printable(string(said.Why), 60), nil
	case !*said.Available, said.Left != nil && *said.Left <= 0:
		return "there is no onsite pass", nil
	}
	return "", nil
}

// utc is a time as the API takes it: UTC, without saying so.
func utc(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// BookPass books the pass; see [presence.Passes]. Of an error other than those that
// say that nothing was done nobody knows what came.
func (d *Desk) BookPass(ctx context.Context, site string, pass presence.Pass) (presence.Booking, error) {
	p, err := d.place(ctx, site)
	if err == nil && !isID(pass.UserID) {
		err = errors.New("a pass for nobody")
	}
	if err == nil {
		_, err = d.client.tokens.get(ctx)
	}
	if err != nil {
		return presence.Booking{}, fmt.Errorf("%w: %w", presence.ErrNotSent, err)
	}
	read, route := time.Now(), "POST /v1/public/bookings"
	body, err := d.client.do(ctx, request{
		route: route, path: "/v1/public/bookings", urgency: checkIns,
		body: struct {
			UserID   string `json:"userId"`
			Building string `json:"buildingId"`
			Begin    string `json:"startDateTime"`
			End      string `json:"endDateTime"`
		}{pass.UserID, p.building, utc(pass.Begin), utc(pass.End)},
	})
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return presence.Booking{}, fmt.Errorf("%w: %w", presence.ErrNotSent, err)
	case err != nil:
		return presence.Booking{}, err
	}
	w, err := decodeBooking(body)
	switch {
	case err != nil:
		return presence.Booking{}, fmt.Errorf("%s: %w", route, err)
	case string(w.User) != pass.UserID, string(w.Building) != p.building:
		return presence.Booking{}, fmt.Errorf("%s: the answer is another's booking, or another building's", route)
	}
	d.amend(w)
	return d.domain(w, read), nil
}

// Cancel cancels the booking and returns it as it is afterwards; see
// [Desk.CheckIn].
func (d *Desk) Cancel(ctx context.Context, site string, b presence.Booking) (presence.Booking, error) {
	return d.act(ctx, site, b, action{"cancel", presence.Booked, checkOuts, ""})
}
