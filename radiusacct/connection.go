package radiusacct

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	inHandMost = 256              // unanswered packets of one connection, beyond which none is read from it
	writeTime  = 10 * time.Second // a client that reads nothing for so long loses its connection

	// tooLate is how old a request may be when it is answered. Clients give
	// requests up after ten seconds and use their Identifiers for others, to which
	// the answer would not fit: radsecproxy then closes the connection, with all
	// that is in flight on it.
	tooLate = 8 * time.Second
)

// connection implements transport for one TLS connection. It may leave no request
// without an answer, because clients send again only by another connection. So it
// closes itself when it cannot answer, and stops reading when the queue is full.
type connection struct {
	*intake
	via    uint64
	conn   net.Conn // of TLS
	octets *stamped // the TCP connection below conn
	source netip.AddrPort
	sent   []*x509.Certificate // the client's certificate, and those it sent with it
	member atomic.Pointer[member]

	reviewing sync.Mutex // one review at a time, so that the later one counts

	expires atomic.Int64  // when the certificate does, in seconds of the Unix epoch
	room    chan struct{} // one slot for each unanswered packet, inHandMost in all
	ended   chan struct{} // closed with the connection

	mu      sync.Mutex // guards what follows
	out     []byte     // answers to write
	owed    int        // how many packets these answers are to
	writing bool       // a goroutine writes, and will take what is put into out
	closed  bool
	expiry  *time.Timer
	inHand  sync.WaitGroup // the unanswered packets
	closing sync.WaitGroup // the goroutine that closes conn
}

// serve hands packets to the intake until ctx ends or the connection is closed by
// either side. Then it records the packets that it read, answers them if the
// connection is still open, and closes it.
func (c *connection) serve(ctx context.Context) {
	defer c.leave(c)
	defer context.AfterFunc(ctx, func() { c.conn.SetReadDeadline(past) })()
	c.expire()
	in := bufio.NewReaderSize(c.conn, maxLen)
	for c.roomForMore(ctx) && c.receive(ctx, in) {
		if !holdsPacket(in) {
			c.flush()
		}
	}
	c.flush()
	c.inHand.Wait()
	c.close()
	c.closing.Wait() // else the program may end before the client was told
}

// expire sets a timer that reviews the connection when its certificate expires.
func (c *connection) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		left := time.Until(time.Unix(c.expires.Load()+1, 0))
		c.expiry = time.AfterFunc(max(time.Second, left), func() { c.review(c); c.expire() })
	}
}

// flush sends the answers that there are and records the queued requests.
func (c *connection) flush() {
	c.send()
	c.recordQueue()
}

// roomForMore waits for a slot in room and takes it. It reports false if the
// connection or ctx ends first.
func (c *connection) roomForMore(ctx context.Context) bool {
	if len(c.room) == inHandMost {
		c.flush() // else nobody may be answering the packets that it waits for
	}
	select {
	case c.room <- struct{}{}:
		c.inHand.Add(1)
		return true
	case <-c.ended:
	case <-ctx.Done():
	}
	return false
}

// release frees the slots of n packets that were answered or dropped.
func (c *connection) release(n int) {
	for range n {
		<-c.room
	}
	c.inHand.Add(-n)
}

// receive reads one packet, waits until recording works, and hands the packet to
// the intake. It reports false if the connection has nothing more to give.
func (c *connection) receive(ctx context.Context, in *bufio.Reader) bool {
	packet, err := c.next(in)
	if err != nil || !c.waitForRecording(ctx) {
		c.release(1)
		return false
	}
	m := c.member.Load()
	c.takePacket(packet, arrival{
		by: c, via: c.via, source: c.source, client: m.client, tally: m.tally, heard: time.Now(),
		stream: true, due: c.octets.since.Add(tooLate),
	})
	in.Discard(len(packet))
	return true
}

// next returns the next packet, and leaves it in the reader. Only the packet's
// Length says where it ends: next closes a connection whose Length cannot be
// believed.
func (c *connection) next(in *bufio.Reader) ([]byte, error) {
	header, err := in.Peek(4)
	if err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(header[2:]))
	if length < headerLen || length > maxLen {
		m := c.member.Load()
		m.tally.requests.Add(1)
		c.suffer(malformed, m.client, m.tally, c.source, time.Now())
		c.close()
		return nil, errNoPacket
	}
	return in.Peek(length)
}

var errNoPacket = errors.New("no RADIUS packet")

// waitForRecording waits until recording works. It reports false if the
// connection or ctx ends first.
func (c *connection) waitForRecording(ctx context.Context) bool {
	works := c.recordingWorks()
	if !closed(works) {
		c.flush()
	}
	select {
	case <-works:
		return true
	case <-c.ended:
	case <-ctx.Done():
	}
	return false
}

// holdsPacket reports whether the reader holds a whole packet already.
func holdsPacket(in *bufio.Reader) bool {
	if in.Buffered() < headerLen {
		return false
	}
	header, _ := in.Peek(4)
	return in.Buffered() >= int(binary.BigEndian.Uint16(header[2:]))
}

// answer keeps the answer b for the next send, and drops it if the client has
// given the request up by now.
func (c *connection) answer(b []byte, to *arrival) {
	if now := time.Now(); now.After(to.due) {
		c.suffer(late, to.client, to.tally, c.source, now)
		c.drop(late, to)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		c.release(1)
		return
	}
	c.out = append(c.out, b...)
	c.owed++
}

func (c *connection) drop(f fault, _ *arrival) {
	c.release(1)
	if f.breaks() {
		c.close()
	}
}

// send starts a goroutine that writes the answers, unless one is writing.
func (c *connection) send() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.writing && c.owed > 0 {
		c.writing = true
		go c.write()
	}
}

// write writes the kept answers in one piece, and again until there are none.
func (c *connection) write() {
	for {
		c.mu.Lock()
		b, n := c.out, c.owed
		c.out, c.owed = nil, 0
		c.writing = n > 0
		c.mu.Unlock()
		if n == 0 {
			return
		}
		c.conn.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := c.conn.Write(b); err != nil {
			c.close()
		} else {
			c.member.Load().tally.responses.Add(uint64(n))
		}
		c.release(n)
	}
}

// close closes the connection. Packets that were read from it are recorded all
// the same.
func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	close(c.ended)
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.closing.Go(func() { c.conn.Close() }) // says so to the client, which may not read
}

// stamped is a TCP connection that knows how long the octets it has just read may
// have waited in the kernel.
type stamped struct {
	net.Conn
	since time.Time // the octets of the latest read came no earlier
	last  time.Time // when the latest read ended
}

// Read takes octets that it had to wait for to have come now, and octets that
// were already there to have come at any time since the last read.
func (s *stamped) Read(b []byte) (int, error) {
	began := time.Now()
	n, err := s.Conn.Read(b)
	now := time.Now()
	s.since = s.last
	if now.Sub(began) > time.Millisecond {
		s.since = now
	}
	s.last = now
	return n, err
}
