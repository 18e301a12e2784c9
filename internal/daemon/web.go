package daemon

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/metrics"
	"github.com/presenced/presenced/internal/page"
	"github.com/presenced/presenced/internal/web"
)

// listenWeb opens the configured HTTP address; it is nil if there is none.
func listenWeb(ctx context.Context, cfg *configs.Config) (net.Listener, error) {
	if cfg.Control.HTTP == "" {
		return nil, nil
	}
	return web.Listen(ctx, cfg.Control.HTTP)
}

func closeWeb(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

// URL is where a browser finds the daemon, "" for nowhere.
func (d *Daemon) URL() string {
	if d.Web == nil {
		return ""
	}
	return "http://" + d.Web.Addr().String() + "/"
}

// web returns what the HTTP address serves, with the status page.
func (d *Daemon) web(shown *page.Page) *web.Server {
	return &web.Server{
		Healthy: d.healthy, Ready: d.ready, Barring: d.barring, Metrics: d.metrics.Handler(), Page: shown.Handler(),
		Access: d.access,
		Log:    asSlog(d.Log),
	}
}

// sees is how much a token lets see, by the configuration's word for it.
var sees = map[string]web.Sees{configs.SeesNumbers: web.Numbers, configs.SeesPeople: web.People, configs.SeesEverything: web.Everything}

// access says who may see what over HTTP.
func (d *Daemon) access() web.Access {
	now := d.inForce.Load()
	c := &now.config.Control
	a := web.Access{UserHeader: c.UserHeader, UserFrom: c.UserFrom, User: now.mapping.Identity.User}
	if c.Token != "" {
		a.Tokens = append(a.Tokens, web.Token{Secret: c.Token, Sees: web.Everything})
	}
	for _, t := range c.Tokens {
		a.Tokens = append(a.Tokens, web.Token{Name: t.Name, Secret: t.Secret, Sees: sees[t.Sees]})
	}
	return a
}

// page returns the status page.
func (d *Daemon) page() *page.Page {
	return &page.Page{
		Listings:  d.listings(),
		Status:    func(context.Context) (control.Status, error) { return d.status(nil), nil },
		Unmatched: d.unmatched,
		Read: func(by, what string) {
			if by != "" {
				by = ", token " + by
			}
			d.noteReading("the page"+by, what)
		},
		Own:    &own{Daemon: d},
		Roster: func() bool { return d.inForce.Load().config.Control.Roster },
	}
}

// measure sets up the metrics, and tells them what they do not ask for themselves.
func (d *Daemon) measure() {
	build, _, _ := strings.Cut(Version(), " ")
	d.metrics = metrics.New(metrics.Sources{
		Version: build, Radius: d.Radius, Tracker: d.Tracker, Courier: d.Courier, Store: d.Store, Troubles: d.troubles,
		Cluster: d.cluster, Asked: d.asked,
		OptedOut: d.optOuts.count, Resting: d.resting,
		Configured: func() metrics.Configured {
			now := d.inForce.Load()
			all := metrics.Configured{Desk: now.kadence, DryRun: now.mode == "dry_run", Loaded: now.loaded, Refused: d.refused.Load() != nil}
			for _, site := range now.mapping.Sites {
				all.Sites = append(all.Sites, site.Name)
			}
			return all
		},
	})
	d.Radius.Batched, d.Radius.Answered = d.metrics.Batched, d.metrics.Answered
	d.onCommit(d.metrics.Committed)
}

// healthy is nil if the daemon is alive and records, and else says why not.
func (d *Daemon) healthy() error { return first(d.troubles(), (*control.Trouble).Unwell) }

// ready is nil if the daemon takes packets, and else says why not.
func (d *Daemon) ready() error { return first(d.troubles(), (*control.Trouble).Unready) }

// barring is why the daemon would not start again, nil if it would.
func (d *Daemon) barring() error { return first(d.troubles(), (*control.Trouble).Barring) }

// first is the first trouble that counts, nil for none.
func first(troubles []control.Trouble, counts func(*control.Trouble) bool) error {
	for i := range troubles {
		if counts(&troubles[i]) {
			return errors.New(troubles[i].Text(time.Now()))
		}
	}
	return nil
}
