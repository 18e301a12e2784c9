package kadence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// Building is one of Kadence's buildings.
type Building struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	TimeZone string `json:"time_zone"` // IANA name
}

// buildingKind is the kind of note that keeps a building, by what the
// configuration calls it, so that a start during an outage knows it.
const buildingKind = "kadence-building"

const (
	buildingKnown = 24 * time.Hour // how long a building is believed before it is asked for again
	buildingRetry = time.Minute    // how long after a failure to ask the last known one is used unasked
	fetchTime     = time.Minute    // for all pages of a collection
)

// knownBuilding is a building and when it was last read.
type knownBuilding struct {
	Building
	Read  time.Time `json:"read"`
	retry time.Time
}

// place is what a site means here.
type place struct {
	building string // id
	zone     *time.Location
}

// day returns the calendar day that holds t, at the place.
func (p place) day(t time.Time) (from, to time.Time) {
	y, m, d := t.In(p.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, p.zone), time.Date(y, m, d+1, 0, 0, 0, 0, p.zone)
}

// Buildings returns all buildings that the API key may see, by name.
func (d *Desk) Buildings(ctx context.Context) ([]Building, error) {
	return together(ctx, &d.flights, "buildings", fetchTime, d.readBuildings)
}

func (d *Desk) readBuildings(ctx context.Context) ([]Building, error) {
	var all []Building
	each := func(member json.RawMessage) {
		var b struct {
			ID       ref  `json:"id"`
			IRI      ref  `json:"@id"`
			Name     text `json:"name"`
			TimeZone text `json:"timeZone"`
		}
		if json.Unmarshal(member, &b) != nil {
			return
		}
		if id := cmp.Or(string(b.ID), string(b.IRI)); id != "" {
			all = append(all, Building{ID: id, Name: string(b.Name), TimeZone: string(b.TimeZone)})
		}
	}
	r := request{
		route: "GET /v1/public/buildings", path: "/v1/public/buildings",
		query: url.Values{"itemsPerPage": {"100"}}, urgency: checkOuts, // nothing else can be done without
	}
	if whole, err := d.client.pages(ctx, r, maxPages, each); err != nil {
		return nil, err
	} else if !whole {
		return nil, fmt.Errorf("%s: more than %d pages", r.route, maxPages)
	}
	slices.SortFunc(all, func(a, b Building) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return all, nil
}

// Zone returns the time zone of the site: the configured one, else that of its
// building, which is remembered over restarts. It returns [ErrUnknownBuilding]
// if Kadence does not have the building.
func (d *Desk) Zone(ctx context.Context, site string) (*time.Location, error) {
	p, err := d.place(ctx, site)
	return p.zone, err
}

// place returns the building and the zone of a site.
func (d *Desk) place(ctx context.Context, site string) (place, error) {
	called, ok := d.buildings[site]
	if !ok || called == "" {
		return place{}, fmt.Errorf("site %q: %w: none is configured", site, ErrUnknownBuilding)
	}
	zone := d.zones[site]
	b, err := d.building(ctx, called)
	switch {
	case err == nil:
	case zone != nil && isULID(called) && !errors.Is(err, ErrUnknownBuilding):
		return place{called, zone}, nil // all that is needed is configured
	default:
		return place{}, fmt.Errorf("site %q: %w", site, err)
	}
	if zone == nil {
		if zone, err = time.LoadLocation(b.TimeZone); err != nil || b.TimeZone == "" {
			return place{}, fmt.Errorf("site %q: time zone %q of building %s is not known here: configure time_zone",
				site, printable(b.TimeZone, 60), b.ID)
		}
	}
	return place{b.ID, zone}, nil
}

// building returns the building that the configuration calls so: from memory
// while that is recent, else from the API, else from memory all the same.
func (d *Desk) building(ctx context.Context, called string) (Building, error) {
	key := presence.Fold(called)
	d.mu.Lock()
	known, ok := d.known[key]
	d.mu.Unlock()
	if !ok {
		note, err := d.memory.Note(ctx, buildingKind, key)
		if err != nil {
			return Building{}, fmt.Errorf("remember building: %w", err)
		}
		ok = json.Unmarshal(note, &known) == nil && known.ID != ""
	}
	now := time.Now()
	if ok && (now.Sub(known.Read) < buildingKnown || now.Before(known.retry)) {
		d.know(key, known)
		return known.Building, nil
	}
	all, err := d.Buildings(ctx)
	if err == nil {
		found := Building{}
		if found, err = choose(all, called); err != nil {
			return Building{}, err
		}
		known = knownBuilding{Building: found, Read: now}
		d.know(key, known)
		return found, d.remember(ctx, buildingKind, key, known)
	}
	if !ok {
		return Building{}, err
	}
	known.retry = now.Add(buildingRetry)
	d.know(key, known)
	return known.Building, nil
}

func (d *Desk) know(key string, b knownBuilding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[key] = b
}

// choose returns the building that is called so: by id, or by name if exactly
// one has it.
func choose(all []Building, called string) (Building, error) {
	var named []Building
	names := make([]string, 0, len(all))
	for _, b := range all {
		if presence.Fold(b.ID) == presence.Fold(called) {
			return b, nil
		}
		if presence.Fold(strings.TrimSpace(b.Name)) == presence.Fold(strings.TrimSpace(called)) {
			named = append(named, b)
		}
		names = append(names, fmt.Sprintf("%s (%s)", printable(b.Name, 60), b.ID))
	}
	const shown = 20
	known := "there are none"
	if len(names) > 0 {
		known = "there are " + strings.Join(names[:min(len(names), shown)], ", ")
	}
	if len(names) > shown {
		known += fmt.Sprintf(" and %d more", len(names)-shown)
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return Building{}, fmt.Errorf("%w: %q; %s", ErrUnknownBuilding, called, known)
	}
	ids := make([]string, 0, len(named))
	for _, b := range named {
		ids = append(ids, b.ID)
	}
	return Building{}, fmt.Errorf("%w: %q is the name of %s: give the id", ErrUnknownBuilding, called, strings.Join(ids, " and "))
}

// isULID reports whether s has the form of the API's ids.
func isULID(s string) bool { return len(s) == 26 && isID(s) && !strings.Contains(s, "-") }
