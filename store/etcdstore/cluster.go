package etcdstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

const (
	// Patience is how long a reading or a writing may take in all.
	Patience = 4 * time.Second

	// attemptTime is how long one member is waited for before another one is asked: a
	// member that has just lost its leader holds what it is asked for. Who has asked all of
	// them waits twice as long the next time: they may only be slow.
	attemptTime = 400 * time.Millisecond

	// breath is how long to wait when all members have failed at once.
	breath = 50 * time.Millisecond
)

// cluster is etcd: its members, each with a connection of its own. With one for all of
// them it would not be known who failed, nor could another one be asked at once.
type cluster struct {
	mu      sync.Mutex // guards what follows
	members []*member  // in the order in which they are asked
}

type member struct {
	endpoint string
	conn     *grpc.ClientConn
	kv       etcdserverpb.KVClient

	answered, failed atomic.Uint64 // attempts of the cluster's
}

func connect(endpoints []string, config *tls.Config) (*cluster, error) {
	if len(endpoints) == 0 {
		return nil, errors.New("no endpoint is given")
	}
	c := &cluster{}
	for _, endpoint := range endpoints {
		m, err := dial(endpoint, config)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("endpoint %q: %w", endpoint, err), c.close())
		}
		c.members = append(c.members, m)
	}
	return c, nil
}

// dial prepares a connection. A call on it fails at once while the member refuses
// connections.
func dial(endpoint string, config *tls.Config) (*member, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	how := insecure.NewCredentials()
	switch {
	case u.Host == "" || strings.Trim(u.Path, "/") != "":
		return nil, errors.New("it is to be like https://host:2379")
	case u.Scheme == "https":
		if config == nil {
			config = &tls.Config{}
		}
		how = credentials.NewTLS(config)
	case u.Scheme != "http":
		return nil, fmt.Errorf("%q is neither https nor http", u.Scheme)
	}
	conn, err := grpc.NewClient("dns:///"+u.Host,
		grpc.WithTransportCredentials(how),
		grpc.WithNoProxy(),
		grpc.WithIdleTimeout(0),
		grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 2 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 2 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)),
	)
	if err != nil {
		return nil, err
	}
	return &member{endpoint: endpoint, conn: conn, kv: etcdserverpb.NewKVClient(conn)}, nil
}

func (c *cluster) close() error {
	var all []error
	for _, m := range c.all() {
		all = append(all, m.conn.Close())
	}
	return errors.Join(all...)
}

// all returns the members in the order in which they are asked.
func (c *cluster) all() []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.members)
}

// prefer has the member asked first.
func (c *cluster) prefer(m *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.members, m)
	c.members = slices.Insert(slices.Delete(c.members, i, i+1), 0, m)
}

// avoid has the member asked last.
func (c *cluster) avoid(m *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.members, m)
	c.members = append(slices.Delete(c.members, i, i+1), m)
}

// do asks one member after the other until one answers. What timed out may have taken
// effect all the same.
func (c *cluster) do(ctx context.Context, ask func(context.Context, etcdserverpb.KVClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for wait := attemptTime; ; wait *= 2 {
		var last error
		for _, m := range c.all() {
			err := attempt(ctx, wait, m, ask)
			switch {
			case err == nil:
				m.answered.Add(1)
				return nil
			case final(err):
				return fmt.Errorf("%s: %w", m.endpoint, rpctypes.Error(err))
			}
			m.failed.Add(1)
			c.avoid(m)
			last = fmt.Errorf("%s: %w", m.endpoint, rpctypes.Error(err))
			if ctx.Err() != nil {
				return last
			}
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(breath):
		}
	}
}

func attempt(ctx context.Context, wait time.Duration, m *member, ask func(context.Context, etcdserverpb.KVClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return ask(ctx, m.kv)
}

// final reports whether every member would answer the same.
func final(err error) bool {
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange, codes.Unimplemented:
		return true
	case codes.ResourceExhausted:
		return rpctypes.ErrorDesc(err) != rpctypes.ErrorDesc(rpctypes.ErrGRPCRequestTooManyRequests)
	}
	return false
}

// read asks for one range.
func (c *cluster) read(ctx context.Context, r *etcdserverpb.RangeRequest) (got *etcdserverpb.RangeResponse, err error) {
	err = c.do(ctx, func(ctx context.Context, kv etcdserverpb.KVClient) (err error) {
		got, err = kv.Range(ctx, r)
		return err
	})
	return got, err
}

// txn makes one transaction.
func (c *cluster) txn(ctx context.Context, t *etcdserverpb.TxnRequest) (got *etcdserverpb.TxnResponse, err error) {
	err = c.do(ctx, func(ctx context.Context, kv etcdserverpb.KVClient) (err error) {
		got, err = kv.Txn(ctx, t)
		return err
	})
	return got, err
}
