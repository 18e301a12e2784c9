package daemon

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
	"github.com/presenced/presenced/store/etcdstore"
)

// Engine is what keeps the store: the file, or etcd.
type Engine interface {
	presence.Store
	Path() string
	Stats() store.Stats
	Origin() store.Origin
	Settled() error
	Resume(ctx context.Context) error
	TakeOver(ctx context.Context, told func(done, of int)) error
	Backup(ctx context.Context, path string) error
	Close() error
}

var (
	_ Engine = (*store.Store)(nil)
	_ Engine = (*etcdstore.Store)(nil)
)

// openEngine opens the store that the configuration names.
func openEngine(cfg *configs.Store) (Engine, error) {
	if cfg.Etcd == nil {
		return store.Open(cfg.Path)
	}
	return etcdstore.Open(etcdConfig(cfg.Etcd))
}

// OpenToRead opens the store that the configuration names for who only reads, while no
// daemon answers.
func OpenToRead(cfg *configs.Store) (Engine, error) {
	if cfg.Etcd == nil {
		return store.OpenReadOnly(cfg.Path)
	}
	return etcdstore.OpenToRead(etcdConfig(cfg.Etcd))
}

// etcdConfig is what the engine is given of the configuration.
func etcdConfig(e *configs.Etcd) etcdstore.Config {
	return etcdstore.Config{Endpoints: e.Endpoints, Prefix: e.Prefix, Name: e.Name, Version: strings.Fields(Version())[0], TLS: e.TLS(), Late: etcdstore.Late}
}

// shared returns the store if other daemons share it.
func (d *Daemon) shared() (*etcdstore.Store, bool) {
	s, is := d.Store.(*etcdstore.Store)
	return s, is
}

// onCommit has f told how long each update took.
func (d *Daemon) onCommit(f func(time.Duration)) {
	switch s := d.Store.(type) {
	case *store.Store:
		s.Committed = f
	case *etcdstore.Store:
		s.Committed = f
	}
}

// rests reports whether this daemon had better call nobody for the moment, and logs when
// that changes.
func (d *Daemon) rests(s *etcdstore.Store) func() bool {
	said := ""
	return func() bool {
		err := s.Unsure()
		switch {
		case err == nil && said != "":
			said = ""
			d.Log.Info("Kadence is called again")
		case err != nil && err.Error() != said:
			said = err.Error()
			d.Log.WithError(err).Warn("Kadence is not called for the moment: other daemons are not known")
		}
		return err != nil
	}
}

const shareEvery = 2 * time.Second // how often it is looked at who shares the budget of calls

// followShare divides the budget of calls by the daemons that there are.
func (d *Daemon) followShare(ctx context.Context) error {
	s, is := d.shared()
	if !is {
		return nil
	}
	said := ""
	return every(ctx, shareEvery, func(ctx context.Context) {
		desk := d.inForce.Load().kadence
		if desk == nil {
			return
		}
		all, err := s.Daemons()
		if err == nil {
			desk.Share(max(1, len(all)))
			err = shareThrottling(ctx, s, desk, time.Now())
		}
		switch {
		case err == nil:
			said = ""
		case err.Error() != said && ctx.Err() == nil:
			said = err.Error()
			d.Log.WithError(err).Warn("what Kadence told the other daemons is not known")
		}
	})
}

// throttled is a desk that may be told to make no call for a while.
type throttled interface {
	Throttled() time.Time
	Throttle(until time.Time)
}

// throttling is the note of until when Kadence told any of the daemons to make no call.
var throttling = presence.NoteKey{Kind: "kadence-rest", Key: "daemons"}

// shareThrottling tells the other daemons until when Kadence said to make no call, and does
// as they were told.
func shareThrottling(ctx context.Context, s presence.Store, desk throttled, now time.Time) error {
	note, err := s.Note(ctx, throttling.Kind, throttling.Key)
	if err != nil {
		return err
	}
	noted, _ := time.Parse(time.RFC3339Nano, string(note)) // zero: nobody was told
	switch until := desk.Throttled(); {
	case noted.After(until) && noted.After(now):
		desk.Throttle(noted)
	case until.After(noted) && until.After(now):
		value := []byte(until.UTC().Format(time.RFC3339Nano))
		return s.Update(ctx, []presence.Change{presence.WriteNotes(presence.Note{Kind: throttling.Kind, Key: throttling.Key, Value: value})})
	}
	return nil
}

// sharedKey reads the key for hash_devices that every daemon has.
func sharedKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) != deviceKeySize {
		err = fmt.Errorf("%d bytes instead of %d: give every daemon the same file", len(key), deviceKeySize)
	}
	if err != nil {
		return nil, fmt.Errorf("read device_key_file, %s: %w", path, err)
	}
	return key, nil
}
