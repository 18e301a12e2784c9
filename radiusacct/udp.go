package radiusacct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	turnEvery = time.Second // a loop turns at least this often, for the watchdog to see
	readSize  = 64          // datagrams read or written by one system call
	readMost  = 4096        // … and read before something is recorded
)

// socket is the transport of one UDP socket. It drops packets by silence: their
// clients send them again.
type socket struct {
	*intake
	loop
	via     uint64
	conn    *net.UDPConn
	packets *ipv4.PacketConn // reads and writes many datagrams by one system call, of IPv6 sockets too
	in      []ipv4.Message
	inHand  sync.WaitGroup // packets that were neither answered nor dropped yet

	mu     sync.Mutex // guards what follows
	out    []ipv4.Message
	owners []*tally // whom the datagrams of out are counted for
}

func newSocket(in *intake, conn *net.UDPConn) *socket {
	s := &socket{intake: in, via: in.transports.Add(1), conn: conn, packets: ipv4.NewPacketConn(conn)}
	for range readSize {
		s.in = append(s.in, ipv4.Message{Buffers: [][]byte{make([]byte, maxLen)}, OOB: make([]byte, asked)})
	}
	return s
}

// Serve answers on conn until ctx ends. Then it records and answers what it
// has read, leaves the rest in the socket for whoever serves on it next, and
// returns nil. It does not close conn.
func (s *Server) Serve(ctx context.Context, conn *net.UDPConn) error {
	k := newSocket(s.intake, conn)
	defer s.turning(&k.loop, func() uint64 { return kernelDrops(conn) })()
	if octets, err := ReceiveBuffer(conn); err == nil && octets < WantedReceiveBuffer {
		s.log.Warn("the receive buffer is small and bursts will be lost: set sysctl net.core.rmem_max, or ReceiveBuffer=8M in presenced.socket",
			"socket", conn.LocalAddr(), "octets", octets, "wanted", WantedReceiveBuffer)
	}
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(past) })()
	err := k.serve(ctx)
	k.inHand.Wait()
	if err != nil {
		return fmt.Errorf("serve RADIUS on %s: %w", conn.LocalAddr(), err)
	}
	return nil
}

// past is a deadline that ends a read.
var past = time.Unix(1, 0)

// serve hands datagrams to the intake and records and answers them until ctx
// ends.
func (k *socket) serve(ctx context.Context) error {
	for {
		k.turn()
		k.conn.SetReadDeadline(time.Now().Add(turnEvery))
		if ctx.Err() != nil { // after the deadline was set: either this sees it, or the deadline in the past is the later one
			return nil
		}
		err := k.read()
		k.send()
		k.recordQueue()
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // a deadline only means that nothing came for a while
			return err
		}
	}
}

// read waits for a datagram, and hands it to the intake with the datagrams that
// the kernel holds behind it.
func (k *socket) read() error {
	flags := 0
	for n := 0; n < readMost; flags = unix.MSG_DONTWAIT {
		got, err := k.packets.ReadBatch(k.in, flags)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return nil
		case err != nil:
			return err
		}
		now, clients := time.Now(), k.clients.Load()
		for i := range k.in[:got] {
			k.receive(&k.in[i], clients, now)
			k.in[i].OOB = k.in[i].OOB[:asked]
		}
		n += got
	}
	return nil
}

// receive hands a datagram to the intake if its source is a client.
func (k *socket) receive(m *ipv4.Message, clients *talliedClients, now time.Time) {
	udp, ok := m.Addr.(*net.UDPAddr)
	if !ok {
		return
	}
	source := udp.AddrPort()
	source = netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
	i, ok := clients.find(source.Addr())
	if !ok {
		k.totals.invalid.Add(1)
		if k.Stranger != nil {
			k.Stranger(source.Addr(), now)
		}
		if k.watchers.any.Load() {
			k.watchers.tell(Seen{Heard: now, Source: source, Fault: remedies[unknownSource]})
		}
		k.grumble(unknownSource, "", source, now)
		return
	}
	k.inHand.Add(1)
	k.takePacket(m.Buffers[0][:m.N], arrival{
		by: k, via: k.via, source: source, to: m.Addr, local: answerFrom(m.OOB[:m.NN]),
		client: &clients.all[i], tally: clients.tallies[i], heard: now,
	})
}

// answer keeps b for the next send.
func (k *socket) answer(b []byte, to *arrival) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.out = append(k.out, ipv4.Message{Buffers: [][]byte{b}, OOB: to.local, Addr: to.to})
	k.owners = append(k.owners, to.tally)
}

// drop gives a packet up in silence.
func (k *socket) drop(fault, *arrival) { k.inHand.Done() }

// send sends the answers that were kept. If one cannot be sent, the others are.
func (k *socket) send() {
	k.mu.Lock()
	defer k.mu.Unlock()
	ms, owners := k.out, k.owners
	for len(ms) > 0 {
		n, err := k.packets.WriteBatch(ms[:min(len(ms), readSize)], 0)
		n = max(n, 0) // it is -1 if not even the first was sent
		for _, t := range owners[:n] {
			t.responses.Add(1)
		}
		ms, owners = ms[n:], owners[n:]
		if err != nil && len(ms) > 0 {
			to := ms[0].Addr.(*net.UDPAddr).AddrPort()
			k.grumble(unsendable, "", to, time.Now(), "error", err)
			ms, owners = ms[1:], owners[1:]
		}
	}
	k.inHand.Add(-len(k.out))
	clear(k.out)
	k.out, k.owners = k.out[:0], k.owners[:0]
}
