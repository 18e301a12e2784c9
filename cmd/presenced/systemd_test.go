package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
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
	b := newBench(t, testbed.Settings{Listen: "127.0.0.1:1"}) // not to be listened on
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
	if err := c.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	if err := p.terminate(); err != nil {
		t.Errorf("presenced ended: %v", err)
	}
	answered, sending := make(chan error), make(chan string, 1)
	c.Told = func(_, words string) {
		select {
		case sending <- words:
		default:
		}
	}
	waiting := &controller.Association{Identity: "bob@example.com", Device: "02:00:00:00:00:02", SSID: "Corp", AP: "lobby"}
	go func() { answered <- c.Start(t.Context(), waiting, false) }()
	<-sending
	b.serveActivated(socket)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "ann is checked in", func() bool { return b.status() == sandbox.CheckedIn })
}

// TestSystemdIsTold holds what is told to systemd, and when.
func TestSystemdIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
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
	if err := b.controller().Start(t.Context(), controller.Ann(), false); err != nil {
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

// TestWithoutKadencePresenceIsRecorded has no [kadence]: the visit says why
// nothing is checked in.
func TestWithoutKadencePresenceIsRecorded(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	testbed.WriteConfig(t, b.file(), testbed.Settings{Listen: b.addr.String(), Linger: "60m"})
	b.serve()
	if err := b.controller().Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the visit says why", func() bool {
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
