package main

import (
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	identifiers = 256 // of one source port
	roomFor     = 512 + len(secret)

	// retryAfter and tries are how a NAS repeats: hostapd and the large
	// controllers wait two to five seconds, and give up after a few.
	retryAfter = 2 * time.Second
	tries      = 5

	tickEvery = 50 * time.Millisecond
)

// nas is one source port of one address: it sends records of its guests, waits
// for answers and repeats what is not answered, each time with a new Identifier
// and a grown Acct-Delay-Time.
type nas struct {
	wire   wire
	form   *template
	guests []guest
	last   int   // the guest who was last chosen
	turns  int   // how often one was
	clock  int64 // what the NAS takes for the time, in seconds since 1970

	requests [identifiers]request
	free     []byte // Identifiers not in use, the one unused for longest first
	open     int    // requests in flight

	out, in []ipv4.Message // to send, and to receive into
}

// request is an Accounting-Request in flight, by its Identifier.
type request struct {
	packet [roomFor]byte
	length int // 0: not in flight
	delay  uint32
	first  time.Duration // when it was first sent, since the load began
	last   time.Duration
	tries  int
}

// newNAS returns a NAS at the address from with a port of its own, which sends
// to a server's door.
func newNAS(name string, from netip.Addr, to door, guests []guest) (*nas, error) {
	w, err := to.dial(from)
	if err != nil {
		return nil, err
	}
	n := &nas{wire: w, form: newTemplate(name, from), guests: guests, in: make([]ipv4.Message, identifiers)}
	for i := range identifiers {
		n.free = append(n.free, byte(i))
		n.in[i].Buffers = [][]byte{make([]byte, 256, 256+len(secret))}
	}
	return n, nil
}

// run sends as the load says until it ends, then waits for what is in flight.
func (n *nas) run(l load) (*tally, error) {
	t := &tally{}
	began := time.Now()
	due := l.after
	var tick, deadline time.Duration
	for {
		now := time.Since(began)
		sending := now < l.during && (l.count == 0 || t.sent < l.count)
		if !sending && (n.open == 0 || now > l.during+l.patience) {
			break
		}
		n.out = n.out[:0]
		for ; sending && n.open < l.window && len(n.free) > 0 && due <= now; due += l.every {
			g, at := n.guest()
			n.ask(l.next(g, at), now)
			t.sent++
			sending = l.count == 0 || t.sent < l.count
		}
		if now >= tick {
			n.repeat(now, t)
			tick = now + tickEvery
		}
		if err := n.flush(); err != nil {
			return nil, err
		}
		wake := tick
		if sending && l.every > 0 && n.open < l.window {
			wake = min(wake, due)
		}
		if wake != deadline {
			deadline = wake
			if err := n.wire.SetReadDeadline(began.Add(wake)); err != nil {
				return nil, err
			}
		}
		read, err := n.wire.receive(n.in)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, err
		}
		now = time.Since(began)
		for _, m := range n.in[:max(read, 0)] {
			n.answered(m.Buffers[0][:m.N], now, l, t)
		}
	}
	for i := range n.requests {
		if n.requests[i].length > 0 {
			n.close(byte(i))
			t.lost++
		}
	}
	return t, nil
}

// guest returns the next guest, in an order that has nothing to do with names, and the
// time by the NAS's clock. That goes on by a second at least in each round of the guests,
// so that nobody sends two records of one second: it is right if that is slow enough,
// and else too fast.
func (n *nas) guest() (g *guest, at int64) {
	const stride = 7919 // a prime, so that everybody has a turn
	n.last = (n.last + stride) % len(n.guests)
	if n.turns%len(n.guests) == 0 {
		n.clock++
	}
	n.turns++
	n.clock = max(n.clock, time.Now().Unix())
	return &n.guests[n.last], n.clock
}

// ask puts a record in flight.
func (n *nas) ask(r record, now time.Duration) {
	q, identifier := n.take()
	q.length = n.form.fill(q.packet[:], r)
	q.delay, q.first, q.tries = r.delay, now, 0
	n.send(q, identifier, now)
}

// take reserves the Identifier that was unused for longest.
func (n *nas) take() (*request, byte) {
	identifier := n.free[0]
	n.free = n.free[:copy(n.free, n.free[1:])]
	n.open++
	return &n.requests[identifier], identifier
}

func (n *nas) close(identifier byte) {
	n.requests[identifier].length = 0
	n.free = append(n.free, identifier)
	n.open--
}

func (n *nas) send(q *request, identifier byte, now time.Duration) {
	sign(q.packet[:], q.length, identifier)
	q.last = now
	q.tries++
	n.out = append(n.out, ipv4.Message{Buffers: [][]byte{q.packet[:q.length]}})
}

// repeat sends again what was not answered in time, and gives up what was sent
// often enough. Over TLS nothing is sent again while the connection lives.
func (n *nas) repeat(now time.Duration, t *tally) {
	if _, ok := n.wire.(*stream); ok {
		return
	}
	for i := range n.requests {
		old := &n.requests[i]
		if old.length == 0 || now-old.last < retryAfter {
			continue
		}
		if old.tries == tries {
			n.close(byte(i))
			t.lost++
			continue
		}
		if len(n.free) == 0 {
			return
		}
		q, identifier := n.take()
		*q = *old
		n.close(byte(i))
		n.form.delay(q.packet[:], q.delay+uint32((now-q.first)/time.Second))
		n.send(q, identifier, now)
		t.resent++
	}
}

// flush sends what is to be sent.
func (n *nas) flush() error { return n.wire.send(n.out) }

// answered takes in one packet from the server.
func (n *nas) answered(packet []byte, now time.Duration, l load, t *tally) {
	if len(packet) < headerLength {
		t.wrong++
		return
	}
	q := &n.requests[packet[1]]
	switch {
	case q.length == 0:
		t.late++
	case !authenticResponse(packet, q.packet[:q.length]):
		t.wrong++ // to an earlier use of the Identifier, if anything was repeated
	default:
		n.close(packet[1])
		t.acked++
		t.latency.add(now - q.first)
		if now <= l.during {
			t.inTime++
		}
	}
}
