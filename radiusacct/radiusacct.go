// Package radiusacct takes in the RADIUS accounting of Wi-Fi controllers
// (RFC 2866). It promises that an Accounting-Response leaves only after the
// [Recorder] has recorded the request, that a repeat is answered without being
// recorded again, that whatever is not authentic meets silence, and that one
// source's flood is nobody else's loss. RADIUS names end here: what goes on is
// a [presence.Record].
package radiusacct

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/presence"
)

// Recorder takes in what was decoded.
type Recorder interface {
	// Record returns nil when what the records change is durable, and only
	// then are they answered. On an error none of them is, and their clients
	// send them again.
	Record(ctx context.Context, batch []presence.Record) error

	// Healthy reports whether records are being kept. A Status-Server is
	// answered only then, so that proxies turn elsewhere.
	Healthy() bool
}

var _ Recorder = (*presence.Tracker)(nil)

// DefaultSkew is how far an Event-Timestamp may be from when the request was
// first sent, as far as arrival and Acct-Delay-Time tell, to be believed.
const DefaultSkew = 10 * time.Minute

// Server answers accounting on any number of sockets.
type Server struct {
	Skew time.Duration // how far an Event-Timestamp may be off; set before Serve, [DefaultSkew] unless changed

	// Stranger is told of every datagram from a source that is no client, if
	// it is set before Serve.
	Stranger func(source netip.Addr, heard time.Time)

	// Batched is told of every batch how many records were in it, and
	// Answered of every request that was recorded how long after it was read
	// its answer was sent, if they are set before Serve.
	Batched  func(records int)
	Answered func(after time.Duration)

	recorder Recorder
	log      *logrus.Logger
	grumbles grumbles
	clients  atomic.Pointer[roster]
	totals   totals

	mu    sync.Mutex // guards loops, and SetClients against itself
	loops map[*loop]bool
}

// NewServer returns a server for these clients. It hears nothing before
// [Server.Serve].
func NewServer(clients Clients, recorder Recorder, log *logrus.Logger) *Server {
	s := &Server{Skew: DefaultSkew, recorder: recorder, log: log, loops: map[*loop]bool{}}
	s.clients.Store(&roster{})
	s.SetClients(clients)
	return s
}

// SetClients makes other clients count from the next packet on. Sockets and
// whatever waits in them stay, and a client that keeps its name keeps its
// counters.
func (s *Server) SetClients(clients Clients) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients.Store(s.clients.Load().with(clients))
}

// Alive returns when the loop that turned least recently last turned, which
// each does every few seconds, whether anything arrives or not, or since when a
// batch is being recorded, if that is longer ago. It is zero while none serves.
func (s *Server) Alive() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest int64
	for l := range s.loops {
		for _, at := range []int64{l.turned.Load(), l.began.Load()} {
			if at > 0 && (oldest == 0 || at < oldest) {
				oldest = at
			}
		}
	}
	if oldest == 0 {
		return time.Time{}
	}
	return time.Unix(0, oldest)
}
