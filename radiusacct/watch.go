package radiusacct

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presenced/presenced/presence"
)

// Seen is one packet as it came, and what became of it at the door.
type Seen struct {
	Heard  time.Time
	Source netip.AddrPort
	Client string           // "": the source is no client
	Fault  string           // why it was refused, and what to change; "" if it was not
	Repeat bool             // it gets the answer of the first, and is not recorded again
	Probe  bool             // it is a Status-Server
	Record *presence.Record // of a request that is recorded; else nil
}

// watchers are told of every packet while there are any.
type watchers struct {
	any atomic.Bool

	mu  sync.Mutex // guards what follows
	all map[*func(Seen)]bool
}

// Watch calls see with every packet from now on, until stop is called. see may not
// block, as the packets behind it would wait for it.
func (s *Server) Watch(see func(Seen)) (stop func()) {
	w := &s.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[*func(Seen)]bool{}
	}
	w.all[&see] = true
	w.any.Store(true)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, &see)
		w.any.Store(len(w.all) > 0)
	}
}

// tell tells of a packet.
func (w *watchers) tell(p Seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for see := range w.all {
		(*see)(p)
	}
}

// seen tells of a packet of a client.
func (in *intake) seen(a *arrival, p Seen) {
	if !in.watchers.any.Load() {
		return
	}
	p.Heard, p.Source, p.Client = a.heard, a.source, a.client.Name
	in.watchers.tell(p)
}

// seenRecord tells of a request that is about to be recorded.
func (in *intake) seenRecord(r *request) {
	if in.watchers.any.Load() {
		record := r.record // which is changed as it is recorded
		in.seen(&r.arrival, Seen{Record: &record})
	}
}
