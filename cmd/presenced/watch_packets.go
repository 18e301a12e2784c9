package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

// watchPackets shows the packets of a client, or all, until ctx ends, and then says what
// is right of the client and what is not.
func (p *program) watchPackets(ctx context.Context, daemon *control.Remote, client string) error {
	before, err := daemon.Status(ctx)
	if err != nil {
		return err
	}
	if err := clientExists(before, client); err != nil {
		return err
	}
	for packet, err := range daemon.Packets(ctx, client) {
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil {
			err = p.printPacket(packet)
		}
		if err != nil {
			break
		}
	}
	if p.json {
		return nil
	}
	after, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM) // what ended the watching
	defer stop()
	return p.tellTicks(after, daemon, client)
}

// clientExists returns an error that names the clients there are if none has that name.
func clientExists(s control.Status, name string) error {
	var names []string
	for _, c := range s.Clients {
		if names = append(names, c.Name); c.Name == name {
			return nil
		}
	}
	if name == "" {
		return nil
	}
	return fmt.Errorf("no client is called %q: there is %s", name, terminal.Printable(strings.Join(names, ", ")))
}

func (p *program) printPacket(packet control.Packet) error {
	if p.json {
		line, err := control.JSON(packet)
		if err == nil {
			_, err = fmt.Fprintln(p.stdout, string(line))
		}
		return err
	}
	paint := map[string]func(string) string{"person": p.stdout.Green, "refused": p.stdout.Red, "nobody": p.stdout.Yellow}[packet.Verdict]
	if paint == nil {
		paint = p.stdout.Dim
	}
	from := packet.Client
	if from == "" {
		from = packet.Source
	}
	about := []string{terminal.Pad(packet.At.Local().Format("15:04:05"), 8), paint(terminal.Pad(packet.Verdict, len("refused"))), terminal.Printable(from)}
	for _, word := range []string{packet.Status, packet.Device, packet.User} {
		if word != "" {
			about = append(about, terminal.Printable(word))
		}
	}
	for _, place := range [][2]string{{"at ", packet.Site}, {"on ", packet.SSID}, {"of ", packet.NAS}} {
		if place[1] != "" {
			about = append(about, place[0]+terminal.Printable(place[1]))
		}
	}
	_, err := fmt.Fprint(p.stdout, strings.Join(about, "  ")+"\n"+p.stdout.Hang("          ", 10, terminal.Printable(packet.Why)))
	return err
}

// tellTicks says of the client, or each, which of five things are right.
func (p *program) tellTicks(ctx context.Context, daemon *control.Remote, client string) error {
	s, err := daemon.Status(ctx)
	if err != nil {
		return err
	}
	signs := marks()
	for i := range s.Clients {
		c := &s.Clients[i]
		if client != "" && c.Name != client {
			continue
		}
		var sessions []control.Session
		for session, err := range daemon.Sessions(ctx, control.SessionQuery{NAS: c.Name}) {
			if err != nil {
				return err
			}
			sessions = append(sessions, session)
		}
		fmt.Fprintln(p.stdout, "\n"+p.stdout.Bold("client "+terminal.Printable(c.Name)))
		for _, tick := range s.Ticks(c, sessions, time.Now()) {
			sign, paint := signs[wrong], p.stdout.Red
			switch {
			case tick.Open:
				sign, paint = signs[noted], p.stdout.Dim
			case tick.Is:
				sign, paint = signs[good], p.stdout.Green
			}
			fmt.Fprint(p.stdout, p.stdout.Hang("  "+paint(sign)+" "+terminal.Pad(tick.What, 16)+"  ", terminal.Columns(sign)+21, terminal.Printable(tick.Text)))
		}
	}
	return nil
}
