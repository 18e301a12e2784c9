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
)

// wear prints what presenced writes for a record at several rates: with the
// Interims of people who were there already, which may ride along with the
// next commit, and with Starts and Stops alone, which may not.
func (b *bench) wear() error {
	t := newTable(b.out, "Disk wear; octets written per record",
		"server", "records/s", "mix", "records", "by the process", "by the device, everybody's", "a day")
	s := b.presenced()
	for _, mix := range []struct {
		what     string
		interims int
	}{{"8 of 10 Interims", 8}, {"Starts and Stops", 0}} {
		for _, rate := range []int{1, 10, 100, 1000} {
			b.progress("disk wear at %d a second, %s", rate, mix.what)
			err := b.with(s, func(p *process) error {
				m, device, err := b.wearOf(p, rate, mix.interims)
				if err != nil {
					return err
				}
				each := func(n int) string { return fmt.Sprintf("%.1f KiB", float64(n)/1024/float64(m.acked)) }
				t.row(s.name, rate, mix.what, m.acked, each(m.written), each(device),
					fmt.Sprintf("%.2f GiB", float64(m.written)/float64(m.acked)*float64(rate)*86400/(1<<30)))
				return nil
			})
			if err != nil {
				return errors.Join(err, t.end()) // with the rows so far
			}
		}
	}
	return t.end()
}

func (b *bench) wearOf(p *process, rate, interims int) (*measured, int, error) {
	// Longer than heartbeats wait, which is five seconds, and that again.
	const settle = 6 * time.Second
	during := max(b.during, 2*settle)
	o, err := newOffice(p.address, 4, b.users)
	if err != nil {
		return nil, 0, err
	}
	defer o.close()
	if err := b.fill(o, true, interims); err != nil {
		return nil, 0, err
	}
	time.Sleep(settle)
	before, err := deviceWrites(b.dir)
	if err != nil {
		return nil, 0, err
	}
	m, err := b.measured(p, func() (*tally, error) {
		t, err := o.run(o.pace(rate, interims, during))
		time.Sleep(settle)
		return t, err
	})
	if err != nil {
		return nil, 0, err
	}
	after, err := deviceWrites(b.dir)
	return m, after - before, err
}

// deviceWrites returns how many octets were written to the block device below
// the directory since the machine started, by whomever; 0 if there is none, as
// below a tmpfs. The field is the seventh, in sectors of 512.
func deviceWrites(dir string) (int, error) {
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
