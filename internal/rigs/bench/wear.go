package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wear prints what presenced writes for a record at several rates: with the
// rule that an Interim which changes nothing may wait for some seconds,
// without it, and with Starts and Stops alone, to which it does not
// apply. The rule has no switch: without it are people whose Interims come for
// the first time. What is in the journal at the end is written to the file
// before it is counted, so that loads shorter than a minute look worse than
// they are. What the device counts is everybody's: -dir wants a file
// system of its own. (What the kernel counts of a process is whole folios, of
// which a write of some octets makes much.)
func (b *bench) wear() error {
	t := newTable(b.out, fmt.Sprintf("Disk wear; octets that the device of -dir wrote, whoever had it write, over %v", b.wearing()),
		"server", "mix", "records/s", "records", "a record", "a day")
	s := b.presenced()
	for _, mix := range []struct {
		what     string
		interims int
		before   past
	}{
		{"8 of 10 Interims, heartbeats wait", 8, presentAlready},
		{"8 of 10 Interims, every one commits", 8, justCome},
		{"Starts and Stops", 0, presentAlready},
	} {
		for _, rate := range []int{1, 10, 100, 1000} {
			b.progress("disk wear at %d a second, %s", rate, mix.what)
			w, err := b.wearOf(s, rate, mix.interims, mix.before)
			if err != nil {
				return errors.Join(err, t.end()) // with the rows so far
			}
			each := float64(w.octets) / float64(w.acked)
			t.row(s.name, mix.what, rate, w.acked, fmt.Sprintf("%.1f KiB", each/1024), fmt.Sprintf("%.2f GiB", each*float64(rate)*86400/(1<<30)))
		}
	}
	return t.end()
}

// settle is longer than heartbeats wait, which is five seconds.
const settle = 6 * time.Second

func (b *bench) wearing() time.Duration { return max(b.during, 2*settle) }

// worn is what was written for the records of a load.
type worn struct{ acked, octets int }

func (b *bench) wearOf(s server, rate, interims int, already past) (w worn, err error) {
	i, err := s.install(b.dir)
	if err != nil {
		return w, err
	}
	defer i.remove()
	p, err := i.start()
	if err != nil {
		return w, err
	}
	o, err := newOffice(p.door, 4, b.users)
	if err != nil {
		return w, err
	}
	defer o.close()
	if err := b.fill(o, already, interims); err != nil {
		return w, err
	}
	if err := p.stop(); err != nil { // the file has taken in what came before
		return w, err
	}
	if p, err = i.start(); err != nil {
		return w, err
	}
	time.Sleep(settle)
	before, err := deviceWrites(b.dir)
	if err != nil {
		return w, err
	}
	t, err := o.run(o.pace(rate, interims, b.wearing()))
	if err != nil {
		return w, err
	}
	time.Sleep(settle)
	if err := p.stop(); err != nil {
		return w, err
	}
	after, err := deviceWrites(b.dir)
	return worn{t.acked, after - before}, err
}

// deviceWrites returns how many octets were written to the block device below
// the directory since the machine started, by whomever, with what its file
// system held back; 0 if there is none, as below a tmpfs. The field is the
// seventh, in sectors of 512.
func deviceWrites(dir string) (int, error) {
	d, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return 0, fmt.Errorf("sync the file system of %s: %w", dir, err)
	}
	var stat syscall.Stat_t
	if err := syscall.Stat(dir, &stat); err != nil {
		return 0, fmt.Errorf("stat %s: %w", dir, err)
	}
	major, minor := stat.Dev>>8&0xfff, stat.Dev&0xff|stat.Dev>>12&0xfff00
	b, err := os.ReadFile(filepath.Join("/sys/dev/block", fmt.Sprintf("%d:%d", major, minor), "stat"))
	if os.IsNotExist(err) {
		return 0, nil
	}
	f := strings.Fields(string(b))
	if err != nil || len(f) < 7 {
		return 0, fmt.Errorf("read writes of device %d:%d: %q, %w", major, minor, b, err)
	}
	sectors, err := strconv.Atoi(f[6])
	return 512 * sectors, err
}
