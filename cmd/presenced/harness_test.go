package main

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
)

// bench is the place of a test: a sandbox Kadence over HTTP with ann's booking of today,
// and a daemon in a process of its own.
type bench struct {
	t       *testing.T
	dir     string
	api     *sandbox.Server
	booking string // ann's
	addr    *net.UDPAddr
}

func newBench(t *testing.T, s testbed.Settings) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), api: sandbox.New("test", "secret")}
	building := b.api.AddBuilding("HQ", time.UTC)
	now := time.Now()
	b.booking = b.api.Book(sandbox.Booking{
		User: b.api.AddUser("ann@example.com"), Building: building, Begin: now.Add(-time.Hour), End: now.Add(time.Hour),
	})
	server := httptest.NewServer(b.api)
	t.Cleanup(server.Close)
	b.addr = freePort(t)
	if s.Listen == "" {
		s.Listen = b.addr.String()
	}
	s.API, s.ClientID, s.Secret, s.Presence = server.URL, "test", "secret", testbed.AnyHour(time.Now())
	if s.Linger == "" {
		s.Linger = "60m"
	}
	testbed.WriteConfig(t, b.file(), s)
	return b
}

func (b *bench) file() string            { return filepath.Join(b.dir, "presenced.toml") }
func (b *bench) daemon() *control.Remote { return control.Dial(filepath.Join(b.dir, "presenced.sock")) }

// freePort returns an address that nobody listens on at the moment.
func freePort(t testbed.Tester) *net.UDPAddr {
	t.Helper()
	at, err := testbed.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return net.UDPAddrFromAddrPort(at)
}

// process is a `presenced serve` of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *testbed.LogText
	done chan error
}

// serve starts the program and waits until it answers on its socket.
func (b *bench) serve() *process {
	b.t.Helper()
	return b.run(exec.Command("presenced", "serve", "-c", b.file()))
}

// run starts a command that serves, and waits until it answers on its socket.
func (b *bench) run(cmd *exec.Cmd) *process {
	b.t.Helper()
	p := &process{t: b.t, cmd: cmd, log: &testbed.LogText{}, done: make(chan error, 1)}
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	b.t.Cleanup(func() {
		p.cmd.Process.Kill()
		if b.t.Failed() {
			b.t.Logf("log of the daemon:\n%s", p.log)
		}
	})
	d := b.daemon()
	testbed.Eventually(b.t, "the daemon serves", func() bool {
		select {
		case err := <-p.done:
			b.t.Fatalf("presenced ended: %v\n%s", err, p.log)
		default:
		}
		_, err := d.Status(b.t.Context())
		return err == nil
	})
	return p
}

// kill kills the process as a power cut would, and waits for its end.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.done
}

// terminate asks the process to end, and returns how it did.
func (p *process) terminate() error {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return <-p.done
}

// hangUp sends SIGHUP.
func (p *process) hangUp() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Error(err)
	}
}

// controller returns a simulated controller.
func (b *bench) controller() *controller.Controller {
	b.t.Helper()
	c, err := controller.Dial(b.addr, testbed.RadiusSecret, func(string, string) {})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return c
}

// visits returns the visits that the daemon lists.
func (b *bench) visits() (all []control.Visit) {
	b.t.Helper()
	for v, err := range b.daemon().Visits(context.Background(), control.VisitQuery{}) {
		if errors.Is(err, control.ErrNotRunning) {
			return nil
		}
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}
