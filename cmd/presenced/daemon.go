package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/metrics"
	"github.com/presenced/presenced/internal/page"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
	"github.com/presenced/presenced/store"
)

// Daemon is the running program: what `serve` and `demo` run. Its parts are
// exported so that a test can stand where the outside world would.
type Daemon struct {
	Log       *logrus.Logger
	Transport http.RoundTripper // to Kadence; nil: the network
	Store     *store.Store
	Tracker   *presence.Tracker
	Courier   *presence.Courier
	Radius    *radiusacct.Server
	Hangups   <-chan os.Signal // each has the configuration file read again
	Web       net.Listener     // for a browser and Prometheus; nil: none

	setup   atomic.Pointer[setup] // in force
	refused atomic.Bool           // the configuration file was no good when it was last read
	metrics *metrics.Metrics
	started time.Time

	reloaded  chan struct{} // of one: followReloads has to do
	reloading chan struct{} // of one: one reload at a time, with the reading before it; guards lists and unzoned
	lists     string        // of which files the lists in force were read, and when those changed
	unzoned   string        // why followZones failed the last time
}

// Open opens the store and puts the daemon together. Nothing is listened to
// and no time passes before [Daemon.Run]; but Kadence is asked for the sites'
// buildings, and one that it does not have is an error.
func Open(ctx context.Context, cfg *configs.Config, log *logrus.Logger, kadence http.RoundTripper) (*Daemon, error) {
	s, err := store.Open(cfg.Store.Path)
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		Log: log, Transport: kadence, Store: s, started: time.Now(), lists: fingerprint(cfg),
		reloaded: make(chan struct{}, 1), reloading: make(chan struct{}, 1),
	}
	now, err := d.prepare(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	d.tell(now.doubts, nil)
	d.setup.Store(now)
	d.Tracker = presence.NewTracker(s, now.mapping, now.rules, asSlog(log))
	d.Courier = presence.NewCourier(s, desk{&d.setup}, now.rules, asSlog(log))
	d.Tracker.Concluded = d.Courier.Kick
	d.Radius = radiusacct.NewServer(now.clients, d.Tracker, log)
	d.Radius.Skew, d.Radius.Stranger = cfg.Radius.MaxSkew, d.Tracker.Stranger
	d.measure()
	if err := d.expel(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return d, nil
}

// Close closes a daemon that was never run.
func (d *Daemon) Close() error { return d.Store.Close() }

// Run serves on the sockets until ctx ends or a part of the daemon fails, and
// then closes them and the store. The courier and whatever else can take its
// time stops first, while accounting is still answered; then what was read is
// answered, and last what was recorded is written. A nil listener means no
// control socket.
func (d *Daemon) Run(ctx context.Context, radius []*net.UDPConn, socket net.Listener) error {
	// Each group needs those above it, and ends with them.
	recording, endRecording := context.WithCancel(context.WithoutCancel(ctx))
	defer endRecording()
	recorders, recording := errgroup.WithContext(recording)
	recorders.Go(func() error { return d.Tracker.Run(recording) })

	answering, endAnswering := context.WithCancel(recording)
	defer endAnswering()
	answerers, answering := errgroup.WithContext(answering)
	for _, conn := range radius {
		answerers.Go(func() error { return d.Radius.Serve(answering, conn) })
	}

	working, endWorking := context.WithCancel(answering)
	defer context.AfterFunc(ctx, endWorking)()
	defer endWorking()
	workers, working := errgroup.WithContext(working)
	workers.Go(func() error { return d.Courier.Run(working) })
	if socket != nil {
		workers.Go(func() error { return d.control(radius).Serve(working, socket) })
	}
	if d.Web != nil {
		shown := d.page()
		workers.Go(func() error { return d.web(shown).Serve(working, d.Web) })
		workers.Go(func() error { return every(working, page.Sampling, shown.Sample) })
	}
	workers.Go(func() error { return every(working, time.Hour, d.housekeep) })
	workers.Go(func() error { return every(working, listsEvery, d.followLists) })
	workers.Go(func() error { return every(working, zonesEvery, d.followZones) })
	workers.Go(func() error { return d.followHangups(working) })
	workers.Go(func() error { return d.followReloads(working) })
	workers.Go(func() error { return d.notify(working) })

	worked := workers.Wait()
	endAnswering()
	answered := answerers.Wait()
	endRecording()
	return errors.Join(worked, answered, recorders.Wait(), closeAll(radius), d.Store.Close())
}

// every calls f again and again until ctx ends. What f could not do it has
// logged, and does the next time.
func every(ctx context.Context, wait time.Duration, f func(context.Context)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
			f(ctx)
		}
	}
}

func (d *Daemon) housekeep(ctx context.Context) {
	err := kadence.Tidy(ctx, d.Store)
	if err == nil { // last, because it clears from the disk what was erased before
		err = d.Tracker.Housekeep(ctx, d.setup.Load().config.Store.KeepVisits)
	}
	if err != nil && ctx.Err() == nil {
		d.Log.WithError(err).Error("tidy the store")
	}
	d.expelAll(ctx)
}
