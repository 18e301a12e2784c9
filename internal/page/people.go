package page

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// peopleBody is who is where, or who was found.
type peopleBody struct {
	Sites  []siteCard
	Found  *foundBody // instead of List, if people were searched for
	List   *listBody
	Domain string // of most addresses, left away; "" for none
}

// siteCard is a site at a glance.
type siteCard struct {
	control.Site
	Number int // of people there
	Today  siteOccupancy
	Chosen bool
}

// listBody is people who are here, as they were asked for.
type listBody struct {
	listing
	Rows    []control.Person
	Of      int    // how many there are in all; negative if they were not counted
	Walking bool   // everybody is being gone through for it, and this is of those who were met
	Next    string // after whom there are more; "" for nobody
	States  []choice
	Orders  []choice
	zones   map[string]presence.Site
}

// choice is one of several things to ask for.
type choice struct {
	Is     string
	Text   string
	Chosen bool
}

// listing is what was asked for of the people who are here; what is empty asks for all.
type listing struct {
	Site  string
	Is    string // a state, or notIn
	Order string // bySince; "": by name
	After string // the rows come after this, which is a key
}

const (
	notIn   = "not_checked_in"
	bySince = "since"
)

func asked(form url.Values) listing {
	return listing{form.Get("site"), form.Get("is"), form.Get("order"), form.Get("after")}
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
	body := peopleBody{Domain: s.domain()}
	if q := presence.Fold(strings.TrimSpace(r.FormValue("q"))); q != "" {
		found, err := p.find(r.Context(), q, s)
		body.Found = found
		return "Search", body, err
	}
	l := asked(r.Form)
	if l.Site != "" && !slices.ContainsFunc(s.Status.Sites, func(site control.Site) bool { return site.Name == l.Site }) {
		return "", nil, errNoSuch{"There is no site " + plain(l.Site) + "."}
	}
	var err error
	if body.Sites, err = p.cards(r.Context(), s, l.Site); err != nil {
		return "", nil, err
	}
	body.List, err = p.list(r.Context(), s, l)
	return "People", body, err
}

// Name is an address as it is listed: without the domain that is left away.
func (b peopleBody) Name(user string) string {
	if name, is := strings.CutSuffix(user, "@"+b.Domain); is && b.Domain != "" && name != "" && !strings.Contains(name, "@") {
		return name
	}
	return user
}

// cards returns the sites, those with the most people first.
func (p *Page) cards(ctx context.Context, s *snapshot, chosen string) (cards []siteCard, err error) {
	curves, err := p.curves.get(ctx, "", p.everySite)
	if err != nil {
		return nil, err
	}
	for _, site := range s.Status.Sites {
		card := siteCard{Site: site, Number: site.Arriving + site.Present + site.Leaving, Chosen: site.Name == chosen}
		if i := slices.IndexFunc(curves.Sites, func(o siteOccupancy) bool { return o.Name == site.Name }); i >= 0 {
			card.Today = curves.Sites[i]
		}
		cards = append(cards, card)
	}
	slices.SortStableFunc(cards, func(a, b siteCard) int { return b.Number - a.Number })
	return cards[:min(len(cards), mostPeople)], nil
}

// list returns the people who were asked for: of those that the snapshot has or, if they
// are too many for it, of the store.
func (p *Page) list(ctx context.Context, s *snapshot, l listing) (*listBody, error) {
	body := &listBody{listing: l, Of: -1, zones: p.Listings.Rules().Sites}
	for is, text := range map[string]string{"": "everybody", string(presence.Present): "present", string(presence.Arriving): "arriving", string(presence.Leaving): "leaving", notIn: "not checked in"} {
		body.States = append(body.States, choice{is, text, is == l.Is})
	}
	slices.SortFunc(body.States, func(a, b choice) int { return strings.Compare(a.Is, b.Is) })
	body.Orders = []choice{{"", "by name", l.Order != bySince}, {bySince, "latest first", l.Order == bySince}}
	var err error
	switch {
	case s.whole:
		chosen := selection{listing: l}
		for i := range s.rows {
			chosen.add(&s.rows[i])
		}
		body.show(&chosen)
	case l.Order == bySince:
		var chosen *selection
		var whole bool
		chosen, whole, err = p.lists.soFar(ctx, l.query().Encode(), func(ctx context.Context, show func(*selection)) (*selection, error) {
			return p.choose(ctx, l, show)
		})
		if body.Walking = !whole; err == nil && chosen != nil {
			body.show(chosen)
		}
	default:
		body.Rows, body.Next, err = p.after(ctx, l)
	}
	return body, err
}

// choose goes through everybody for the first rows of a listing, and shows meanwhile those
// of whom it has met.
func (p *Page) choose(ctx context.Context, l listing, show func(*selection)) (*selection, error) {
	chosen, shown := &selection{listing: l}, time.Now()
	return chosen, p.each(ctx, "", func(_ string, rows []control.Person) bool {
		for i := range rows {
			chosen.add(&rows[i])
		}
		if time.Since(shown) >= patience/2 {
			shown = time.Now()
			show(&selection{listing: l, rows: slices.Clone(chosen.rows), number: chosen.number})
		}
		return true
	})
}

func (b *listBody) show(s *selection) {
	b.Rows, b.Next = s.page()
	b.Of = s.number
}

// query is the listing as a part of a link.
func (l listing) query() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"site": l.Site, "is": l.Is, "order": l.Order, "after": l.After} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// Link is where the listing is to be found, from after on; from the beginning if that is
// empty.
func (l listing) Link(after string) string {
	l.After = after
	return "/?" + l.query().Encode()
}

// Clock is the clock of a row's site.
func (b listBody) Clock(site string) *time.Location {
	if zone := b.zones[site].Zone; zone != nil {
		return zone
	}
	return time.UTC
}

func (l listing) matches(row *control.Person) bool {
	switch {
	case l.Site != "" && row.Site != l.Site:
		return false
	case l.Is == notIn:
		return row.CheckIn.Status != presence.Effected && row.CheckIn.Status != presence.DryRunned
	}
	return l.Is == "" || string(row.State) == l.Is
}

// key is what rows are in the order of.
func (l listing) key(row *control.Person) string {
	if l.Order == bySince {
		return fmt.Sprintf("%019d %s", math.MaxInt64-row.Since.UnixNano(), row.User)
	}
	return row.User
}

// selection is the first rows of a listing, of any number that are added to it.
type selection struct {
	listing
	rows   []control.Person
	number int // of all that match
}

// add takes the row in if it is asked for, and among the first.
func (s *selection) add(row *control.Person) {
	if !s.matches(row) {
		return
	}
	s.number++
	key := s.key(row)
	if key <= s.After || len(s.rows) > mostPeople && key >= s.key(&s.rows[mostPeople]) {
		return
	}
	at, _ := slices.BinarySearchFunc(s.rows, key, func(r control.Person, key string) int {
		if s.key(&r) <= key {
			return -1
		}
		return 1
	})
	if s.rows = slices.Insert(s.rows, at, *row); len(s.rows) > mostPeople+1 {
		s.rows = s.rows[:mostPeople+1]
	}
}

// page returns the rows to show, and after which there are more; "" if there are not.
// Somebody who is at two sites is not parted.
func (s *selection) page() (rows []control.Person, next string) {
	n := len(s.rows)
	if n <= mostPeople {
		return s.rows, ""
	}
	beyond := s.key(&s.rows[mostPeople])
	for n = mostPeople; n > 1 && s.key(&s.rows[n-1]) == beyond; {
		n--
	}
	return s.rows[:n], s.key(&s.rows[n-1])
}

// each calls f with the rows of everybody after the user who is here, by name, until it
// returns false after those of one person.
func (p *Page) each(ctx context.Context, after string, f func(user string, rows []control.Person) bool) error {
	for people, err := range presence.Everybody(ctx, p.Listings.Store, after) {
		if err != nil {
			return err
		}
		for i := range people {
			if !f(people[i].User, control.PersonRows(p.Listings.View(&people[i]))) {
				return nil
			}
		}
	}
	return nil
}

// mostWalked is how many people are looked at for one page of a listing by name.
const mostWalked = 20_000

// after returns the rows of a listing by name from the store, and after whom to go on; ""
// if there are no more.
func (p *Page) after(ctx context.Context, l listing) (rows []control.Person, next string, err error) {
	walked := 0
	err = p.each(ctx, l.After, func(user string, all []control.Person) bool {
		for i := range all {
			if l.matches(&all[i]) {
				rows = append(rows, all[i])
			}
		}
		if walked++; len(rows) >= mostPeople || walked >= mostWalked {
			next = user
		}
		return next == ""
	})
	return rows, next, err
}

// find returns people whose address begins with q; and where that leaves room, people
// here in whose address it is.
func (p *Page) find(ctx context.Context, q string, s *snapshot) (*foundBody, error) {
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
	found := &foundBody{Query: q}
	for _, one := range people {
		if !strings.HasPrefix(one.User, q) {
			break
		}
		if len(found.Rows) == mostPeople {
			found.More = true
			return found, nil
		}
		found.Rows = append(found.Rows, p.found(&one))
	}
	for i := range s.rows {
		user := s.rows[i].User
		if len(found.Rows) == mostPeople || strings.HasPrefix(user, q) || !strings.Contains(user, q) || i > 0 && s.rows[i-1].User == user {
			continue
		}
		one, err := p.Listings.Store.Person(ctx, user)
		if err != nil {
			return nil, err
		}
		found.Rows = append(found.Rows, p.found(&one))
	}
	return found, nil
}

func (p *Page) found(one *presence.Person) foundRow {
	view := p.Listings.View(one)
	row := foundRow{User: one.User, Here: control.PersonRows(view)}
	for _, s := range view.Sessions {
		if s.Seen.After(row.Last) {
			row.Last, row.Zone = s.Seen, p.Listings.Rules().Sites[s.Site].Zone
		}
	}
	return row
}
