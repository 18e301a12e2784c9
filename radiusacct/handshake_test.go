package radiusacct

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
)

func TestPeersThatBeginNothingShutNobodyOut(t *testing.T) {
	t.Parallel()
	b := newBranch(t, &recorder{})
	for range 3 * handshakes / 2 {
		conn, err := net.Dial("tcp", b.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	b.ap().answered(overTLS(start("a")))
}

// A certificate is no secret: anybody may have seen it.
func TestCertificateWithoutItsKeyLetsNobodyIn(t *testing.T) {
	ca := newAuthority(t, "one connection each")
	one := ca.client("one")
	one.MaxConnections = 1
	b := newBranch(t, &recorder{}, one)
	cert := ca.issue("ap1.example.com", nil)
	a, err := b.dial(cert)
	if err != nil {
		t.Fatal(err)
	}
	a.answered(overTLS(start("a")))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := b.trusting(tls.Certificate{Certificate: cert.Certificate, PrivateKey: ca.issue("another", nil).PrivateKey})
		config.MinVersion, config.MaxVersion = version, version
		if conn, err := tls.Dial("tcp", b.listener.Addr().String(), config); err == nil {
			(&ap{b, conn}).isClosed()
		}
	}
	b.until(func() bool { return b.Totals().Refused == 2 })
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.refused {
		if n.Kind != "source" || !strings.Contains(n.Reason, "invalid signature by the client certificate") {
			t.Errorf("refused: %+v", n)
		}
	}
	if n := b.clients.Load().tallies[2].faults[tooMany].Load(); n != 0 {
		t.Errorf("%d were counted beside the one who has the key", n)
	}
}

// FreeRADIUS 3.2 stalls over TLS 1.3 when there are tickets.
func TestNoSessionIsResumed(t *testing.T) {
	b := newBranch(t, &recorder{})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := b.trusting(b.ca.issue("ap1.example.com", nil))
		config.MinVersion, config.MaxVersion = version, version
		tickets := &tickets{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		config.ClientSessionCache = tickets
		for range 2 {
			conn, err := tls.Dial("tcp", b.listener.Addr().String(), config)
			if err != nil {
				t.Fatal(err)
			}
			(&ap{b, conn}).answered(overTLS(start("a"))) // whatever else came has been read
			if conn.ConnectionState().DidResume || tickets.got > 0 {
				t.Errorf("version %x: resumed %v, %d tickets", version, conn.ConnectionState().DidResume, tickets.got)
			}
			conn.Close()
		}
	}
}

// tickets counts those that it is given to keep.
type tickets struct {
	tls.ClientSessionCache
	got int
}

func (c *tickets) Put(key string, s *tls.ClientSessionState) {
	c.got++
	c.ClientSessionCache.Put(key, s)
}

// RADIUS/1.1 (RFC 9765) is not spoken, and who speaks nothing else learns so
// from the handshake.
func TestWhatIsSpoken(t *testing.T) {
	b := newBranch(t, &recorder{})
	for _, c := range []struct {
		version   uint16
		protocols []string
		well      bool
	}{
		{tls.VersionTLS11, nil, false},
		{tls.VersionTLS12, nil, true},
		{tls.VersionTLS13, nil, true},
		{tls.VersionTLS13, []string{"radius/1.0"}, true},
		{tls.VersionTLS13, []string{"radius/1.1", "radius/1.0"}, true},
		{tls.VersionTLS13, []string{"radius/1.1"}, false},
	} {
		config := b.trusting(b.ca.issue("ap1.example.com", nil))
		config.MinVersion, config.MaxVersion, config.NextProtos = c.version, c.version, c.protocols
		conn, err := tls.Dial("tcp", b.listener.Addr().String(), config)
		if (err == nil) != c.well {
			t.Errorf("version %x, %q: %v", c.version, c.protocols, err)
		}
		if err == nil {
			(&ap{b, conn}).answered(overTLS(start("a")))
			conn.Close()
		}
	}
}

// A new certificate of ours counts from the next connection on, and none is
// closed for it.
func TestOurCertificateIsRotated(t *testing.T) {
	b := newBranch(t, &recorder{})
	stays := b.ap()
	next := b.ca.issue("radsec.example.com", forServer)
	b.SetCertificate(next)
	if got := b.ap().ConnectionState().PeerCertificates[0]; !got.Equal(next.Leaf) {
		t.Errorf("a new connection is shown the certificate with the number %d", got.SerialNumber)
	}
	stays.answered(overTLS(start("a")))
}

// Whoever connects may call himself as he likes.
func TestNamesOfStrangersAreKeptShort(t *testing.T) {
	b := newBranch(t, &recorder{})
	long := strings.Repeat("é", 20_000)
	b.dial(newAuthority(t, long).issue(long, func(c *x509.Certificate) { c.DNSNames = nil }))
	config := b.trusting(b.ca.issue("ap1.example.com", nil))
	for i := range 200 {
		config.NextProtos = append(config.NextProtos, fmt.Sprint(i, long[:200]))
	}
	tls.Dial("tcp", b.listener.Addr().String(), config)
	b.until(func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.refused) == 2 })
	for _, n := range b.refused {
		if len(n.Key)+len(n.Reason) > 1000 {
			t.Errorf("%d octets of who and %d of why are kept", len(n.Key), len(n.Reason))
		}
	}
}
