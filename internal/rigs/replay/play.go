package replay

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
	"github.com/presenced/presenced/store"
)

// Outcome is what came of a replay.
type Outcome struct {
	Visits    map[string][]Visit          // by user, in order of arrival, as they stand at the end
	Stories   map[string][]presence.Entry // by user: what was heard, concluded and done
	Unmatched []presence.Nobody           // what led nowhere

	stood []standing // for each moment that a want names
}

// Visit is one with when it was first stored as one that had begun, and as over.
type Visit struct {
	presence.Visit
	Noticed  time.Time // zero: not yet
	Believed time.Time // zero: not yet
}

func (v Visit) String() string {
	return fmt.Sprintf("%s visit %s arrived %s departed %s believed %s: %s %s",
		v.User, v.Site, clock(v.Arrived), clock(v.Departed), clock(v.Believed), v.State, v.End)
}

// standing is how it stood with a user at a moment.
type standing struct {
	state   string // "present", "leaving" or "gone"
	booking presence.BookingStatus
	heard   time.Time // when the latest of the sessions was last heard, by event time
}

// early is how long before the first record the daemon listens.
const early = 10 * time.Minute

// Play plays the replay from before its first record to its last look.
func (r *Replay) Play(t *testing.T) *Outcome {
	o := &Outcome{stood: make([]standing, len(r.wants.moments))}
	path := filepath.Join(t.TempDir(), "presenced.db")
	synctest.Test(t, func(t *testing.T) {
		until(r.Packets[0].Heard.Add(-early))
		file, err := store.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		w, desk := NewWitness(file), newDesk(r.config.Rules.Sites["hq"].Zone)
		tracker := presence.NewTracker(w, &r.config.Mapping, r.config.Rules, slog.New(slog.DiscardHandler))
		courier := presence.NewCourier(w, desk, r.config.Rules, slog.New(slog.DiscardHandler))
		tracker.HasWork = courier.Kick
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- tracker.Run(ctx) }()
		go func() { done <- courier.Run(ctx) }()

		packets := r.Packets
		for _, at := range r.looks {
			for len(packets) > 0 && !packets[0].Heard.After(at) {
				until(packets[0].Heard)
				n := slices.IndexFunc(packets, func(p radiusacct.Packet) bool { return p.Heard.After(packets[0].Heard) })
				if n < 0 {
					n = len(packets)
				}
				if err := tracker.Record(ctx, decoded(t, r.config, packets[:n])); err != nil {
					t.Fatal(err)
				}
				packets = packets[n:]
			}
			until(at)
			synctest.Wait()
			for i, m := range r.wants.moments {
				if m.at.Equal(at) {
					o.stood[i] = stands(t, w, tracker, desk, m.user)
				}
			}
		}
		if len(packets) > 0 {
			t.Fatalf("%d records arrive after the end", len(packets))
		}
		if o.Visits, o.Stories, err = w.tell(ctx); err != nil {
			t.Fatal(err)
		}
		for _, u := range tracker.Unmatched() {
			o.Unmatched = append(o.Unmatched, u.Nobody)
		}
		stop()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func until(t time.Time) { time.Sleep(time.Until(t)) }

// decoded returns what packets that arrive together say.
func decoded(t *testing.T, cfg *configs.Config, packets []radiusacct.Packet) (all []presence.Record) {
	client := radiusacct.Client{Name: cfg.Radius.Clients[0].Name, Site: cfg.Radius.Clients[0].Site}
	for _, p := range packets {
		source := p.Source
		if !source.IsValid() {
			source = netip.MustParseAddrPort("192.0.2.1:1813")
		}
		record, err := radiusacct.Decode(p.Octets, client, source, p.Heard, cfg.Radius.MaxSkew)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, record)
	}
	return all
}

// stands says how it stands with a user now.
func stands(t *testing.T, w *Witness, tracker *presence.Tracker, d *desk, user string) standing {
	p, err := w.Person(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	s := standing{state: "gone", booking: d.status(user)}
	for _, v := range p.Visits {
		switch {
		case v.State == presence.Arriving || v.State == presence.Present:
			s.state = "present"
		case v.State == presence.Leaving && s.state == "gone":
			s.state = "leaving"
		}
	}
	for _, session := range p.Sessions(time.Now(), tracker.World()) {
		if session.Seen.After(s.heard) {
			s.heard = session.Seen
		}
	}
	return s
}

// Tell writes what became of everybody, with what was heard and concluded.
func (o *Outcome) Tell() string {
	var b strings.Builder
	for _, user := range slices.Sorted(maps.Keys(o.Stories)) {
		fmt.Fprintf(&b, "%s\n", user)
		for _, v := range o.Visits[user] {
			fmt.Fprintf(&b, "  %s\n", v)
		}
		for _, e := range o.Stories[user] {
			fmt.Fprintf(&b, "    %s %s: %s\n", clock(e.At), e.Kind, e.Text)
		}
	}
	for _, n := range o.Unmatched {
		fmt.Fprintf(&b, "%s %s led nowhere: %s\n", n.Kind, n.Key, n.Reason)
	}
	return b.String()
}
