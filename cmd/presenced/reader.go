package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// reader is where listings come from: the daemon, or its file while no daemon
// runs.
type reader interface {
	People(ctx context.Context, site string) iter.Seq2[control.Person, error]
	Sessions(ctx context.Context, q control.SessionQuery) iter.Seq2[control.Session, error]
	Visits(ctx context.Context, q control.VisitQuery) iter.Seq2[control.Visit, error]
	Rosters(ctx context.Context, q control.RosterQuery) iter.Seq2[control.Roster, error]
	Find(ctx context.Context, who string) ([]string, error)
	Events(ctx context.Context, since time.Time) iter.Seq2[control.Event, error]
	Occupancy(ctx context.Context, q control.OccupancyQuery) iter.Seq2[control.Occupancy, error]
	Zones(ctx context.Context) (map[string]string, error)
	Show(ctx context.Context, user string) (control.Story, error)
	OptOuts(ctx context.Context) iter.Seq2[control.OptOut, error]
	OptedOut(ctx context.Context, names ...string) (bool, error)
	Resting(ctx context.Context) iter.Seq2[control.Resting, error]
}

var (
	_ reader = (*control.Remote)(nil)
	_ reader = control.Listings{}
)

// read gives f the daemon to read from, or its file if no daemon runs.
func (p *program) read(ctx context.Context, f func(reader) error) error {
	at, err := p.place()
	if err != nil {
		return err
	}
	daemon := control.Dial(at.socket)
	err = daemon.Ping(ctx)
	if err == nil {
		p.learnZones(ctx, daemon)
		return f(daemon)
	}
	if !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	s, err := at.file()
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "presenced is not running: this is what %s holds\n", at.store)
	w, err := presence.Remembered(ctx, s, at.rules())
	if err != nil {
		return errors.Join(err, s.Close())
	}
	listings := control.Listings{Store: s, World: func() presence.World { return w }, Names: p.names(), Roll: noRoll(at.roster)}
	p.learnZones(ctx, listings)
	return errors.Join(f(listings), s.Close())
}

// learnZones reads the sites' time zones, in which moments are told. Where none
// is known, they are told in the time of who asks.
func (p *program) learnZones(ctx context.Context, r reader) {
	p.zones = map[string]*time.Location{}
	names, err := r.Zones(ctx)
	if err != nil {
		return // an older daemon
	}
	for site, name := range names {
		if zone, err := time.LoadLocation(name); err == nil {
			p.zones[site] = zone
		}
	}
}

// daemon returns the client of the running daemon, for what only it can do.
func (p *program) daemon() (*control.Remote, error) {
	at, err := p.place()
	if err != nil {
		return nil, err
	}
	return control.Dial(at.socket), nil
}
