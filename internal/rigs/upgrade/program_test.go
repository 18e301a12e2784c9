package upgrade

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
	"github.com/presenced/presenced/store"
)

// program is what runs over a store: all of the real one but sockets.
type program struct {
	t       *testing.T
	config  *configs.Config
	store   *store.Store
	tracker *presence.Tracker
	cancel  context.CancelFunc
	running *errgroup.Group
}

// configured is the configuration that the kept store was written under.
func (k keptStore) configured(t *testing.T) *configs.Config {
	t.Helper()
	config, err := configs.Parse("presenced.toml", v1.file(t, "presenced.toml"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// run runs the program over the store at path.
func run(t *testing.T, path string, config *configs.Config, desk presence.Desk) *program {
	t.Helper()
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	p := &program{t: t, config: config, store: s, tracker: presence.NewTracker(s, &config.Mapping, config.Rules, log)}
	courier := presence.NewCourier(s, desk, config.Rules, log)
	p.tracker.HasWork = courier.Kick
	ctx, cancel := context.WithCancel(t.Context())
	p.cancel = cancel
	p.running, ctx = errgroup.WithContext(ctx)
	p.running.Go(func() error { return p.tracker.Run(ctx) })
	p.running.Go(func() error { return courier.Run(ctx) })
	return p
}

// rest ends the loops. The store stays open.
func (p *program) rest() {
	p.t.Helper()
	p.cancel()
	if err := p.running.Wait(); err != nil {
		p.t.Fatal(err)
	}
}

// hear has a packet arrive now.
func (p *program) hear(packet radiusacct.Packet) {
	p.t.Helper()
	c := p.config.Radius.Clients[0]
	client := radiusacct.Client{Name: c.Name, Prefix: c.Prefix, Secrets: c.Secrets, Site: c.Site}
	record, err := radiusacct.Decode(packet.Octets, client, packet.Source, time.Now().UTC(), p.config.Radius.MaxSkew)
	if err == nil {
		err = p.tracker.Record(p.t.Context(), []presence.Record{record})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// file returns a file of the kept store's; what is large is kept compressed.
func (k keptStore) file(t *testing.T, name string) []byte {
	t.Helper()
	name = filepath.Join("testdata", k.dir, name)
	data, err := os.ReadFile(name)
	if err == nil {
		return data
	}
	if data, err = os.ReadFile(name + ".gz"); err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		data, err = io.ReadAll(r)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return data
}

// packets returns the packets of a detail file, in order of arrival.
func (k keptStore) packets(t *testing.T, name string) []radiusacct.Packet {
	t.Helper()
	all, err := radiusacct.ReadPackets(bytes.NewReader(k.file(t, name)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, p := range all {
		if len(p.Unknown) > 0 {
			t.Fatalf("%s: %v", name, p.Unknown)
		}
	}
	return all
}
