package radiusacct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
	"layeh.com/radius"
)

const (
	turnEvery = time.Second     // a loop turns at least this often, for the watchdog to see
	hangAfter = 5 * time.Second // how long a batch may take to be recorded: by then a NAS sends again
	readSize  = 64              // datagrams read by one system call
	readMost  = 4096            // … and before something is recorded

	repeatSpan  = 30 * time.Second // the longest that RFC 5080 2.2.2 has a repeat be answered alike
	answersSize = 16 << 20         // octets of answers, and some overhead, kept for repeats
	answerCost  = 200              // octets that an answer takes beside its own
	maxCopies   = 8                // repeats of one request under way that are answered with it

	eventSpan = time.Hour // for how long the same event counts as a repeat
	eventsMax = 1 << 17
)

// exchange is what makes a datagram a repeat of another: the source with its
// port, the Identifier and the Request Authenticator. The same Identifier with
// another authenticator is a new request (RFC 5080 2.2.2).
type exchange struct {
	source        netip.AddrPort
	identifier    byte
	authenticator [16]byte
}

// loop is the one loop on one socket: read what waits, have it recorded, answer.
// While a batch is being recorded the next one gathers, so that batches grow
// with the load.
type loop struct {
	*Server
	conn    *net.UDPConn
	packets *ipv4.PacketConn // for its system calls; they do not mind an IPv6 socket
	turned  atomic.Int64     // when it last turned, in nanoseconds of the Unix epoch
	began   atomic.Int64     // when the batch that is being recorded was begun, likewise; 0: none is

	in         []ipv4.Message
	attributes attributes // of the request that is being taken in
	out        []ipv4.Message
	owners     []*tally // of out
	arrived    uint64

	recording recording
	running   sync.WaitGroup // the goroutine that has requests recorded

	pending map[exchange]*request // not yet answered
	answers recent[exchange, []byte]
	events  recent[uint64, struct{}] // hashes of what was recorded
	clocks  recent[string, struct{}] // NASes whose clocks were right
}

func newLoop(s *Server, conn *net.UDPConn) *loop {
	l := &loop{
		Server: s, conn: conn, packets: ipv4.NewPacketConn(conn),
		recording: recording{changed: make(chan struct{}, 1)},
		pending:   map[exchange]*request{},
		answers:   recent[exchange, []byte]{span: repeatSpan, size: answersSize},
		events:    recent[uint64, struct{}]{span: eventSpan, size: eventsMax},
		clocks:    recent[string, struct{}]{span: clockSpan, size: clocksMax},
	}
	for range readSize {
		l.in = append(l.in, ipv4.Message{Buffers: [][]byte{make([]byte, maxLen)}, OOB: make([]byte, asked)})
	}
	return l
}

// Serve answers on conn until ctx ends. Then it records and answers what it
// has read, leaves the rest in the socket for whoever serves on it next, and
// returns nil. It does not close conn.
func (s *Server) Serve(ctx context.Context, conn *net.UDPConn) error {
	l := newLoop(s, conn)
	l.turned.Store(time.Now().UnixNano())
	s.mu.Lock()
	s.loops[l] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.loops, l)
		s.mu.Unlock()
	}()
	if octets, err := ReceiveBuffer(conn); err == nil && octets < WantedReceiveBuffer {
		s.log.WithFields(logrus.Fields{"socket": conn.LocalAddr(), "octets": octets, "wanted": WantedReceiveBuffer}).Warn(
			"the receive buffer is small and bursts will be lost: set sysctl net.core.rmem_max, or ReceiveBuffer=8M in presenced.socket")
	}
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(past) })()
	var err error
	for err == nil && ctx.Err() == nil {
		err = l.read(ctx)
		l.turn(ctx)
	}
	for l.turn(ctx); !l.recording.over(); l.turn(ctx) {
		<-l.recording.changed
	}
	l.running.Wait()
	if err != nil {
		return fmt.Errorf("serve RADIUS on %s: %w", conn.LocalAddr(), err)
	}
	return nil
}

// past is a deadline that ends a read.
var past = time.Unix(1, 0)

// read takes in what waits in the socket. If there is nothing else to do, it
// waits for something to arrive, for a while.
func (l *loop) read(ctx context.Context) error {
	l.conn.SetReadDeadline(time.Now().Add(turnEvery))
	// The ends of ctx and of batches are looked at after the deadline is set:
	// either this sees them, or the deadline that they put in the past is the
	// later one.
	flags := unix.MSG_DONTWAIT
	if l.recording.resting() {
		flags = 0
	}
	for n := 0; n < readMost && ctx.Err() == nil; flags = unix.MSG_DONTWAIT {
		got, err := l.packets.ReadBatch(l.in, flags)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded): // it says nothing of what there is to read
			l.conn.SetReadDeadline(time.Time{})
			continue
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			l.send()
			return nil
		case err != nil:
			return err
		}
		now, roster := time.Now(), l.clients.Load()
		for i := range l.in[:got] {
			l.take(&l.in[i], roster, now)
			l.in[i].OOB = l.in[i].OOB[:asked]
		}
		n += got
	}
	l.send()
	return nil
}

// take takes in one datagram: it is answered if that needs no recording, and
// else put in the queue if it is authentic.
func (l *loop) take(m *ipv4.Message, roster *roster, now time.Time) {
	udp, ok := m.Addr.(*net.UDPAddr)
	if !ok {
		return
	}
	source := udp.AddrPort()
	source = netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
	i, ok := roster.find(source.Addr())
	if !ok {
		l.totals.invalid.Add(1)
		if l.Stranger != nil {
			l.Stranger(source.Addr(), now)
		}
		l.grumble(unknownSource, "", source, now, nil)
		return
	}
	client, t := &roster.all[i], roster.tallies[i]
	t.requests.Add(1)
	t.heard.Store(now.UnixNano())
	datagram := m.Buffers[0][:m.N]
	p, f := examine(datagram, client)
	if f != none {
		var fields logrus.Fields
		if f == unknownType {
			fields = logrus.Fields{"code": datagram[0]}
		}
		l.suffer(f, client, t, source, now, fields)
		return
	}
	to := reply{m.Addr, answerFrom(m.OOB[:m.NN])}
	if radius.Code(p.octets[0]) == radius.CodeStatusServer {
		l.status(p, client, t, to, now)
		return
	}
	x := exchange{source: source, identifier: p.octets[1], authenticator: [16]byte(p.octets[4:headerLen])}
	if cached, ok := l.answers.get(x, now); ok {
		t.dups.Add(1)
		l.reply(cached, to, t)
		return
	}
	if first := l.pending[x]; first != nil {
		t.dups.Add(1)
		if len(first.replies) <= maxCopies {
			first.replies = append(first.replies, to)
		}
		return
	}
	l.arrived++
	r := &request{exchange: x, length: len(p.octets), client: client, tally: t, heard: now, order: l.arrived, replies: []reply{to}}
	if err := l.decode(r, p); err != nil {
		l.suffer(undecodable, client, t, source, now, logrus.Fields{"error": err})
		return
	}
	if !l.recording.put(r) {
		l.suffer(overShare, client, t, source, now, nil)
		return
	}
	l.pending[x] = r
}

// status answers a Status-Server (RFC 5997), if records are being kept. They
// are not while a batch hangs.
func (l *loop) status(p parcel, client *Client, t *tally, to reply, now time.Time) {
	began := l.began.Load()
	hangs := began > 0 && now.UnixNano()-began >= int64(hangAfter)
	if hangs || !l.recorder.Healthy() {
		t.faults[unrecorded].Add(1)
		return
	}
	l.reply(p.answer(client.MirrorMessageAuthenticator == MirrorAlways), to, t)
}

// reply has b sent with the next [loop.send].
func (l *loop) reply(b []byte, to reply, t *tally) {
	l.out = append(l.out, ipv4.Message{Buffers: [][]byte{b}, OOB: to.from, Addr: to.to})
	l.owners = append(l.owners, t)
}

// send sends what is to be sent. One answer that cannot be is no other's loss.
func (l *loop) send() {
	ms, owners := l.out, l.owners
	for len(ms) > 0 {
		n, err := l.packets.WriteBatch(ms[:min(len(ms), readSize)], 0)
		n = max(n, 0) // it is -1 if not even the first was sent
		for _, t := range owners[:n] {
			t.responses.Add(1)
		}
		ms, owners = ms[n:], owners[n:]
		if err != nil && len(ms) > 0 {
			to := ms[0].Addr.(*net.UDPAddr).AddrPort()
			l.grumble(unsendable, "", to, time.Now(), logrus.Fields{"error": err})
			ms, owners = ms[1:], owners[1:]
		}
	}
	clear(l.out)
	l.out, l.owners = l.out[:0], l.owners[:0]
}
