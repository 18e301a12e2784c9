package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

const interims = 8 // in a session: most of what a NAS sends

// throughput prints a line for each server and number of requests in flight.
func (b *bench) throughput(servers []server) error {
	table := newTable(b.out, "server", "configuration", "durable", "in flight", "acked/s", "p50", "p99", "max",
		"resent", "lost", "wrong", "CPU s", "µs/req", "RSS MiB", "load's CPU")
	for _, s := range servers {
		if err := b.throughputOf(s, table); err != nil {
			fmt.Fprintf(b.out, "%s, %s: %v\n", s.name, s.setting, err)
		}
	}
	return table.Flush()
}

func (b *bench) throughputOf(s server, table *table) (err error) {
	p, err := s.start(b.dir)
	if err != nil {
		return err
	}
	defer func() {
		if stopped := p.stop(); err == nil {
			err = stopped
		}
	}()
	o, err := newOffice(p.address, 4, b.users)
	if err != nil {
		return err
	}
	defer o.close()
	if err := o.open(interims, b.during); err != nil {
		return err
	}
	for _, inFlight := range []int{1, 64, 512} {
		before, own, err := b.usages(p)
		if err != nil {
			return err
		}
		began := time.Now()
		t, err := o.keep(inFlight, interims, b.during)
		if err != nil {
			return err
		}
		took := time.Since(began)
		after, ownAfter, err := b.usages(p)
		if err != nil {
			return err
		}
		cpu := after.cpu - before.cpu
		table.row(s.name, s.setting, s.durable, inFlight, int(float64(t.inTime)/b.during.Seconds()),
			milliseconds(t.latency.quantile(0.50)), milliseconds(t.latency.quantile(0.99)), milliseconds(t.latency.most),
			t.resent, t.lost, t.wrong, fmt.Sprintf("%.2f", cpu.Seconds()),
			fmt.Sprintf("%.1f", float64(cpu.Microseconds())/float64(max(t.acked, 1))), after.most>>20,
			fmt.Sprintf("%.0f%%", 100*(ownAfter.cpu-own.cpu).Seconds()/took.Seconds()))
	}
	return nil
}

// usages returns what the server has used, and what we have.
func (b *bench) usages(p *process) (its, ours usage, err error) {
	if its, err = p.usage(); err != nil {
		return its, ours, err
	}
	ours, err = usageOf(os.Getpid())
	return its, ours, err
}

// milliseconds writes a duration for a column in which others stand below.
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2fms", float64(d.Microseconds())/1000)
}

// table aligns its columns, and shows each row as soon as it is known.
type table struct {
	w *tabwriter.Writer
}

func newTable(out io.Writer, heads ...any) *table {
	t := &table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	t.row(heads...)
	return t
}

func (t *table) row(cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, c)
	}
	fmt.Fprintln(t.w)
}

func (t *table) Flush() error { return t.w.Flush() }
