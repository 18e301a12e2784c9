package radiusacct

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/presenced/presenced/presence"
)

const (
	handshakes     = 64               // at once; more wait in the listener
	handshakeTime  = 10 * time.Second // for one
	handshakeHurry = 2 * time.Second  // for one while more than half of handshakes are under way
)

// keepAlive finds connections whose other end is gone: no timeout could, because
// a client that is there may be silent for a night.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}

// handshake returns the connection of a client, or closes a connection that comes
// to no handshake or is no client's, and returns nil.
func (s *Server) handshake(ctx context.Context, tcp *net.TCPConn, limit time.Duration) *connection {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tcp.SetKeepAliveConfig(keepAlive)
	source := tcp.RemoteAddr().(*net.TCPAddr).AddrPort()
	c := &connection{
		intake: s.intake, via: s.intake.transports.Add(1), octets: &stamped{Conn: tcp},
		source: netip.AddrPortFrom(source.Addr().Unmap(), source.Port()),
		room:   make(chan struct{}, inHandMost), ended: make(chan struct{}),
	}
	var judged error
	conn := tls.Server(c.octets, s.tlsConfig(func(state tls.ConnectionState) error {
		c.sent = state.PeerCertificates
		_, judged = s.judge(c, s.clients.Load())
		return judged
	}))
	c.conn = conn
	if err := conn.HandshakeContext(ctx); err != nil {
		if judged == nil { // else the refusal has been told already
			s.unshaken(c.source, err)
		}
		tcp.Close()
		return nil
	}
	// A certificate is public: only a finished handshake proves that the sender has
	// its key. So connections count among the client's from here on and no sooner.
	if s.join(c) != nil {
		conn.Close()
		return nil
	}
	return c
}

// unaccepted logs that a connection could not be accepted, as when too many files
// are open.
func (s *Server) unaccepted(err error) {
	s.grumble(noHandshake, "", netip.AddrPort{}, time.Now(), "error", err)
}

// tlsConfig returns the TLS settings of a new connection, with verify to judge its
// certificate.
func (s *Server) tlsConfig(verify func(tls.ConnectionState) error) *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &tls.Config{
		Certificates: []tls.Certificate{*s.certificate},
		MinVersion:   tls.VersionTLS12,
		ClientAuth:   tls.RequestClientCert, // and verify requires it
		ClientCAs:    s.clients.Load().cas,  // their names go out, for a client to choose a certificate by
		// With tickets FreeRADIUS 3.2 sends its first request over TLS 1.3 only
		// when something else arrives. A connection that lasts for days resumes none.
		SessionTicketsDisabled: true,
		NextProtos:             []string{"radius/1.0"}, // who offers only RADIUS/1.1 (RFC 9765) is told so by the handshake
		VerifyConnection:       verify,

		DynamicRecordSizingDisabled: true, // the answers of a batch are one record
	}
}

// unshaken counts, logs and tells of a handshake that failed. It ignores
// connections that are only opened and closed, as port scans and health checks do.
func (s *Server) unshaken(source netip.AddrPort, err error) {
	var op *net.OpError
	why := err.Error()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, context.Canceled):
		return
	case errors.Is(err, context.DeadlineExceeded):
		why = "it takes too long"
	case errors.As(err, &op): // without its addresses
		why = op.Err.Error()
	}
	why = clip(why)
	remedy := "see that it speaks RADIUS over TLS 1.2 or 1.3 to this port, and nothing else does"
	if op != nil && op.Op == "remote error" {
		remedy = "it does not take our certificate: give it the CA, and see that the certificate names us as it does ([radsec] cert_file)"
	}
	now := time.Now()
	s.totals.refused.Add(1)
	s.grumble(noHandshake, "", source, now, "error", why)
	s.tell(presence.Nobody{Kind: "source", Key: source.Addr().String(), Reason: "no TLS handshake: " + why, Remedy: remedy}, now)
}
