package etcdstore

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// Due implements [presence.Store]. It names those whose entries this daemon wrote, and
// those of others once they are [Late]: then whoever wrote them does not come for them.
// Whoever asked writes the people whom it names too early; if they have not by the next
// time, Due puts the entry right.
func (s *Store) Due(ctx context.Context, q presence.Queue, by time.Time, limit int) (users []string, next time.Time, err error) {
	for before := []string(nil); ; {
		users, early, next, err := s.due(ctx, q, by, limit)
		if err != nil {
			return nil, time.Time{}, s.failed("read", err)
		}
		if len(early) == 0 || slices.Equal(early, before) {
			return slices.DeleteFunc(users, func(user string) bool { return slices.Contains(early, user) }), next, nil
		}
		var rights []presence.Change
		for _, user := range early {
			rights = append(rights, presence.Change{User: user, Apply: func(*presence.Person, [][]byte) presence.Outcome { return presence.Outcome{} }})
		}
		if err := s.Update(ctx, rights); err != nil {
			return nil, time.Time{}, err
		}
		before = early // others may be the next
	}
}

// NewlyDue implements [presence.Store]. It looks through all that Due would name, and at
// nobody's document: an entry that is as it was when it named somebody is theirs still.
func (s *Store) NewlyDue(ctx context.Context, by time.Time, limit int, anew bool) (users []string, next time.Time, err error) {
	n := &s.naming
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.ask(presence.Errands, by); anew {
		n.named = nil
	}
	users, more := n.Take(by, limit, anew)
	if more {
		next = by
	}
	soonest := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	named, taken := map[string]int64{}, map[string]bool{}
	for _, user := range users {
		taken[user] = true
	}
	for kv, err := range s.entries(ctx, presence.Errands) {
		if err != nil {
			n.named = nil // whom it would have named is named the next time
			return nil, time.Time{}, s.failed("read", err)
		}
		at, user := store.SplitMoment(s.rest(kv.Key))
		due := s.named(kv, at)
		if at.After(by) {
			soonest(at)
			break
		}
		switch is := n.named[string(user)] == kv.ModRevision; {
		case due.After(by):
			soonest(due)
			continue
		case !is && taken[string(user)]:
		case !is && len(users) >= limit:
			soonest(at)
			continue
		case !is:
			users = append(users, string(user))
		}
		named[string(user)] = kv.ModRevision
	}
	n.named = named
	return users, next, nil
}

// naming is whom NewlyDue has named.
type naming struct {
	store.Rewritten
	mu    sync.Mutex       // guards what follows
	named map[string]int64 // by user: the revision of the entry
}

// entries yields what stands in the queue.
func (s *Store) entries(ctx context.Context, q presence.Queue) iter.Seq2[*mvccpb.KeyValue, error] {
	from := s.key(queues[q], nil)
	return s.between(ctx, from, beyond(from), 0)
}

// named returns when this daemon names who stands in the queue at the moment.
func (s *Store) named(entry *mvccpb.KeyValue, at time.Time) time.Time {
	if string(entry.Value) != s.config.Name {
		return at.Add(s.config.Late)
	}
	return at
}

func (s *Store) due(ctx context.Context, q presence.Queue, by time.Time, limit int) (users, early []string, next time.Time, err error) {
	asked := s.ask(q, by)
	var named []string // before
	soonest := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for kv, err := range s.entries(ctx, q) {
		if err != nil {
			return nil, nil, time.Time{}, err
		}
		at, user := store.SplitMoment(s.rest(kv.Key))
		due := s.named(kv, at)
		switch {
		case at.After(by) || len(users) >= limit:
			soonest(at)
		case due.After(by):
			soonest(due)
			continue
		default:
			if users = append(users, string(user)); string(kv.Value) != s.config.Name {
				s.taken[q].Add(1)
			}
			if q == presence.Wakes && at.UnixNano() <= asked {
				named = append(named, string(user))
			}
			continue
		}
		break
	}
	if len(named) == 0 {
		return users, nil, next, nil
	}
	people, err := s.Persons(ctx, named)
	if err != nil {
		return nil, nil, time.Time{}, err
	}
	for i := range people {
		if people[i].Wake.After(by) || people[i].Wake.IsZero() {
			early = append(early, people[i].User)
		}
	}
	return users, early, next, nil
}

// ask notes, before they are read, up to when people may have been named, and returns
// up to when they may have been before.
func (s *Store) ask(q presence.Queue, by time.Time) (before int64) {
	for {
		before = s.asked[q].Load()
		if by.UnixNano() <= before || s.asked[q].CompareAndSwap(before, by.UnixNano()) {
			return before
		}
	}
}
