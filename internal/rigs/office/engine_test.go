package office

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/replay"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// tracker returns an Engine that is presence's real tracker over a store that
// open opens, in time that runs as the office's does.
func tracker(t *testing.T, open func() presence.Store) Engine {
	return func(o *Office, rules presence.Rules) (visits []Concluded, err error) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(o.Begins))
			w := replay.NewWitness(open())
			var tr *presence.Tracker
			var stop func() error
			start := func() {
				tr = presence.NewTracker(w, o.Mapping(), rules, slog.New(slog.DiscardHandler))
				stop = run(t.Context(), tr, func() { tr.Reload(o.Mapping(), rules) }, o.looks)
			}
			start()
			downs := o.downs
			rest := func(until time.Time) { // with the daemon, or without it
				for ; len(downs) > 0 && downs[0].from.Before(until); downs = downs[1:] {
					time.Sleep(time.Until(downs[0].from))
					err = errors.Join(err, stop())
					time.Sleep(time.Until(downs[0].to))
					start()
				}
				time.Sleep(time.Until(until))
			}
			for events := o.Events; len(events) > 0 && events[0].Arrive.Before(o.Truth.Ends); {
				at := events[0].Arrive
				rest(at)
				var batch []presence.Record
				for ; len(events) > 0 && events[0].Arrive.Equal(at); events = events[1:] {
					batch = append(batch, o.sent(t, events[0]))
				}
				if e := tr.Record(t.Context(), batch); e != nil {
					err = errors.Join(err, e)
					break
				}
			}
			rest(o.Truth.Ends)
			err = errors.Join(err, stop())
			if len(o.Makes) == 0 { // of what is met in the field, much leads nowhere
				for _, u := range tr.Unmatched() {
					if !strings.HasPrefix(u.Key, "host/") {
						t.Errorf("led nowhere: %+v", u)
					}
				}
			}
			all, e := w.Visits(t.Context())
			for _, v := range all {
				visits = append(visits, Concluded{v.Visit, v.Noticed, v.Believed})
			}
			err = errors.Join(err, e)
			if s, ok := w.Store.(io.Closer); ok {
				err = errors.Join(err, s.Close())
			}
		})
		return visits, err
	}
}

// run runs the tracker until stop is called. If there is an every, it is had
// look at everybody as often as that.
func run(ctx context.Context, tr *presence.Tracker, look func(), every time.Duration) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- tr.Run(ctx) }()
	looks := make(chan struct{})
	go func() {
		defer close(looks)
		for every > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
				look()
			}
		}
	}()
	return func() error {
		cancel()
		<-looks
		return <-done
	}
}

// sent returns what the daemon's own decoder makes of an event: when it was
// follows from what was sent, at a site with equipment whose clock may be off.
func (o *Office) sent(t *testing.T, e Event) presence.Record {
	if len(o.Makes) == 0 || e.moved {
		return e.Record
	}
	packet, err := Packet(e, []byte("secret"), 0)
	if err != nil {
		t.Fatal(err)
	}
	client := radiusacct.Client{Name: e.Record.Client, Site: e.Record.Site}
	r, err := radiusacct.Decode(packet, client, netip.AddrPort{}, e.Arrive, radiusacct.DefaultSkew)
	if err != nil {
		t.Fatal(err)
	}
	r.From = nil
	return r
}

// newMemory opens a store that forgets everything when the test is over, and is fast
// enough for weeks.
func newMemory() presence.Store { return presence.NewMemory() }

// newWholeMemory opens one that stores everybody in one.
func newWholeMemory() presence.Store { return presence.NewWholeMemory() }
