package radiusacct

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

const (
	batchSize   = 512      // requests recorded at once, at the most
	queueSize   = 96 << 20 // octets of requests that may wait, some seventy thousand of the usual ones
	requestCost = 1200     // octets that a request takes beside its packet and its answer
)

// request is an authentic Accounting-Request in hand.
type request struct {
	record   presence.Record
	answer   []byte
	length   int // of the packet
	exchange exchange
	client   *Client
	tally    *tally
	heard    time.Time
	order    uint64 // of arrival
	when     timing
	nas      string  // of the record
	replies  []reply // where the answer goes: to the request, and to its repeats meanwhile
}

// reply is where an answer goes.
type reply struct {
	to   net.Addr
	from []byte // control message with the address that was asked, or nil
}

// queue holds the requests that wait to be recorded. It gives every source its
// turn, so that a flooding one delays and loses its own requests only.
type queue struct {
	waiting map[netip.Addr]*line
	turns   []netip.Addr // of those with something waiting, the next one first
	length  int
	size    int // in octets
}

// line are the requests of one source.
type line struct {
	requests []*request // in order of arrival
	size     int        // in octets
}

func (r *request) size() int { return requestCost + r.length + cap(r.answer) }

// put appends r. It returns false if its source has had its share: it may have
// as much waiting as there is room left. A single one may take half of the
// queue, and however many flood it, there is room for one more.
func (q *queue) put(r *request) bool {
	source := r.exchange.source.Addr()
	of := q.waiting[source]
	if of == nil {
		of = &line{}
	}
	if of.size+r.size() > queueSize-q.size {
		return false
	}
	if len(of.requests) == 0 {
		if q.waiting == nil {
			q.waiting = map[netip.Addr]*line{}
		}
		q.waiting[source] = of
		q.turns = append(q.turns, source)
	}
	of.requests = append(of.requests, r)
	of.size += r.size()
	q.length++
	q.size += r.size()
	return true
}

// take removes up to n requests, from each source in turn, and returns them in
// order of arrival.
func (q *queue) take(n int) []*request {
	batch := make([]*request, 0, min(n, q.length))
	for len(batch) < n && len(q.turns) > 0 {
		source := q.turns[0]
		q.turns = q.turns[1:]
		of := q.waiting[source]
		r := of.requests[0]
		of.requests[0] = nil // not to be kept alive by what is behind it
		of.requests = of.requests[1:]
		of.size -= r.size()
		q.size -= r.size()
		q.length--
		if len(of.requests) > 0 {
			q.turns = append(q.turns, source)
		} else {
			delete(q.waiting, source)
		}
		batch = append(batch, r)
	}
	slices.SortFunc(batch, func(a, b *request) int { return cmp.Compare(a.order, b.order) })
	return batch
}
