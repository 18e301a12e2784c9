package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/office"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/radiusacct"
)

// demoSecret is shared by everybody in the demo.
const demoSecret = "demo-secret"

// demoFile is the name of the demo's configuration, by which the other verbs
// find its daemon.
const demoFile = "presenced.toml"

// A demo cannot be told in less time than controllers, whose clocks count
// seconds, can tell an absence from a reconnect.
const (
	demoTime     = time.Minute
	shortestDemo = 30 * time.Second
)

func (p *program) demo() *cobra.Command {
	length := demoTime
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "A made-up office: real RADIUS, the real daemon, a sandbox Kadence, told line by line",
		Example: `presenced demo
presenced demo --for 30s`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length < shortestDemo {
				p.understood = false
				return fmt.Errorf("--for is at least %s", shortestDemo)
			}
			return p.play(cmd.Context(), length)
		},
	}
	cmd.Flags().DurationVar(&length, "for", demoTime, "how long it takes")
	return cmd
}

// play runs the demo.
func (p *program) play(ctx context.Context, length time.Duration) (err error) {
	dir, err := os.MkdirTemp("", "presenced-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	zone, err := time.LoadLocation(nineOClock(time.Now()))
	if err != nil {
		return err
	}
	o, err := office.Play(officeDay())
	if err != nil {
		return err
	}
	people, speed := cast(), demoHours.Seconds()/length.Seconds()
	linger := time.Duration(float64(time.Hour) / speed)
	n := &narrator{program: p, people: people}
	api := sandbox.New("demo", demoSecret)
	api.Watch = n.called
	house(api, people, zone)
	url, stop, err := serveSandbox(api)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()

	cfg, err := demoConfig(dir, url, linger)
	if err != nil {
		return err
	}
	if n.daemon, err = Open(ctx, cfg, newLog(p.stderr, cfg.Log), nil); err != nil {
		return err
	}
	conn, err := radiusacct.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, n.daemon.Close())
	}
	if n.daemon.Web, err = listenWeb(ctx, cfg); err != nil {
		return errors.Join(err, conn.Close(), n.daemon.Close())
	}
	socket, err := control.Listen(cfg.Control.Socket)
	if err != nil {
		return errors.Join(err, conn.Close(), closeWeb(n.daemon.Web), n.daemon.Close())
	}
	c, err := dialController(conn.LocalAddr().(*net.UDPAddr), demoSecret, n.heard)
	if err != nil {
		return errors.Join(err, conn.Close(), socket.Close(), closeWeb(n.daemon.Web), n.daemon.Close())
	}
	defer c.close()
	n.introduce(conn.LocalAddr(), url, linger, filepath.Join(dir, demoFile))

	playing, end := context.WithCancel(ctx)
	defer end()
	g, running := errgroup.WithContext(playing)
	g.Go(func() error { return n.daemon.Run(running, []*net.UDPConn{conn}, socket) })
	g.Go(func() error { return n.narrate(running) })
	g.Go(func() error {
		defer end()
		say := func(ctx context.Context, e office.Event) error { return c.say(ctx, e.Faster(o.Begins, n.began, speed)) }
		for _, s := range scenes(o, say, api) {
			if err := n.perform(running, s, time.Duration(float64(s.at.Sub(o.Begins))/speed)); err != nil {
				return err
			}
		}
		return n.wait(running, api, length)
	})
	err = g.Wait()
	if ctx.Err() != nil {
		return errors.New("interrupted before the end")
	}
	if err != nil {
		return err
	}
	return n.sumUp(api)
}

// serveSandbox serves the sandbox over real HTTP until it is stopped.
func serveSandbox(api *sandbox.Server) (url string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: api, ReadHeaderTimeout: time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	return "http://" + l.Addr().String(), func() error {
		err := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}

// house puts the people and their bookings of today into the sandbox.
func house(api *sandbox.Server, people []*character, zone *time.Location) {
	building := api.AddBuilding("Demo House", zone)
	y, m, d := time.Now().In(zone).Date()
	for _, c := range people {
		c.id = api.AddUser(c.user)
		if c.space == "" {
			continue
		}
		c.booking = api.Book(sandbox.Booking{
			User: c.id, Building: building, Type: c.kind, Space: c.space, Guest: c.guest,
			Begin: time.Date(y, m, d, 9, 0, 0, 0, zone), End: time.Date(y, m, d, 18, 0, 0, 0, zone),
		})
	}
}

// demoConfig is the demo's configuration, read as any other.
func demoConfig(dir, api string, linger time.Duration) (*configs.Config, error) {
	text := fmt.Sprintf(`
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

[identity]
domain       = "example.com"
realms       = { corp = "example.com" }
opt_out_file = "opt-out.txt"

[presence]
linger      = %[2]q
outage_hold = %[2]q

[kadence]
api_url       = %[3]q
auth_url      = %[3]q
client_id     = "demo"
client_secret = %[1]q
dry_run       = false
rate          = 50

[store]
path = "demo.db"

[control]
socket = "demo.sock"
http   = "127.0.0.1:0"

[log]
level = "error"
`, demoSecret, linger.String(), api)
	file := filepath.Join(dir, demoFile)
	if err := os.WriteFile(filepath.Join(dir, "opt-out.txt"), []byte("gus@example.com\n"), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return configs.Load(file)
}
