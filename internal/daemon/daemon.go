// Package daemon is the running program: it opens the store and the sockets,
// puts tracker, courier, desk and page together, follows changes of the
// configuration, and ends all of it in order. It promises that what was read
// is answered and what was answered is on disk, however it is asked to end.
package daemon

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
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/metrics"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
	"github.com/presenced/presenced/store/etcdstore"
)

// Daemon is the running program: what `serve` and `demo` run. Its parts are
// exported so that a test can stand where the outside world would.
type Daemon struct {
	Log       *logrus.Logger
	Transport http.RoundTripper // to Kadence; nil: the network
	Store     Engine
	Tracker   *presence.Tracker
	Courier   *presence.Courier
	Radius    *radiusacct.Server
	Hangups   <-chan os.Signal   // at each the configuration file is read again
	Web       net.Listener       // for a browser and Prometheus; nil: none
	Radsec    []*net.TCPListener // for accounting over TLS

	inForce atomic.Pointer[prepared]
	refused atomic.Pointer[refusal] // why the configuration file does not count; nil: it is in force
	facts   func() control.Status   // of which troubles are made: [Daemon.seen], but in tests
	rates   control.Rates
	odd     atomic.Pointer[[]string] // what is odd about the store
	erased  *hashes
	optOuts *optOuts
	keyed   atomic.Bool // it is known that devices are hashed as by the other daemons
	metrics *metrics.Metrics
	events  events
	started time.Time

	stopping  chan struct{} // closed when those who watch are to go
	reloaded  chan struct{} // of one: followReloads has to do
	reloading chan struct{} // of one: one reload at a time, with the reading before it; guards lists and unzoned
	lists     string        // of which files the lists in force were read, and when those changed
	unzoned   string        // why followZones failed the last time
}

// Open opens the store and puts the daemon together. Nothing is listened to
// and no time passes before [Daemon.Run]; but Kadence is asked for the sites'
// buildings, and one that it does not have is an error.
func Open(ctx context.Context, cfg *configs.Config, log *logrus.Logger, kadence http.RoundTripper) (*Daemon, error) {
	s, err := openEngine(&cfg.Store)
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		Log: log, Transport: kadence, Store: s, started: time.Now(), lists: fingerprint(cfg),
		stopping: make(chan struct{}), reloaded: make(chan struct{}, 1), reloading: make(chan struct{}, 1),
	}
	d.facts = d.seen
	if d.erased, err = openErased(cfg.Store.Path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	besideStore := ""
	if cfg.Store.Etcd == nil {
		besideStore = cfg.Store.Path + ".opted-out"
	}
	optOuts, beside, err := openOptOuts(s, besideStore)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	d.optOuts = optOuts
	now, err := d.prepare(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	d.tell(now.doubts, nil)
	d.doubtStore()
	d.tellStore()
	d.inForce.Store(now)
	d.Tracker = presence.NewTracker(s, &now.mapping, now.rules, asSlog(log))
	d.Courier = presence.NewCourier(s, desk{&d.inForce}, now.rules, asSlog(log))
	d.Courier.Restored = s.Origin().Copied
	if shared, is := d.shared(); is {
		d.Tracker.Shared, d.Courier.Shared, d.Courier.Rests = true, true, d.rests(shared)
	}
	d.Tracker.HasWork = d.Courier.Kick
	d.Radius = radiusacct.NewServer(now.clients, recorder{d.Tracker, d}, asSlog(log))
	d.Radius.SetSkew(now.rules.MaxSkew)
	d.Radius.Stranger, d.Radius.Refused = d.Tracker.Stranger, d.Tracker.Refused
	if cfg.Radsec != nil {
		d.Radius.MaxConnections = cfg.Radsec.MaxConnections
		d.Radius.SetCertificate(cfg.Radsec.Certificate)
	}
	name := aloneName
	if cfg.Store.Etcd != nil {
		name = cfg.Store.Etcd.Name
	}
	d.events = newEvents(s, name)
	begun := d.events.begin(ctx, d.started)
	if begun == nil {
		begun = errors.Join(d.learnOptOuts(ctx, beside), d.eraseAgain(ctx), d.expel(ctx))
	}
	if shared, is := d.shared(); is {
		shared.Tell(d.about)
	}
	if err := d.sameKey(ctx); errors.Is(err, errOtherKey) {
		return nil, errors.Join(err, s.Close())
	}
	if _, is := d.shared(); is && begun != nil && !errors.Is(begun, etcdstore.ErrRefused) { // etcd may come later, and nobody is answered before
		d.Log.WithError(begun).Error("the store cannot be asked: accounting is not answered until it can")
	} else if begun != nil {
		return nil, errors.Join(begun, s.Close())
	}
	d.measure()
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
	for _, l := range d.Radsec {
		answerers.Go(func() error { return d.Radius.ServeTLS(answering, l) })
	}

	working, endWorking := context.WithCancel(answering)
	defer context.AfterFunc(ctx, endWorking)()
	defer context.AfterFunc(working, func() { close(d.stopping) })()
	defer endWorking()
	workers, working := errgroup.WithContext(working)
	workers.Go(func() error { return d.Courier.Run(working) })
	if socket != nil {
		workers.Go(func() error { return d.control(radius).Serve(working, socket) })
	}
	if d.Web != nil {
		shown := d.page()
		workers.Go(func() error { return d.web(shown).Serve(working, d.Web) })
	}
	workers.Go(func() error { return every(working, control.Sampling, d.sample) })
	workers.Go(func() error { return d.resume(working) })
	workers.Go(func() error { return d.takeOver(working) })
	workers.Go(func() error { return d.followKey(working) })
	workers.Go(func() error { return d.followShare(working) })
	workers.Go(func() error { return d.followEvents(working) })
	workers.Go(func() error { return d.followOccupancy(working) })
	workers.Go(func() error { return every(working, time.Hour, d.housekeep) })
	workers.Go(func() error { return every(working, listsEvery, d.followLists) })
	workers.Go(func() error { return every(working, zonesEvery, d.followZones) })
	workers.Go(func() error { return d.followHangups(working) })
	workers.Go(func() error { return d.followReloads(working) })
	workers.Go(func() error { return d.followOptOuts(working) })
	workers.Go(func() error { return d.notify(working) })

	worked := workers.Wait()
	endAnswering()
	answered := answerers.Wait()
	endRecording()
	err := errors.Join(worked, answered, recorders.Wait())
	d.events.end(context.WithoutCancel(ctx), time.Now(), err) // where that fails, the next start tells
	return errors.Join(err, closeAll(radius), closeAll(d.Radsec), d.Store.Close())
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

// resume ends what the process before died in the middle of.
func (d *Daemon) resume(ctx context.Context) error {
	if err := errors.Join(d.Tracker.Resume(ctx), d.Store.Resume(ctx)); err != nil && ctx.Err() == nil {
		d.Log.WithError(err).Error("end what was under way when presenced died")
	}
	return nil
}

// takeOver rewrites what an older version stored, and tells every few seconds how far it is.
func (d *Daemon) takeOver(ctx context.Context) error {
	said := time.Now()
	err := d.Store.TakeOver(ctx, func(done, of int) {
		if done == of || time.Since(said) > 5*time.Second {
			said = time.Now()
			d.Log.WithField("done", done).WithField("of", of).Info("taking over people whom an older presenced stored")
		}
	})
	if err != nil && ctx.Err() == nil {
		d.Log.WithError(err).Error("take over what an older presenced stored: it is read as it is, and the next start tries again")
	}
	return nil
}

func (d *Daemon) housekeep(ctx context.Context) {
	err := errors.Join(kadence.Tidy(ctx, d.Store), presence.TidyWalkIns(ctx, d.Store, time.Now()),
		presence.TidyNotToday(ctx, d.Store, time.Now()),
		presence.TidyOccupancy(ctx, d.Store, time.Now()),
		presence.TidyEvents(ctx, d.Store, time.Now().Add(-d.inForce.Load().config.Store.KeepVisits)))
	if err == nil { // last, because it clears from the disk what was erased before
		err = d.Tracker.Housekeep(ctx, d.inForce.Load().config.Store.KeepVisits)
	}
	if err != nil && ctx.Err() == nil {
		d.Log.WithError(err).Error("tidy the store")
	}
	// What a backup holds of sessions is of the past until each was heard, or
	// has ended for not being heard.
	if now := d.inForce.Load(); err == nil && !d.Store.Origin().Copied.IsZero() && time.Since(d.started) > now.rules.MaxSession {
		if err := d.Store.Settled(); err != nil {
			d.Log.WithError(err).Error("tidy the store")
		}
		d.doubtStore()
	}
	d.expelAll(ctx)
}
