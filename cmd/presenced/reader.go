package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/store"
)

// reader is where listings come from: the daemon, or its file while no daemon
// runs.
type reader interface {
	People(ctx context.Context, site string) iter.Seq2[control.Person, error]
	Sessions(ctx context.Context, q control.SessionQuery) iter.Seq2[control.Session, error]
	Visits(ctx context.Context, q control.VisitQuery) iter.Seq2[control.Visit, error]
	Show(ctx context.Context, user string) (control.Story, error)
}

var (
	_ reader = (*control.Daemon)(nil)
	_ reader = control.Listings{}
)

// read has f read from the daemon, or from its file if no daemon runs.
func (p *program) read(ctx context.Context, f func(reader) error) error {
	at, err := p.place()
	if err != nil {
		return err
	}
	daemon := control.Dial(at.socket)
	err = daemon.Ping(ctx)
	if err == nil {
		return f(daemon)
	}
	if !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	s, err := store.OpenReadOnly(at.store)
	if err != nil {
		return fmt.Errorf("presenced is not running, and its file cannot be read: %w", err)
	}
	fmt.Fprintf(p.stderr, "presenced is not running: this is what %s holds\n", at.store)
	return errors.Join(f(control.Listings{Store: s, Rules: at.rules}), s.Close())
}

// daemon returns the client of the running daemon, for what only it can do.
func (p *program) daemon() (*control.Daemon, error) {
	at, err := p.place()
	if err != nil {
		return nil, err
	}
	return control.Dial(at.socket), nil
}
