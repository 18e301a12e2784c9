package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/mvcc"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/etcdstore"
	"github.com/presenced/presenced/store/storetest"
)

// one starts the only member of a cluster.
func one(t testing.TB) *embed.Etcd {
	t.Helper()
	e, err := Start(Config{Name: "a", Dir: t.TempDir(), Client: "http://127.0.0.1:0", Peer: "http://127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

var tenants atomic.Int64

// open opens a store that holds nothing, as so many daemons.
func open(t testing.TB, e *embed.Etcd, daemons int, late time.Duration) (all several) {
	t.Helper()
	prefix := fmt.Sprintf("t%d/", tenants.Add(1))
	for i := range daemons {
		s, err := etcdstore.Open(etcdstore.Config{
			Endpoints: []string{"http://" + e.Clients[0].Addr().String()}, Prefix: prefix, Name: fmt.Sprint("d", i), Late: late,
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// outside is a store that is called from within a bubble too, whose goroutines must not
// meet those of a connection: what changes it, and who is due, is done outside.
type outside struct {
	presence.Store
	do  chan func()
	end func() error
}

func from(s presence.Store, end func() error) outside {
	o := outside{s, make(chan func()), end}
	go func() {
		for f := range o.do {
			go f()
		}
	}()
	return o
}

func (o outside) Close() error {
	close(o.do)
	return o.end()
}

// call waits by a mutex: a channel would be of the bubble.
func (o outside) call(ctx context.Context, f func(context.Context)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var doing sync.Mutex
	doing.Lock()
	o.do <- func() { defer doing.Unlock(); f(context.Background()) }
	doing.Lock()
	return nil
}

func (o outside) Update(ctx context.Context, changes []presence.Change) (err error) {
	if err := o.call(ctx, func(ctx context.Context) { err = o.Store.Update(ctx, changes) }); err != nil {
		return err
	}
	return err
}

func (o outside) Due(ctx context.Context, q presence.Queue, by time.Time, limit int) (users []string, next time.Time, err error) {
	if err := o.call(ctx, func(ctx context.Context) { users, next, err = o.Store.Due(ctx, q, by, limit) }); err != nil {
		return nil, time.Time{}, err
	}
	return users, next, err
}

func (o outside) NewlyDue(ctx context.Context, by time.Time, limit int, anew bool) (users []string, next time.Time, err error) {
	if err := o.call(ctx, func(ctx context.Context) { users, next, err = o.Store.NewlyDue(ctx, by, limit, anew) }); err != nil {
		return nil, time.Time{}, err
	}
	return users, next, err
}

// several is the same store by several daemons, of which each is asked in turn.
type several []*etcdstore.Store

var turn atomic.Int64

func (s several) any() *etcdstore.Store { return s[int(turn.Add(1))%len(s)] }

func (s several) Update(ctx context.Context, changes []presence.Change) error {
	return s.any().Update(ctx, changes)
}

func (s several) Person(ctx context.Context, user string) (presence.Person, error) {
	return s.any().Person(ctx, user)
}

func (s several) Persons(ctx context.Context, users []string) ([]presence.Person, error) {
	return s.any().Persons(ctx, users)
}

func (s several) People(ctx context.Context, after string, limit int) ([]presence.Person, error) {
	return s.any().People(ctx, after, limit)
}

func (s several) Due(ctx context.Context, q presence.Queue, by time.Time, limit int) ([]string, time.Time, error) {
	return s[0].Due(ctx, q, by, limit)
}

// NewlyDue asks each: who writes somebody is told of them.
func (s several) NewlyDue(ctx context.Context, by time.Time, limit int, anew bool) (users []string, next time.Time, err error) {
	for _, one := range s {
		some, at, err := one.NewlyDue(ctx, by, limit-len(users), anew)
		if err != nil {
			return nil, time.Time{}, err
		}
		users = append(users, some...)
		if next.IsZero() || !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	slices.Sort(users)
	return slices.Compact(users), next, nil
}

func (s several) Note(ctx context.Context, kind, key string) ([]byte, error) {
	return s.any().Note(ctx, kind, key)
}

func (s several) NotesOf(ctx context.Context, kind string, keys []string) ([][]byte, error) {
	return s.any().NotesOf(ctx, kind, keys)
}

func (s several) Notes(ctx context.Context, kind, after string, limit int) ([]presence.Note, error) {
	return s.any().Notes(ctx, kind, after, limit)
}

func (s several) History(ctx context.Context, user string, from, to time.Time, limit int) ([]presence.Visit, error) {
	return s.any().History(ctx, user, from, to, limit)
}

func (s several) Forget(ctx context.Context, user string) error { return s.any().Forget(ctx, user) }

func (s several) Prune(ctx context.Context, before time.Time) (int, error) {
	return s.any().Prune(ctx, before)
}

func (s several) Close() error {
	var all []error
	for _, one := range s {
		all = append(all, one.Close())
	}
	return errors.Join(all...)
}

// Whatever is asked of one daemon, or of whichever of three: it is the same store. What is
// compacted meanwhile is what nobody asks for.
func TestEtcdKeepsTheContract(t *testing.T) {
	e := one(t)
	compact := storetest.Meanwhile{Name: "compaction", Do: func(s presence.Store) (presence.Store, error) {
		_, err := e.Server.Compact(context.Background(), &etcdserverpb.CompactionRequest{Revision: e.Server.KV().Rev()})
		if errors.Is(err, mvcc.ErrCompacted) {
			err = nil // twice at the same revision
		}
		return s, err
	}}
	for _, daemons := range []int{1, 3} {
		t.Run(fmt.Sprint(daemons), func(t *testing.T) {
			storetest.Run(t, func(t testing.TB) presence.Store {
				s := open(t, e, daemons, 0)
				return from(s, s.Close)
			}, compact)
		})
	}
}
