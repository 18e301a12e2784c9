package lab

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Wire carries accounting from access points to a server and back, each
// access point by a port of its own. It keeps what it carried, and may lose
// some.
type Wire struct {
	// Lose reports whether a datagram gets lost; nil: none does. It is asked in
	// turn.
	Lose func(datagram []byte, answer bool) bool

	l    *Lab
	conn net.PacketConn
	to   netip.AddrPort

	mu      sync.Mutex // guards what follows
	ports   map[string]*net.UDPConn
	carried []Carried
}

// Carried is a request that reached the server.
type Carried struct {
	At       time.Time
	Datagram []byte
}

// Wire connects a port of the lab's own address with a server.
func (l *Lab) Wire(port uint16, to netip.AddrPort) *Wire {
	l.t.Helper()
	conn, err := net.ListenPacket("udp", netip.AddrPortFrom(l.Addr(), port).String())
	l.must(err)
	w := &Wire{l: l, conn: conn, to: to, ports: map[string]*net.UDPConn{}}
	l.t.Cleanup(func() { conn.Close() })
	go w.up()
	return w
}

// Addr is where access points send to.
func (w *Wire) Addr() net.Addr { return w.conn.LocalAddr() }

// Carried returns what was carried so far, in order.
func (w *Wire) Carried() []Carried {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Carried(nil), w.carried...)
}

// up carries requests until the wire is cut.
func (w *Wire) up() {
	b := make([]byte, 4096)
	for {
		n, from, err := w.conn.ReadFrom(b)
		if err != nil {
			return
		}
		datagram := append([]byte(nil), b[:n]...)
		w.mu.Lock()
		if w.Lose == nil || !w.Lose(datagram, false) {
			w.carried = append(w.carried, Carried{time.Now(), datagram})
			if port := w.port(from); port != nil {
				port.Write(datagram) // what gets lost is sent again
			}
		}
		w.mu.Unlock()
	}
}

// port is that of an access point. Who calls holds the lock.
func (w *Wire) port(from net.Addr) *net.UDPConn {
	port := w.ports[from.String()]
	if port != nil {
		return port
	}
	port, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(w.to))
	if err != nil {
		w.l.t.Errorf("connect to %v: %v", w.to, err)
		return nil
	}
	w.l.t.Cleanup(func() { port.Close() })
	w.ports[from.String()] = port
	go func() { // answers
		b := make([]byte, 4096)
		for {
			n, err := port.Read(b)
			switch {
			case err == nil:
			case errors.Is(err, net.ErrClosed):
				return
			default: // the server is away
				continue
			}
			w.mu.Lock()
			if w.Lose == nil || !w.Lose(b[:n], true) {
				w.conn.WriteTo(b[:n], from)
			}
			w.mu.Unlock()
		}
	}()
	return port
}
