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
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/office"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
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
func Play(ctx context.Context, out terminal.Out, logged io.Writer, length time.Duration, stay bool) error {
	return PlayOn(ctx, out, length, stay, func(ctx context.Context, s Setting) (*Stage, error) { return alone(ctx, s, logged) })
}

// PlayOn runs the demo as [Play] does, on a stage of the caller's.
func PlayOn(ctx context.Context, out terminal.Out, length time.Duration, stay bool, build func(context.Context, Setting) (*Stage, error)) (err error) {
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

	if n.stage, err = build(ctx, Setting{Dir: dir, API: url, Hour: linger}); err != nil {
		return err
	}
	c, err := controller.Dial(n.stage.Servers[0], demoSecret, n.heard)
	if err != nil {
		return errors.Join(err, n.stage.Close())
	}
	defer c.Close()
	for _, other := range n.stage.Servers[1:] {
		if err := c.Also(other); err != nil {
			return errors.Join(err, n.stage.Close())
		}
	}
	n.introduce(url, linger)

	var verdict error
	over := false
	playing, end := context.WithCancel(ctx)
	defer end()
	g, running := errgroup.WithContext(playing)
	g.Go(func() error { return n.stage.Run(running) })
	g.Go(func() error { return n.narrate(running) })
	g.Go(func() error {
		defer end()
		say := func(ctx context.Context, e office.Event) error { return c.Say(ctx, e.Faster(o.Begins, n.began, speed)) }
		for _, s := range scenes(o, say, api, n.title, n.stage.Mishaps) {
			if err := n.perform(running, s, time.Duration(float64(s.at.Sub(o.Begins))/speed)); err != nil {
				return err
			}
		}
		if err := n.wait(running, api, length); err != nil || running.Err() != nil || !stay {
			return err
		}
		n.fallSilent()
		verdict, over = n.sumUp(api), true
		fmt.Fprintf(n.out, "\nThe office stays open, at %s, until you press Ctrl-C.\n", n.stage.URL)
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
