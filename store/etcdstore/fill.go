package etcdstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"golang.org/x/sync/errgroup"

	"github.com/presenced/presenced/store"
)

// kinds are where rows stand, by their kind.
var kinds = [...]byte{
	store.People: people, store.Notes: notes, store.History: history, store.Visits: visits,
	store.Wakes: wakes, store.Errands: errands, store.Past: past, store.Lines: lines,
}

// mover is who wrote the rows of a store that was filled. No daemon is called so: any comes
// for whom it finds in a queue.
const mover = "presenced migrate"

// Snapshot is what the store held at one moment.
type Snapshot struct {
	s   *Store
	rev int64 // 0: as it is when it is read
}

// Snapshot returns what the store holds now, until etcd compacts it.
func (s *Store) Snapshot(ctx context.Context) (Snapshot, error) {
	got, err := s.etcd.read(ctx, &etcdserverpb.RangeRequest{Key: s.key(natures, nil)})
	if err != nil {
		return Snapshot{}, s.failed("read", err)
	}
	if kv := found(got.Kvs); kv.rev != 0 {
		is, err := readNature(kv)
		if err == nil {
			err = is.refusal(s.config.Format)
		}
		if err != nil {
			return Snapshot{}, s.failed("read", err)
		}
	}
	return Snapshot{s, got.Header.Revision}, nil
}

// Rows yields the rows of a kind, as every engine has them.
func (n Snapshot) Rows(ctx context.Context, k store.Kind) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		from := n.s.key(kinds[k], nil)
		for kv, err := range n.s.pages(ctx, from, beyond(from), 0, n.rev, false) {
			if err != nil {
				yield(store.Row{}, n.s.failed("read", err))
				return
			}
			r := store.Row{Kind: k, Key: n.s.rest(kv.Key), Value: []byte{}}
			switch k {
			case store.People:
				_, r.Value = unwrap(kv.Value)
			case store.Wakes, store.Errands: // whose it is, is nothing that another engine knows
			default:
				r.Value = append(r.Value, kv.Value...)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Filler fills a store that is empty, or that another one has begun to fill. No daemon
// writes to it until it is done.
type Filler struct {
	Snapshot
	Since time.Time // when it was begun
	is    stored    // what the store says of itself
}

// Fillable says why the store cannot be filled: daemons are there, or it holds something.
// It returns since when somebody has been filling it; zero: nobody has.
func (s *Store) Fillable(ctx context.Context) (since time.Time, err error) {
	is, _, err := s.fillable(ctx)
	if err != nil {
		return time.Time{}, s.failed("fill", err)
	}
	if is != nil && is.Filling != nil {
		since = is.Filling.Since
	}
	return since, nil
}

func (s *Store) fillable(ctx context.Context) (is *natureRead, rev int64, err error) {
	all := s.key(presents, nil)
	got, err := s.etcd.txn(ctx, &etcdserverpb.TxnRequest{Success: []*etcdserverpb.RequestOp{
		get(s.key(natures, nil), nil), get(all, beyond(all)),
		{Request: &etcdserverpb.RequestOp_RequestRange{RequestRange: &etcdserverpb.RangeRequest{
			Key: []byte(s.config.Prefix), RangeEnd: beyond([]byte(s.config.Prefix)), CountOnly: true,
		}}},
	}})
	if err != nil {
		return nil, 0, err
	}
	part := func(n int) *etcdserverpb.RangeResponse { return got.Responses[n].GetResponseRange() }
	var names []string
	for _, d := range said(part(1).Kvs) {
		names = append(names, d.Name)
	}
	if len(names) > 0 {
		return nil, 0, fmt.Errorf("it is served by %s: stop every daemon first, or wait for %d seconds if they have died", strings.Join(names, ", "), lifetime)
	}
	count := part(2).Count
	if kv := found(part(0).Kvs); kv.rev != 0 {
		if is, err = readNature(kv); err != nil {
			return nil, 0, err
		}
		count--
	}
	if count > 0 && (is == nil || is.Filling == nil) {
		return nil, 0, fmt.Errorf("it is not empty: %d keys begin with %q. Set [store] prefix to another one, or erase them: etcdctl del --prefix %s", count, s.config.Prefix, s.config.Prefix)
	}
	return is, got.Header.Revision, nil
}

// Fill begins to fill the store from the file, or goes on with it: whoever else does so can
// write nothing more.
func (s *Store) Fill(ctx context.Context, from string) (*Filler, error) {
	f, err := s.fill(ctx, from)
	if err != nil {
		return nil, s.failed("fill", err)
	}
	return f, nil
}

func (s *Store) fill(ctx context.Context, from string) (*Filler, error) {
	is, _, err := s.fillable(ctx)
	if err != nil {
		return nil, err
	}
	key, all := s.key(natures, nil), s.key(presents, nil)
	says := nature{Format: s.config.Format, By: s.config.Version, Filling: &filling{From: from, Since: time.Now().UTC(), Token: rand.Text()}}
	compare := []*etcdserverpb.Compare{absent(all, beyond(all)), absent(key, nil)}
	switch {
	case is != nil && is.Filling != nil:
		says.Filling.Since = is.Filling.Since
		fallthrough
	case is != nil:
		compare[1] = unchanged(key, is.rev)
	}
	value, err := json.Marshal(says)
	if err != nil {
		return nil, err
	}
	if _, err := s.etcd.txn(ctx, &etcdserverpb.TxnRequest{Compare: compare, Success: []*etcdserverpb.RequestOp{put(key, value)}}); err != nil {
		return nil, err
	}
	got, err := s.etcd.read(ctx, &etcdserverpb.RangeRequest{Key: key}) // of an attempt that timed out it is not known whether it was made
	if err != nil {
		return nil, err
	}
	now := found(got.Kvs)
	if n, err := readNature(now); err != nil || n.Filling == nil || n.Filling.Token != says.Filling.Token {
		return nil, errors.Join(errors.New("somebody else has just begun to use it"), err)
	}
	return &Filler{Snapshot{s, 0}, says.Filling.Since, now}, nil
}

const fillAtOnce = 8 // transactions that are made at the same time

// WriteRows writes the rows: after an error, some of them.
func (f *Filler) WriteRows(ctx context.Context, rows []store.Row) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fillAtOnce)
	by := stamp{daemon: mover}
	_, _ = rand.Read(by.txn[:]) // it never fails
	part := newWrites()
	for i, r := range rows {
		key := f.s.key(kinds[r.Kind], r.Key)
		switch {
		case r.Value == nil:
			part.erase(key)
		case r.Kind == store.People:
			part.put(key, by.wrap(r.Value))
		case r.Kind == store.Wakes || r.Kind == store.Errands:
			part.put(key, []byte(mover))
		default:
			part.put(key, r.Value)
		}
		if part.len() == mostOps || part.size > mostOctets || i == len(rows)-1 {
			all := part
			g.Go(func() error { return f.write(ctx, all.ops()) })
			part = newWrites()
		}
	}
	if err := g.Wait(); err != nil {
		return f.s.failed("fill", err)
	}
	return nil
}

func (f *Filler) write(ctx context.Context, ops []*etcdserverpb.RequestOp) error {
	got, err := f.s.etcd.txn(ctx, &etcdserverpb.TxnRequest{
		Compare: []*etcdserverpb.Compare{unchanged(f.s.key(natures, nil), f.is.rev)}, Success: ops,
	})
	if err == nil && !got.Succeeded {
		err = errors.New("somebody else goes on with it")
	}
	return err
}

// Done says that the store is whole: from now on daemons write to it.
func (f *Filler) Done(ctx context.Context) error {
	value, err := json.Marshal(nature{Format: f.s.config.Format, By: f.s.config.Version})
	if err == nil {
		err = f.write(ctx, []*etcdserverpb.RequestOp{put(f.s.key(natures, nil), value)})
	}
	if err == nil {
		return nil
	}
	if is, again := f.s.nature(ctx); again == nil && is.Filling == nil { // it was made, and its answer lost
		return nil
	}
	return f.s.failed("fill", err)
}

// Present asks which daemons are there.
func (s *Store) Present(ctx context.Context) (daemons []Daemon, err error) {
	all := s.key(presents, nil)
	got, err := s.etcd.read(ctx, &etcdserverpb.RangeRequest{Key: all, RangeEnd: beyond(all)})
	if err != nil {
		return nil, s.failed("read", err)
	}
	return said(got.Kvs), nil
}

// May reports whether this daemon may read and write what is under the prefix, and writes
// nothing: nil if it may.
func (s *Store) May(ctx context.Context) error {
	key := s.key(maintenances, nil)
	impossible := absent(key, nil)
	impossible.Result = etcdserverpb.Compare_LESS
	all := []byte(s.config.Prefix)
	if _, err := s.etcd.txn(ctx, &etcdserverpb.TxnRequest{
		Compare: []*etcdserverpb.Compare{impossible},
		Success: []*etcdserverpb.RequestOp{put(key, nil)}, // which is not done, and yet only who may do it may ask for it
		Failure: []*etcdserverpb.RequestOp{{Request: &etcdserverpb.RequestOp_RequestRange{
			RequestRange: &etcdserverpb.RangeRequest{Key: all, RangeEnd: beyond(all), CountOnly: true},
		}}},
	}); err != nil {
		return s.failed("use", err)
	}
	return nil
}
