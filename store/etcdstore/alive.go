package etcdstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

const (
	beat     = 2 * time.Second // how often a daemon says that it is there
	lifetime = 6               // seconds that it counts as there without saying so
)

// Daemon is a daemon that shares the store, as it says of itself.
type Daemon struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Format  int       `json:"format"` // the newest that it reads and writes
	Started time.Time `json:"started"`
	Clock   time.Time `json:"clock"` // of its machine, when it said so
	About
}

// About is what a daemon tells the others of itself.
type About struct {
	Unready string            `json:"unready,omitempty"` // why it had better not be sent records; "": it may be
	Loaded  time.Time         `json:"loaded"`            // when it read its configuration
	Config  map[string]string `json:"config"`            // fingerprints of its sections that are to be alike
}

// Member is a member of etcd, as it was asked lately.
type Member struct {
	Endpoint string        `json:"endpoint"`
	Version  string        `json:"version,omitempty"`
	Leader   bool          `json:"leader,omitempty"`
	Size     int64         `json:"size"`             // of its file, octets
	InUse    int64         `json:"in_use,omitempty"` // of that
	Quota    int64         `json:"quota,omitempty"`  // how large the file may become; 0: it is not known
	Took     time.Duration `json:"took,omitempty"`   // to answer
	Fault    string        `json:"fault,omitempty"`  // why it does not answer
	Alarms   []string      `json:"alarms,omitempty"` // what it complains about
}

// alive is what is known of the daemons and the members.
type alive struct {
	about   atomic.Pointer[func() About] // what this daemon tells of itself; nil: nothing yet
	mu      sync.Mutex                   // guards what follows
	daemons []Daemon
	members []Member
	twin    bool          // another daemon says that it has this one's name
	people  int           // who are stored
	off     time.Duration // of this host's clock, from the middle one
	err     error         // of the latest beat; nil: it was written
}

// Daemons returns who shares the store, this daemon too, by name, and why that is not
// known for the moment.
func (s *Store) Daemons() ([]Daemon, error) {
	s.alive.mu.Lock()
	defer s.alive.mu.Unlock()
	return slices.Clone(s.alive.daemons), s.alive.err
}

// Twin reports whether another daemon goes by this one's name.
func (s *Store) Twin() bool {
	s.alive.mu.Lock()
	defer s.alive.mu.Unlock()
	return s.alive.twin
}

// Tell has f asked, before each time, for what this daemon tells the others of itself.
func (s *Store) Tell(f func() About) { s.alive.about.Store(&f) }

// Members returns the members of etcd, in the order in which they are configured.
func (s *Store) Members() []Member {
	s.alive.mu.Lock()
	defer s.alive.mu.Unlock()
	return slices.Clone(s.alive.members)
}

// announce says that this daemon is there, again and again until it is stopped.
func (s *Store) announce() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.alive.err = errors.New("etcd has not been asked yet")
	me, lease := Daemon{Name: s.config.Name, Version: s.config.Version, Format: s.config.Format, Started: time.Now()}, int64(0)
	s.ended.Go(func() {
		for before := false; ; {
			var err error
			if lease, err = s.beat(ctx, me, lease, before); ctx.Err() == nil {
				s.alive.mu.Lock()
				s.alive.err = err
				s.alive.mu.Unlock()
			}
			before = err == nil
			select {
			case <-time.After(beat):
			case <-ctx.Done():
				s.leave(lease)
				return
			}
		}
	})
	s.ended.Go(func() {
		for {
			s.look(ctx)
			select {
			case <-time.After(beat):
			case <-ctx.Done():
				return
			}
		}
	})
}

// beat writes what this daemon says of itself under its lease, a new one if there is none,
// and reads what the others do. If it said so the last time too, that is what it finds
// under its name, or else another daemon has the same.
func (s *Store) beat(ctx context.Context, me Daemon, lease int64, again bool) (int64, error) {
	if lease != 0 && !s.prolong(ctx, lease) {
		lease = 0
	}
	if lease == 0 {
		for _, m := range s.etcd.all() {
			granted, err := grant(ctx, m)
			if err == nil {
				lease = granted
				break
			}
		}
	}
	if about := s.alive.about.Load(); about != nil {
		me.About = (*about)()
	}
	me.Clock = time.Now()
	value, err := json.Marshal(me)
	if err != nil {
		return lease, err
	}
	from := s.key(presents, nil)
	got, err := s.write(ctx, &etcdserverpb.TxnRequest{Success: []*etcdserverpb.RequestOp{
		{Request: &etcdserverpb.RequestOp_RequestPut{RequestPut: &etcdserverpb.PutRequest{
			Key: s.key(presents, []byte(me.Name)), Value: value, Lease: lease, PrevKv: true,
		}}},
		get(from, beyond(from)),
		{Request: &etcdserverpb.RequestOp_RequestRange{RequestRange: &etcdserverpb.RangeRequest{
			Key: s.key(people, nil), RangeEnd: beyond(s.key(people, nil)), CountOnly: true,
		}}},
	}})
	if err != nil {
		return 0, err // the lease may have ended meanwhile
	}
	all := said(got.Responses[1].GetResponseRange().GetKvs())
	var before Daemon
	if kv := got.Responses[0].GetResponsePut().GetPrevKv(); kv != nil {
		_ = json.Unmarshal(kv.Value, &before) // else it is nobody's
	}
	s.alive.mu.Lock()
	s.alive.daemons, s.alive.off = all, off(all, me.Clock)
	s.alive.twin = again && before.Name == me.Name && !before.Started.Equal(me.Started)
	s.alive.people = int(got.Responses[2].GetResponseRange().GetCount())
	s.alive.mu.Unlock()
	return lease, s.raise(ctx, all)
}

// said is what daemons say of themselves, by name.
func said(kvs []*mvccpb.KeyValue) (all []Daemon) {
	for _, kv := range kvs {
		var d Daemon
		if err := json.Unmarshal(kv.Value, &d); err == nil && d.Name != "" {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b Daemon) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// off returns how far the clock is from the middle one of the daemons', of which the
// others' were told of a moment ago, or up to a beat.
func off(all []Daemon, clock time.Time) time.Duration {
	var clocks []time.Duration
	for _, d := range all {
		clocks = append(clocks, d.Clock.Sub(clock))
	}
	slices.Sort(clocks)
	n := len(clocks)
	if n == 0 {
		return 0
	}
	return -(clocks[(n-1)/2] + clocks[n/2]) / 2
}

func grant(ctx context.Context, m *member) (lease int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	got, err := etcdserverpb.NewLeaseClient(m.conn).LeaseGrant(ctx, &etcdserverpb.LeaseGrantRequest{TTL: lifetime})
	return got.GetID(), err
}

// prolong reports whether the lease was prolonged.
func (s *Store) prolong(ctx context.Context, lease int64) bool {
	for _, m := range s.etcd.all() {
		if left, err := prolong(ctx, m, lease); err == nil {
			return left > 0
		}
	}
	return false
}

func prolong(ctx context.Context, m *member, lease int64) (left int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	stream, err := etcdserverpb.NewLeaseClient(m.conn).LeaseKeepAlive(ctx)
	if err != nil {
		return 0, err
	}
	if err := stream.Send(&etcdserverpb.LeaseKeepAliveRequest{ID: lease}); err != nil {
		return 0, err
	}
	got, err := stream.Recv()
	return got.GetTTL(), err
}

// leave ends the lease, and with it what this daemon said.
func (s *Store) leave(lease int64) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTime)
	defer cancel()
	for _, m := range s.etcd.all() {
		if lease == 0 {
			return
		}
		if _, err := etcdserverpb.NewLeaseClient(m.conn).LeaseRevoke(ctx, &etcdserverpb.LeaseRevokeRequest{ID: lease}); err == nil {
			return
		}
	}
}

// look asks every member how it is, and has the leader asked first from now on: the others
// would only pass on to it what is written.
func (s *Store) look(ctx context.Context) {
	all := make([]Member, len(s.config.Endpoints))
	var asked sync.WaitGroup
	for _, m := range s.etcd.all() {
		asked.Go(func() {
			is := m.status(ctx)
			if is.Leader {
				s.etcd.prefer(m)
			}
			all[slices.Index(s.config.Endpoints, m.endpoint)] = is
		})
	}
	asked.Wait()
	s.alive.mu.Lock()
	defer s.alive.mu.Unlock()
	if ctx.Err() == nil {
		s.alive.members = all
	}
}

func (m *member) status(ctx context.Context) Member {
	ctx, cancel := context.WithTimeout(ctx, 2*attemptTime)
	defer cancel()
	is := Member{Endpoint: m.endpoint}
	asked := time.Now()
	got, err := etcdserverpb.NewMaintenanceClient(m.conn).Status(ctx, &etcdserverpb.StatusRequest{})
	if err != nil {
		is.Fault = err.Error()
		return is
	}
	is.Version, is.Size, is.InUse, is.Quota = got.Version, got.DbSize, got.DbSizeInUse, got.DbSizeQuota
	is.Took, is.Alarms = time.Since(asked), got.Errors
	is.Leader = got.Leader != 0 && got.Leader == got.Header.MemberId
	return is
}
