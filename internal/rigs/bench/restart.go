package main

import (
	"fmt"
	"time"
)

// restarts prints what a restart under load costs: presenced's, with the
// socket kept open as systemd does, and FreeRADIUS's.
func (b *bench) restarts() error {
	const rate = 1000
	t := newTable(b.out, fmt.Sprintf("A restart in the middle of %d requests a second; a NAS repeats after %v", rate, retryAfter),
		"server", "configuration", "what", "sent", "acked", "resent", "lost", "p50", "p99", "max", "the act took")
	for _, c := range []struct {
		server
		what string
		keep bool // the socket, over the restart
		act  act
	}{
		{b.presenced(), "restart, socket kept", true, restart},
		{b.presenced(), "restart", false, restart},
		{b.presenced(), "SIGHUP", false, reload},
		{radiusDetail, "restart", false, restart},
		{radiusDetail, "SIGHUP", false, reload},
	} {
		b.progress("%s: %s", c.name, c.what)
		r, err := b.restartOf(c.server, rate, c.keep, c.act)
		if err != nil {
			t.note(c.server, err)
			continue
		}
		l := &r.latency
		t.row(c.name, c.setting, c.what, r.sent, r.acked, r.resent, r.lost, l.quantile(0.5), l.quantile(0.99), l.most, r.away)
	}
	return t.end()
}

// act does something to the process of an installation, and returns the one
// that serves afterwards.
type act func(*installation, *process) (*process, error)

func restart(i *installation, p *process) (*process, error) {
	if err := p.stop(); err != nil {
		return nil, err
	}
	return i.start()
}

func reload(_ *installation, p *process) (*process, error) { return p, hangUp(p) }

// restarted is what came of the load, and how long the act took: for a
// restart, from asking the old process to end, which answers while it does,
// until the new one has answered.
type restarted struct {
	*tally
	away time.Duration
}

func (b *bench) restartOf(s server, rate int, keep bool, act act) (*restarted, error) {
	i, err := s.install(b.dir)
	if err != nil {
		return nil, err
	}
	defer i.remove()
	if keep {
		if i.socket, err = openSocket(i.address); err != nil {
			return nil, err
		}
	}
	p, err := i.start()
	if err != nil {
		return nil, err
	}
	o, err := newOffice(i.door, 16, b.users)
	if err != nil {
		return nil, err
	}
	defer o.close()
	if err := b.fill(o, justCome, interims); err != nil {
		return nil, err
	}

	type acted struct {
		p    *process
		took time.Duration
		err  error
	}
	done := make(chan acted, 1)
	time.AfterFunc(b.during/2, func() {
		began := time.Now()
		p, err := act(i, p)
		done <- acted{p, time.Since(began), err}
	})
	t, err := o.run(o.pace(rate, interims, b.during))
	a := <-done
	if a.err != nil {
		return nil, a.err
	}
	if stopped := a.p.stop(); err == nil {
		err = stopped
	}
	return &restarted{t, a.took}, err
}
