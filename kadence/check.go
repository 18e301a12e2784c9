package kadence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// Finding is one thing that was tried at the API, and what came of it.
type Finding struct {
	Subject string `json:"subject"`          // "credentials", `site "london"`, "user ann@example.com"
	Detail  string `json:"detail,omitempty"` // what was found
	Odd     string `json:"odd,omitempty"`    // what may be meant so, or not
	Error   string `json:"error,omitempty"`  // what is wrong; empty if nothing is
	Remedy  string `json:"remedy,omitempty"` // where to mend that
}

// Check asks the API for what the configuration relies on: the credentials,
// the building and time zone of each site, and, unless it is empty, the user
// with today's bookings. It changes nothing there.
func (d *Desk) Check(ctx context.Context, user string) []Finding {
	buildings, err := d.Buildings(ctx)
	if err != nil {
		return []Finding{{Subject: "credentials", Error: err.Error(), Remedy: credentialsRemedy(err)}}
	}
	findings := []Finding{{
		Subject: "credentials",
		Detail:  fmt.Sprintf("accepted; buildings that it may see: %d", len(buildings)),
	}}
	sites := make([]string, 0, len(d.buildings))
	for site := range d.buildings {
		sites = append(sites, site)
	}
	slices.Sort(sites)
	l := newListing(buildings, nil)
	for _, site := range sites {
		findings = append(findings, d.checkSite(site, l))
	}
	if user == "" {
		return findings
	}
	known, err := d.userID(ctx, user)
	if err != nil {
		return append(findings, Finding{Subject: "user " + user, Error: err.Error(), Remedy: userRemedy(err)})
	}
	findings = append(findings, Finding{Subject: "user " + user, Detail: "has the id " + known.ID})
	for _, site := range sites {
		findings = append(findings, d.checkUser(ctx, user, site))
	}
	return findings
}

func (d *Desk) checkSite(site string, l listing) Finding {
	f := Finding{Subject: fmt.Sprintf("site %q", site)}
	b, err := l.choose(d.buildings[site])
	if err != nil {
		f.Error, f.Remedy = err.Error(), "set [[site]] building to the id or the name of one that the API key may see"
		return f
	}
	f.Detail = fmt.Sprintf("building %s (%s), time zone %s", printable(b.Name, 60), b.ID, printable(b.TimeZone, 60))
	_, err = loadZone(b.TimeZone)
	switch zone := d.zones[site]; {
	case zone == nil && err != nil:
		f.Error, f.Remedy = "the building's time zone is not known here", "set [[site]] time_zone"
	case zone != nil && zone.String() != b.TimeZone:
		f.Detail += ", " + zone.String() + " is configured"
	}
	return f
}

func (d *Desk) checkUser(ctx context.Context, user, site string) Finding {
	f := Finding{Subject: fmt.Sprintf("user %s at site %q", user, site)}
	now := time.Now()
	bookings, err := d.Bookings(ctx, user, site, now)
	if err != nil && !errors.Is(err, presence.ErrNoUser) {
		f.Error = err.Error()
		return f
	}
	f.Detail = "no booking today"
	for i, b := range bookings {
		if i == 0 {
			f.Detail = "today: "
		} else {
			f.Detail += ", "
		}
		f.Detail += fmt.Sprintf("%s %s to %s %s",
			printable(b.Type, 20), b.Begin.Format(time.RFC3339), b.End.Format(time.RFC3339), printable(string(b.Status), 20))
		if !b.Eligible {
			f.Detail += " (not acted upon)"
		}
	}
	return f
}

// credentialsRemedy says where to mend that the buildings cannot be read.
func credentialsRemedy(err error) string {
	var closed *presence.ClosedError
	var denied *presence.DeniedError
	var throttled *presence.ThrottledError
	switch {
	case errors.As(err, &closed):
		return "look at [kadence] region, client_id and client_secret_file; a new API key is made in Kadence by an administrator"
	case errors.As(err, &denied):
		return "let the API key have the public API: Kadence's administrators set what it may do"
	case errors.As(err, &throttled):
		return "wait, and lower [kadence] rate if something else uses the same API key"
	}
	return "try again; if it stays, look at Kadence's status page"
}

// userRemedy says where to mend that a user cannot be looked up.
func userRemedy(err error) string {
	if errors.Is(err, presence.ErrNoUser) {
		return "compare the address with the user's in Kadence; [identity] rewrite and aliases_file map identities to addresses"
	}
	return credentialsRemedy(err)
}
