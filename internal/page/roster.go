package page

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// rosterBody is a day: bookings beside presence.
type rosterBody struct {
	Day, Prev, Later string // 2006-01-02; Later is "" today
	Title            string
	Today            bool
	Sites            []rosterSite
}

// rosterSite is a site's day.
type rosterSite struct {
	control.Roster
	Clock *time.Location
	Tiles []tile
	Rows  []control.Enrolled
	Of    int    // how many lines there are in all, of those that were asked for
	Is    string // only those that became this
	After string // the rows begin after this user
	Next  string // after whom there are more; "" for nobody
}

// tile is a number, and the link to whom it counts.
type tile struct {
	Number int
	Fate   presence.Fate
	Text   string
	At     percent // where its part of the bar begins
	Wide   percent
}

var fateTexts = map[presence.Fate]string{
	presence.FateReleased: "released though here", presence.FateRefused: "refused", presence.FateByUs: "checked in by presenced",
	presence.FateByOthers: "checked in by others", presence.FateDryRun: "would be checked in (dry run)", presence.FateWaiting: "here, not checked in",
	presence.FateNotSeen: "not seen yet", presence.FateWithout: "here without a booking",
}

// enrols reports whether there is a roster.
func (p *Page) enrols() bool { return p.Roster != nil && p.Roster() }

// roster shows a day's bookings beside presence.
func (p *Page) roster(r *http.Request, _ *snapshot) (string, any, error) {
	if !p.enrols() {
		return "", nil, errNoSuch{"The roster is turned off: [control] roster is false."}
	}
	day, now := r.FormValue("day"), time.Now()
	if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
		return "", nil, errNoSuch{plain(day) + " is no day; write it like " + now.Format(time.DateOnly) + "."}
	}
	all, err := p.rosters.get(r.Context(), day, func(ctx context.Context) ([]control.Roster, error) {
		all := []control.Roster{}
		for roster, err := range p.Listings.Rosters(ctx, control.RosterQuery{Day: day}) {
			switch {
			case errors.Is(err, control.ErrEnrolled):
				return nil, nil // kept like any other: to find it out takes long
			case err != nil:
				return nil, err
			}
			all = append(all, roster)
		}
		return all, nil
	})
	var future control.FutureError
	switch {
	case errors.As(err, &future):
		return "", nil, errNoSuch{sentence(err.Error())}
	case err != nil:
		return "", nil, err
	case all == nil:
		return "", nil, errNoSuch{sentence(control.ErrEnrolled.Error())}
	}
	body := rosterBody{Day: day, Today: day == ""}
	rules := p.Listings.Rules()
	for _, roster := range all {
		if only := r.FormValue("site"); only != "" && only != roster.Site {
			continue
		}
		body.Sites = append(body.Sites, siteOf(roster, rules.Sites[roster.Site].Zone, r.Form))
	}
	if len(body.Sites) == 0 && len(all) > 0 {
		return "", nil, errNoSuch{"There is no site " + plain(r.FormValue("site")) + "."}
	}
	if len(body.Sites) > 0 {
		body.days(rules.Sites[body.Sites[0].Site].Day(now, rules.DayStarts))
	}
	return "Roster", body, nil
}

// days fills in which day it is, and which are beside it, where today began then.
func (b *rosterBody) days(today time.Time) {
	if b.Today {
		b.Day = b.Sites[0].Day
	}
	day, err := time.ParseInLocation(time.DateOnly, b.Day, b.Sites[0].Clock)
	if err != nil {
		return // it was parsed before
	}
	b.Title = day.Format("Monday 2 January 2006")
	b.Prev = date(day.AddDate(0, 0, -1))
	if next := day.AddDate(0, 0, 1); !b.Today && !next.After(today) {
		b.Later = date(next)
	}
}

// siteOf returns what is shown of a site: the rows that are asked for.
func siteOf(r control.Roster, clock *time.Location, form url.Values) rosterSite {
	s := rosterSite{Roster: r, Clock: clock, Is: form.Get("is")}
	if s.Clock == nil {
		s.Clock = time.UTC
	}
	s.Tiles = tilesOf(r)
	rows := slices.DeleteFunc(slices.Clone(r.People), func(e control.Enrolled) bool {
		return s.Is != "" && string(e.Became) != s.Is || s.Is == string(presence.FateWithout) && e.State == presence.Over
	})
	s.Of = len(rows)
	if s.After = form.Get("after"); s.After != "" && form.Get("site") != "" {
		rows = slices.DeleteFunc(rows, func(e control.Enrolled) bool { return e.User <= s.After })
	}
	if len(rows) > mostPeople {
		rows = rows[:mostPeople]
		s.Next = rows[mostPeople-1].User
	}
	s.Rows = rows
	return s
}

// tilesOf returns the numbers that are not nothing, with their parts of the bar.
func tilesOf(r control.Roster) (tiles []tile) {
	at := percent(0)
	for _, one := range []tile{
		{Number: r.CheckedIn, Fate: presence.FateByUs}, {Number: r.ByOthers, Fate: presence.FateByOthers}, {Number: r.DryRun, Fate: presence.FateDryRun},
		{Number: r.Waiting, Fate: presence.FateWaiting}, {Number: r.Refused, Fate: presence.FateRefused}, {Number: r.Released, Fate: presence.FateReleased},
		{Number: r.NotSeen, Fate: presence.FateNotSeen}, {Number: r.Without, Fate: presence.FateWithout},
	} {
		if one.Number == 0 {
			continue
		}
		if one.Text = fateTexts[one.Fate]; one.Fate != presence.FateWithout && r.Booked > 0 {
			one.At, one.Wide = at, percent(100*float64(one.Number)/float64(r.Booked))
			at += one.Wide
		}
		tiles = append(tiles, one)
	}
	return tiles
}
