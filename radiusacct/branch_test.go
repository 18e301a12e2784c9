package radiusacct

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"layeh.com/radius"

	"github.com/presenced/presenced/presence"
)

// branch is an office that is reached over TLS too, by access points of a CA.
type branch struct {
	*office
	ca       *authority
	listener *net.TCPListener
	shut     func() // stops serving over TLS, and waits

	mu      sync.Mutex
	refused []presence.Nobody
}

func newBranch(t testing.TB, r *recorder, more ...Client) *branch {
	t.Helper()
	ca := newAuthority(t, "lab CA")
	b := &branch{office: newOfficeOn(t, "127.0.0.1:0", r, append([]Client{loopback, ca.client("aps")}, more...)...), ca: ca}
	b.Refused = func(n presence.Nobody, _ time.Time) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.refused = append(b.refused, n)
	}
	b.SetCertificate(ca.issue("radsec.example.com", forServer))
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	b.listener = listener
	b.serveTLS()
	return b
}

func (b *branch) serveTLS() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.ServeTLS(ctx, b.listener) }()
	b.shut = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.Errorf("serve: %v", err)
		}
	})
	b.Cleanup(b.shut)
}

// ap is a connection of an access point.
type ap struct {
	*branch
	*tls.Conn
}

// dial connects with a certificate; none if it is empty.
func (b *branch) dial(cert tls.Certificate) (*ap, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", b.listener.Addr().String(), b.trusting(cert))
	if err != nil {
		return nil, err
	}
	b.Cleanup(func() { conn.Close() })
	return &ap{b, conn}, nil
}

func (b *branch) trusting(cert tls.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(b.ca.Certificate)
	c := &tls.Config{RootCAs: roots, ServerName: "radsec.example.com"}
	if cert.Certificate != nil {
		// Sent whatever the server asks for: a peer may be as wrong as it likes.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	return c
}

func (b *branch) ap() *ap {
	b.Helper()
	a, err := b.dial(b.ca.issue("ap1.example.com", nil))
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// overTLS signs a packet with the secret that counts there.
func overTLS(packet []byte) []byte { return resign(packet, RadSecSecret) }

func (a *ap) send(packets ...[]byte) {
	a.Helper()
	if _, err := a.Write(slices.Concat(packets...)); err != nil {
		a.Fatal(err)
	}
}

func (a *ap) answer() []byte {
	a.Helper()
	a.SetReadDeadline(time.Now().Add(20 * time.Second))
	b, err := readPacket(a)
	if err != nil {
		a.Fatalf("no answer: %v", err)
	}
	return b
}

func readPacket(r io.Reader) ([]byte, error) {
	b := make([]byte, maxLen)
	if _, err := io.ReadFull(r, b[:4]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint16(b[2:])
	_, err := io.ReadFull(r, b[4:length])
	return b[:length], err
}

func (a *ap) answered(packet []byte) []byte {
	a.Helper()
	a.send(packet)
	return a.isAnswered(packet)
}

func (a *ap) isAnswered(packet []byte) []byte {
	a.Helper()
	b := a.answer()
	if radius.Code(b[0]) != radius.CodeAccountingResponse || b[1] != packet[1] || !radius.IsAuthenticResponse(b, packet, []byte(RadSecSecret)) {
		a.Fatalf("answer %x is none to %x", b, packet)
	}
	return b
}

// isClosed checks that nothing more comes, and the connection ends.
func (a *ap) isClosed() {
	a.Helper()
	a.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 1)
	if n, err := a.Read(b); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		a.Fatalf("the connection is open: read %d, %v", n, err)
	}
}

// client is what was counted of the client over TLS.
func (b *branch) client() ClientStats { return b.Stats()[1] }
