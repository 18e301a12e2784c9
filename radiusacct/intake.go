package radiusacct

import (
	"sync"
	"sync/atomic"
	"time"

	"layeh.com/radius"
)

const (
	hangAfter = 5 * time.Second // how long a batch may take to be recorded: by then a NAS sends again

	repeatSpan  = 30 * time.Second // how long a repeat gets the answer of the first, the longest that RFC 5080 2.2.2 allows
	answersSize = 16 << 20         // octets of answers, and some overhead, kept for repeats
	answerCost  = 200              // octets that the memory of an answer takes beside the answer's own
	maxCopies   = 8                // repeats of one pending request that are answered with it

	eventSpan = time.Hour // how long a record of the same event counts as a repeat
	eventsMax = 1 << 17
)

// intake is the one door for the packets of all transports: it authenticates
// them, answers repeats, decodes and queues requests, records them in batches and
// answers them. While one batch is recorded the next one gathers, so that batches
// grow with the load.
type intake struct {
	*Server
	transports atomic.Uint64 // how many there have been; numbers the next
	began      atomic.Int64  // when recording of the present batch began, in nanoseconds of the Unix epoch; 0: there is none
	latest     atomic.Pointer[waitTime]

	mu        sync.Mutex    // guards what follows
	recording bool          // a goroutine records, and will take what is put into the queue
	healthy   chan struct{} // closed while recording works; else closed once it works again
	probing   bool          // an empty batch is to be recorded if the queue is empty, to find out whether recording works
	room      sync.Cond     // signalled when requests leave the queue
	queue     queue
	arrived   uint64                // how many requests have been queued
	pending   map[exchange]*request // queued or being recorded: not yet answered
	answers   recent[exchange, []byte]
	events    recent[uint64, struct{}] // hashes of the events that were recorded
}

func newIntake(s *Server) *intake {
	in := &intake{
		Server:  s,
		healthy: make(chan struct{}),
		pending: map[exchange]*request{},
		answers: recent[exchange, []byte]{span: repeatSpan, size: answersSize},
		events:  recent[uint64, struct{}]{span: eventSpan, size: eventsMax},
	}
	in.room.L = &in.mu
	close(in.healthy)
	return in
}

// transport is a socket or a connection: packets come and answers go by it. For
// each packet that it gives to [intake.takePacket], either answer or drop is
// called, once.
//
// Its loop takes a number of its own from intake.transports, says by [Server.turning] that it
// turns, calls recordQueue when there is nothing more to read at once, calls probe if it
// stops reading while recording fails, and ends only when nothing of it is in hand.
type transport interface {
	// answer keeps b, the answer to a packet, for the next send.
	answer(b []byte, to *arrival)
	// drop tells that the packet gets no answer, and why.
	drop(f fault, from *arrival)
	// send sends the answers that were kept. It never waits for a client that does
	// not read.
	send()
}

// takePacket answers a packet on the spot if it is a Status-Server or a repeat,
// queues it if it is another authentic request, and refuses it if not. It does
// not keep the octets.
func (in *intake) takePacket(octets []byte, a arrival) {
	r := &request{arrival: a}
	r.tally.requests.Add(1)
	r.tally.heard.Store(r.heard.UnixNano())
	p, f := examine(octets, r.client)
	if f != none {
		var fields []any
		if f == unknownType {
			fields = []any{"code", octets[0]}
		}
		in.refuse(f, octets, &r.arrival, fields...)
		return
	}
	if radius.Code(p.octets[0]) == radius.CodeStatusServer {
		in.seen(&r.arrival, Seen{Probe: true})
		in.status(p, &r.arrival)
		return
	}
	r.exchange = exchange{via: r.via, source: r.source, identifier: p.octets[1], authenticator: [16]byte(p.octets[4:headerLen])}
	if in.answerRepeat(r) {
		in.seen(&r.arrival, Seen{Repeat: true})
		return
	}
	r.length = len(p.octets)
	if err := in.decode(r, p); err != nil {
		in.refuse(undecodable, octets, &r.arrival, "error", err)
		return
	}
	in.seenRecord(r)
	if !in.enqueue(r) {
		in.refuse(overShare, octets, &r.arrival)
	}
}

// refuse counts and logs the fault of a packet, and drops it; over a connection
// it answers a packet that is not accounting with a Protocol-Error.
func (in *intake) refuse(f fault, octets []byte, a *arrival, fields ...any) {
	in.seen(a, Seen{Fault: remedies[f]})
	in.suffer(f, a.client, a.tally, a.source, a.heard, fields...)
	if f == unknownType && a.stream {
		if _, ok := findSignature(octets); !ok {
			f = malformed
		} else if b := (parcel{octets: octets, secret: a.client.Secrets[0]}).protocolError(); b != nil {
			a.by.answer(b, a)
			return
		}
	}
	a.by.drop(f, a)
}

// status answers a Status-Server (RFC 5997) if recording works, which it does not
// while a batch hangs.
func (in *intake) status(p parcel, a *arrival) {
	began := in.began.Load()
	hangs := began > 0 && a.heard.UnixNano()-began >= int64(hangAfter)
	if hangs || !in.recorder.Healthy() {
		a.tally.faults[unrecorded].Add(1)
		a.by.drop(none, a)
		return
	}
	a.by.answer(p.answer(a.client.MirrorMessageAuthenticator == MirrorAlways), a)
}

// answerRepeat reports whether the request is a repeat, and answers it as the
// first one was: at once, or together with the first if that is still pending.
func (in *intake) answerRepeat(r *request) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	answer, answered := in.answers.get(r.exchange, r.heard)
	first := in.pending[r.exchange]
	switch {
	case answered:
		r.by.answer(answer, &r.arrival)
	case first == nil:
		return false
	case len(first.copies) < maxCopies:
		first.copies = append(first.copies, r.arrival)
	default:
		r.by.drop(overShare, &r.arrival)
	}
	r.tally.dups.Add(1)
	return true
}

// enqueue puts a request into the queue. It reports false if the source is over
// its share; over a connection it waits for room instead, and the client with it.
func (in *intake) enqueue(r *request) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for ; !in.queue.put(r); in.room.Wait() {
		if !r.stream {
			return false
		}
		in.startRecording()
	}
	in.arrived++
	r.order = in.arrived
	in.pending[r.exchange] = r
	return true
}
