package radiusacct

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// Trust says which certificates are a client's (RFC 6614 2.3, 2.4).
type Trust struct {
	CAs   []*x509.Certificate    // the client's certificate is one of these, or leads to one of them
	Names []string               // patterns, one of which a name of the certificate has to match; none: any certificate may come
	CRLs  []*x509.RevocationList // lists of revoked certificates, each of which counts for those of its issuer

	pool *x509.CertPool // of CAs
}

// RadSecSecret is the shared secret of RADIUS/TLS, where it protects nothing
// (RFC 6614 2.3).
const RadSecSecret = "radsec"

// refusal is why a certificate is no client's, and what to do about it.
type refusal struct {
	reason string // texts from the certificate stand in quotation marks, or behind a colon
	remedy string
	rank   int // higher the more conditions the certificate met: the highest refusal is told
}

func (r *refusal) Error() string { return r.reason }

var (
	noCertificate = &refusal{"no certificate", "give the sender a client certificate, by a CA of its [[radius.client]]", 0}
	foreign       = &refusal{"its CA is no client's", "put its CA into the ca_file of a [[radius.client]], or give the sender a certificate by one that is there", 1}
	forgeable     = &refusal{"it or its CA is signed with SHA-1 or MD5, which can be forged", "have it signed anew, with SHA-256", 2}
	serversOnly   = &refusal{"it is for servers only", "give the sender a certificate whose extended key usage has clientAuth, or none", 2}
	revoked       = &refusal{"it is revoked", "give the sender another; the crl_file of its [[radius.client]] has this one", 4}
)

// identify returns the first client that the certificate sent[0] belongs to, and
// until when it does; the rest of sent are certificates between it and its CA.
// Each client's CAs vouch for that client alone. The error is a [refusal].
func (set Clients) identify(sent []*x509.Certificate, from netip.Addr, now time.Time) (index int, until time.Time, err error) {
	if len(sent) == 0 {
		return 0, until, noCertificate
	}
	worst := foreign
	for i, c := range set.all {
		if c.Trust == nil {
			continue
		}
		until, r := c.admits(sent, from, now)
		if r == nil {
			return i, until, nil
		}
		if r.rank > worst.rank {
			worst = r
		}
	}
	return 0, until, worst
}

// admits returns until when the certificate sent[0] is the client's, or why it is
// not.
func (c *Client) admits(sent []*x509.Certificate, from netip.Addr, now time.Time) (until time.Time, r *refusal) {
	leaf, between := sent[0], x509.NewCertPool()
	for _, cert := range sent[1:] {
		between.AddCert(cert)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: c.Trust.pool, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	var invalid x509.CertificateInvalidError
	who := "it"
	if errors.As(err, &invalid) && !invalid.Cert.Equal(leaf) {
		who = "its CA"
	}
	switch {
	case err == nil:
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		return until, &refusal{who + " is not yet valid: not before " + invalid.Cert.NotBefore.UTC().Format(time.RFC3339), "see to the clock of this host, and of who issued it", 3}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return until, &refusal{who + " has expired: on " + invalid.Cert.NotAfter.UTC().Format(time.RFC3339), "give the sender a new one", 3}
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return until, serversOnly
	case errors.As(err, new(x509.UnknownAuthorityError)):
		if strings.Contains(err.Error(), "insecure algorithm") { // all that crypto/x509 tells of it
			return until, forgeable
		}
		return until, foreign
	default:
		return until, &refusal{"it does not hold: " + clip(err.Error()), "give the sender one that does", 2}
	}
	chains = slices.DeleteFunc(chains, c.Trust.revokes)
	if len(chains) == 0 {
		return until, revoked
	}
	if !c.Trust.named(leaf) {
		return until, &refusal{fmt.Sprintf("its name is none of the names of client %q", c.Name), "add it to names there, or give the sender a certificate with one that is there", 5}
	}
	if c.Prefix.IsValid() && !c.Prefix.Contains(from.Unmap()) {
		return until, &refusal{fmt.Sprintf("it is not from the address of client %q", c.Name), "correct address there, or see who else has this certificate and its key", 6}
	}
	for _, cert := range chains[0] {
		if until.IsZero() || cert.NotAfter.Before(until) {
			until = cert.NotAfter
		}
	}
	return until, nil
}

// revokes reports whether a list revokes any certificate of the chain, by the
// serial number that the certificate above it in the chain gave it.
func (t *Trust) revokes(chain []*x509.Certificate) bool {
	for i, cert := range chain[:len(chain)-1] {
		for _, list := range t.CRLs {
			if list.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			if slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
				return e.SerialNumber.Cmp(cert.SerialNumber) == 0
			}) {
				return true
			}
		}
	}
	return false
}

// named reports whether a name of the certificate matches one of the patterns.
func (t *Trust) named(cert *x509.Certificate) bool {
	return len(t.Names) == 0 || slices.ContainsFunc(names(cert), func(name string) bool {
		return slices.ContainsFunc(t.Names, func(pattern string) bool { return presence.Match(pattern, name) })
	})
}

// names returns the DNS names of a certificate. Certificates that vendors put into
// devices have none: of those it returns the Common Name.
func names(cert *x509.Certificate) []string {
	if len(cert.DNSNames) > 0 {
		return cert.DNSNames
	}
	return []string{cert.Subject.CommonName}
}
