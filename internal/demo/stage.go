package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// Stage is what a demo plays on: the daemons, and where they are found.
type Stage struct {
	About     string         // of it, in the introduction
	Servers   []*net.UDPAddr // of the daemons, in the order in which the controller asks them
	URL       string         // of a status page
	Config    string         // a file by which a daemon is asked
	Store     Stories
	Unmatched func(context.Context) []control.Unmatched
	Run       func(context.Context) error // until ctx ends, and the daemons have
	Close     func() error                // of one that is not run
	Mishaps   []Mishap
	Late      time.Duration // how long after the end the bookings may be as they should
}

// Stories is what is read of a store, to tell what happens.
type Stories interface {
	People(ctx context.Context, after string, limit int) ([]presence.Person, error)
	Person(ctx context.Context, user string) (presence.Person, error)
}

// Mishap is what befalls the stage at a time of the office's day.
type Mishap struct {
	Hour, Minute int
	What         string
	Do           func(context.Context) error
}

// Setting is where a stage is built.
type Setting struct {
	Dir  string        // for whatever it needs, and gone afterwards
	API  string        // where Kadence's sandbox is
	Hour time.Duration // of the office, and so linger
}

// Configure writes a configuration into the folder and returns its name: where the daemon
// listens for accounting, where its page is, and what stands in its [store].
func (s Setting) Configure(dir, listen, page, store string) (file string, err error) {
	text := fmt.Sprintf(`
[radius]
listen = [%[6]q]

[[radius.client]]
name    = "wlc-demo"
address = "127.0.0.1"
secret  = %[1]q
site    = "house"

[[site]]
name     = "house"
building = "Demo House"
ssids    = ["Corp"]
hours    = "00:00-24:00"

[[site]]
name     = "annex"
building = "Demo Annex"
ssids    = ["Corp"]
nas      = ["*annex*"]
hours    = "00:00-24:00"

[identity]
domain       = "example.com"
realms       = { corp = "example.com" }
opt_out_file = "opt-out.txt"

[presence]
linger      = %[2]q
lunch       = "never" # at whatever hour it is played,
brief       = "0s"    # and its day is a minute
outage_hold = %[2]q

[kadence]
api_url       = %[3]q
auth_url      = %[3]q
client_id     = "demo"
client_secret = %[1]q
dry_run       = false
rate          = 50

[store]
%[4]s

[control]
socket = "demo.sock"
http   = %[5]q

[log]
level = "error"
`, demoSecret, s.Hour.String(), s.API, store, page, listen)
	file = filepath.Join(dir, demoFile)
	return file, errors.Join(
		os.WriteFile(filepath.Join(dir, "opt-out.txt"), []byte("gus@example.com\n"), 0o600),
		os.WriteFile(file, []byte(text), 0o600))
}

// alone is the usual stage: one daemon with its file, in this process.
func alone(ctx context.Context, s Setting, logged io.Writer) (*Stage, error) {
	file, err := s.Configure(s.Dir, "127.0.0.1:0", "127.0.0.1:0", `path = "demo.db"`)
	if err != nil {
		return nil, err
	}
	cfg, err := configs.Load(file)
	if err != nil {
		return nil, err
	}
	d, err := daemon.Open(ctx, cfg, daemon.NewLog(logged, cfg.Log), nil)
	if err != nil {
		return nil, err
	}
	conn, err := radiusacct.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if d.Web, err = web.Listen(ctx, cfg.Control.HTTP); err != nil {
		return nil, errors.Join(err, conn.Close(), d.Close())
	}
	socket, err := control.Listen(cfg.Control.Socket)
	if err != nil {
		return nil, errors.Join(err, conn.Close(), d.Web.Close(), d.Close())
	}
	return &Stage{
		About:   "Wi-Fi and Kadence are simulated; the daemon, its store and what goes over the wire are real.",
		Servers: []*net.UDPAddr{conn.LocalAddr().(*net.UDPAddr)}, URL: d.URL(), Config: file, Store: d.Store, Late: 15 * time.Second,
		Unmatched: func(context.Context) (all []control.Unmatched) {
			for _, u := range d.Tracker.Unmatched() {
				all = append(all, control.Unmatched{Kind: u.Kind, Key: u.Key, Reason: u.Reason})
			}
			return all
		},
		Run:   func(ctx context.Context) error { return d.Run(ctx, []*net.UDPConn{conn}, socket) },
		Close: func() error { return errors.Join(conn.Close(), socket.Close(), d.Web.Close(), d.Close()) },
	}, nil
}
