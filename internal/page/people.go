package page

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// peopleBody is who is where, or who was found.
type peopleBody struct {
	Sites []siteBody
	Found *foundBody // instead, if people were searched for
}

// siteBody is a site and people there.
type siteBody struct {
	control.Site
	Clock  *time.Location
	Rows   []control.Person
	Number int    // how many there are in all
	Whole  bool   // the whole site was asked for
	After  string // the rows begin after this user
	Next   string // after whom there are more; "" for nobody
}

// foundBody is who was searched for.
type foundBody struct {
	Query string
	Rows  []foundRow
	More  bool
}

// foundRow is a person, and where they are.
type foundRow struct {
	User string
	Here []control.Person
	Last time.Time // when they were last heard of
	Zone *time.Location
}

// people shows who is where.
func (p *Page) people(r *http.Request, s *snapshot) (string, any, error) {
	if q := presence.Fold(strings.TrimSpace(r.FormValue("q"))); q != "" {
		found, err := p.find(r.Context(), q)
		return "Search", peopleBody{Found: found}, err
	}
	rules := p.Listings.Rules()
	only, body := r.FormValue("site"), peopleBody{}
	for _, site := range s.Status.Sites {
		if only != "" && site.Name != only {
			continue
		}
		one := siteBody{
			Site: site, Clock: rules.Sites[site.Name].Zone, Rows: s.people[site.Name], Number: site.Arriving + site.Present + site.Leaving,
			Whole: only != "", After: r.FormValue("after"),
		}
		if one.Clock == nil {
			one.Clock = time.UTC
		}
		if one.Whole && one.After != "" {
			var err error
			if one.Rows, one.Next, err = p.after(r.Context(), one.After, site.Name); err != nil {
				return "", nil, err
			}
		} else if one.Number > len(one.Rows) && len(one.Rows) > 0 {
			one.Next = one.Rows[len(one.Rows)-1].User
		}
		body.Sites = append(body.Sites, one)
	}
	if only != "" && len(body.Sites) == 0 {
		return "", nil, errNoSuch{"There is no site " + plain(only) + "."}
	}
	return "People", body, nil
}

// mostWalked is how many people are looked at for one page of a site.
const mostWalked = 20_000

// after returns people at the site that come after the user, and after whom to
// go on; "" if there are no more.
func (p *Page) after(ctx context.Context, user, site string) (rows []control.Person, next string, err error) {
	walked := 0
	for people, err := range presence.Everybody(ctx, p.Listings.Store, user) {
		if err != nil {
			return nil, "", err
		}
		for _, one := range people {
			for _, row := range control.PersonRows(p.Listings.View(&one)) {
				if row.Site == site {
					rows = append(rows, row)
				}
			}
			user = one.User
			if len(rows) >= mostPeople {
				return rows, user, nil
			}
		}
		if walked += len(people); walked >= mostWalked {
			return rows, user, nil
		}
	}
	return rows, "", nil
}

// find returns people whose address begins with q.
func (p *Page) find(ctx context.Context, q string) (*foundBody, error) {
	exact, err := p.Listings.Store.Person(ctx, q)
	if err != nil {
		return nil, err
	}
	people, err := p.Listings.Store.People(ctx, q, mostPeople+1)
	if err != nil {
		return nil, err
	}
	if len(exact.Facts)+len(exact.Visits)+len(exact.Story) > 0 {
		people = append([]presence.Person{exact}, people...)
	}
	found, rules := &foundBody{Query: q}, p.Listings.Rules()
	for _, one := range people {
		if !strings.HasPrefix(one.User, q) {
			break
		}
		if len(found.Rows) == mostPeople {
			found.More = true
			break
		}
		view := p.Listings.View(&one)
		row := foundRow{User: one.User, Here: control.PersonRows(view)}
		for _, s := range view.Sessions {
			if s.Seen.After(row.Last) {
				row.Last, row.Zone = s.Seen, rules.Sites[s.Site].Zone
			}
		}
		found.Rows = append(found.Rows, row)
	}
	return found, nil
}
