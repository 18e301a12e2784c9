package control

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// Roster is one object of `presenced roster`: a site's day, bookings beside presence.
// Its numbers count people, and those from Released to NotSeen make up Booked.
type Roster struct {
	Site   string `json:"site"`
	Day    string `json:"day"`   // 2006-01-02
	AsOf   Time   `json:"as_of"` // when the bookings were read; null: only those are known that visits had to do with
	Why    string `json:"why"`   // why they were not read, or not lately
	Booked int    `json:"booked"`
	Here   int    `json:"here"`

	Released  int `json:"released"`   // although they were here
	Refused   int `json:"refused"`    // their check-in, so far or for good
	CheckedIn int `json:"checked_in"` // by presenced
	ByOthers  int `json:"by_others"`  // checked in by others
	DryRun    int `json:"dry_run"`    // would have been checked in
	Waiting   int `json:"waiting"`    // here, and not checked in
	NotSeen   int `json:"not_seen"`

	Without int        `json:"without"`  // here without a booking
	WalkIns int        `json:"walk_ins"` // for whom a pass was booked, or would have been
	People  []Enrolled `json:"people"`
}

// Enrolled is a booking of the day, or somebody who was there without one.
type Enrolled struct {
	User    string              `json:"user"`
	Booking string              `json:"booking"` // "" for none
	Type    string              `json:"type"`    // desk, onsite, …; "" if it is not known any more
	Space   string              `json:"space"`
	Begin   Time                `json:"begin"`
	End     Time                `json:"end"`
	Since   Time                `json:"since"` // when they arrived; null: they have not
	Left    Time                `json:"left"`
	State   presence.VisitState `json:"state"` // "" if they have not been here
	Became  presence.Fate       `json:"became"`
	Why     string              `json:"why"`
	WalkIn  bool                `json:"walk_in"` // a pass was booked, or would have been
}

// RosterQuery chooses rosters; what is empty chooses all sites, and the day that is on.
type RosterQuery struct {
	Site string
	Day  string // see [DayNamed]: each site has a today of its own
}

// ErrNoRoster says that the roster is turned off.
var ErrNoRoster = errors.New("the roster is turned off: [control] roster is false")

// ErrEnrolled says that a day is no list that anybody reads.
var ErrEnrolled = fmt.Errorf("more than %d visits are of that day: presenced visits has them, and presenced occupancy the numbers", mostEnrolled)

// mostEnrolled is how many visits of a day a roster is made of: more are no list that
// anybody reads.
const mostEnrolled = 100_000

// Rosters yields the rosters that q chooses, by site.
func (l Listings) Rosters(ctx context.Context, q RosterQuery) iter.Seq2[Roster, error] {
	return func(yield func(Roster, error) bool) {
		rosters, err := l.rosters(ctx, q)
		if err != nil {
			yield(Roster{}, err)
			return
		}
		for _, r := range rosters {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (l Listings) rosters(ctx context.Context, q RosterQuery) (all []Roster, err error) {
	rules, now := l.Rules(), time.Now()
	sites, err := sitesOf(rules, q.Site)
	if err != nil {
		return nil, err
	}
	begins, days := now, map[string]time.Time{}
	for _, site := range sites {
		if days[site.Name], err = dayOf(site, q.Day, now, rules); err != nil {
			return nil, err
		}
		if day := site.Day(days[site.Name], rules.DayStarts); day.Before(begins) {
			begins = day
		}
	}
	visits, err := l.visitsSince(ctx, sites, begins)
	if err != nil {
		return nil, err
	}
	for _, site := range sites {
		r, err := l.roster(ctx, site, days[site.Name], visits[site.Name], now, rules)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// roster returns the roster of one site's day that holds at.
func (l Listings) roster(ctx context.Context, site presence.Site, at time.Time, visits []presence.Visit, now time.Time, rules presence.Rules) (Roster, error) {
	roll, err := l.Roll(ctx, site.Name)
	if err != nil {
		return Roster{}, err
	}
	if at.Before(site.Day(now, rules.DayStarts)) {
		roll = presence.Roll{Why: "bookings are not kept: of this day only those are known that a visit had to do with"}
	}
	users := map[string]bool{}
	for i := range visits {
		users[visits[i].User] = true
	}
	passes, err := presence.WalkInsOf(ctx, l.Store, sorted(users), site, at, rules)
	if err != nil {
		return Roster{}, err
	}
	return rosterRow(presence.Enrol(site, at, roll, visits, passes, rules)), nil
}

// visitsSince returns the visits at the sites, by site, that may have been on since then: all
// that are not archived, and of the others those that arrived no more than a day before. It
// stops at more than a roster is made of.
func (l Listings) visitsSince(ctx context.Context, sites []presence.Site, since time.Time) (map[string][]presence.Visit, error) {
	all, seen := map[string][]presence.Visit{}, map[string]bool{}
	for _, site := range sites {
		all[site.Name] = nil
	}
	for _, some := range []iter.Seq2[presence.Visit, error]{
		l.open(ctx), l.history(ctx, "", since.AddDate(0, 0, -1), time.Time{}), // in this order: see visits
	} {
		for v, err := range some {
			if err != nil {
				return nil, err
			}
			if _, asked := all[v.Site]; !asked || seen[v.ID] {
				continue
			}
			if len(seen) == mostEnrolled {
				return nil, ErrEnrolled
			}
			seen[v.ID], v.Story = true, nil
			all[v.Site] = append(all[v.Site], v)
		}
	}
	return all, nil
}

// open yields the visits that are not archived, by user.
func (l Listings) open(ctx context.Context) iter.Seq2[presence.Visit, error] {
	return func(yield func(presence.Visit, error) bool) {
		for p, err := range l.people(ctx, "") {
			if err != nil {
				yield(presence.Visit{}, err)
				return
			}
			if len(p.Visits) == 0 {
				continue
			}
			outlooks := l.View(&p).Outlooks
			for _, v := range p.Visits {
				if o, is := outlooks[v.ID]; is { // what was stored is of the last look
					v.Outlook = o
				}
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

// sitesOf returns the sites, or the one of that name.
func sitesOf(rules presence.Rules, name string) ([]presence.Site, error) {
	names := map[string]bool{}
	for site := range rules.Sites {
		names[site] = true
	}
	if name != "" && !names[name] {
		return nil, fmt.Errorf("%w of a site %q: there is %s", ErrUnknown, name, strings.Join(sorted(names), ", "))
	}
	var sites []presence.Site
	for _, site := range sorted(names) {
		if name == "" || site == name {
			sites = append(sites, rules.Sites[site])
		}
	}
	return sites, nil
}

// dayOf returns a moment in the site's day that a word names, which is the one that is on
// for none.
func dayOf(site presence.Site, word string, now time.Time, rules presence.Rules) (time.Time, error) {
	if word == "" {
		return now, nil
	}
	today := site.Day(now, rules.DayStarts)
	date, is := DayNamed(word, today)
	if !is {
		return now, fmt.Errorf("read day %q: want one such as %s", word, today.Format(time.DateOnly))
	}
	if date.Format(time.DateOnly) > today.Format(time.DateOnly) {
		return now, FutureError{word, site.Name}
	}
	return site.Day(date.AddDate(0, 0, 1).Add(-time.Second), rules.DayStarts), nil
}

// FutureError says that a day has not begun, and that bookings are not read so far
// ahead.
type FutureError struct{ Day, Site string }

func (e FutureError) Error() string {
	return fmt.Sprintf("the day %s has not begun at %s, and bookings are not read so far ahead", e.Day, e.Site)
}

func sorted(names map[string]bool) []string {
	all := make([]string, 0, len(names))
	for name := range names {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func rosterRow(e presence.Roster) Roster {
	row := Roster{
		Site: e.Site, Day: e.Day.Format(time.DateOnly), AsOf: Time{e.Read}, Why: e.Why, Booked: e.Booked, Here: e.Here, WalkIns: e.WalkIns,
		Released: e.Fates[presence.FateReleased], Refused: e.Fates[presence.FateRefused], CheckedIn: e.Fates[presence.FateByUs],
		ByOthers: e.Fates[presence.FateByOthers], DryRun: e.Fates[presence.FateDryRun], Waiting: e.Fates[presence.FateWaiting],
		NotSeen: e.Fates[presence.FateNotSeen], Without: e.Fates[presence.FateWithout], People: []Enrolled{},
	}
	for _, r := range e.Rows {
		row.People = append(row.People, Enrolled{
			User: r.User, Booking: r.Booking.ID, Type: r.Booking.Type, Space: r.Booking.Space, Begin: Time{r.Booking.Begin}, End: Time{r.Booking.End},
			Since: Time{r.Visit.Arrived}, Left: Time{r.Visit.Departed}, State: r.Visit.State, Became: r.Fate, Why: r.Why, WalkIn: r.WalkIn,
		})
	}
	return row
}
