package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/radiusacct"
)

// serveActivated starts the program as systemd does, with the socket handed
// over as file descriptor 3.
func (b *bench) serveActivated(socket *os.File) *process {
	b.t.Helper()
	// LISTEN_PID is the process's own id, which only itself knows in time.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec presenced serve -c "$1"`, "sh", b.file())
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=radius")
	cmd.ExtraFiles = []*os.File{socket}
	return b.run(cmd)
}

// TestRestartLosesNoPacketOnSystemdsSocket sends while no daemon runs: the
// socket is systemd's, what waits in it is the next daemon's.
func TestRestartLosesNoPacketOnSystemdsSocket(t *testing.T) {
	t.Parallel()
	b := newBench(t, settings{listen: "127.0.0.1:1"}) // not to be listened on
	conn, err := radiusacct.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b.addr = conn.LocalAddr().(*net.UDPAddr)
	socket, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()

	p := b.serveActivated(socket)
	c := b.controller()
	if err := c.start(t.Context(), ofAnn(), false); err != nil {
		t.Fatal(err)
	}
	if err := p.terminate(); err != nil {
		t.Errorf("presenced ended: %v", err)
	}
	answered, sending := make(chan error), make(chan string, 1)
	c.told = func(_, words string) {
		select {
		case sending <- words:
		default:
		}
	}
	waiting := &association{identity: "bob@example.com", device: "02:00:00:00:00:02", ssid: "Corp", ap: "lobby"}
	go func() { answered <- c.start(t.Context(), waiting, false) }()
	<-sending
	b.serveActivated(socket)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	eventually(t, "ann is checked in", func() bool { return b.status() == sandbox.CheckedIn })
}

// TestSystemdIsTold holds what is told to systemd, and when.
func TestSystemdIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, settings{})
	address := &net.UnixAddr{Name: filepath.Join(b.dir, "notify"), Net: "unixgram"}
	systemd, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	told := make(chan string, 100)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := systemd.Read(buf)
			if err != nil {
				close(told)
				return
			}
			told <- string(buf[:n])
		}
	}()
	await := func(state string) {
		t.Helper()
		for text := range told {
			if strings.Contains(text, state) {
				return
			}
		}
		t.Fatalf("systemd was never told %s", state)
	}
	cmd := exec.Command("presenced", "serve", "-c", b.file())
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+address.Name)
	p := b.run(cmd)
	await("READY=1")
	if err := b.controller().start(t.Context(), ofAnn(), false); err != nil {
		t.Fatalf("ready, and does not answer: %v", err)
	}
	p.hangUp()
	await("RELOADING=1")
	await("READY=1")
	if err := p.terminate(); err != nil {
		t.Errorf("presenced ended: %v", err)
	}
	await("STOPPING=1")
}

// TestWatchdogIsFedOnlyWhileLoopsTurn asks before, while and after they do.
func TestWatchdogIsFedOnlyWhileLoopsTurn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "presenced.toml")
	writeConfig(t, file, settings{linger: "60m"})
	log := logrus.New()
	log.SetOutput(io.Discard)
	d, err := Open(t.Context(), load(t, file), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.turning(time.Minute) {
		t.Error("fed before anything is listened to")
	}
	conn, err := radiusacct.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx, []*net.UDPConn{conn}, nil) }()
	eventually(t, "the loops turn", func() bool { return d.turning(time.Minute) })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d.turning(time.Minute) {
		t.Error("fed after the end")
	}
}

// TestWithoutKadencePresenceIsRecorded has no [kadence]: the visit says why
// nothing is checked in.
func TestWithoutKadencePresenceIsRecorded(t *testing.T) {
	t.Parallel()
	b := newBench(t, settings{})
	writeConfig(t, b.file(), settings{listen: b.addr.String(), linger: "60m"})
	b.serve()
	if err := b.controller().start(t.Context(), ofAnn(), false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the visit says why", func() bool {
		v := b.visits()
		return len(v) == 1 && v[0].CheckIn.Reason == "no [kadence] configured"
	})
	s, err := b.daemon().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Desk.Mode != "none" {
		t.Errorf("mode of the desk: %s", s.Desk.Mode)
	}
	if got := fmt.Sprint(len(b.api.Journal())); got != "0" {
		t.Errorf("%s calls were made", got)
	}
}
