package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/presenced/presenced/internal/rigs/testbed"
)

// server is one row of the comparison.
type server struct {
	name    string
	setting string
	durable string // whether a record is on disk before its answer
	before  past   // what its guests have sent before they are measured
	overTLS bool
	command command
	profile string // folder for CPU profiles of the program; "": it takes none
}

// command returns the command of a server that serves at the door and keeps its
// files in dir, where the certificates are if that is one over TLS.
type command func(dir string, at door) (*exec.Cmd, error)

// installation is a server with a door and a directory of its own.
type installation struct {
	server
	door
	dir    string
	socket *os.File // handed over to every process; nil: each opens its own
}

// install makes room for the server below dir.
func (s server) install(dir string) (*installation, error) {
	address, err := testbed.FreeAddress()
	if err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(dir, "server-")
	if err != nil {
		return nil, err
	}
	i := &installation{server: s, door: door{address: address}, dir: own}
	if s.overTLS {
		i.tls, err = papers(own)
	}
	return i, err
}

// start starts a process, and returns once it answers.
func (i *installation) start() (*process, error) {
	cmd, err := i.command(i.dir, i.door)
	if err != nil {
		return nil, err
	}
	if i.socket != nil {
		cmd = handOver(cmd, i.socket)
	}
	if i.profile != "" {
		cmd.Env = append(cmd.Environ(), "PRESENCED_PROFILE="+filepath.Join(i.profile, strings.ReplaceAll(i.setting, " ", "-")))
	}
	return launch(cmd, i.door, i.dir)
}

// remove removes what the server has left.
func (i *installation) remove() error {
	if i.socket != nil {
		i.socket.Close()
	}
	return os.RemoveAll(i.dir)
}

// with starts the server in a new installation for the time of f.
func (b *bench) with(s server, f func(*process) error) error {
	i, err := s.install(b.dir)
	if err != nil {
		return err
	}
	p, err := i.start()
	if err != nil {
		return err
	}
	return errors.Join(f(p), p.stop(), i.remove())
}

// The servers that presenced is compared with, beside the two in servers.
var (
	radiusNothing = server{name: "FreeRADIUS", setting: "no recording", durable: "no", command: freeRADIUS("ok")}
	radiusDetail  = server{name: "FreeRADIUS", setting: "detail file", durable: "no", command: freeRADIUS("detail")}
	radiusSQLite  = server{name: "FreeRADIUS", setting: "SQLite", durable: "yes", command: freeRADIUS("sql")}
)

// presenced returns the server that all this is about. Here nobody's Interims
// have an interval yet, so that every record is committed before its answer.
func (b *bench) presenced() server {
	return server{name: "presenced", setting: "all records commit", durable: "yes", command: presencedFrom(b.program, false), profile: b.profile}
}

// watched is presenced with metrics to read.
func (b *bench) watched() server {
	s := b.presenced()
	s.command = presencedFrom(b.program, true)
	return s
}

// servers returns all servers, in the order of a table: first the one that only
// answers, and the least that records.
func (b *bench) servers() []server {
	trivial := server{name: "responder", setting: "answers, nothing else", durable: "no", command: ourselves(b.self, "responder")}
	least := server{name: "yardstick", setting: bare, durable: "yes", command: ourselves(b.self, "yardstick")}
	longDay, regulars := b.presenced(), b.presenced()
	longDay.setting, longDay.before = "all, after a long day", aLongDay
	regulars.setting, regulars.durable, regulars.before = "heartbeats ride along", "all but those", presentAlready
	return []server{
		trivial, least, radiusNothing, radiusDetail, radiusSQLite, b.presenced(), longDay, regulars,
		secured(radiusNothing), secured(radiusDetail), secured(b.presenced()),
	}
}

const overTLS = ", over TLS"

// secured is the server as one that takes accounting over TLS.
func secured(s server) server {
	s.setting, s.overTLS = s.setting+overTLS, true
	return s
}

const bare = "bbolt, a commit per batch"

// ourselves returns the command of this program in another role.
func ourselves(program, role string) command {
	return func(dir string, at door) (*exec.Cmd, error) {
		return exec.Command(program, "-dir", dir, "-listen", at.address.String(), role), nil
	}
}

// role is what the program does when another of it asks for it, until SIGTERM.
func role(name, dir, address string) error {
	record := func([][]byte) error { return nil }
	switch name {
	case "responder":
	case "yardstick":
		var err error
		if record, err = yardstick(dir); err != nil {
			return err
		}
	default:
		return fmt.Errorf("no such role: %q", name)
	}
	conn, err := listen(address)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		conn.Close()
	}()
	return respond(conn, record)
}
