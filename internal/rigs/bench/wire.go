package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
)

// door is where a server takes accounting: over UDP, or over TLS.
type door struct {
	address netip.AddrPort
	tls     *tls.Config // nil: over UDP
}

// wire carries packets to a server, and answers back.
type wire interface {
	// send sends packets, of which it keeps nothing.
	send(packets []ipv4.Message) error
	// receive waits for an answer, until the deadline, and returns how many
	// there are. Each is in the first buffer of its message.
	receive(into []ipv4.Message) (int, error)
	SetReadDeadline(time.Time) error
	Close() error
}

// dial returns a wire to the door from an address, with a port of its own.
func (d door) dial(from netip.Addr) (wire, error) {
	if d.tls == nil {
		return dialUDP(from, d.address)
	}
	return dialTLS(from, d.address, d.tls)
}

// datagrams is a wire over UDP.
type datagrams struct {
	*net.UDPConn
	batch *ipv4.PacketConn
}

func dialUDP(from netip.Addr, to netip.AddrPort) (*datagrams, error) {
	conn, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, err
	}
	if err := conn.SetReadBuffer(4 << 20); err != nil { // what is lost here would look like the server's loss
		return nil, errors.Join(err, conn.Close())
	}
	return &datagrams{conn, ipv4.NewPacketConn(conn)}, nil
}

// send sends the packets. That nobody listens is no error to a NAS.
func (w *datagrams) send(packets []ipv4.Message) error {
	refused := 0
	for out := packets; len(out) > 0; {
		sent, err := w.batch.WriteBatch(out, 0)
		if errors.Is(err, syscall.ECONNREFUSED) && refused < len(packets) {
			refused++ // it tells of an earlier packet, and this one was not sent
			continue
		}
		if err != nil {
			return fmt.Errorf("send requests: %w", err)
		}
		out = out[sent:]
	}
	return nil
}

func (w *datagrams) receive(into []ipv4.Message) (int, error) { return w.batch.ReadBatch(into, 0) }

// stream is a wire over TLS. Each packet is a record of its own, as radsecproxy
// and FreeRADIUS send them, and all that are sent at once are one write.
type stream struct {
	*tls.Conn
	below *corked
	in    *bufio.Reader
}

func dialTLS(from netip.Addr, to netip.AddrPort, config *tls.Config) (*stream, error) {
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 5 * time.Second}
	conn, err := dialer.Dial("tcp4", to.String())
	if err != nil {
		return nil, err
	}
	below := &corked{Conn: conn}
	w := &stream{Conn: tls.Client(below, config), below: below}
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if err := w.Handshake(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	conn.SetDeadline(time.Time{})
	below.holds = true
	w.in = bufio.NewReaderSize(w.Conn, 1<<16)
	return w, nil
}

func (w *stream) send(packets []ipv4.Message) error {
	for _, m := range packets {
		if _, err := w.Write(m.Buffers[0]); err != nil {
			return fmt.Errorf("send requests: %w", err)
		}
	}
	return w.below.flush()
}

func (w *stream) receive(into []ipv4.Message) (n int, err error) {
	for n < len(into) && (n == 0 || w.in.Buffered() >= headerLength) {
		header, err := w.in.Peek(4)
		if err != nil {
			return n, err
		}
		length := int(binary.BigEndian.Uint16(header[2:]))
		buffer := into[n].Buffers[0]
		if length < headerLength || length > len(buffer) {
			return n, fmt.Errorf("receive an answer: its length is %d", length)
		}
		if n > 0 && w.in.Buffered() < length {
			break
		}
		if _, err := w.in.Peek(length); err != nil { // all of it, or nothing before the deadline
			return n, err
		}
		into[n].N, _ = io.ReadFull(w.in, buffer[:length])
		n++
	}
	return n, nil
}

// corked is a connection that holds what is written until it is flushed.
type corked struct {
	net.Conn
	holds bool
	held  []byte
}

func (c *corked) Write(b []byte) (int, error) {
	if !c.holds {
		return c.Conn.Write(b)
	}
	c.held = append(c.held, b...)
	return len(b), nil
}

func (c *corked) flush() error {
	held := c.held
	c.held = c.held[:0]
	if len(held) == 0 {
		return nil
	}
	_, err := c.Conn.Write(held)
	return err
}
