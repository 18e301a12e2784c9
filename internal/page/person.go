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

// personBody is a person's day.
type personBody struct {
	User             string
	Own              bool    // it is who looks
	Wishes           *wishes // what they may ask for; nil: nothing
	None             string  // why there is nothing to show of the day; "": there is
	Here             []control.Person
	Headline         control.Headline // as of now, whatever day is shown
	Day, Prev, Later string           // 2006-01-02; Later is "" today
	Site             string           // whose day and clock it is
	Zone             *time.Location
	Picture          timeline
	Visits           []control.Visit
	Calls            []call
	Sessions         []control.Session
	Story            []presence.Entry
	Old              bool // sessions of that day are not remembered any longer
}

// DayLink is where the person's day of that date is to be found.
func (b personBody) DayLink(day string) string {
	query := url.Values{}
	if day != "" {
		query.Set("day", day)
	}
	if b.Own {
		return "/me?" + query.Encode()
	}
	query.Set("user", b.User)
	return "/person?" + query.Encode()
}

// person shows a person's day.
func (p *Page) person(r *http.Request, _ *snapshot) (string, any, error) {
	user := presence.Fold(r.FormValue("user"))
	if user == "" {
		return "", nil, errNoSuch{"No person was named."}
	}
	return p.day(r, user)
}

// day returns the user's day that the request asks for.
func (p *Page) day(r *http.Request, user string) (string, personBody, error) {
	now := time.Now()
	all, err := p.Listings.Show(r.Context(), user)
	if errors.Is(err, control.ErrUnknown) {
		return "", personBody{}, errNoSuch{"Nothing is remembered of " + plain(user) + ": no device of theirs was heard, or they have opted out, or it was too long ago."}
	}
	if err != nil {
		return "", personBody{}, err
	}
	rules := p.Listings.Rules()
	site := rules.Sites[lastSite(all)]
	if site.Zone == nil {
		site.Zone = time.UTC
	}
	today := site.Day(now, rules.DayStarts)
	from := today
	if asked := r.FormValue("day"); asked != "" {
		date, err := time.ParseInLocation(time.DateOnly, asked, site.Zone)
		if err != nil {
			return "", personBody{}, errNoSuch{plain(asked) + " is no day; write it like " + now.Format(time.DateOnly) + "."}
		}
		from = site.Day(date.AddDate(0, 0, 1).Add(-time.Second), rules.DayStarts)
	}
	d := day{from: from, to: site.NextDay(from, rules.DayStarts), now: now, zone: site.Zone, rules: rules}
	if err := p.fill(r.Context(), user, &d); err != nil {
		return "", personBody{}, err
	}
	story := slices.DeleteFunc(slices.Clone(all.Story), func(e presence.Entry) bool { return e.At.Before(d.from) || !e.At.Before(d.to) })
	body := personBody{
		User: user, Here: all.People, Headline: all.Headline(now.In(site.Zone)), Site: site.Name, Zone: site.Zone, Story: story, Picture: d.draw(),
		Day: date(from), Prev: date(from.AddDate(0, 0, -1)), Old: len(d.sessions) == 0 && len(d.visits) > 0,
	}
	if from.Before(today) {
		body.Later = date(d.to)
	}
	for _, s := range d.sessions {
		body.Sessions = append(body.Sessions, control.SessionRow(user, s))
	}
	for _, v := range d.visits {
		body.Visits = append(body.Visits, control.VisitRow(v))
		body.Calls = append(body.Calls, callsOf(v, site.Zone)...)
	}
	slices.SortStableFunc(body.Calls, func(a, b call) int { return a.At.Compare(b.At) })
	return plain(user), body, nil
}

// fill reads what there was of the user on the day.
func (p *Page) fill(ctx context.Context, user string, d *day) error {
	person, err := p.Listings.Store.Person(ctx, user)
	if err != nil {
		return err
	}
	// A visit is over when the day turns, and lasts a day at the most.
	d.visits, err = p.Listings.Store.History(ctx, user, d.from.AddDate(0, 0, -1), d.to, mostRows)
	if err != nil {
		return err
	}
	for _, v := range person.Visits {
		if !slices.ContainsFunc(d.visits, func(old presence.Visit) bool { return old.ID == v.ID }) {
			d.visits = append(d.visits, v)
		}
	}
	d.visits = slices.DeleteFunc(d.visits, func(v presence.Visit) bool {
		end := v.Departed
		if v.State != presence.Over {
			end = d.now
		}
		return !d.overlaps(v.Arrived, end)
	})
	if d.bands, err = p.bands(ctx, d.from, d.to, d.now, d.zone); err != nil {
		return err
	}
	view := p.Listings.View(&person)
	d.facts, d.outlooks = person.Facts, view.Outlooks
	for _, s := range view.Sessions {
		end := s.Ended
		if s.Live() {
			end = d.now
		}
		if d.overlaps(s.Began, end) {
			d.sessions = append(d.sessions, s)
		}
	}
	slices.SortStableFunc(d.visits, func(a, b presence.Visit) int { return a.Arrived.Compare(b.Arrived) })
	slices.SortStableFunc(d.sessions, func(a, b presence.Session) int { return a.Began.Compare(b.Began) })
	return nil
}

// lastSite returns where the person was last.
func lastSite(all control.Story) (site string) {
	var latest time.Time
	for _, v := range all.Visits {
		if !v.Arrived.Before(latest) {
			latest, site = v.Arrived.Time, v.Site
		}
	}
	for _, s := range all.Sessions {
		if s.Started.After(latest) {
			latest, site = s.Started.Time, s.Site
		}
	}
	return site
}

func date(t time.Time) string { return t.Format(time.DateOnly) }
