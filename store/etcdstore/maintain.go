package etcdstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

const (
	longest = 15 * time.Minute // that a member may take to be compacted or defragmented
	catchUp = time.Minute      // and to answer again
)

// Maintained is what became of a member.
type Maintained struct {
	Endpoint string
	Was, Is  int64         // size of its file, octets
	Took     time.Duration // for which it answered nobody
}

// Maintain rids etcd of what it keeps of the past: it compacts, and then defragments one
// member after the other, the leader last, having another one lead first. It begins, and
// goes on, only while every member answers, so that nobody notices. It calls told with each step.
//
// What was erased is then in no member's file any more. It stays in their logs and
// snapshots until those are rotated.
func Maintain(ctx context.Context, config Config, told func(step string)) (all []Maintained, err error) {
	s, err := OpenToRead(config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	members, err := s.answering(ctx)
	if err != nil {
		return nil, err
	}
	rev, err := s.compact(ctx, members)
	if err != nil {
		return nil, fmt.Errorf("compact etcd: %w", rpctypes.Error(err))
	}
	told(fmt.Sprintf("all revisions before %d are compacted", rev))
	for _, m := range members {
		if m.leader && len(members) > 1 {
			if err := m.handOver(ctx, members[0]); err != nil {
				return all, fmt.Errorf("have %s lead instead of %s: %w", members[0].endpoint, m.endpoint, rpctypes.Error(err))
			}
			told(members[0].endpoint + " leads instead of " + m.endpoint)
		}
		is, err := s.defragment(ctx, m)
		if err != nil {
			return all, fmt.Errorf("defragment %s: %w", m.endpoint, rpctypes.Error(err))
		}
		all = append(all, is)
		told(fmt.Sprintf("%s is defragmented, in %s", m.endpoint, is.Took.Round(time.Millisecond)))
		if err := s.whole(ctx); err != nil {
			return all, err
		}
	}
	return all, s.disarm(ctx, members)
}

// maintained is a member that is maintained.
type maintained struct {
	*member
	id     uint64
	leader bool
	size   int64
	full   bool // it refuses to write, for want of space
}

// whole waits until all members answer and have caught up; an error says who has not.
func (s *Store) whole(ctx context.Context) error {
	for deadline := time.Now().Add(catchUp); ; {
		if _, err := s.answering(ctx); err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second / 4):
		}
	}
}

// answering returns the members, the leader last; an error says who does not answer, or has
// not what the leader has.
func (s *Store) answering(ctx context.Context) (all []maintained, err error) {
	const behind = 1000 // entries of the log: while others write, it is never quite there
	applied := map[string]uint64{}
	most := uint64(0)
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for _, m := range s.etcd.all() {
		got, err := etcdserverpb.NewMaintenanceClient(m.conn).Status(ctx, &etcdserverpb.StatusRequest{})
		if err != nil {
			return nil, fmt.Errorf("%s does not answer, and only when all members do one is defragmented: %w", m.endpoint, rpctypes.Error(err))
		}
		id := got.GetHeader().GetMemberId()
		applied[m.endpoint] = got.RaftAppliedIndex
		most = max(most, got.RaftAppliedIndex)
		all = append(all, maintained{
			member: m, id: id, leader: got.Leader == id, size: got.DbSize,
			full: slices.ContainsFunc(got.Errors, func(s string) bool { return strings.Contains(s, "NOSPACE") }),
		})
	}
	slices.SortFunc(all, func(a, b maintained) int {
		switch {
		case a.leader == b.leader:
			return strings.Compare(a.endpoint, b.endpoint)
		case a.leader:
			return 1
		}
		return -1
	})
	for _, m := range all {
		if applied[m.endpoint]+behind < most {
			return nil, fmt.Errorf("%s has not caught up with the others", m.endpoint)
		}
	}
	if !all[len(all)-1].leader {
		return nil, errors.New("no member that is configured leads")
	}
	return all, nil
}

// compact makes etcd forget what was before now. A key is written first: of an erasure at
// the very revision of the compaction etcd would keep the key.
func (s *Store) compact(ctx context.Context, members []maintained) (rev int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	kv := members[len(members)-1].kv
	if slices.ContainsFunc(members, func(m maintained) bool { return m.full }) { // nothing can be written
		got, err := kv.Range(ctx, &etcdserverpb.RangeRequest{Key: s.key(maintenances, nil)})
		if err != nil {
			return 0, err
		}
		rev = got.Header.Revision
	} else {
		got, err := kv.Put(ctx, &etcdserverpb.PutRequest{Key: s.key(maintenances, nil), Value: []byte(time.Now().UTC().Format(time.RFC3339))})
		if err != nil {
			return 0, err
		}
		rev = got.Header.Revision
	}
	_, err = kv.Compact(ctx, &etcdserverpb.CompactionRequest{Revision: rev, Physical: true})
	if rpctypes.ErrorDesc(err) == rpctypes.ErrorDesc(rpctypes.ErrGRPCCompacted) {
		err = nil // somebody else has
	}
	return rev, err
}

// handOver has another member lead.
func (m *maintained) handOver(ctx context.Context, to maintained) error {
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	_, err := etcdserverpb.NewMaintenanceClient(m.conn).MoveLeader(ctx, &etcdserverpb.MoveLeaderRequest{TargetID: to.id})
	return err
}

func (s *Store) defragment(ctx context.Context, m maintained) (Maintained, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	began := time.Now()
	client := etcdserverpb.NewMaintenanceClient(m.conn)
	if _, err := client.Defragment(ctx, &etcdserverpb.DefragmentRequest{}); err != nil {
		return Maintained{}, err
	}
	took := time.Since(began)
	got, err := client.Status(ctx, &etcdserverpb.StatusRequest{})
	if err != nil {
		return Maintained{}, err
	}
	return Maintained{m.endpoint, m.size, got.DbSize, took}, nil
}

// disarm has members write again that had stopped for want of space, if they have space.
func (s *Store) disarm(ctx context.Context, members []maintained) error {
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	for _, m := range members {
		if !m.full {
			continue
		}
		if _, err := etcdserverpb.NewMaintenanceClient(m.conn).Alarm(ctx, &etcdserverpb.AlarmRequest{
			Action: etcdserverpb.AlarmRequest_DEACTIVATE, MemberID: m.id, Alarm: etcdserverpb.AlarmType_NOSPACE,
		}); err != nil {
			return fmt.Errorf("disarm the alarm of %s: %w", m.endpoint, rpctypes.Error(err))
		}
	}
	return nil
}

// By returns the configuration with another certificate, by which etcd knows somebody who
// may do more.
func (c Config) By(certificate tls.Certificate) Config {
	if c.TLS == nil {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	} else {
		c.TLS = c.TLS.Clone()
	}
	c.TLS.Certificates = []tls.Certificate{certificate}
	return c
}
