package etcdstore

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// page is how many values are read at once.
const page = 500

// gets reads the keys, in their order, as one reading.
func (s *Store) gets(ctx context.Context, keys [][]byte) (all []stored, err error) {
	rev := int64(0)
	for some := range slices.Chunk(keys, mostOps) {
		t := &etcdserverpb.TxnRequest{}
		for _, key := range some {
			t.Success = append(t.Success, &etcdserverpb.RequestOp{Request: &etcdserverpb.RequestOp_RequestRange{
				RequestRange: &etcdserverpb.RangeRequest{Key: key, Revision: rev},
			}})
		}
		got, err := s.etcd.txn(ctx, t)
		if err != nil {
			return nil, err
		}
		if rev == 0 {
			rev = got.Header.Revision
		}
		for _, r := range got.Responses {
			all = append(all, found(r.GetResponseRange().GetKvs()))
		}
	}
	return all, nil
}

// between yields what stands from the key to before the other one, as one reading, some
// at a time: as many as are wanted, if that is known; 0: all.
func (s *Store) between(ctx context.Context, from, to []byte, wanted int) iter.Seq2[*mvccpb.KeyValue, error] {
	return s.pages(ctx, from, to, wanted, 0, true)
}

// pages is between at a revision, 0 for what is there as each part is read, or, if it is to
// stay so, as the first one is.
func (s *Store) pages(ctx context.Context, from, to []byte, wanted int, rev int64, stays bool) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		some := page
		if wanted > 0 {
			some = min(page, wanted)
		}
		for {
			got, err := s.etcd.read(ctx, &etcdserverpb.RangeRequest{Key: from, RangeEnd: to, Limit: int64(some), Revision: rev})
			if err != nil {
				yield(nil, err)
				return
			}
			if rev == 0 && stays {
				rev = got.Header.Revision
			}
			for _, kv := range got.Kvs {
				if !yield(kv, nil) {
					return
				}
				from = next(kv.Key)
			}
			if !got.More || len(got.Kvs) == 0 {
				return
			}
		}
	}
}

// under yields what stands under a name.
func (s *Store) under(ctx context.Context, of byte, name string, wanted int) iter.Seq2[*mvccpb.KeyValue, error] {
	from := s.key(of, store.Under(name, ""))
	return s.between(ctx, from, beyond(from), wanted)
}

// decode returns the person in a value, without what is stored apart.
func decode(user string, value []byte) (presence.Person, error) {
	_, document := unwrap(value)
	d, err := store.Decode(user, document)
	return d.Person, err
}

// Person implements [presence.Store].
func (s *Store) Person(ctx context.Context, user string) (presence.Person, error) {
	p, err := s.person(ctx, user)
	if err != nil {
		return presence.Person{User: user}, s.failed("read", err)
	}
	return p, nil
}

func (s *Store) person(ctx context.Context, user string) (p presence.Person, err error) {
	facts, story := s.key(past, store.Under(user, "")), s.key(lines, store.Under(user, ""))
	got, err := s.etcd.txn(ctx, &etcdserverpb.TxnRequest{Success: []*etcdserverpb.RequestOp{
		get(s.key(people, []byte(user)), nil), get(facts, beyond(facts)), get(story, beyond(story)),
	}})
	if err != nil {
		return p, err
	}
	part := func(n int) []*mvccpb.KeyValue { return got.Responses[n].GetResponseRange().GetKvs() }
	if p, err = decode(user, found(part(0)).value); err != nil {
		return p, err
	}
	w := whole{}
	if err := w.takePast(part(1)); err != nil {
		return p, err
	}
	w.takeLines(part(2))
	all, err := w.story()
	if err != nil {
		return p, err
	}
	if p.Lacks()&presence.PastFacts != 0 {
		p.Join(w.past)
	}
	if p.Lacks()&presence.AllLines != 0 {
		p.Recall(all)
	}
	p.Told = presence.Told{}
	return p, nil
}

// Persons implements [presence.Store].
func (s *Store) Persons(ctx context.Context, users []string) (all []presence.Person, err error) {
	var keys [][]byte
	for _, user := range users {
		keys = append(keys, s.key(people, []byte(user)))
	}
	values, err := s.gets(ctx, keys)
	for i := 0; err == nil && i < len(values); i++ {
		var p presence.Person
		s.recent.put(users[i], values[i])
		p, err = decode(users[i], values[i].value)
		all = append(all, p)
	}
	if err != nil {
		return nil, s.failed("read", err)
	}
	return all, nil
}

// People implements [presence.Store].
func (s *Store) People(ctx context.Context, after string, limit int) (all []presence.Person, err error) {
	if limit <= 0 {
		return nil, nil
	}
	for kv, err := range s.between(ctx, next(s.key(people, []byte(after))), beyond(s.key(people, nil)), limit) {
		if err != nil {
			return nil, s.failed("read", err)
		}
		p, err := decode(string(s.rest(kv.Key)), kv.Value)
		if err != nil {
			return nil, s.failed("read", err)
		}
		if all = append(all, p); len(all) == limit {
			break
		}
	}
	return all, nil
}

// Note implements [presence.Store].
func (s *Store) Note(ctx context.Context, kind, key string) ([]byte, error) {
	all, err := s.NotesOf(ctx, kind, []string{key})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// NotesOf implements [presence.Store].
func (s *Store) NotesOf(ctx context.Context, kind string, keys []string) (all [][]byte, err error) {
	var of [][]byte
	for _, key := range keys {
		of = append(of, s.key(notes, store.Under(kind, key)))
	}
	values, err := s.gets(ctx, of)
	if err != nil {
		return nil, s.failed("read", err)
	}
	for _, is := range values {
		all = append(all, is.value)
	}
	return all, nil
}

// Notes implements [presence.Store].
func (s *Store) Notes(ctx context.Context, kind, after string, limit int) (all []presence.Note, err error) {
	if limit <= 0 {
		return nil, nil
	}
	prefix := s.key(notes, store.Under(kind, ""))
	for kv, err := range s.between(ctx, next(s.key(notes, store.Under(kind, after))), beyond(prefix), limit) {
		if err != nil {
			return nil, s.failed("read", err)
		}
		all = append(all, presence.Note{Kind: kind, Key: string(kv.Key[len(prefix):]), Value: append([]byte{}, kv.Value...)})
		if len(all) == limit {
			break
		}
	}
	return all, nil
}

// History implements [presence.Store].
func (s *Store) History(ctx context.Context, user string, from, to time.Time, limit int) (all []presence.Visit, err error) {
	switch {
	case limit <= 0 || !from.Before(to):
	case user == "":
		all, err = s.history(ctx, from, to, limit)
	default:
		all, err = s.historyOf(ctx, user, from, to, limit)
	}
	if err != nil {
		return nil, s.failed("read", err)
	}
	return all, nil
}

func (s *Store) history(ctx context.Context, from, to time.Time, limit int) (all []presence.Visit, err error) {
	for kv, err := range s.between(ctx, s.key(history, store.MomentKey(from, "")), s.key(history, store.MomentKey(to, "")), limit) {
		if err != nil {
			return nil, err
		}
		v, err := store.DecodeVisit(kv.Value)
		if err != nil {
			return nil, err
		}
		if all = append(all, v); len(all) == limit {
			break
		}
	}
	return all, nil
}

func (s *Store) historyOf(ctx context.Context, user string, from, to time.Time, limit int) (all []presence.Visit, err error) {
	prefix := s.key(visits, store.Under(user, ""))
	var keys [][]byte
	for kv, err := range s.between(ctx, append(bytes.Clone(prefix), store.MomentKey(from, "")...), append(bytes.Clone(prefix), store.MomentKey(to, "")...), limit) {
		if err != nil {
			return nil, err
		}
		at, id := store.SplitMoment(kv.Key[len(prefix):])
		if keys = append(keys, s.key(history, store.HistoryKey(user, at, string(id)))); len(keys) == limit {
			break
		}
	}
	values, err := s.gets(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, is := range values {
		if is.value == nil {
			continue // erased between the readings
		}
		v, err := store.DecodeVisit(is.value)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
