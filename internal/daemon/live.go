package daemon

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// control returns what the control socket serves.
func (d *Daemon) control(radius []*net.UDPConn) *control.Server {
	return &control.Server{
		Listings:  d.listings(),
		Status:    func(context.Context) (control.Status, error) { return d.status(radius), nil },
		Unmatched: d.unmatched,
		Forget:    d.forget,
		Backup:    d.backup,
		Zap:       d.zap,
		Retry:     func(_ context.Context, user, visit string) error { return d.Courier.Retry(user, visit) },
		Drop:      func(_ context.Context, user, visit string) error { return d.Courier.Drop(user, visit) },
		Reload:    d.ReloadFile,
		OptOut:    d.optOut,
		OptIn:     d.optIn,
		NotToday:  d.notToday,
		Packets:   d.packets,
		Ordered:   d.ordered,
		Read:      func(by control.Peer, what string) { d.noteReading(by.Name, what) },
	}
}

// listings reads rows from the store, beside what the desk has read.
func (d *Daemon) listings() control.Listings {
	return control.Listings{Store: d.Store, World: d.Tracker.World, Names: control.Names{User: d.leads, Device: d.device, Barred: d.isBarred}, Roll: d.roll}
}

const (
	rollAge  = 5 * time.Minute // how old bookings may be that are shown beside presence
	rollTime = 5 * time.Second // how long whoever looks waits for newer ones
)

// roll returns the bookings at the site's building of everybody who may be tracked.
func (d *Daemon) roll(ctx context.Context, site string) (presence.Roll, error) {
	now := d.inForce.Load()
	switch {
	case !now.config.Control.Roster:
		return presence.Roll{}, control.ErrNoRoster
	case now.kadence == nil:
		return presence.Roll{Why: errNoDesk.Error()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, rollTime)
	defer cancel()
	roll := now.kadence.Roll(ctx, site, time.Now().Add(-rollAge))
	maps.DeleteFunc(roll.Of, func(user string, _ []presence.Booking) bool { return now.mapping.Identity.Barred(user) != "" })
	return roll, nil
}

// forget erases a user, and with checkOut checks out first what is checked in for them.
func (d *Daemon) forget(ctx context.Context, user string, checkOut bool) (out []string, err error) {
	user = presence.Fold(user)
	if checkOut {
		p, err := d.Store.Person(ctx, user)
		if err != nil {
			return nil, err
		}
		old, err := d.Store.History(ctx, user, time.Now().Add(-heldMost), time.Now(), heldVisits)
		if err != nil {
			return nil, err
		}
		if out, err = d.Courier.Release(ctx, append(p.Visits, old...)); err != nil {
			return out, err
		}
	}
	return out, d.erase(ctx, user)
}

// Only the latest archived visits can hold a booking that still runs.
const (
	heldMost   = 31 * 24 * time.Hour // it may be of several days
	heldVisits = 1000
)

// leads returns to whom a name of the network leads by the rules in force.
func (d *Daemon) leads(name string) string { return d.inForce.Load().mapping.Identity.User(name) }

// device returns a device that is written in any spelling as it is listed, and as it
// is kept if devices are kept as hashes.
func (d *Daemon) device(text string) (mac, kept string) {
	mac, is := radiusacct.WholeMAC(text)
	if !is {
		return text, ""
	}
	key := d.inForce.Load().mapping.HashKey
	if len(key) == 0 {
		return mac, ""
	}
	hashed := presence.Sighting{Device: mac}
	hashed.Hash(key)
	return mac, hashed.Device
}

// ordered notes in the log who gave an order.
func (d *Daemon) ordered(by control.Peer, order string, err error) {
	d.noteOrder(by, order, err)
	entry := d.Log.WithFields(logrus.Fields{"order": order, "by": by.Name, "uid": by.UID, "pid": by.PID})
	if err != nil {
		entry.WithError(err).Warn("an order was not carried out")
		return
	}
	entry.Info("an order was carried out")
}

// backup writes a copy of the store, where whoever asked for it finds it.
func (d *Daemon) backup(ctx context.Context, path string) error {
	for _, own := range []string{"/tmp", "/var/tmp"} {
		within, err := filepath.Rel(own, path)
		if service := os.Getenv("INVOCATION_ID") != ""; service && err == nil && filepath.IsLocal(within) {
			return fmt.Errorf("write %s: the service has a %s of its own (PrivateTmp=), nobody else would find it; "+
				"write to %s, say", path, own, filepath.Join(filepath.Dir(d.Store.Path()), filepath.Base(path)))
		}
	}
	return d.Store.Backup(ctx, path)
}

// zap ends the live sessions that q chooses, or with dry only says which.
func (d *Daemon) zap(ctx context.Context, q control.SessionQuery, dry bool) (rows []control.Session, err error) {
	zapped, err := d.Tracker.Zap(ctx, q.Match, dry)
	for _, user := range slices.Sorted(maps.Keys(zapped)) {
		for _, s := range zapped[user] {
			rows = append(rows, control.SessionRow(user, s))
		}
	}
	return rows, err
}

// unmatched is what led to nobody since the start.
func (d *Daemon) unmatched() []control.Unmatched {
	var rows []control.Unmatched
	for _, u := range d.Tracker.Unmatched() {
		rows = append(rows, control.Unmatched{
			Kind: u.Kind, Key: u.Key, Count: u.Count, First: control.Time{Time: u.First}, Last: control.Time{Time: u.Last},
			Reason: u.Reason, Remedy: u.Remedy,
		})
	}
	return rows
}
