// Package configs reads the configuration, checks it, and gives it out ready
// to use. It promises that what [Load] returns needs no further checking, that
// every fault is told at once, with its file and line and what to do about it,
// and that no secret is in any of these texts.
package configs

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// Reference is the annotated reference configuration: every key there is, with
// its default.
//
//go:embed presenced.toml
var Reference []byte

// Config is a checked configuration.
type Config struct {
	Path     string   // the file, as it was named
	Warnings []string // what is allowed and probably not meant, one line each

	Radius  Radius
	Radsec  *Radsec // nil: nothing comes over TLS
	Mapping mapping.Rules
	Rules   presence.Rules // with the same sites as Mapping
	Kadence *Kadence       // nil: presence is recorded, and nothing is checked in or out
	Store   Store
	Control Control
	Log     Log

	files    []string
	settings map[string]setting // by key or file, for Changes
}

// Files returns the names of all files that were read, the configuration
// itself first, so that a change of any of them can be noticed.
func (c *Config) Files() []string { return slices.Clone(c.files) }

// Radius says where accounting comes in.
type Radius struct {
	Listen  []string            // host:port, UDP
	Clients []radiusacct.Client // in the configured order
	MaxSkew time.Duration       // how far an Event-Timestamp may be from the time of arrival
}

// Kadence says how to reach Kadence, and what is to be done there.
type Kadence struct {
	kadence.Config      // but for Transport and UserAgent, which nobody configures
	DryRun         bool // all is done but the calls that change a booking
}

// Control says where the daemon can be asked.
type Control struct {
	Socket string // path of the unix socket
	HTTP   string // host:port of the status page and /metrics; "" for none
	Token  string // what everything is shown for; "" for none
	Tokens []Token
	Roster bool // whether bookings are shown beside presence

	AuditReads bool // whether each reading of people's data is an event

	// A proxy at one of the addresses names in this header who looks at their own day; ""
	// for none.
	UserHeader string
	UserFrom   []netip.Prefix
}

// Token is what something is shown for over HTTP.
type Token struct {
	Name   string
	Secret string
	Sees   string // SeesNumbers, SeesPeople or SeesEverything
}

// How much a token lets see.
const (
	SeesNumbers    = "numbers"
	SeesPeople     = "people"
	SeesEverything = "everything"
)

// Log says how the log is written.
type Log struct {
	Level  string // "error", "warning", "info" or "debug"
	Format string // "text" or "json"
}

// Where the store and the control socket are unless the configuration says.
const (
	DefaultStore  = "/var/lib/presenced/presenced.db"
	DefaultSocket = "/run/presenced/presenced.sock"
)

// Load reads the configuration file. Every error is a [Faults].
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		remedy := "`presenced config` prints one to begin with; -c names another file"
		if errors.Is(err, fs.ErrPermission) {
			remedy = "let this user read it"
		}
		return nil, Faults{{File: path, What: "open: " + cause(err), Remedy: remedy}}
	}
	c, d, err := parse(path, data, filepath.Dir(path), false)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err == nil && d.inline && info.Mode().Perm()&0o004 != 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s: everybody may read it, and secrets are in it: chmod o-r it, or put them into files", path))
	}
	return c, nil
}

// Parse checks the text of a configuration; name is what faults call it, and
// the files that it names are relative to dir. Every error is a [Faults].
func Parse(name string, data []byte, dir string) (*Config, error) {
	c, _, err := parse(name, data, dir, false)
	return c, err
}

// LoadRules reads the configuration file as [Load] does, for who looks at records
// and hears none: no secret is read, and none has to be there.
func LoadRules(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Faults{{File: path, What: "open: " + cause(err), Remedy: "-c names another file"}}
	}
	c, _, err := parse(path, data, filepath.Dir(path), true)
	return c, err
}

// Assumed returns what a first look assumes that has no configuration: one client,
// which is anybody, and one site with the networks, or any if there are none. The
// domain may be empty: then only names that are addresses lead to people.
func Assumed(domain string, ssids []string, zone *time.Location) *Config {
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	site := presence.Site{Name: "site", Zone: zone, SSIDs: ssids}
	c := &Config{Path: "no configuration", Rules: presence.DefaultRules()}
	c.Radius = Radius{Clients: []radiusacct.Client{{Name: "any", Prefix: all, Site: site.Name}}, MaxSkew: radiusacct.DefaultSkew}
	d, root := newDocument(c.Path, nil, "")
	c.Mapping = mapping.Rules{Sites: []presence.Site{site}, Identity: identity(root.table("identity"))}
	c.Mapping.Identity.Domain = presence.Fold(domain)
	if len(d.faults) > 0 {
		panic(d.faults) // it is empty
	}
	c.Rules.MaxSkew, c.Rules.Sites = c.Radius.MaxSkew, map[string]presence.Site{site.Name: site}
	return c
}

func parse(name string, data []byte, dir string, bare bool) (*Config, *document, error) {
	d, root := newDocument(name, data, dir)
	if root == nil {
		return nil, d, d.faults
	}
	d.bare = bare
	c := &Config{Path: name, Rules: presence.DefaultRules()}
	c.Mapping.Sites = sites(root)
	c.Mapping.Elsewhere = elsewhere(root)
	c.Radsec = radsec(root.table("radsec"))
	c.Radius = radius(root.table("radius"), c.Mapping.Sites, c.Radsec != nil)
	c.Mapping.Identity = identity(root.table("identity"))
	rules(root.table("presence"), &c.Rules)
	c.Kadence = desk(root, c)
	c.Store = store(root.table("store"))
	c.Control = control(root.table("control"))
	c.Log = logging(root.table("log"))
	c.Rules.MaxSkew = c.Radius.MaxSkew
	c.Rules.Sites = make(map[string]presence.Site, len(c.Mapping.Sites))
	for _, s := range c.Mapping.Sites {
		c.Rules.Sites[s.Name] = s
	}
	c.unreachable(d)
	d.unknown()
	if len(d.faults) > 0 {
		d.faults.sort()
		return nil, d, d.faults
	}
	c.Warnings, c.files = d.warnings, append([]string{name}, d.files...)
	c.settings = d.settings()
	return c, d, nil
}

// unreachable warns of sites to which no record can ever belong.
func (c *Config) unreachable(d *document) {
	led := map[string]bool{}
	for _, c := range c.Radius.Clients {
		led[c.Site] = true
	}
	for _, s := range c.Mapping.Sites {
		if !led[s.Name] && len(s.NAS)+len(s.Locations)+len(s.SSIDs) == 0 {
			d.warn("site %q: nothing leads to it: no client has it as its site, and it has no nas, locations or ssids", s.Name)
		}
	}
}
