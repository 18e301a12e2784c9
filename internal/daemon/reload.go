package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
)

const (
	listsEvery = 5 * time.Second // how often the files that the configuration names are looked at
	zonesEvery = time.Minute     // how often a time zone that could not be had is asked for
	zoneTime   = 5 * time.Second // for asking for all of them
)

// Reload makes another configuration count, but for what waits for the next
// start. An error changes nothing.
func (d *Daemon) Reload(ctx context.Context, cfg *configs.Config) error {
	defer d.lock()()
	return d.reload(ctx, cfg)
}

// reload is Reload while reloading is locked.
func (d *Daemon) reload(ctx context.Context, cfg *configs.Config) error {
	next, err := d.prepare(ctx, cfg)
	if err == nil {
		d.adopt(ctx, next)
	}
	return err
}

// adopt puts what was prepared of another configuration in force, and says so.
func (d *Daemon) adopt(ctx context.Context, next *prepared) {
	cfg := next.config
	if !reflect.DeepEqual(fixed(d.inForce.Load().config), fixed(cfg)) {
		d.Log.Warn("listeners, the most connections, the control addresses and the store's path change at the next start only")
	}
	setLog(d.Log, cfg.Log)
	d.tell(next.doubts, nil)
	d.apply(next)
	d.lists = fingerprint(cfg)
	d.Log.WithField("file", cfg.Path).Info("the configuration is in force")
	d.expelAll(ctx)
	select {
	case d.reloaded <- struct{}{}:
	default:
	}
}

// fixed returns the part of a configuration that counts from the next start on:
// its sections without what [Daemon.Reload] makes count. Of a field that is
// forgotten here, a reload says too much and not too little.
func fixed(cfg *configs.Config) any {
	c := *cfg
	c.Radius.Clients, c.Radius.MaxSkew = nil, 0
	if c.Radsec != nil {
		radsec := *c.Radsec
		radsec.Certificate = tls.Certificate{}
		c.Radsec = &radsec
	}
	c.Store.KeepVisits, c.Store.HashDevices = 0, false
	c.Control.Tokens, c.Control.UserHeader, c.Control.UserFrom = nil, "", nil
	c.Control.Token, c.Control.Roster, c.Control.AuditReads = "", false, false
	return []any{c.Radius, c.Radsec, c.Store, c.Control}
}

// lock keeps others from reloading until the function that it returns is called.
func (d *Daemon) lock() (unlock func()) {
	d.reloading <- struct{}{}
	return func() { <-d.reloading }
}

// apply puts what was prepared in force.
func (d *Daemon) apply(next *prepared) {
	d.inForce.Store(next)
	if r := next.config.Radsec; r != nil {
		d.Radius.SetCertificate(r.Certificate)
	}
	d.Radius.SetClients(next.clients)
	d.Radius.SetSkew(next.rules.MaxSkew)
	d.Tracker.Reload(&next.mapping, next.rules)
	d.Courier.Reload(next.rules)
}

// followHangups reads the configuration file again at each SIGHUP.
func (d *Daemon) followHangups(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.Hangups:
			d.say(sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec())
			d.ReloadFile(ctx, false)
			d.say(sd.SdNotifyReady)
		}
	}
}

// followZones looks again for time zones that could not be had. It logs only
// what is new.
func (d *Daemon) followZones(ctx context.Context) {
	defer d.lock()()
	now := d.inForce.Load()
	if !now.guessed || now.kadence == nil {
		return
	}
	next, err := d.prepare(ctx, now.config)
	if err != nil {
		if ctx.Err() == nil && err.Error() != d.unzoned {
			d.Log.WithError(err).Error("look up the buildings")
		}
		d.unzoned = err.Error()
		return
	}
	d.unzoned = ""
	if slices.Equal(next.doubts, now.doubts) {
		return
	}
	next.loaded = now.loaded
	d.tell(next.doubts, now.doubts)
	d.apply(next)
	if !next.guessed {
		d.Log.Info("the time zone of every site is known")
	}
}

// tell logs the doubts that are not known already.
func (d *Daemon) tell(doubts, known []doubt) {
	for _, doubt := range doubts {
		if !slices.Contains(known, doubt) {
			d.Log.WithField("site", doubt.site).Warn(doubt.text)
		}
	}
}

// followLists reads the configuration again when a file that it names has
// changed: aliases, who opted out or in, a secret.
func (d *Daemon) followLists(ctx context.Context) {
	defer d.lock()()
	now := fingerprint(d.inForce.Load().config)
	if now == d.lists {
		return
	}
	d.lists = now // a file with a fault is told of once
	d.Log.Info("a file that the configuration names has changed")
	d.reloadFile(ctx, false)
}

// ReloadFile reads the configuration file again, tells what is otherwise in it, and makes
// it count unless dry is set. What is wrong with it is logged, and then the old one
// stays in force.
func (d *Daemon) ReloadFile(ctx context.Context, dry bool) control.Reload {
	defer d.lock()()
	return d.reloadFile(ctx, dry)
}

// reloadFile is ReloadFile while reloading is locked: of two, the later one
// has read the file later.
func (d *Daemon) reloadFile(ctx context.Context, dry bool) control.Reload {
	told := control.Reload{File: d.inForce.Load().config.Path, Faults: []string{}, Changes: []string{}}
	cfg, err := configs.Load(told.File)
	var next *prepared
	if err == nil {
		next, err = d.prepare(ctx, cfg)
	}
	if !dry {
		d.noteConfig(told.File, err)
	}
	if err != nil {
		told.Faults = faults(err)
		if !dry {
			d.refuse(told.Faults)
			d.say(d.summary())
		}
		return told
	}
	told.Changes = d.changes(ctx, next, dry)
	if !dry {
		for _, change := range told.Changes {
			d.Log.WithField("change", change).Info("the configuration changes")
		}
		d.refused.Store(nil)
		d.adopt(ctx, next)
		d.say(d.summary())
	}
	return told
}

// faults is what is wrong, one line for each.
func faults(err error) (lines []string) {
	var all configs.Faults
	if !errors.As(err, &all) {
		return strings.Split(err.Error(), "\n")
	}
	for _, f := range all {
		lines = append(lines, f.Error())
	}
	return lines
}

// refusal is a configuration file that is no good.
type refusal struct {
	since time.Time
	why   string // the first fault
	more  int    // how many there are beside it
}

// refuse notes, and logs, why the configuration file does not count.
func (d *Daemon) refuse(faults []string) {
	now := &refusal{since: time.Now(), why: faults[0], more: len(faults) - 1}
	if before := d.refused.Load(); before != nil {
		now.since = before.since
	}
	d.refused.Store(now)
	for _, fault := range faults {
		d.Log.Error(fault)
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
