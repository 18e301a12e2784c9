package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/metrics"
	"github.com/presenced/presenced/internal/page"
	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/presence"
)

// wellTime is how lately every loop has to have turned for the daemon to be
// well: each does every few seconds.
const wellTime = 30 * time.Second

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

// webURL is where a browser finds the daemon, "" for nowhere.
func (d *Daemon) webURL() string {
	if d.Web == nil {
		return ""
	}
	return "http://" + d.Web.Addr().String() + "/"
}

// web returns what the HTTP address serves, with the status page.
func (d *Daemon) web(shown *page.Page) *web.Server {
	return &web.Server{
		Healthy: d.healthy, Ready: d.ready, Metrics: d.metrics.Handler(), Page: shown.Handler(),
		Token: func() string { return d.setup.Load().config.Control.Token },
		Log:   d.Log,
	}
}

// page returns the status page.
func (d *Daemon) page() *page.Page {
	return &page.Page{
		Listings:  control.Listings{Store: d.Store, Rules: func() presence.Rules { return d.setup.Load().rules }},
		Status:    func(context.Context) (control.Status, error) { return d.status(nil), nil },
		Unmatched: d.unmatched, NASes: d.Tracker.NASes,
	}
}

// measure has the metrics be told of what they do not ask for themselves.
func (d *Daemon) measure() {
	build, _, _ := strings.Cut(version(), " ")
	d.metrics = metrics.New(metrics.Sources{
		Version: build, Radius: d.Radius, Tracker: d.Tracker, Courier: d.Courier, Store: d.Store,
		Setup: func() metrics.Setup {
			now := d.setup.Load()
			all := metrics.Setup{Desk: now.kadence, DryRun: now.mode == "dry_run", Loaded: now.loaded, Refused: d.refused.Load()}
			for _, site := range now.mapping.Sites {
				all.Sites = append(all.Sites, site.Name)
			}
			return all
		},
	})
	d.Radius.Batched, d.Radius.Answered, d.Store.Committed = d.metrics.Batched, d.metrics.Answered, d.metrics.Committed
}

// healthy is nil if the daemon is alive and records, and else says why not.
func (d *Daemon) healthy() error {
	if err := d.Tracker.Failing(); err != nil {
		return fmt.Errorf("recording fails, nothing is answered: %w", err)
	}
	if !d.turning(wellTime) {
		return errors.New("a loop stands still: restart presenced, and report this with its log")
	}
	return nil
}

// ready is nil if the daemon takes packets, and else says why not.
func (d *Daemon) ready() error {
	switch {
	case d.Radius.Alive().IsZero():
		return errors.New("no socket is read yet")
	case !d.Tracker.Recalled():
		return errors.New("what is stored of the NASes is still being read")
	}
	return d.healthy()
}
