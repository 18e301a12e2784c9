package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/kadence/sandbox"
)

// tester is a test or a script.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// settings are what differs between the tests' configurations.
type settings struct {
	listen   string
	api      string // "" for no [kadence]
	clientID string
	secret   string // Kadence's
	linger   string
	building string // "" for HQ
	http     string // "" for none
	more     string
}

const radiusSecret = "wlc-secret"

// writeConfig writes a configuration with one client and one site.
func writeConfig(t tester, file string, s settings) {
	t.Helper()
	if s.listen == "" {
		s.listen = "127.0.0.1:0"
	}
	if s.building == "" {
		s.building = "HQ"
	}
	text := fmt.Sprintf(`
[radius]
listen = [%q]
[[radius.client]]
name = "wlc"
address = "127.0.0.1"
secret = %q
site = "london"
[[site]]
name = "london"
building = %q
ssids = ["Corp"]
hours = "00:00-24:00"
[identity]
domain = "example.com"
opt_out_file = "opt-out.txt"
[presence]
linger = %q
[store]
path = "presenced.db"
[control]
socket = "presenced.sock"
http = %q
`, s.listen, radiusSecret, s.building, s.linger, s.http)
	if s.api != "" {
		text += fmt.Sprintf("[kadence]\napi_url = %[1]q\nauth_url = %[1]q\nclient_id = %[2]q\nclient_secret = %[3]q\ndry_run = false\n", s.api, s.clientID, s.secret)
	}
	write(t, file, text+s.more)
	if out := filepath.Join(filepath.Dir(file), "opt-out.txt"); !exists(out) {
		write(t, out, "")
	}
}

func write(t tester, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t tester, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func load(t tester, file string) *configs.Config {
	t.Helper()
	cfg, err := configs.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// bench is the place of a test: a sandbox Kadence over HTTP with ann's booking of today,
// and a daemon in a process of its own.
type bench struct {
	t       *testing.T
	dir     string
	api     *sandbox.Server
	booking string // ann's
	addr    *net.UDPAddr
}

func newBench(t *testing.T, s settings) *bench {
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
	if s.listen == "" {
		s.listen = b.addr.String()
	}
	s.api, s.clientID, s.secret = server.URL, "test", "secret"
	if s.linger == "" {
		s.linger = "60m"
	}
	writeConfig(t, b.file(), s)
	return b
}

func (b *bench) file() string            { return filepath.Join(b.dir, "presenced.toml") }
func (b *bench) daemon() *control.Daemon { return control.Dial(filepath.Join(b.dir, "presenced.sock")) }

// freePort returns an address that nobody listens on at the moment.
func freePort(t tester) *net.UDPAddr {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr)
}

// process is a `presenced serve` of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *logText
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
	p := &process{t: b.t, cmd: cmd, log: &logText{}, done: make(chan error, 1)}
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
	eventually(b.t, "the daemon serves", func() bool {
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

// logText is a log that is read while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// eventually waits until f is true, and fails the test if that takes very long.
func eventually(t tester, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// controller returns a simulated controller.
func (b *bench) controller() *controller {
	b.t.Helper()
	c, err := dialController(b.addr, radiusSecret, func(string, string) {})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.close() })
	return c
}

func ofAnn() *association {
	return &association{identity: "ann@example.com", device: "02:00:00:00:00:01", ssid: "Corp", ap: "lobby"}
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
