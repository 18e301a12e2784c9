package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
)

// server is one row of the comparison.
type server struct {
	name    string
	setting string
	durable string // whether a record is on disk before its answer
	command func(dir string, address netip.AddrPort) (*exec.Cmd, error)
}

// start runs the server in an empty directory of its own below dir.
func (s server) start(dir string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(dir, "server-")
	if err != nil {
		return nil, err
	}
	cmd, err := s.command(own, address)
	if err != nil {
		return nil, err
	}
	return launch(cmd, address, own)
}

// These are the servers compared, in the order of the table.
var (
	trivial = server{"responder", "answers, nothing else", "no", ourselves("responder")}
	measure = server{"yardstick", "bbolt, a commit per batch", "yes", ourselves("yardstick")}

	radiusNothing = server{"FreeRADIUS", "no recording", "no", withModules("ok")}
	radiusDetail  = server{"FreeRADIUS", "detail file", "no", withModules("detail")}
	radiusSQLite  = server{"FreeRADIUS", "SQLite", "yes", withModules("sql")}
)

// ourselves returns the command of this program in another role.
func ourselves(role string) func(string, netip.AddrPort) (*exec.Cmd, error) {
	return func(dir string, address netip.AddrPort) (*exec.Cmd, error) {
		program, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return exec.Command(program, "-dir", dir, "-listen", address.String(), role), nil
	}
}

func withModules(modules string) func(string, netip.AddrPort) (*exec.Cmd, error) {
	return func(dir string, address netip.AddrPort) (*exec.Cmd, error) {
		return freeRADIUS(modules, dir, address)
	}
}

// role is what the program does when another of it asks for it.
func role(name, dir, listen string) error {
	switch name {
	case "responder":
		return respond(listen, nil)
	case "yardstick":
		record, err := yardstick(dir)
		if err != nil {
			return err
		}
		return respond(listen, record)
	}
	return fmt.Errorf("no such role: %q", name)
}
