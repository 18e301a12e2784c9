package daemon

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// prepared is a configuration, with what it comes to: the desk that it asks for,
// and rules in which every site has a time zone.
type prepared struct {
	config  *configs.Config
	loaded  time.Time
	prints  map[string]string // of what daemons on one store are to have in common
	mapping mapping.Rules
	rules   presence.Rules
	guessed bool    // some site's time zone is a guess
	doubts  []doubt // what could not be found out about sites

	desk    presence.Desk
	clients radiusacct.Clients
	kadence *kadence.Desk // behind desk; nil without [kadence]
	deskIs  deskIs        // what kadence was made of
	mode    string        // of the desk: "live", "dry_run" or "none"
}

// doubt is what could not be found out about a site, and what counts instead.
type doubt struct{ site, text string }

// prepare finds out what cfg comes to. It changes nothing, and leaves it to
// its caller to tell the doubts.
func (d *Daemon) prepare(ctx context.Context, cfg *configs.Config) (*prepared, error) {
	clients, err := radiusacct.NewClients(cfg.Radius.Clients)
	if err != nil {
		return nil, err
	}
	s := &prepared{config: cfg, loaded: time.Now(), prints: cfg.Fingerprints(), clients: clients, mapping: cfg.Mapping, rules: cfg.Rules, desk: noDesk{}, mode: "none"}
	s.mapping.Identity.Withdrew = d.optOuts.withdrew
	if cfg.Store.HashDevices {
		if e := cfg.Store.Etcd; e != nil {
			s.mapping.HashKey, err = d.keyOfAll(ctx, e.DeviceKey)
		} else {
			s.mapping.HashKey, err = deviceKey(d.Store.Path())
		}
		if err != nil {
			return nil, err
		}
	}
	if cfg.Kadence != nil {
		if err := s.setDesk(cfg, d); err != nil {
			return nil, err
		}
		if cfg.Kadence.DryRun {
			s.desk, s.mode, s.rules.DryRun = kadence.DryRun(s.kadence), "dry_run", true
		}
	}
	zones, err := s.zones(ctx)
	if err != nil {
		return nil, err
	}
	s.rules.Sites = maps.Clone(cfg.Rules.Sites)
	for name, site := range s.rules.Sites {
		site.Zone = zones[name]
		s.rules.Sites[name] = site
	}
	s.mapping.Sites = slices.Clone(cfg.Mapping.Sites)
	for i := range s.mapping.Sites {
		s.mapping.Sites[i].Zone = zones[s.mapping.Sites[i].Name]
	}
	s.mapping.Index()
	s.mapping.Remember()
	return s, nil
}

// setDesk gives s a desk: the one in force if nothing about it changes, which
// knows its token, what it was told to wait for and what it has read.
func (s *prepared) setDesk(cfg *configs.Config, d *Daemon) (err error) {
	s.deskIs = whatDesk(cfg.Kadence.Config)
	if now := d.inForce.Load(); now != nil && now.kadence != nil && reflect.DeepEqual(now.deskIs, s.deskIs) {
		s.kadence = now.kadence
	} else if s.kadence, err = kadence.New(KadenceConfig(cfg, d.Transport), d.Store, asSlog(d.Log)); err != nil {
		return err
	}
	s.desk, s.mode = s.kadence, "live"
	return nil
}

// deskIs is what makes one desk another: all of its configuration, with what
// the secret is in the place of how to have it.
type deskIs struct {
	config kadence.Config
	secret string
	fault  error // why the secret could not be had
}

func whatDesk(cfg kadence.Config) deskIs {
	secret, err := cfg.Secret()
	cfg.Secret = nil
	return deskIs{cfg, secret, err}
}

// zones returns the time zone of each site: the configured one, else its
// building's, else, until Kadence tells, that of this host. It is an error if
// Kadence does not have a site's building.
func (s *prepared) zones(ctx context.Context) (map[string]*time.Location, error) {
	ctx, cancel := context.WithTimeout(ctx, zoneTime)
	defer cancel()
	sites, zones := s.config.Rules.Sites, map[string]*time.Location{}
	var faults []error
	unsure := func(site, text string) { s.doubts = append(s.doubts, doubt{site, text}) }
	for _, name := range slices.Sorted(maps.Keys(sites)) {
		zones[name] = sites[name].Zone
		if s.kadence != nil {
			zone, err := s.kadence.Zone(ctx, name)
			switch {
			case errors.Is(err, kadence.ErrUnknownBuilding):
				faults = append(faults, err)
			case err != nil:
				unsure(name, "the building could not be looked up: "+err.Error())
			case zones[name] == nil:
				zones[name] = zone
			}
		}
		if zones[name] == nil {
			zones[name], s.guessed = time.Local, true
			unsure(name, "no time_zone is configured and the building's is not known: this host's counts until it is")
		}
	}
	return zones, errors.Join(faults...)
}
