package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// syncs prints how often each server but the trivial one syncs, as strace
// counts, which slows it. Of presenced the batches are counted too: it syncs
// once for each, and a few times for every checkpoint of its file.
func (b *bench) syncs() error {
	t := newTable(b.out, "System calls with 64 requests in flight, counted by strace",
		"server", "configuration", "acked", "batches", "sends", "syncs", "file writes", "syncs per batch", "acked per sync")
	for _, s := range b.servers()[1:] {
		if s.name == "presenced" {
			s.command = b.watched().command
		}
		if s.overTLS {
			continue // there an answer is a write, as to a file
		}
		b.progress("%s, %s: system calls", s.name, s.setting)
		if err := b.with(s, func(p *process) error { return b.syncsOf(s, p, t) }); err != nil {
			t.note(s, err)
		}
	}
	return t.end()
}

func (b *bench) syncsOf(s server, p *process, table *table) error {
	o, err := newOffice(p.door, 4, b.users)
	if err != nil {
		return err
	}
	defer o.close()
	if err := b.fill(o, s.before, interims); err != nil {
		return err
	}
	before, err := b.batches(s, p)
	if err != nil {
		return err
	}
	var t *tally
	calls, err := count(p, filepath.Join(b.dir, "strace"), func() (err error) {
		t, err = o.keep(64, interims, b.during)
		return err
	})
	if err != nil {
		return err
	}
	batches, err := b.batches(s, p)
	if err != nil {
		return err
	}
	batches -= before
	sends := calls["sendmmsg"] + calls["sendmsg"] + calls["sendto"]
	syncs := calls["fsync"] + calls["fdatasync"]
	writes := calls["pwrite64"] + calls["write"] + calls["writev"]
	shown := any(batches)
	if s.name != "presenced" {
		batches, shown = sends, "as sends" // it answers a batch with one system call, or each request with its own
	}
	table.row(s.name, s.setting, t.acked, shown, sends, syncs, writes, ratio(syncs, batches), ratio(t.acked, syncs))
	return nil
}

// batches returns how many batches presenced has recorded.
func (b *bench) batches(s server, p *process) (int, error) {
	if s.name != "presenced" {
		return 0, nil
	}
	text, err := metricsOf(p)
	if err != nil {
		return 0, err
	}
	n, err := metric(text, "presenced_radius_batch_records_count")
	return int(n), err
}

func ratio(a, b int) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}

// count returns how often the process made each system call, without those
// that failed, during f.
func count(p *process, file string, f func() error) (map[string]int, error) {
	strace := exec.Command("strace", "-f", "-c", "-o", file,
		"-e", "trace=sendmmsg,sendmsg,sendto,fsync,fdatasync,pwrite64,write,writev", "-p", strconv.Itoa(p.cmd.Process.Pid))
	strace.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := strace.Start(); err != nil {
		return nil, err
	}
	for {
		tracer, err := number(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "TracerPid:")
		if err != nil {
			return nil, err
		}
		if tracer != 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	err := f()
	strace.Process.Signal(syscall.SIGINT)
	strace.Wait() // it ends by the signal
	if err != nil {
		return nil, err
	}
	summary, err := os.ReadFile(file)
	return calls(string(summary)), err
}

// calls reads strace's summary: a line for each system call with the share of
// time, seconds, microseconds per call, calls, errors if any, and the name.
func calls(summary string) map[string]int {
	all := map[string]int{}
	for line := range strings.Lines(summary) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		n, err := strconv.Atoi(f[3])
		if err != nil {
			continue
		}
		if len(f) == 6 {
			failed, _ := strconv.Atoi(f[4])
			n -= failed
		}
		all[f[len(f)-1]] = n
	}
	return all
}
