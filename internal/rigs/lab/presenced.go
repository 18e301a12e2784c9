package lab

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Presenced is the daemon as it is shipped, a process of its own beside the
// test. It is told by the service manager's protocol (sd_notify) when it is
// ready.
type Presenced struct {
	l       *Lab
	config  string
	program *process
	notify  *net.UnixConn
	socket  *os.File // for accounting over TLS, as systemd hands it over; nil: it opens its own
}

// Presenced starts the daemon with the configuration and returns when it is
// ready.
func (l *Lab) Presenced(config string) *Presenced {
	l.t.Helper()
	l.server()
	return l.presenced(config, nil)
}

// presenced is Presenced with a socket that is handed over at each start.
func (l *Lab) presenced(config string, handed *os.File) *Presenced {
	l.t.Helper()
	d := &Presenced{l: l, config: l.file("presenced/presenced.toml", config), socket: handed}
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: l.dir + "/notify", Net: "unixgram"})
	l.must(err)
	l.t.Cleanup(func() { socket.Close() })
	d.notify = socket
	d.Start()
	return d
}

// server returns the path of the built program.
func (l *Lab) server() string {
	l.t.Helper()
	server := os.Getenv(programVariable)
	if _, err := os.Stat(server); err != nil {
		l.t.Fatal(server) // why it could not be built
	}
	return server
}

// Dir is the directory of the configuration file, for files beside it.
func (d *Presenced) Dir() string { return filepath.Dir(d.config) }

// Start starts the daemon again.
func (d *Presenced) Start() {
	d.l.t.Helper()
	cmd := exec.Command(os.Getenv(programVariable), "serve", "-c", d.config)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+d.l.dir+"/notify")
	if d.socket != nil { // sd_listen_fds(3): only a shell in between knows the process id in time
		cmd = exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, cmd.Args...)...)
		cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+d.l.dir+"/notify", "LISTEN_FDS=1", "LISTEN_FDNAMES=radsec")
		cmd.ExtraFiles = []*os.File{d.socket}
	}
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		message := make([]byte, 4096)
		for {
			n, err := d.notify.Read(message)
			if err != nil || strings.Contains("\n"+string(message[:n])+"\n", "\nREADY=1\n") {
				return
			}
		}
	}()
	d.program = d.l.start("presenced", cmd)
	d.l.Eventually("presenced is ready", func() bool {
		select {
		case <-ready:
			return true
		case <-d.program.done:
			d.l.t.Fatalf("presenced ended: %v", d.program.cmd.ProcessState)
			return false
		default:
			return false
		}
	})
}

// Kill ends the daemon as a power failure does: kill -9.
func (d *Presenced) Kill() {
	d.l.t.Helper()
	d.program.end(syscall.SIGKILL)
}

// Stop ends the daemon as systemd does.
func (d *Presenced) Stop() {
	d.l.t.Helper()
	d.program.end(syscall.SIGTERM)
	if state := d.program.cmd.ProcessState; !state.Success() {
		d.l.t.Errorf("presenced ended with %v", state)
	}
}

// Reload gives the daemon another configuration to read, as systemd does.
func (d *Presenced) Reload(config string) {
	d.l.t.Helper()
	d.l.must(os.WriteFile(d.config, []byte(config), 0o600))
	d.program.signal(syscall.SIGHUP)
}

// List runs a verb of the command line against the daemon and decodes what it
// prints with --json.
func (d *Presenced) List(into any, verb ...string) {
	d.l.t.Helper()
	out := d.Run(append(verb, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		d.l.t.Fatalf("presenced %s: %v\n%s", strings.Join(verb, " "), err, out)
	}
}

// Run runs a verb of the command line and returns what it prints.
func (d *Presenced) Run(verb ...string) string {
	d.l.t.Helper()
	cmd := exec.Command(os.Getenv(programVariable), append(verb, "-c", d.config)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		d.l.t.Fatalf("presenced %s: %v\n%s", strings.Join(verb, " "), err, stderr.String())
	}
	return string(out)
}
