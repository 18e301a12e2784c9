// Package demo plays a day of a made-up office in a minute: the real daemon on
// loopback, real RADIUS and a sandbox Kadence. It tells what happens as it
// happens and has no script of what is concluded; at the end it holds every
// booking against the truth, and fails if one is wrong.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/office"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// demoSecret is shared by everybody in the demo.
const demoSecret = "demo-secret"

// demoFile is the name of the demo's configuration, by which the other verbs
// find its daemon.
const demoFile = "presenced.toml"

const (
	// Usual is how long a demo takes if nobody asks for another time.
	Usual = time.Minute
	// Shortest is the least time that a demo can be told in: controllers, whose
	// clocks count seconds, can tell an absence from a reconnect in no less.
	Shortest = 30 * time.Second
)

// ErrWrong is of a demo at whose end the bookings are not as they should be,
// which it has told.
var ErrWrong = errors.New("the bookings did not end as they should")

// Play runs the demo for that long, and tells it to out; what the daemon logs
// goes to logged. With stay the office and the daemon then go on until ctx ends.
func Play(ctx context.Context, out terminal.Out, logged io.Writer, length time.Duration, stay bool) (err error) {
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
	n := &narrator{out: out, people: people}
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
	if n.daemon, err = daemon.Open(ctx, cfg, daemon.NewLog(logged, cfg.Log), nil); err != nil {
		return err
	}
	conn, err := radiusacct.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, n.daemon.Close())
	}
	if n.daemon.Web, err = web.Listen(ctx, cfg.Control.HTTP); err != nil {
		return errors.Join(err, conn.Close(), n.daemon.Close())
	}
	socket, err := control.Listen(cfg.Control.Socket)
	if err != nil {
		return errors.Join(err, conn.Close(), n.daemon.Web.Close(), n.daemon.Close())
	}
	c, err := controller.Dial(conn.LocalAddr().(*net.UDPAddr), demoSecret, n.heard)
	if err != nil {
		return errors.Join(err, conn.Close(), socket.Close(), n.daemon.Web.Close(), n.daemon.Close())
	}
	defer c.Close()
	n.introduce(conn.LocalAddr(), url, linger, filepath.Join(dir, demoFile))

	var verdict error
	over := false
	playing, end := context.WithCancel(ctx)
	defer end()
	g, running := errgroup.WithContext(playing)
	g.Go(func() error { return n.daemon.Run(running, []*net.UDPConn{conn}, socket) })
	g.Go(func() error { return n.narrate(running) })
	g.Go(func() error {
		defer end()
		say := func(ctx context.Context, e office.Event) error { return c.Say(ctx, e.Faster(o.Begins, n.began, speed)) }
		for _, s := range scenes(o, say, api, n.title) {
			if err := n.perform(running, s, time.Duration(float64(s.at.Sub(o.Begins))/speed)); err != nil {
				return err
			}
		}
		if err := n.wait(running, api, length); err != nil || running.Err() != nil || !stay {
			return err
		}
		n.fallSilent()
		verdict, over = n.sumUp(api), true
		fmt.Fprintf(n.out, "\nThe office stays open, at %s, until you press Ctrl-C.\n", n.daemon.URL())
		return abide(running, o, func(ctx context.Context, e office.Event) error {
			return c.Say(ctx, later(e.Faster(o.Begins, n.began, speed), time.Now()))
		})
	})
	err = g.Wait()
	switch {
	case over && err == nil:
		return verdict
	case ctx.Err() != nil:
		return errors.New("interrupted before the end")
	case err != nil:
		return err
	}
	return n.sumUp(api)
}

// heardEvery is how often, once the day is over, the devices that are still there are
// heard.
const heardEvery = 30 * time.Second

// abide has the equipment tell of the devices that are there when the day is over, again
// and again, until ctx ends.
func abide(ctx context.Context, o *office.Office, say func(context.Context, office.Event) error) error {
	last := stillThere(o)
	for {
		for _, e := range last {
			if err := say(ctx, e); err != nil && ctx.Err() == nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(heardEvery):
		}
	}
}

// stillThere returns what was said last of each device that is there when the day is over.
func stillThere(o *office.Office) map[string]office.Event {
	last := map[string]office.Event{}
	for _, e := range o.Events {
		switch device := e.Record.Device; {
		case e.Record.Status == presence.Start || e.Record.Status == presence.Interim:
			last[device] = e
		case e.Record.Status == presence.Stop && last[device].Record.Session == e.Record.Session: // not one of an older session
			delete(last, device)
		}
	}
	return last
}

// later is an interim of the event's session, at now.
func later(e office.Event, now time.Time) office.Event {
	passed := now.Sub(e.Arrive)
	e.Record.Status, e.Arrive, e.Delay, e.Lost = presence.Interim, now, 0, false
	if e.Record.Age += passed; !e.Stamp.IsZero() {
		e.Stamp = e.Stamp.Add(passed)
	}
	return e
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

// house puts two buildings, the people and their bookings of today into the sandbox.
func house(api *sandbox.Server, people []*character, zone *time.Location) {
	main, annex := api.AddBuilding("Demo House", zone), api.AddBuilding("Demo Annex", zone)
	y, m, d := time.Now().In(zone).Date()
	for _, c := range people {
		c.id = api.AddUser(c.user)
		if c.space == "" {
			continue
		}
		building := main
		if c.annex {
			building = annex
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
