package radiusacct

import (
	"cmp"
	"slices"
)

// queueSize is how many octets of requests may be queued: some fifty-five
// thousand requests of the usual size.
const queueSize = 96 << 20

// queue holds the requests to be recorded. It takes one of each source in turn,
// so that a source that floods delays and loses only its own requests.
type queue struct {
	waiting map[source]*line
	turns   []source // the sources with queued requests, the next one first
	length  int
	size    int // in octets
}

// line holds the queued requests of one source.
type line struct {
	requests []*request // in order of arrival
	size     int        // in octets
}

// put appends r. It reports false if the source is over its share: the source may
// have as much queued as there is room left. A single one may fill half of the
// queue, and however many flood it, there is room for one more.
func (q *queue) put(r *request) bool {
	from := r.from()
	of := q.waiting[from]
	if of == nil {
		of = &line{}
	}
	if of.size+r.size() > queueSize-q.size {
		return false
	}
	if len(of.requests) == 0 {
		if q.waiting == nil {
			q.waiting = map[source]*line{}
		}
		q.waiting[from] = of
		q.turns = append(q.turns, from)
	}
	of.requests = append(of.requests, r)
	of.size += r.size()
	q.length++
	q.size += r.size()
	return true
}

// takeBatch removes up to n requests, one of each source in turn, and returns
// them in order of arrival.
func (q *queue) takeBatch(n int) []*request {
	batch := make([]*request, 0, min(n, q.length))
	for len(batch) < n && len(q.turns) > 0 {
		from := q.turns[0]
		q.turns = q.turns[1:]
		of := q.waiting[from]
		r := of.requests[0]
		of.requests[0] = nil // lest the requests behind it keep it in memory
		of.requests = of.requests[1:]
		of.size -= r.size()
		q.size -= r.size()
		q.length--
		if len(of.requests) > 0 {
			q.turns = append(q.turns, from)
		} else {
			delete(q.waiting, from)
		}
		batch = append(batch, r)
	}
	slices.SortFunc(batch, func(a, b *request) int { return cmp.Compare(a.order, b.order) })
	return batch
}
