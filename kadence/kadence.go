// Package kadence is the booking side: it reads people's bookings from the
// Kadence public API (1.2.0) and checks them in and out. It promises that only
// exact matches count, of address, user and building; that no call whose
// effect is in doubt is repeated unasked; and that the token goes to the
// configured host and to no other.
package kadence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/presenced/presenced/presence"
)

// Config is how to reach Kadence, and what is to be done there.
type Config struct {
	Region  string // "eu" (or empty) or "us"; the two share neither hosts nor accounts
	APIURL  string // scheme and host of the API, instead of the region's
	AuthURL string // scheme and host of the token endpoint, instead of the region's

	ClientID string                 // the API key's identifier
	Secret   func() (string, error) // the API key's secret; asked for each token, so that a rotated one counts

	ActingUser string   // whom a check-in is made by: "self" (or empty) is the booking's user, else a user id
	Types      []string // types of booking to act upon; empty: desk, private_office, onsite
	Rate       float64  // calls per second at most; 0: 5

	Buildings map[string]string         // site → building, by id or by name
	Zones     map[string]*time.Location // site → its time zone; none or nil: the building's

	Transport http.RoundTripper // nil: the network
	UserAgent string            // empty: "presenced"
}

// Memory keeps small notes over restarts. It is the part of [presence.Store]
// that is used here.
type Memory interface {
	Note(ctx context.Context, kind, key string) ([]byte, error)
	Update(ctx context.Context, changes []presence.Change) error
}

// Desk is Kadence as a [presence.Desk]. It is safe for concurrent use and has
// no loop of its own: it calls when it is called.
type Desk struct {
	acting    string
	types     []string
	buildings map[string]string
	zones     map[string]*time.Location

	client  *client
	memory  Memory
	log     *slog.Logger
	flights singleflight.Group

	mu       sync.Mutex               // guards what follows
	known    map[string]knownBuilding // by what the configuration calls it
	listing  listing                  // of buildings
	readings map[string]lastReading   // the latest of each building, by its id
	said     map[string]bool          // warnings that need saying only once

	nopasses map[string]nopass // by building id: why there are none, for a while

	amendments map[string]amendment // by booking id: what is known of it since its building was read
	swept      time.Time            // when amendments were last swept
}

var (
	_ presence.Desk   = (*Desk)(nil)
	_ presence.Passes = (*Desk)(nil)
	_ presence.Passes = dryRun{}
	_ Memory          = presence.Store(nil)
)

// self is the acting user that stands for the booking's own.
const self = "self"

// ErrUnknownBuilding says that a site's building is not among Kadence's, or is
// more than one of them, and never was known: the configuration is wrong, and
// waiting will not help.
var ErrUnknownBuilding = errors.New("no such building")

// regions are the hosts of each region: API, then auth (OpenAPI document
// 1.2.0, info).
var regions = map[string][2]string{
	"":   {"https://api.onkadence.co", "https://login.onkadence.co"},
	"eu": {"https://api.onkadence.co", "https://login.onkadence.co"},
	"us": {"https://api.us.onkadence.co", "https://login.us.onkadence.co"},
}

// New returns a desk. It makes no call; an error is the configuration's.
func New(cfg Config, memory Memory, log *slog.Logger) (*Desk, error) {
	hosts, ok := regions[cfg.Region]
	if !ok {
		return nil, fmt.Errorf("kadence region %q: want eu or us", cfg.Region)
	}
	api, err := baseURL(cmp.Or(cfg.APIURL, hosts[0]))
	if err != nil {
		return nil, fmt.Errorf("kadence api_url: %w", err)
	}
	auth, err := baseURL(cmp.Or(cfg.AuthURL, hosts[1]))
	if err != nil {
		return nil, fmt.Errorf("kadence auth_url: %w", err)
	}
	acting := cmp.Or(cfg.ActingUser, self)
	if acting != self && !isID(acting) {
		return nil, fmt.Errorf("kadence acting_user %q: want self or a user id", acting)
	}
	if cfg.ClientID == "" || cfg.Secret == nil {
		return nil, errors.New("kadence: client_id and client_secret are both needed")
	}
	types := cfg.Types
	if len(types) == 0 {
		types = []string{"desk", "private_office", "onsite"}
	}
	return &Desk{
		acting: acting, types: slices.Clone(types), buildings: cfg.Buildings, zones: cfg.Zones,
		client: newClient(cfg, api, auth, log), memory: memory, log: log,
		known: map[string]knownBuilding{}, readings: map[string]lastReading{}, said: map[string]bool{},
		nopasses: map[string]nopass{}, amendments: map[string]amendment{},
	}, nil
}

// Share divides the rate of calls by how many daemons call with the same client; 1: it is
// this one's alone.
func (d *Desk) Share(among int) { d.client.gate.share(among) }

// Throttled returns until when Kadence told to make no call; zero if it did not.
func (d *Desk) Throttled() time.Time { return d.client.gate.shutUntil() }

// Throttle makes no call until then, because Kadence said so to somebody else who calls
// with the same client.
func (d *Desk) Throttle(until time.Time) { d.client.gate.shut(until) }

func baseURL(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("%q: want https://host", s)
	case u.RawQuery != "", u.Fragment != "", u.User != nil:
		return nil, fmt.Errorf("%q: only scheme, host and path are meant", s)
	}
	return u, nil
}

// DryRun returns a desk that reads as d does and only pretends to act: its
// CheckIn, CheckOut and Cancel return the booking as it is and
// [presence.ErrDryRun], which BookPass returns, too.
func DryRun(d *Desk) presence.Desk { return dryRun{d} }

type dryRun struct{ *Desk }

func (dryRun) CheckIn(_ context.Context, _ string, b presence.Booking) (presence.Booking, error) {
	return b, presence.ErrDryRun
}

func (dryRun) CheckOut(_ context.Context, _ string, b presence.Booking) (presence.Booking, error) {
	return b, presence.ErrDryRun
}

func (dryRun) BookPass(context.Context, string, presence.Pass) (presence.Booking, error) {
	return presence.Booking{}, presence.ErrDryRun
}

func (dryRun) Cancel(_ context.Context, _ string, b presence.Booking) (presence.Booking, error) {
	return b, presence.ErrDryRun
}

// once reports whether this is the first time that it is asked about key.
func (d *Desk) once(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.said[key] {
		return false
	}
	d.said[key] = true
	return true
}

// together runs f once for everybody who asks for key while it runs, in a time
// of its own, so that one caller's giving up does not fail the others.
func together[T any](ctx context.Context, g *singleflight.Group, key string, limit time.Duration,
	f func(context.Context) (T, error)) (T, error) {
	result := g.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		return f(ctx)
	})
	select {
	case r := <-result:
		value, _ := r.Val.(T)
		return value, r.Err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
