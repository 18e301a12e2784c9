package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// growth prints what a request costs presenced as the people it remembers
// become more, and what it takes to start with them: until the first answer, and
// until it knows again who is at which access point.
func (b *bench) growth() error {
	t := newTable(b.out, "presenced with more people, each with an open session; 512 in flight",
		"people", "acked/s", "p50", "p99", "max", "µs/req", "private MiB", "file MiB", "start", "private after it, MiB", "ready")
	for _, people := range []int{10_000, 100_000, 1_000_000} {
		b.progress("%d people", people)
		if err := b.growthTo(people, t); err != nil {
			return errors.Join(err, t.end()) // with the rows so far
		}
	}
	return t.end()
}

func (b *bench) growthTo(people int, table *table) (err error) {
	i, err := b.watched().install(b.dir)
	if err != nil {
		return err
	}
	defer i.remove()
	p, err := i.start()
	if err != nil {
		return err
	}
	defer func() {
		if p != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	o, err := newOffice(i.door, 4, people)
	if err != nil {
		return err
	}
	defer o.close()
	if err := o.fill(1, interims, time.Hour, live(interims)); err != nil {
		return err
	}
	m, err := b.measured(p, func() (*tally, error) { return o.keep(512, interims, b.during) })
	if err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	file, err := os.Stat(filepath.Join(i.dir, "presenced.db"))
	if err != nil {
		return err
	}
	began := time.Now()
	if p, err = i.start(); err != nil {
		return err
	}
	started := time.Since(began)
	for !well(p.address) {
		if time.Since(began) > startsWithin {
			return fmt.Errorf("start presenced: not ready for %v: %s", startsWithin, p.said())
		}
		time.Sleep(10 * time.Millisecond)
	}
	ready := time.Since(began)
	after, err := p.usage()
	if err != nil {
		return err
	}
	said, err := metricsOf(p)
	if err != nil {
		return err
	}
	switch remembered, err := metric(said, "presenced_store_people"); {
	case err != nil:
		return err
	case int(remembered) < people: // whoever asks whether it answers is one more
		return fmt.Errorf("%d people are remembered, not %d", int(remembered), people)
	}
	l := &m.latency
	table.row(people, b.perSecond(m.inTime), l.quantile(0.5), l.quantile(0.99), l.most, fmt.Sprintf("%.1f", m.perRequest()),
		m.private>>20, file.Size()>>20, started, after.private>>20, ready)
	return nil
}

// well reports whether the daemon says that it is ready.
func well(address netip.AddrPort) bool {
	answer, err := http.Get(fmt.Sprintf("http://%s/readyz", address))
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
