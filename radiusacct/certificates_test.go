package radiusacct

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Whose the certificate is not, is told why, and its like are counted.
func TestCertificatesDecide(t *testing.T) {
	other, third := newAuthority(t, "another CA"), newAuthority(t, "a third CA")
	b := newBranch(t, &recorder{}, other.client("proxies", "proxy.example.com", "*.proxies.example.com"), func() Client {
		c := third.client("elsewhere")
		c.Prefix = netip.MustParsePrefix("192.0.2.0/24")
		return c
	}())
	revokedOne := b.ca.issue("ap9.example.com", nil)
	trusting := b.ca.client("aps")
	trusting.Trust.CRLs = []*x509.RevocationList{other.revoke(), b.ca.revoke(revokedOne)}
	b.SetClients(clientsOf(t, loopback, trusting, b.clients.Load().all[2], b.clients.Load().all[3]))
	intermediate := b.ca.below("issuing CA")
	below := intermediate.issue("ap2.example.com", nil)
	below.Certificate = append(below.Certificate, intermediate.Certificate.Raw)

	for name, cert := range map[string]tls.Certificate{
		"as it should be": b.ca.issue("ap1.example.com", nil),
		"a vendor's: a serial number as its name, no SAN, no usage": b.ca.issue("0123456789AB", func(c *x509.Certificate) {
			c.DNSNames, c.ExtKeyUsage = nil, nil
		}),
		"no name at all":      b.ca.issue("", func(c *x509.Certificate) { c.DNSNames = nil }),
		"by an issuing CA":    below,
		"by a name":           other.issue("proxy.example.com", nil),
		"by a pattern":        other.issue("a.proxies.example.com", nil),
		"by its common name":  other.issue("proxy.example.com", func(c *x509.Certificate) { c.DNSNames = nil }),
		"for client and more": b.ca.issue("x", func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) }),
	} {
		a, err := b.dial(cert)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a.answered(overTLS(start("a")))
		a.Close()
	}

	for reason, cert := range map[string]tls.Certificate{
		"no certificate":                           {},
		"its CA is no client's":                    newAuthority(t, "lab CA").issue("ap1.example.com", nil),
		"it has expired":                           b.ca.issue("ap1.example.com", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		"it is not yet valid":                      b.ca.issue("ap1.example.com", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }),
		"it is for servers only":                   b.ca.issue("ap1.example.com", forServer),
		"it is revoked":                            revokedOne,
		"it or its CA is signed with SHA-1 or MD5": b.ca.issue("ap1.example.com", func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }),
		"it does not hold: x509: unhandled critical extension": b.ca.issue("ap1.example.com", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}),
		`its name is none of the names of client "proxies"`: other.issue("ap1.example.com", nil), // which any of the lab CA's may be
		`it is not from the address of client "elsewhere"`:  third.issue("ap1.example.com", nil),
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			b.refused = nil
			config := b.trusting(cert)
			config.MinVersion, config.MaxVersion = version, version
			conn, err := tls.Dial("tcp", b.listener.Addr().String(), config)
			if err == nil { // the certificate of TLS 1.3 is judged later
				conn.Write(overTLS(start("a")))
				(&ap{b, conn}).isClosed()
				conn.Close()
			}
			b.until(func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.refused) > 0 })
			b.mu.Lock()
			n := b.refused[0]
			b.mu.Unlock()
			if !strings.HasPrefix(n.Reason, reason) || n.Kind != "certificate" || n.Remedy == "" || len(b.refused) != 1 {
				t.Errorf("%s: refused %+v", reason, b.refused)
			}
			if cert.Certificate != nil && n.Key != cert.Leaf.Subject.String()+" by "+cert.Leaf.Issuer.String() {
				t.Errorf("%s: its subject and issuer are %q", reason, n.Key)
			}
		}
	}
	if got := b.Totals().Refused; got != 20 {
		t.Errorf("%d refused", got)
	}
}

func TestRemovedCAClosesItsConnectionsAndNoOthers(t *testing.T) {
	other := newAuthority(t, "another CA")
	b := newBranch(t, &recorder{}, other.client("proxies"))
	stays := b.ap()
	goes, err := b.dial(other.issue("proxy.example.com", nil))
	if err != nil {
		t.Fatal(err)
	}
	goes.answered(overTLS(start("a")))
	stays.answered(overTLS(start("b")))

	moved := b.ca.client("aps")
	moved.Site = "paris"
	b.SetClients(clientsOf(t, loopback, moved))
	goes.isClosed()
	stays.answered(overTLS(withID(2, start("c"))))
	if r := b.recorder.records()[2]; r.Site != "paris" {
		t.Errorf("record: %+v", r)
	}
	if n := b.refused; len(n) != 1 || n[0].Reason != foreign.reason {
		t.Errorf("refused: %+v", n)
	}
}

func TestRevokedByReload(t *testing.T) {
	b := newBranch(t, &recorder{})
	cert := b.ca.issue("ap1.example.com", nil)
	goes, err := b.dial(cert)
	if err != nil {
		t.Fatal(err)
	}
	stays := b.ap()
	goes.answered(overTLS(start("a")))
	c := b.ca.client("aps")
	c.Trust.CRLs = []*x509.RevocationList{b.ca.revoke(cert)}
	b.SetClients(clientsOf(t, loopback, c))
	goes.isClosed()
	stays.answered(overTLS(start("a")))
}

func TestConnectionEndsWithItsCertificate(t *testing.T) {
	t.Parallel()
	b := newBranch(t, &recorder{})
	a, err := b.dial(b.ca.issue("ap1.example.com", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(2 * time.Second) }))
	if err != nil {
		t.Fatal(err)
	}
	a.answered(overTLS(start("a")))
	a.isClosed()
	if n := b.refused; len(n) != 1 || !strings.HasPrefix(n[0].Reason, "it has expired: on ") {
		t.Errorf("refused: %+v", n)
	}
}
