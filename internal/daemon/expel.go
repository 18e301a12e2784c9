package daemon

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// expelAgain is how long after a reload people are expelled once more: what
// was read under the mapping before is committed by then, heartbeats included.
const expelAgain = 10 * time.Second

// userNotes is the kind of the notes in which package kadence keeps the ids of
// users, by their address.
const userNotes = "kadence-user"

// followReloads expels once more after each reload.
func (d *Daemon) followReloads(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.reloaded:
		}
		select {
		case <-ctx.Done():
			return nil // the next start expels
		case <-time.After(expelAgain):
			d.expelAll(ctx)
		}
	}
}

// expelAll expels, and logs why it could not; housekeeping tries again.
func (d *Daemon) expelAll(ctx context.Context) {
	if err := d.expel(ctx); err != nil && ctx.Err() == nil {
		d.Log.WithError(err).Error("erase who opted out")
	}
}

// expel erases what is remembered about people who are not to be tracked.
func (d *Daemon) expel(ctx context.Context) error {
	identity := d.inForce.Load().mapping.Identity
	gone := map[string]bool{}
	maps.Copy(gone, identity.OptOut)
	if identity.OptIn != nil { // then who is gone is on no list
		if err := d.barred(ctx, gone); err != nil {
			return err
		}
	}
	return d.expelAllOf(ctx, gone)
}

// barred adds who is remembered and not to be tracked, of everybody.
func (d *Daemon) barred(ctx context.Context, gone map[string]bool) error {
	identity := d.inForce.Load().mapping.Identity
	return d.users(ctx, func(user string) {
		if identity.Barred(user) != "" {
			gone[user] = true
		}
	})
}

func (d *Daemon) expelAllOf(ctx context.Context, gone map[string]bool) error {
	for _, user := range slices.Sorted(maps.Keys(gone)) {
		if err := d.expelUser(ctx, user); err != nil {
			return err
		}
	}
	return nil
}

// expelUser erases the user, if there is anything to erase.
func (d *Daemon) expelUser(ctx context.Context, user string) error {
	remembered, err := d.remembers(ctx, user)
	if err != nil || !remembered {
		return err
	}
	if err := d.erase(ctx, user); err != nil {
		return err
	}
	d.Log.Info("somebody opted out: what was remembered about them is erased") // and their name is not written down here
	return nil
}

// remembers reports whether the store holds anything about the user.
func (d *Daemon) remembers(ctx context.Context, user string) (bool, error) {
	p, err := d.Store.Person(ctx, user)
	if err != nil || len(p.Facts)+len(p.Devices)+len(p.Visits)+len(p.Story) > 0 {
		return err == nil, err
	}
	visits, err := d.Store.History(ctx, user, time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 1)
	if err != nil || len(visits) > 0 {
		return err == nil, err
	}
	note, err := d.Store.Note(ctx, userNotes, user)
	return note != nil, err
}

// users calls f with every user about whom the store holds anything, maybe
// more than once.
func (d *Daemon) users(ctx context.Context, f func(user string)) error {
	for people, err := range presence.Everybody(ctx, d.Store, "") {
		if err != nil {
			return err
		}
		for i := range people {
			f(people[i].User)
		}
	}
	for v, err := range (control.Listings{Store: d.Store, World: d.Tracker.World}).Visits(ctx, control.VisitQuery{}) {
		if err != nil {
			return err
		}
		f(v.User)
	}
	for notes, err := range presence.AllNotes(ctx, d.Store, userNotes) {
		if err != nil {
			return err
		}
		for _, n := range notes {
			f(n.Key)
		}
	}
	return nil
}
