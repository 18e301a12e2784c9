package kadence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

var errDown = errors.New("connection refused")

func down(*http.Request) error { return errDown }

func TestBuildingIsFoundByIDOrName(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		for _, called := range []string{o.london, strings.ToLower(o.london), "London HQ", " london hq "} {
			o.restart(func(c *Config) { c.Buildings["london"] = called })
			if z, err := o.Zone(context.Background(), "london"); err != nil || z.String() != "Europe/London" {
				t.Errorf("%q: %v, %v", called, z, err)
			}
		}
	})
}

func TestUnknownAndAmbiguousBuildingsNameTheKnown(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		paris := o.AddBuilding("Annexe", zone(t, "Europe/Paris"))
		rome := o.AddBuilding("Annexe", zone(t, "Europe/Rome"))
		o.AddBuilding("Park", zone(t, "Europe/London"))
		for called, named := range map[string][]string{
			"Lodnon HQ":                  {"London HQ (" + o.london + ")", paris, rome},
			"01GTBV1CT3BM8A42SEJ2J5F4EG": {"London HQ"},
			"Annexe":                     {paris, rome, "give the id"},
			"London":                     {"London HQ"}, // a part is not the name
			"Par\u212A":                  {"Park"},      // the Kelvin sign is no k
			"":                           {"none is configured"},
		} {
			o.restart(func(c *Config) { c.Buildings["london"] = called })
			_, err := o.Zone(context.Background(), "london")
			if !errors.Is(err, ErrUnknownBuilding) {
				t.Errorf("%q: error %v", called, err)
				continue
			}
			for _, name := range named {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("%q: error %q does not name %s", called, err, name)
				}
			}
			if _, err := o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{}); !errors.Is(err, ErrUnknownBuilding) {
				t.Errorf("%q: bookings: %v", called, err)
			}
		}
		if _, err := o.Zone(context.Background(), "berlin"); !errors.Is(err, ErrUnknownBuilding) {
			t.Errorf("a site without a building: %v", err)
		}
	})
}

func TestStartDuringAnOutageKnowsTheZone(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		if _, err := o.Zone(context.Background(), "london"); err != nil {
			t.Fatal(err)
		}
		o.wire.fail(down)
		for range 5 {
			o.restart()
			if z, err := o.Zone(context.Background(), "london"); err != nil || z.String() != "Europe/London" {
				t.Errorf("after %s of outage: %v, %v", time.Since(at("00:00")), z, err)
			}
			tried := len(o.wire.seen)
			if _, err := o.Zone(context.Background(), "london"); err != nil || len(o.wire.seen) != tried {
				t.Errorf("the API was tried again at once: %v", err)
			}
			time.Sleep(20 * time.Hour)
		}
		o.wire.fail(nil)
		time.Sleep(buildingRetry)
		if _, err := o.Zone(context.Background(), "london"); err != nil || o.Calls(buildingsRoute) != 2 {
			t.Errorf("%v; buildings were read %d times, want again after the outage", err, o.Calls(buildingsRoute))
		}
	})
	inOffice(t, func(t *testing.T, o *office) { // the very first start: nothing is known
		o.wire.fail(down)
		_, err := o.Zone(context.Background(), "london")
		wantTemporary(t, err)
		o.restart(func(c *Config) { c.Zones = map[string]*time.Location{"london": zone(t, "Europe/London")} })
		if z, err := o.Zone(context.Background(), "london"); err != nil || z.String() != "Europe/London" {
			t.Errorf("with id and zone configured: %v, %v", z, err)
		}
	})
}

// TestABuildingThatWasKnownGoesOn: whatever is done to it in Kadence is told,
// and is no reason to do without it, after a restart neither.
func TestABuildingThatWasKnownGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		called string // how it is configured, if not by id
		happen func(o *office, london *sandbox.Building)
		doubt  string
	}{
		"renamed":             {"London HQ", func(_ *office, b *sandbox.Building) { b.Name = "London South" }, `is called "London South" in Kadence now`},
		"renamed, by id":      {"", func(_ *office, b *sandbox.Building) { b.Name = "London South" }, ""},
		"archived":            {"London HQ", func(_ *office, b *sandbox.Building) { b.Archived = true }, "no longer lists"},
		"archived, by id":     {"", func(_ *office, b *sandbox.Building) { b.Archived = true }, "no longer lists"},
		"another of its name": {"London HQ", func(o *office, b *sandbox.Building) { b.ID, b.Name = "01GTBV1CT3BM8A42SEJ2J5F4EG", b.Name+" old" }, "no longer lists"},
		"in no known zone":    {"", func(_ *office, b *sandbox.Building) { b.Zone = time.FixedZone("Mars/Olympus", 0) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, func(t *testing.T, o *office) {
				as := func(cfg *Config) {
					if c.called != "" {
						cfg.Buildings["london"] = c.called
					}
				}
				o.restart(as)
				if _, err := o.Zone(context.Background(), "london"); err != nil {
					t.Fatal(err)
				}
				o.ChangeBuilding(o.london, func(b *sandbox.Building) { c.happen(o, b) })
				for range 3 {
					time.Sleep(buildingKnown + time.Second)
					o.restart(as)
					if z, err := o.Zone(context.Background(), "london"); err != nil || z.String() != "Europe/London" {
						t.Errorf("%v, %v", z, err)
					}
					if got := o.Doubt("london"); (got == "") != (c.doubt == "") || !strings.Contains(got, c.doubt) {
						t.Errorf("doubt %q, want %q", got, c.doubt)
					}
				}
				if n := o.Calls(buildingsRoute); n > 4 {
					t.Errorf("the list was read %d times", n)
				}
				if c.doubt == "" {
					return
				}
				o.ChangeBuilding(o.london, func(b *sandbox.Building) { b.Name, b.Archived = "London HQ", false })
				time.Sleep(buildingKnown + time.Second)
				if _, err := o.Zone(context.Background(), "london"); name != "another of its name" && (err != nil || o.Doubt("london") != "") {
					t.Errorf("all is as it was: %v, doubt %q", err, o.Doubt("london"))
				}
			})
		})
	}
}

// TestSitesShareOneReadingOfTheList: a hundred buildings that are gone are no
// hundred readings.
func TestSitesShareOneReadingOfTheList(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		sites := map[string]string{}
		for i := range 100 {
			sites[fmt.Sprint("site", i)] = o.AddBuilding(fmt.Sprint("Building ", i), time.UTC)
		}
		ask := func() {
			for site := range sites {
				if _, err := o.Zone(context.Background(), site); err != nil {
					t.Fatal(err)
				}
			}
		}
		o.restart(func(c *Config) { c.Buildings = sites })
		ask()
		first := o.Calls(buildingsRoute) // of one page and the next
		for _, id := range sites {
			o.ChangeBuilding(id, func(b *sandbox.Building) { b.Archived = true })
		}
		time.Sleep(buildingKnown)
		ask()
		if n := o.Calls(buildingsRoute); n > 2*first {
			t.Errorf("%d calls for the list, and %d at first", n-first, first)
		}
	})
}

func TestBuildingsAreAskedForOnceADay(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.AddUser("ann@example.com")
		for range 48 {
			o.bookings("ann@example.com")
			time.Sleep(30 * time.Minute)
		}
		if n := o.Calls(buildingsRoute); n != 1 {
			t.Errorf("asked for %d times in a day, want once", n)
		}
	})
}

func TestCollectionsAreNotFollowedForEver(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.AddBuilding("Paris", time.UTC)
		o.AddBuilding("Rome", time.UTC)
		for most, want := range map[int]bool{2: false, 3: true, 4: true} {
			r := request{route: buildingsRoute, path: "/v1/public/buildings", query: url.Values{"itemsPerPage": {"1"}}}
			seen := 0
			whole, err := o.client.pages(context.Background(), r, most, func(json.RawMessage) { seen++ })
			if err != nil || whole != want || seen != min(most, 3) {
				t.Errorf("at most %d pages: saw %d, whole %v, %v", most, seen, whole, err)
			}
		}
	})
}

func TestConfiguredZoneWins(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		z, err := o.Zone(context.Background(), "london")
		if err != nil || z.String() != "America/New_York" {
			t.Errorf("%v, %v", z, err)
		}
	}, func(c *Config) {
		ny, err := time.LoadLocation("America/New_York")
		if err != nil {
			t.Fatal(err)
		}
		c.Zones = map[string]*time.Location{"london": ny}
	})
}

// What is around now is a matter of moments, and not of days, the building's or
// the server's: near midnight, today's and tomorrow's bookings are.
func TestBookingsAroundMidnightAreThere(t *testing.T) {
	for _, prefetch := range []bool{true, false} {
		inOffice(t, func(t *testing.T, o *office) {
			if !prefetch {
				o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
			}
			tokyo := zone(t, "Asia/Tokyo")
			id := o.AddBuilding("Tokyo", tokyo)
			o.restart(func(c *Config) { c.Buildings["tokyo"] = id })
			ann := o.AddUser("ann@example.com")
			nineToFive := func(day int) string {
				return o.Book(sandbox.Booking{
					User: ann, Building: id,
					Begin: time.Date(2000, 1, day, 9, 0, 0, 0, tokyo), End: time.Date(2000, 1, day, 17, 0, 0, 0, tokyo),
				})
			}
			first, second := nineToFive(1), nineToFive(2)
			nineToFive(3)
			time.Sleep(14*time.Hour + 59*time.Minute) // 23:59 on the first, there
			for range 2 {
				all, err := o.Desk.Bookings(context.Background(), "ann@example.com", "tokyo", time.Time{})
				if err != nil || len(all) != 2 || all[0].ID != first || all[1].ID != second {
					t.Errorf("prefetch %v: %+v, %v, want %s and %s", prefetch, all, err, first, second)
				}
				time.Sleep(2 * time.Minute)
			}
		})
	}
}

func TestCheckSaysWhatItFound(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		mars := o.AddBuilding("Mars", time.FixedZone("Mars/Olympus", 0))
		o.restart(func(c *Config) {
			c.Buildings = map[string]string{"london": "London HQ", "mars": mars, "venus": "Venus"}
		})
		before := o.Calls(checkInRoute)
		want := []struct{ subject, detail, err string }{
			{"credentials", "may see: 2", ""},
			{`site "london"`, "Europe/London", ""},
			{`site "mars"`, "Mars/Olympus", "is not known here"},
			{`site "venus"`, "", "no such building"},
			{"user ann@example.com", "01GTBV1CT3", ""},
			{`user ann@example.com at site "london"`, "desk 2000-01-01T09:00:00Z to 2000-01-01T17:00:00Z booked", ""},
			{`user ann@example.com at site "mars"`, "", "time zone"},
			{`user ann@example.com at site "venus"`, "", "no such building"},
		}
		got := o.Check(context.Background(), "ann@example.com")
		if len(got) != len(want) {
			t.Fatalf("%+v", got)
		}
		for i, f := range got {
			w := want[i]
			if f.Subject != w.subject || !strings.Contains(f.Detail, w.detail) || !strings.Contains(f.Error, w.err) || (f.Error == "") != (w.err == "") {
				t.Errorf("found %+v, want %+v", f, w)
			}
		}
		if last := o.Check(context.Background(), "nobody@example.com"); last[len(last)-1].Error != presence.ErrNoUser.Error() {
			t.Errorf("an unknown user: %+v", last)
		}
		if o.Calls(checkInRoute) != before {
			t.Error("checking checked in")
		}
		o.secret = "wr0ng"
		o.restart()
		if f := o.Check(context.Background(), ""); len(f) != 1 || !strings.Contains(f[0].Error, "invalid_client") {
			t.Errorf("wrong credentials: %+v", f)
		}
	})
}

// At a start each of ten thousand sites wants to know its building: one reading of the
// list tells all of them, and one change remembers it.
func TestManyBuildingsAreLearntTogether(t *testing.T) {
	const many = 10_000
	synctest.Test(t, func(t *testing.T) {
		server, memory := sandbox.New(credentials, "s3cret"), &changes{Memory: presence.NewMemory()}
		buildings := map[string]string{}
		for i := range many {
			server.AddBuilding(fmt.Sprint("Building ", i), time.UTC)
			buildings[fmt.Sprint("site-", i)] = fmt.Sprint("building ", i)
		}
		desk, err := New(Config{
			APIURL: "https://api.example.test", AuthURL: "https://login.example.test", ClientID: credentials,
			Secret:    func() (string, error) { return "s3cret", nil },
			Buildings: buildings, Transport: server.RoundTripper(),
		}, memory, quiet)
		if err != nil {
			t.Fatal(err)
		}
		budget.Budget{Time: 10 * time.Second, Each: 200 * time.Microsecond, Octets: 256 << 20, More: 32 << 10}.Hold(t, many, func() {
			for site := range buildings {
				if zone, err := desk.Zone(t.Context(), site); err != nil || zone.String() != "UTC" {
					t.Fatalf("%s: %v, %v", site, zone, err)
				}
			}
		})
		if n := server.Calls("GET /v1/public/buildings"); n != many/500 || memory.n != 1 {
			t.Errorf("%d calls and %d changes", n, memory.n)
		}
	})
}

// changes is a memory that counts them.
type changes struct {
	*presence.Memory
	n int
}

func (c *changes) Update(ctx context.Context, all []presence.Change) error {
	c.n += len(all)
	return c.Memory.Update(ctx, all)
}
