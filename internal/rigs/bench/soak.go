package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const soakRows = 60

// soak prints how presenced fares over a long time at a tenth of the most that
// it takes, or at the rate that is asked for, with people who come and go all
// the while; and at the end whether it still grew.
func (b *bench) soak() error {
	return b.with(b.watched(), func(p *process) error {
		o, err := newOffice(p.door, 16, b.users)
		if err != nil {
			return err
		}
		defer o.close()
		if err := b.fill(o, justCome, interims); err != nil {
			return err
		}
		rate := b.rate
		if rate == 0 {
			b.progress("soak: what is the most?")
			during := min(b.during, 3*time.Second)
			t, err := o.keep(512, interims, during)
			if err != nil {
				return err
			}
			rate = max(1, int(float64(t.inTime)/during.Seconds())/10)
		}
		return b.soakAt(p, o, rate)
	})
}

func (b *bench) soakAt(p *process, o *office, rate int) error {
	t := newTable(b.out, fmt.Sprintf("A soak of %v at %d requests a second; %d people, one session after the other", b.during, rate, b.users), soakHeads...)
	every := max(b.during/soakRows, time.Second/2)
	var all []sample
	for began := time.Now(); time.Since(began) < b.during; {
		tally, err := o.run(o.pace(rate, interims, every))
		if err != nil {
			return errors.Join(err, t.end())
		}
		s, err := sampleOf(p, tally)
		if err != nil {
			return errors.Join(err, t.end())
		}
		s.after = time.Since(began).Round(time.Second)
		b.progress("soak: after %v %v", s.after, s.cells())
		t.row(append([]any{s.after.String()}, s.cells()...)...)
		all = append(all, s)
	}
	if err := t.end(); err != nil {
		return err
	}
	return b.flat(all)
}

// flat prints what grew between the second third of the samples and the last.
func (b *bench) flat(all []sample) error {
	t := newTable(b.out, "Whether it is flat: the last third of that against the middle one, on average", "", "middle", "last", "change")
	third := len(all) / 3
	if third == 0 {
		third = 1
	}
	middle, last := all[max(0, len(all)-2*third):len(all)-third], all[len(all)-third:]
	for i, head := range soakHeads[1:] {
		before, after := mean(middle, i), mean(last, i)
		change := "-"
		if before != 0 {
			change = fmt.Sprintf("%+.1f%%", 100*(after-before)/before)
		}
		t.row(head, fmt.Sprintf("%.2f", before), fmt.Sprintf("%.2f", after), change)
	}
	return t.end()
}

func mean(of []sample, i int) (sum float64) {
	for _, s := range of {
		sum += s.values[i]
	}
	return sum / float64(max(len(of), 1))
}

var soakHeads = []any{
	"after", "acked", "resent", "lost", "p50 ms", "p99 ms", "max ms",
	"heap MiB", "heap goal MiB", "goroutines", "descriptors", "RSS MiB", "file MiB", "journal MiB",
}

// sample is how a daemon fares at a moment of a soak, in the order of
// soakHeads.
type sample struct {
	after  time.Duration
	values []float64
}

func (s sample) cells() (all []any) {
	for i, v := range s.values {
		form := "%.0f"
		if head := soakHeads[1+i].(string); strings.HasSuffix(head, " ms") || strings.HasSuffix(head, " MiB") {
			form = "%.2f"
		}
		all = append(all, fmt.Sprintf(form, v))
	}
	return all
}

func sampleOf(p *process, t *tally) (s sample, err error) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	l := &t.latency
	s.values = []float64{float64(t.acked), float64(t.resent), float64(t.lost), ms(l.quantile(0.50)), ms(l.quantile(0.99)), ms(l.most)}
	text, err := metricsOf(p)
	if err != nil {
		return s, err
	}
	for _, m := range []struct {
		name string
		unit float64
	}{
		{"go_memstats_heap_alloc_bytes", 1 << 20}, {"go_memstats_next_gc_bytes", 1 << 20}, {"go_goroutines", 1},
		{"process_open_fds", 1}, {"process_resident_memory_bytes", 1 << 20},
	} {
		v, err := metric(text, m.name)
		if err != nil {
			return s, err
		}
		s.values = append(s.values, v/m.unit)
	}
	for _, names := range [][]string{{"presenced.db"}, {"presenced.db.journal0", "presenced.db.journal1"}} {
		var size int64
		for _, name := range names {
			info, err := os.Stat(filepath.Join(filepath.Dir(p.log), name))
			if err != nil {
				return s, err
			}
			size += info.Size()
		}
		s.values = append(s.values, float64(size)/(1<<20))
	}
	return s, nil
}

// metricsOf returns what the daemon tells Prometheus.
func metricsOf(p *process) (string, error) {
	answer, err := http.Get(fmt.Sprintf("http://%s/metrics", p.address))
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("read metrics: %s: %s", answer.Status, text)
	}
	return string(text), err
}

// metric returns the value of a metric without labels.
func metric(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, fmt.Errorf("read metrics: no %s", name)
}
