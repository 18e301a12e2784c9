package kadence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
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
	buildingRetry = time.Minute    // between two readings of the list, for whatever it is read
	fetchTime     = time.Minute    // for all pages of a collection
)

// knownBuilding is a building and when it was last read.
type knownBuilding struct {
	Building
	Read  time.Time `json:"read"`
	Doubt string    `json:"doubt,omitempty"` // why it may not be this one any longer
}

// listing is the latest list of buildings, or why there was none.
type listing struct {
	all []Building
	by  map[string][]Building // by id and by name, folded: there may be thousands, of sites too
	err error
	at  time.Time
}

func newListing(all []Building, err error) listing {
	l := listing{all, map[string][]Building{}, err, time.Now()}
	for _, b := range all {
		id, name := presence.Fold(b.ID), presence.Fold(strings.TrimSpace(b.Name))
		l.by[id] = append(l.by[id], b)
		if name != id {
			l.by[name] = append(l.by[name], b)
		}
	}
	return l
}

// place is what a site means here.
type place struct {
	building string // id
	zone     *time.Location
}

// around returns the time around now, on the place's clock.
func (p place) around(now time.Time) (from, to time.Time) {
	now = now.In(p.zone)
	return now.Add(-around), now.Add(around)
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
		query: url.Values{"itemsPerPage": {"500"}}, urgency: checkOuts, // nothing else can be done without
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
		if zone, err = loadZone(b.TimeZone); err != nil {
			return place{}, fmt.Errorf("site %q: time zone %q of building %s is not known here: configure time_zone",
				site, printable(b.TimeZone, 60), b.ID)
		}
	}
	return place{b.ID, zone}, nil
}

// building returns the building that the configuration calls so: from memory
// while that is recent, else from the API, else from memory all the same. A
// name that leads nowhere is a fault of the configuration only while it never
// led anywhere. Somebody may rename, archive or hide a building at any time:
// then what is known of it goes on to count, with a doubt.
func (d *Desk) building(ctx context.Context, called string) (Building, error) {
	known, ok, err := d.knownAs(ctx, called)
	if err != nil || ok && time.Since(known.Read) < buildingKnown {
		return known.Building, err
	}
	l, fresh := d.list(ctx, buildingRetry)
	if _, err = known.renew(l, called); err != nil && !ok && !fresh { // it may have been mended since
		l, _ = d.list(ctx, 0)
		_, err = known.renew(l, called)
	}
	if err != nil && !ok {
		return Building{}, err
	}
	if err := d.learn(ctx, l); err != nil {
		return Building{}, err
	}
	known, _, err = d.knownAs(ctx, called)
	return known.Building, err
}

// knownAs returns what is known of the building that the configuration calls so, if
// anything is.
func (d *Desk) knownAs(ctx context.Context, called string) (known knownBuilding, ok bool, err error) {
	key := presence.Fold(called)
	d.mu.Lock()
	known, ok = d.known[key]
	d.mu.Unlock()
	if ok {
		return known, true, nil
	}
	note, err := d.memory.Note(ctx, buildingKind, key)
	if err != nil {
		return known, false, fmt.Errorf("remember building: %w", err)
	}
	if json.Unmarshal(note, &known) != nil || known.ID == "" {
		return knownBuilding{}, false, nil
	}
	d.know(key, known)
	return known, true, nil
}

// learn takes in what the list says of all buildings that are configured, of which there
// may be thousands, and remembers what is new by one change.
func (d *Desk) learn(ctx context.Context, l listing) error {
	var notes []presence.Note
	for _, site := range slices.Sorted(maps.Keys(d.buildings)) {
		called := d.buildings[site]
		known, _, err := d.knownAs(ctx, called)
		if err != nil {
			return err
		}
		next, err := known.renew(l, called)
		if err != nil || next == known || !known.Read.Before(l.at) {
			continue
		}
		d.know(presence.Fold(called), next)
		d.doubted(next.Doubt, known.Doubt)
		value, err := json.Marshal(next)
		if err != nil {
			return fmt.Errorf("remember building: %w", err)
		}
		notes = append(notes, presence.Note{Kind: buildingKind, Key: presence.Fold(called), Value: value})
	}
	if len(notes) == 0 {
		return nil
	}
	if err := d.memory.Update(ctx, []presence.Change{presence.WriteNotes(notes...)}); err != nil {
		return fmt.Errorf("remember building: %w", err)
	}
	return nil
}

// renew returns what is known of the building after the list was read. It
// returns [ErrUnknownBuilding] if nothing was known before, nor is now.
func (k knownBuilding) renew(l listing, called string) (knownBuilding, error) {
	if l.err != nil {
		return k, l.err
	}
	found, err := l.choose(called)
	if err == nil {
		return knownBuilding{Building: k.zoned(found), Read: time.Now()}, nil
	}
	if k.ID == "" {
		return k, err
	}
	for _, b := range l.by[presence.Fold(k.ID)] {
		if b.ID == k.ID {
			k.Building, k.Read = k.zoned(b), time.Now()
			k.Doubt = fmt.Sprintf("building %q is called %q in Kadence now: configure its id, %s", called, printable(b.Name, 60), b.ID)
			return k, nil
		}
	}
	k.Doubt = fmt.Sprintf("Kadence no longer lists building %q (%s): it goes on as it was; put it back there, or change the site's building", called, k.ID)
	return k, nil
}

// zoned returns b with the time zone that was known, if b has none that is
// known here.
func (k knownBuilding) zoned(b Building) Building {
	if _, err := loadZone(b.TimeZone); b.ID == k.ID && err != nil {
		b.TimeZone = k.TimeZone
	}
	return b
}

// zones are those that were loaded, by name.
var zones sync.Map

// loadZone is [time.LoadLocation], of a name that is not empty, from memory where it can
// be: it is asked for with each look-up.
func loadZone(name string) (*time.Location, error) {
	if zone, ok := zones.Load(name); ok {
		return zone.(*time.Location), nil
	}
	if name == "" {
		return nil, errors.New("no time zone")
	}
	zone, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, zone)
	}
	return zone, err
}

// list returns all buildings as they were read less than age ago, or why they
// could not be, and whether they were read for this.
func (d *Desk) list(ctx context.Context, age time.Duration) (l listing, fresh bool) {
	d.mu.Lock()
	last := d.listing
	d.mu.Unlock()
	if time.Since(last.at) < age {
		return last, false
	}
	all, err := d.Buildings(ctx)
	next := newListing(all, err)
	if ctx.Err() == nil {
		d.mu.Lock()
		d.listing = next
		d.mu.Unlock()
	}
	return next, true
}

func (d *Desk) know(key string, b knownBuilding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[key] = b
}

// doubted logs that a building is in doubt, or is no longer.
func (d *Desk) doubted(doubt, before string) {
	switch {
	case doubt == before:
	case doubt != "":
		d.log.Warn(doubt)
	default:
		d.log.Info("the building is listed as it is configured again", "was", before)
	}
}

// Doubt says why the site's building may not be the right one any longer, or one
// that we may not read; "" if there is no doubt. It asks nobody.
func (d *Desk) Doubt(site string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.known[presence.Fold(d.buildings[site])]
	last := d.readings[known.ID]
	switch {
	case known.Doubt != "":
		return known.Doubt
	case last.denied && last.people >= denialsRest:
		return fmt.Sprintf("Kadence denies the bookings of building %q and of its people: have the API key see them, or change the site's building: %s", known.Name, last.latest)
	case last.denied:
		return fmt.Sprintf("Kadence denies the bookings of building %q: its people are looked up one by one: %s", known.Name, last.reason)
	}
	return ""
}

// choose returns the building that is called so: by id, or by name if exactly
// one has it.
func (l listing) choose(called string) (Building, error) {
	want := presence.Fold(strings.TrimSpace(called))
	named := l.by[want]
	for _, b := range named {
		if presence.Fold(b.ID) == want {
			return b, nil
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return Building{}, fmt.Errorf("%w: %q; %s", ErrUnknownBuilding, called, known(l.all))
	}
	ids := make([]string, 0, len(named))
	for _, b := range named {
		ids = append(ids, b.ID)
	}
	return Building{}, fmt.Errorf("%w: %q is the name of %s: give the id", ErrUnknownBuilding, called, strings.Join(ids, " and "))
}

// known tells which buildings there are: the first few.
func known(all []Building) string {
	const shown = 20
	if len(all) == 0 {
		return "there are none"
	}
	var names []string
	for _, b := range all[:min(len(all), shown)] {
		names = append(names, fmt.Sprintf("%s (%s)", printable(b.Name, 60), b.ID))
	}
	text := "there are " + strings.Join(names, ", ")
	if len(all) > shown {
		text += fmt.Sprintf(" and %d more", len(all)-shown)
	}
	return text
}

// isULID reports whether s has the form of the API's ids.
func isULID(s string) bool { return len(s) == 26 && isID(s) && !strings.Contains(s, "-") }
