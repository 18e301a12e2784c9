package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// presencedFrom returns the command of `presenced serve`, from this program
// file. Its booking API is out of reach: accounting must not notice. Watched,
// it has metrics too, at the TCP port of the same number.
func presencedFrom(program string, watched bool) command {
	return func(dir string, at door) (*exec.Cmd, error) {
		file := filepath.Join(dir, "presenced.toml")
		listen, client, page := `"LISTEN"`, `address = "127.0.0.0/8"`, ""
		text := presencedTOML
		if at.tls != nil {
			listen, client = "", `ca_file = "DIR/ca.pem"`
			text += radsecTOML
		}
		if watched {
			page = at.address.String()
			text += "[presence]\nmax_people = 10000000\n" // of one client, which the made-up users all have
		}
		text = strings.NewReplacer("UDP", listen, "CLIENT", client).Replace(text)
		text = strings.NewReplacer("DIR", dir, "LISTEN", at.address.String(), "PAGE", page, "SECRET", secret).Replace(text)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
		return exec.Command(program, "serve", "-c", file), nil
	}
}

const presencedTOML = `
[radius]
listen = [UDP]

[[radius.client]]
name    = "office"
CLIENT
secret  = "SECRET"
site    = "office"

[[site]]
name      = "office"
building  = "01GTBV1CT3BM8A42SEJ2J5F4EG"
time_zone = "UTC"
hours     = "00:00-24:00"

[identity]
domain = "example.com"

[kadence]
api_url       = "http://127.0.0.1:9"
auth_url      = "http://127.0.0.1:9"
client_id     = "bench"
client_secret = "bench"
dry_run       = true

[store]
path = "DIR/presenced.db"

[control]
socket = "DIR/presenced.sock"
http   = "PAGE"
`

const radsecTOML = `
[radsec]
listen    = ["LISTEN"]
cert_file = "DIR/server.pem"
key_file  = "DIR/server.key"
`

// buildPresenced compiles the program of this module into dir, with profiles if they are
// to be taken.
func buildPresenced(dir string, profiles bool) (string, error) {
	program, tags := filepath.Join(dir, "presenced"), "-tags="
	if profiles {
		tags += "profile"
	}
	out, err := exec.Command("go", "build", tags, "-o", program, module+"/cmd/presenced").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build presenced: %w\n%s", err, out)
	}
	return program, nil
}

const module = "github.com/presenced/presenced"

// handOver passes the command the socket as systemd passes one
// (sd_listen_fds(3)): as descriptor 3, and told so by its own process id, which
// only a shell in between knows in time.
func handOver(cmd *exec.Cmd, socket *os.File) *exec.Cmd {
	shell := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, cmd.Args...)...)
	shell.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=radius")
	shell.ExtraFiles = []*os.File{socket}
	return shell
}

// openSocket returns a socket at the address with the receive buffer of
// presenced.socket, as a file to hand over.
func openSocket(address netip.AddrPort) (*os.File, error) {
	conn, err := listen(address.String())
	if err != nil {
		return nil, err
	}
	file, err := conn.File()
	return file, errors.Join(err, conn.Close())
}

// hangUp makes presenced read its configuration again.
func hangUp(p *process) error { return p.cmd.Process.Signal(syscall.SIGHUP) }
