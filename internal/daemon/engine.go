package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
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

// Shared is what was found out about a store in etcd by asking.
type Shared struct {
	Members []Member
	Barred  error           // why this daemon may not use what is under the prefix, or cannot; nil: it may
	Daemons control.Cluster // that are there; this one among them as it would be
}

// AskShared asks each member of etcd how it is, whether the daemon may use its prefix, and
// which daemons are there, and compares their configurations with this one.
func AskShared(ctx context.Context, cfg *configs.Config) (all Shared, err error) {
	config := etcdConfig(cfg.Store.Etcd)
	s, err := etcdstore.OpenToRead(config)
	if err != nil {
		return all, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, m := range s.Ask(ctx) {
		all.Members = append(all.Members, member(m))
	}
	if all.Barred = s.May(ctx); all.Barred != nil {
		return all, nil
	}
	daemons, err := s.Present(ctx)
	if err != nil {
		all.Barred = err
		return all, nil
	}
	for _, d := range daemons {
		if d.Name != config.Name { // it may be the one that runs by this configuration, or by the one before
			all.Daemons.Daemons = append(all.Daemons.Daemons, sharer(d))
		}
	}
	own := control.Sharer{Name: config.Name, Version: config.Version, Loaded: control.Time{Time: time.Now()}, Config: cfg.Fingerprints()}
	all.Daemons.Name, all.Daemons.Daemons = config.Name, append(all.Daemons.Daemons, own)
	all.Daemons.Compare()
	return all, nil
}

func member(m etcdstore.Member) Member {
	is := Member{Endpoint: m.Endpoint, Fault: m.Fault, Text: "version " + m.Version + ", answers in " + m.Took.Round(10*time.Microsecond).String()}
	if m.Leader {
		is.Text += ", leader"
	}
	if m.Quota > 0 {
		is.Text += fmt.Sprintf(", %d %% of its quota", m.Size*100/m.Quota)
	}
	switch {
	case is.Fault != "":
	case len(m.Alarms) > 0:
		is.Fault = strings.Join(m.Alarms, "; ")
	case older(m.Version):
		is.Fault = "version " + m.Version + " is older than 3.6"
	}
	return is
}

// Member is a member of etcd, as it answered.
type Member struct {
	Endpoint string
	Text     string // what is to be said of it
	Fault    string // what is wrong with it; "": nothing
}

// older reports whether a version of etcd is older than those that presenced is tried with.
func older(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return err != nil || major < 3 || major == 3 && minor < 6
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
