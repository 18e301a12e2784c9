package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/presenced/presenced/store"
)

// What the file's engine does, and this one need not.

// Stats says how the store fares, as of the latest look at etcd.
func (s *Store) Stats() store.Stats {
	s.alive.mu.Lock()
	defer s.alive.mu.Unlock()
	is := store.Stats{People: s.alive.people, Commit: time.Duration(s.latest.Load())}
	for _, m := range s.alive.members {
		is.Size = max(is.Size, m.Size)
	}
	return is
}

// Counts are what came of asking etcd, since the start.
type Counts struct {
	Conflicts uint64            // transactions that were made again because somebody else had written
	Taken     [2]uint64         // people whom this daemon came for in the place of another, by queue
	Answered  map[string]uint64 // attempts that a member answered, by endpoint
	Failed    map[string]uint64 // and that it did not, so that another one was asked
}

// Counts returns them.
func (s *Store) Counts() Counts {
	c := Counts{Conflicts: s.conflicts.Load(), Answered: map[string]uint64{}, Failed: map[string]uint64{}}
	for q := range c.Taken {
		c.Taken[q] = s.taken[q].Load()
	}
	for _, m := range s.etcd.all() {
		c.Answered[m.endpoint], c.Failed[m.endpoint] = m.answered.Load(), m.failed.Load()
	}
	return c
}

// Origin says that nothing is odd about the store.
func (s *Store) Origin() store.Origin { return store.Origin{} }

// Settled does nothing: the store is no copy.
func (s *Store) Settled() error { return nil }

// Resume does nothing: every change is whole.
func (s *Store) Resume(context.Context) error { return nil }

// TakeOver does nothing: no older presenced wrote to etcd.
func (s *Store) TakeOver(context.Context, func(done, of int)) error { return nil }

// Backup refuses: etcd makes its own copies.
func (s *Store) Backup(context.Context, string) error {
	return errors.New("back up store: it is in etcd: presenced export FILE writes a copy of it, and etcdctl snapshot save FILE one of all that etcd holds")
}

// ClocksApart is how far a daemon's clock may be from the middle one: else it calls nobody.
const ClocksApart = 10 * time.Second

// Off returns how far this host's clock is ahead of the middle one of the daemons', and
// whether that is too far.
func (s *Store) Off() (off time.Duration, apart bool) {
	s.alive.mu.Lock()
	defer s.alive.mu.Unlock()
	return s.alive.off, s.alive.off.Abs() > ClocksApart
}

// Unsure says why this daemon had better call nobody: it cannot tell who else is there, or
// its clock is not theirs. It is nil if all is well.
func (s *Store) Unsure() error {
	s.alive.mu.Lock()
	defer s.alive.mu.Unlock()
	if s.alive.err != nil {
		return s.alive.err
	}
	if off := s.alive.off; off.Abs() > ClocksApart {
		return fmt.Errorf("the clock of this host is %s away from those of the other daemons: set it by NTP", off.Round(time.Second))
	}
	return nil
}
