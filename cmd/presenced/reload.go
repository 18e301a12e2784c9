package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

const (
	listsEvery = 5 * time.Second // how often the files that the configuration names are looked at
	zonesEvery = time.Minute     // how often a time zone that could not be had is asked for
	zoneTime   = 5 * time.Second // for asking for all of them
)

// Reload makes another configuration count, but for the listeners and the
// store's path, which wait for the next start. An error changes nothing.
func (d *Daemon) Reload(ctx context.Context, cfg *configs.Config) error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	next, err := d.prepare(ctx, cfg)
	if err != nil {
		return err
	}
	old := d.setup.Swap(next).config
	if !slices.Equal(old.Radius.Listen, cfg.Radius.Listen) || old.Store.Path != cfg.Store.Path || old.Control != cfg.Control {
		d.Log.Warn("listeners, control and the store's path change at the next start only")
	}
	setLog(d.Log, cfg.Log)
	d.Radius.SetClients(next.clients)
	d.Tracker.Reload(next.mapping, next.rules)
	d.Courier.Reload(next.rules)
	d.lists = fingerprint(cfg)
	d.Log.WithField("file", cfg.Path).Info("the configuration is in force")
	if err := d.expel(ctx); err != nil { // housekeeping tries again
		d.Log.WithError(err).Error("erase who opted out")
	}
	return nil
}

// followHangups reads the configuration file again at each SIGHUP.
func (d *Daemon) followHangups(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.Hangups:
			d.say(sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec())
			d.ReloadFile(ctx)
			d.say(sd.SdNotifyReady)
		}
	}
}

// followZones looks again for time zones that could not be had.
func (d *Daemon) followZones(ctx context.Context) {
	now := d.setup.Load()
	if !now.guessed || now.kadence == nil {
		return
	}
	if err := d.Reload(ctx, now.config); err != nil {
		d.Log.WithError(err).Error("look up the buildings")
	}
}

// followLists reads the configuration again when a file that it names has
// changed: aliases, who opted out or in, a secret.
func (d *Daemon) followLists(ctx context.Context) {
	cfg := d.setup.Load().config
	d.reloading.Lock()
	now := fingerprint(cfg)
	same := now == d.lists
	d.lists = now // a file with a fault is told of once
	d.reloading.Unlock()
	if !same {
		d.Log.Info("a file that the configuration names has changed")
		d.ReloadFile(ctx)
	}
}

// ReloadFile reads the configuration file again and makes it count. What is
// wrong with it is logged, and then the old one stays in force.
func (d *Daemon) ReloadFile(ctx context.Context) {
	cfg, err := configs.Load(d.setup.Load().config.Path)
	if err == nil {
		err = d.Reload(ctx, cfg)
	}
	var faults configs.Faults
	switch {
	case err == nil:
		return
	case errors.As(err, &faults):
		for _, f := range faults {
			d.Log.Error(f)
		}
	default:
		d.Log.Error(err)
	}
	d.Log.Error("the old configuration stays in force")
}

// fingerprint says which files besides the configuration itself cfg was read
// from, and when each was changed.
func fingerprint(cfg *configs.Config) string {
	var b strings.Builder
	for _, name := range cfg.Files() {
		if name == cfg.Path {
			continue // an editor may be at it: SIGHUP says when it is whole
		}
		info, err := os.Stat(name)
		if err != nil {
			fmt.Fprintln(&b, name, err)
			continue
		}
		fmt.Fprintln(&b, name, info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

// expel erases what is remembered about people who are not to be tracked.
func (d *Daemon) expel(ctx context.Context) error {
	id := d.setup.Load().mapping.Identity
	for _, user := range slices.Sorted(maps.Keys(id.OptOut)) {
		if err := d.expelUser(ctx, user); err != nil {
			return err
		}
	}
	if id.OptIn == nil {
		return nil
	}
	strangers := map[string]bool{}
	l := control.Listings{Store: d.Store, Rules: presence.DefaultRules}
	for v, err := range l.Visits(ctx, control.VisitQuery{}) {
		if err != nil {
			return err
		}
		strangers[v.User] = !id.OptIn[v.User]
	}
	for s, err := range l.Sessions(ctx, control.SessionQuery{All: true}) {
		if err != nil {
			return err
		}
		strangers[s.User] = !id.OptIn[s.User]
	}
	for user, stranger := range strangers {
		if !stranger {
			continue
		}
		if err := d.expelUser(ctx, user); err != nil {
			return err
		}
	}
	return nil
}

// expelUser erases the user, if there is anything to erase.
func (d *Daemon) expelUser(ctx context.Context, user string) error {
	_, err := control.Listings{Store: d.Store, Rules: presence.DefaultRules}.Show(ctx, user)
	if errors.Is(err, control.ErrUnknown) {
		return nil
	}
	if err == nil {
		err = d.Tracker.Forget(ctx, user)
	}
	if err == nil {
		d.Log.Info("somebody opted out: what was remembered about them is erased") // and their name is not written down here
	}
	return err
}
