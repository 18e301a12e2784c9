// Package radiusacct takes in the RADIUS accounting of Wi-Fi controllers
// (RFC 2866). It promises that an Accounting-Response leaves only after the
// [Recorder] has recorded the request, that a repeat is answered without being
// recorded again, that whatever is not authentic meets silence, and that one
// source's flood is nobody else's loss. RADIUS names end here: what goes on is
// a [presence.Record].
package radiusacct

import (
	"context"
	"crypto/tls"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presenced/presenced/presence"
)

// Recorder records the decoded requests.
type Recorder interface {
	// Record returns nil when the changes that follow from the records are
	// durable (an Interim that tells nothing but that a station is alive may wait
	// some seconds more), and only then are their requests answered. On an error none of
	// them is, and their clients send them again. In the batch it sets the event
	// time of each record, and BadStamp where it does not believe the stamp.
	Record(ctx context.Context, batch []presence.Record) error

	// Healthy reports whether recording works. A Status-Server is answered only
	// then, so that proxies turn to another server.
	Healthy() bool
}

var _ Recorder = (*presence.Tracker)(nil)

// DefaultSkew is how far an Event-Timestamp may be from when the request was
// first sent, as far as arrival and Acct-Delay-Time tell, to be believed.
const DefaultSkew = 10 * time.Minute

// Server answers accounting on any number of sockets.
type Server struct {
	// Stranger is told of every datagram from a source that is no client, if
	// it is set before Serve.
	Stranger func(source netip.Addr, heard time.Time)

	// Refused is told of every certificate and handshake that let nobody in, and
	// what to change, if it is set before ServeTLS.
	Refused func(n presence.Nobody, heard time.Time)

	// MaxConnections is how many TLS connections there may be at once,
	// [DefaultMaxConnections] if it is 0; set before ServeTLS.
	MaxConnections int

	// Batched is told the number of records of every batch, and Answered how long
	// after its arrival each recorded request was answered, if they are set before
	// Serve.
	Batched  func(records int)
	Answered func(after time.Duration)

	recorder Recorder
	log      *slog.Logger
	grumbles grumbles
	watchers watchers
	clients  atomic.Pointer[talliedClients]
	skew     atomic.Int64 // nanoseconds
	totals   totals
	intake   *intake

	mu          sync.Mutex              // guards what follows, and SetClients against itself
	serving     map[*loop]func() uint64 // the loops that run; the functions ask how many datagrams the kernel dropped
	certificate *tls.Certificate        // ours, for TLS
	connections map[*connection]bool    // those of clients, after their handshakes
}

// NewServer returns a server for these clients. It reads from sockets that are
// given to [Server.Serve] and [Server.ServeTLS].
func NewServer(clients Clients, recorder Recorder, log *slog.Logger) *Server {
	s := &Server{recorder: recorder, log: log, serving: map[*loop]func() uint64{}, connections: map[*connection]bool{}}
	s.intake = newIntake(s)
	s.clients.Store(&talliedClients{})
	s.SetSkew(DefaultSkew)
	s.SetClients(clients)
	return s
}

// SetSkew sets how far a NAS's clock may be off and still be believed, instead of
// [DefaultSkew]. A stamp that is further off and believed all the same is of a
// replay, and tells nothing of the clock.
func (s *Server) SetSkew(skew time.Duration) { s.skew.Store(int64(skew)) }

// SetClients replaces the clients from the next packet on. Sockets and the
// datagrams in them stay, and a client that keeps its name keeps its counters. It
// closes the connections whose certificate is no client's any longer.
func (s *Server) SetClients(clients Clients) {
	s.mu.Lock()
	s.clients.Store(s.clients.Load().replacedBy(clients))
	connections := slices.Collect(maps.Keys(s.connections))
	s.mu.Unlock()
	for _, c := range connections {
		s.review(c)
	}
}

// Alive returns the last turn of the loop that has not turned for longest, or
// when the recording of the present batch began, if that is longer ago. Each loop
// turns every few seconds, whether packets come or not. It is zero while no loop
// runs.
func (s *Server) Alive() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.serving) == 0 {
		return time.Time{}
	}
	oldest := time.Now().UnixNano()
	if began := s.intake.began.Load(); began > 0 {
		oldest = began
	}
	for l := range s.serving {
		oldest = min(oldest, l.turned.Load())
	}
	return time.Unix(0, oldest)
}

// loop serves one socket or listener.
type loop struct {
	turned atomic.Int64 // when it last turned, in nanoseconds of the Unix epoch
}

// turn notes that the loop has turned.
func (l *loop) turn() { l.turned.Store(time.Now().UnixNano()) }

// turning counts the loop among those that run until the caller calls end.
func (s *Server) turning(l *loop, drops func() uint64) (end func()) {
	l.turn()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving[l] = drops
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.serving, l)
	}
}
