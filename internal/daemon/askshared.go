package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/store/etcdstore"
)

// Shared is what was found out about a store in etcd by asking.
type Shared struct {
	Members []Member
	Barred  error                    // why this daemon may not use what is under the prefix, or cannot; nil: it may
	Daemons control.Cluster          // that are there; this one among them as it would be
	Clocks  map[string]time.Duration // how far each of the other daemons' clocks is ahead of this host's, as far as that is sure
}

// AskShared asks each member of etcd how it is, whether the daemon may use its prefix, and
// which daemons are there, and compares their clocks and configurations with this one's.
func AskShared(ctx context.Context, cfg *configs.Config) (all Shared, err error) {
	config := etcdConfig(cfg.Store.Etcd)
	s, err := etcdstore.OpenToRead(config)
	if err != nil {
		return all, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	tells := s.AskMetrics(ctx)
	for i, m := range s.Ask(ctx) {
		all.Members = append(all.Members, member(m, tells[i], time.Now()))
	}
	if all.Barred = s.May(ctx); all.Barred != nil {
		return all, nil
	}
	daemons, err := s.Present(ctx)
	if err != nil {
		all.Barred = err
		return all, nil
	}
	all.Clocks = map[string]time.Duration{}
	for _, d := range daemons {
		if d.Name != config.Name { // it may be the one that runs by this configuration, or by the one before
			all.Daemons.Daemons = append(all.Daemons.Daemons, sharer(d))
			all.Clocks[d.Name] = ahead(d.Clock, time.Now())
		}
	}
	own := control.Sharer{Name: config.Name, Version: config.Version, Format: etcdstore.Format, Loaded: control.Time{Time: time.Now()}, Config: cfg.Fingerprints()}
	all.Daemons.Name, all.Daemons.Daemons = config.Name, append(all.Daemons.Daemons, own)
	all.Daemons.Compare()
	return all, nil
}

// saidWithin is how long ago a daemon that is there told its clock, at most: it does so every
// other second, and may take some time for it.
const saidWithin = 3 * time.Second

// ahead returns how far a clock was ahead of this one that said so up to saidWithin ago; 0 if
// it need not have been, and negative if it was behind.
func ahead(said, now time.Time) time.Duration {
	switch off := said.Sub(now); {
	case off > 0:
		return off
	case off < -saidWithin:
		return off + saidWithin
	}
	return 0
}

// ClockDoubt says what is wrong with the clock of one of the other daemons, if it is not
// this host's that is; "": nothing.
func (s *Shared) ClockDoubt(daemon string) string {
	off, than := s.Clocks[daemon], "ahead of"
	if off < 0 {
		than = "behind"
	}
	if off.Abs() <= etcdstore.ClocksApart {
		return ""
	}
	return fmt.Sprintf("its clock is %s %s this host's: whoever is more than %s from the middle one calls nobody, and is not ready",
		off.Abs().Round(time.Second), than, etcdstore.ClocksApart)
}

// Member is a member of etcd, as it answered.
type Member struct {
	Endpoint string
	Text     string  // what is to be said of it
	Fault    string  // what is wrong with it; "": nothing
	Doubts   []Doubt // what may become wrong with it
}

// Doubt is something that had better be otherwise, and what to do about it.
type Doubt struct{ Text, Remedy string }

const (
	syncsIn     = 16 * time.Millisecond // a disk should, as etcd's documents say of 10 ms
	compactedIn = time.Hour             // a member should have been, or so long after its start
	pastKept    = 1000                  // changes, of which it does not matter
)

func member(m etcdstore.Member, tells etcdstore.Metrics, now time.Time) Member {
	is := Member{Endpoint: m.Endpoint, Fault: m.Fault, Text: "version " + m.Version + ", answers in " + m.Took.Round(10*time.Microsecond).String()}
	if m.Leader {
		is.Text += ", leader"
	}
	if m.Quota > 0 {
		is.Text += fmt.Sprintf(", %d %% of its quota", m.Size*100/m.Quota)
	}
	switch {
	case is.Fault != "":
		return is
	case len(m.Alarms) > 0:
		is.Fault = strings.Join(m.Alarms, "; ")
	case older(m.Version):
		is.Fault = "version " + m.Version + " is older than 3.6"
	}
	if tells.Synced > 0 {
		is.Text += ", 99 of 100 syncs within " + tells.Synced.String()
	}
	if !tells.Compacted.IsZero() {
		is.Text += ", compacted " + tells.Compacted.UTC().Format(time.RFC3339)
	}
	is.Doubts = doubts(m, tells, now)
	return is
}

// doubts returns what of a member that answers may become wrong.
func doubts(m etcdstore.Member, tells etcdstore.Metrics, now time.Time) (all []Doubt) {
	doubt := func(is bool, text, remedy string) {
		if is {
			all = append(all, Doubt{text, remedy})
		}
	}
	full := control.StoreMember{Size: m.Size, Quota: m.Quota}
	doubt(plain(m.Endpoint), "it is asked without TLS, over a network: who listens there reads who is here, and who asks may do everything",
		"give it --client-cert-auth, --trusted-ca-file, --cert-file and --key-file, and its endpoint https://")
	doubt(full.Crowded(), fmt.Sprintf("its file has %d %% of its quota: at 100 it refuses to write", full.Full()),
		"run presenced maintain, or give it a larger --quota-backend-bytes; keep_visits says how long visits are kept")
	doubt(tells.Fault != "", "whether its disk is fast enough and whether it is compacted is not known: "+tells.Fault,
		"have it serve /metrics where it serves clients: start it without --listen-client-http-urls")
	doubt(tells.Synced > syncsIn, fmt.Sprintf("its disk is slow: 99 of 100 syncs of its log take up to %s, and every answer waits for one", tells.Synced),
		"give it a disk of its own that syncs within 10 ms, an SSD with power loss protection")
	since := tells.Compacted
	if since.IsZero() {
		since = tells.Started
	}
	doubt(tells.Fault == "" && tells.Past > pastKept && now.Sub(since) > compactedIn,
		fmt.Sprintf("it is not compacted: it keeps %d past changes, what was erased too, and fills up", tells.Past),
		"start it with --auto-compaction-mode=periodic --auto-compaction-retention=5m")
	return all
}

// plain reports whether a member is asked without TLS, and not on this host.
func plain(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback())
}

// older reports whether a version of etcd is older than those that presenced is tried with.
func older(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return err != nil || major < 3 || major == 3 && minor < 6
}
