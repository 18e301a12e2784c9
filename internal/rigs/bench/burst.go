package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sync/errgroup"
)

// bursts prints how servers take 10,000 requests of 50 NASes in a second and
// at once, and what 49 NASes notice of one that floods.
func (b *bench) bursts() error {
	t := newTable(b.out, "Bursts and floods; 50 NASes, each with an address of its own",
		"server", "configuration", "load", "sent", "acked", "resent", "lost", "p50", "p99", "max", "dropped by the kernel")
	for _, s := range []server{b.presenced(), radiusDetail} {
		b.progress("%s, %s: bursts", s.name, s.setting)
		if err := b.with(s, func(p *process) error { return b.burstsOf(s, p, t) }); err != nil {
			t.note(s, err)
		}
	}
	return t.end()
}

func (b *bench) burstsOf(s server, p *process, table *table) error {
	const nases, each = 50, 200
	o, err := newOffice(p.door, nases, b.users)
	if err != nil {
		return err
	}
	defer o.close()
	if err := b.fill(o, justCome, interims); err != nil {
		return err
	}
	others, loud := &office{o.nases[1:]}, o.nases[0]
	quiet := others.pace(10*len(others.nases), interims, b.during)

	inASecond := o.pace(nases*each, interims, time.Minute)
	inASecond.count = each
	atOnce := inASecond
	atOnce.every = 0

	for _, c := range []struct {
		what string
		run  func() (*tally, error)
	}{
		{"10,000 in a second", func() (*tally, error) { return o.run(inASecond) }},
		{"10,000 at once", func() (*tally, error) { return o.run(atOnce) }},
		{"49 NASes, 10/s each", func() (*tally, error) { return others.run(quiet) }},
		{"… beside one with 255 in flight", func() (*tally, error) {
			return beside(others, quiet, func() error {
				_, err := loud.run(load{window: identifiers - 1, during: b.during, patience: patience, next: live(interims)})
				return err
			})
		}},
		{"… beside one that sends 50,000/s and hears nothing", func() (*tally, error) {
			return beside(others, quiet, func() error { return loud.flood(50_000, b.during) })
		}},
	} {
		before, err := drops(p.address)
		if err != nil {
			return err
		}
		t, err := c.run()
		if err != nil {
			return err
		}
		after, err := drops(p.address)
		if err != nil {
			return err
		}
		l := &t.latency
		table.row(s.name, s.setting, c.what, t.sent, t.acked, t.resent, t.lost,
			l.quantile(0.5), l.quantile(0.99), l.most, after-before)
	}
	return nil
}

// beside runs the load while f runs.
func beside(o *office, l load, f func() error) (t *tally, err error) {
	var g errgroup.Group
	g.Go(f)
	g.Go(func() (err error) {
		t, err = o.run(l)
		return err
	})
	return t, g.Wait()
}

// flood sends so many requests a second and waits for no answer.
func (n *nas) flood(rate int, during time.Duration) error {
	const batch = 64
	packets := make([][roomFor]byte, batch)
	sent := 0
	for began := time.Now(); time.Since(began) < during; {
		for due := int(time.Since(began).Seconds() * float64(rate)); sent < due; {
			n.out = n.out[:0]
			for i := range min(batch, due-sent) {
				packet := packets[i][:]
				g, at := n.guest()
				length := n.form.fill(packet, g.next(at, interims))
				sign(packet, length, byte(sent))
				n.out = append(n.out, ipv4.Message{Buffers: [][]byte{packet[:length]}})
				sent++
			}
			if err := n.flush(); err != nil {
				return err
			}
		}
		time.Sleep(time.Millisecond)
	}
	// What was answered all the same is not the next load's.
	for {
		if err := n.wire.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return err
		}
		if _, err := n.wire.receive(n.in); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return err
		}
	}
}

// drops returns how many datagrams to the address the kernel has dropped.
func drops(address netip.AddrPort) (n int, err error) {
	ip := address.Addr().As4()
	local := fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], address.Port())
	return lastField("/proc/net/udp", local)
}
