package etcdstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// What is erased is in no answer any more. etcd keeps earlier revisions until it is
// compacted, and their pages until it is defragmented.

// Forget implements [presence.Store], but for the disks: see docs/privacy.md.
func (s *Store) Forget(ctx context.Context, user string) error {
	if err := s.forget(ctx, user); err != nil {
		return s.failed("forget in", err)
	}
	return nil
}

func (s *Store) forget(ctx context.Context, user string) error {
	k := known{s: s, people: map[string]*whole{}, notes: map[string]stored{}}
	if _, err := s.make(ctx, &k, []presence.Change{{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
		*p = presence.Person{}
		return presence.Outcome{}
	}}}); err != nil {
		return err
	}
	all := newWrites()
	for kv, err := range s.under(ctx, visits, user, 0) {
		if err != nil {
			return err
		}
		arrived, id := store.SplitMoment(kv.Key[len(s.key(visits, store.Under(user, ""))):])
		all.erase(kv.Key)
		all.erase(s.key(history, store.HistoryKey(user, arrived, string(id))))
	}
	kinds, err := s.kinds(ctx)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		all.erase(s.key(notes, store.Under(kind, user)))
	}
	return s.erase(ctx, &all)
}

// erase erases all that is to go, as much at once as there is room for.
func (s *Store) erase(ctx context.Context, all *writes) error {
	for _, part := range all.parted(true, func([]byte) bool { return true }) {
		if _, err := s.write(ctx, &etcdserverpb.TxnRequest{Success: part.ops()}); err != nil {
			return err
		}
	}
	return nil
}

// kinds returns every kind that there are notes of.
func (s *Store) kinds(ctx context.Context) (all []string, err error) {
	from := s.key(notes, nil)
	for end := beyond(from); ; {
		got, err := s.etcd.read(ctx, &etcdserverpb.RangeRequest{Key: from, RangeEnd: end, Limit: 1, KeysOnly: true})
		if err != nil || len(got.Kvs) == 0 {
			return all, err
		}
		kind, _, _ := bytes.Cut(s.rest(got.Kvs[0].Key), []byte{0})
		all = append(all, string(kind))
		from = s.key(notes, append(slices.Clone(kind), 1)) // the next kind
	}
}

// Prune implements [presence.Store], but for the disks. Several daemons may prune at the
// same time; each counts what it has found.
func (s *Store) Prune(ctx context.Context, before time.Time) (pruned int, err error) {
	all, n := newWrites(), 0
	for kv, err := range s.between(ctx, s.key(history, nil), s.key(history, store.MomentKey(before, "")), 0) {
		if err != nil {
			return pruned, s.failed("prune", err)
		}
		user, arrived, id := store.SplitHistoryKey(s.rest(kv.Key))
		all.erase(kv.Key)
		all.erase(s.key(visits, store.VisitKey(user, arrived, id)))
		if n++; n == mostOps/2 {
			if err := s.erase(ctx, &all); err != nil {
				return pruned, s.failed("prune", err)
			}
			pruned, n = pruned+n, 0
			all = newWrites()
		}
	}
	if err := s.erase(ctx, &all); err != nil {
		return pruned, s.failed("prune", fmt.Errorf("the last of them: %w", err))
	}
	return pruned + n, nil
}
