package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

const interims = 8 // in a session: most of what a NAS sends

// throughput prints what each server does with 1, 64 and 512 requests in
// flight.
func (b *bench) throughput() error {
	t := newTable(b.out, fmt.Sprintf("Accounting over %d users, %v each", b.users, b.during),
		"server", "configuration", "durable", "in flight", "acked/s", "of yardstick", "of detail file", "of UDP", "p50", "p99", "max",
		"resent", "lost", "wrong", "CPU s", "µs/req", "RSS MiB", "load's CPU")
	r := rates{}
	for _, s := range b.servers() {
		if !strings.Contains(s.name+", "+s.setting, b.only) {
			continue
		}
		b.progress("%s, %s: throughput", s.name, s.setting)
		if err := b.with(s, func(p *process) error { return b.throughputOf(s, p, t, r) }); err != nil {
			t.note(s, err)
		}
	}
	return t.end()
}

func (b *bench) throughputOf(s server, p *process, table *table, r rates) error {
	o, err := newOffice(p.door, 4, b.users)
	if err != nil {
		return err
	}
	defer o.close()
	if err := b.fill(o, s.before, interims); err != nil {
		return err
	}
	for _, inFlight := range []int{1, 64, 512} {
		m, err := b.measured(p, func() (*tally, error) { return o.keep(inFlight, interims, b.during) })
		if err != nil {
			return err
		}
		l, rate := &m.latency, b.perSecond(m.inTime)
		r[rated{s.setting, inFlight}] = rate
		table.row(s.name, s.setting, s.durable, inFlight, rate,
			r.share(rate, rated{bare, inFlight}), r.share(rate, rated{radiusDetail.setting, inFlight}), r.share(rate, s.overUDP(inFlight)),
			l.quantile(0.50), l.quantile(0.99), l.most,
			m.resent, m.lost, m.wrong, fmt.Sprintf("%.2f", m.cpu.Seconds()), fmt.Sprintf("%.1f", m.perRequest()), m.most>>20,
			fmt.Sprintf("%.0f%%", 100*m.ours.Seconds()/m.took.Seconds()))
	}
	return nil
}

// overUDP is what the same server is measured as over UDP, if it is one over TLS.
func (s server) overUDP(inFlight int) rated {
	setting, ok := strings.CutSuffix(s.setting, overTLS)
	if !ok {
		return rated{}
	}
	return rated{setting, inFlight}
}

// rates are the acknowledged requests a second of who was measured so far.
type rates map[rated]int

type rated struct {
	setting  string
	inFlight int
}

// share returns the rate as a share of another's.
func (r rates) share(rate int, of rated) string {
	if r[of] == 0 {
		return "-"
	}
	return fmt.Sprintf("%d%%", 100*rate/r[of])
}

func (b *bench) perSecond(n int) int { return int(float64(n) / b.during.Seconds()) }

// past is what guests have sent before they are measured.
type past int

const (
	justCome       past = iota // the Start of their session
	presentAlready             // what a NAS tells late of a session that is under way
	aLongDay                   // as many sessions as presenced remembers of one person, and another Start
)

// fill sends the past of every guest of the office. A slow server is not waited
// for.
func (b *bench) fill(o *office, before past, interims int) error {
	const each = 300 * time.Microsecond
	records, next := 1, live(interims)
	switch before {
	case presentAlready:
		records, next = lateRecords, (*guest).late
	case aLongDay:
		const sessions = 16 // presence keeps no more of them that ended
		records, next = 2*sessions+1, live(0)
	}
	return o.fill(records, interims, max(b.during, time.Duration(records*o.guests())*each), next)
}

// measured is a tally, and what it took of the machine.
type measured struct {
	*tally
	usage               // of the server: CPU and writes for this load, memory at its peak since it started
	ours  time.Duration // CPU time of the load
	took  time.Duration
}

// perRequest returns the server's CPU time for an acknowledged request, in µs.
func (m *measured) perRequest() float64 {
	return float64(m.cpu.Microseconds()) / float64(max(m.acked, 1))
}

// measured runs a load on the server.
func (b *bench) measured(p *process, run func() (*tally, error)) (*measured, error) {
	before, oursBefore, err := usages(p)
	if err != nil {
		return nil, err
	}
	if err := p.profile(); err != nil {
		return nil, err
	}
	began := time.Now()
	t, err := run()
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	if err := p.profile(); err != nil {
		return nil, err
	}
	after, oursAfter, err := usages(p)
	if err != nil {
		return nil, err
	}
	after.cpu -= before.cpu
	return &measured{t, after, oursAfter.cpu - oursBefore.cpu, took}, nil
}

// usages returns what the server has used, and what we have.
func usages(p *process) (its, ours usage, err error) {
	if its, err = p.usage(); err != nil {
		return its, ours, err
	}
	ours, err = usageOf(os.Getpid())
	return its, ours, err
}
