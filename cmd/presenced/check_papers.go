package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/terminal"
)

// soon is how long before it runs out a certificate is to be seen to.
const soon = 30 * 24 * time.Hour

// tryCertificates looks at what accounting over TLS depends on: whether it is
// valid and how long yet, whom ours names, and whether its chain is whole.
func tryCertificates(cfg *configs.Config, now time.Time) (all []trial) {
	if cfg.Radsec == nil {
		return nil
	}
	all = tryOurs(cfg.Radsec.Certificate.Certificate, now)
	for _, c := range cfg.Radius.Clients {
		if c.Trust == nil {
			continue
		}
		for _, ca := range c.Trust.CAs {
			all = append(all, tryExpiry("CA of "+c.Name, ca.Subject.String(), ca.NotBefore, ca.NotAfter, now, "put its successor into the client's ca_file, beside it while both are in use"))
		}
		for _, list := range c.Trust.CRLs {
			text := fmt.Sprintf("%d revoked by %s", len(list.RevokedCertificateEntries), list.Issuer)
			if list.NextUpdate.IsZero() {
				all = append(all, trial{good, "revoked for " + c.Name, text, ""})
				continue
			}
			t := tryExpiry("revoked for "+c.Name, text, list.ThisUpdate, list.NextUpdate, now, "have its crl_file be fetched anew, by a timer")
			t.verdict = min(t.verdict, doubtful) // an old list counts on
			if now.Before(list.NextUpdate) {
				t.verdict, t.remedy = good, "" // they live for days
			}
			all = append(all, t)
		}
	}
	return all
}

// tryOurs looks at the certificate that we show, and what we send with it.
func tryOurs(sent [][]byte, now time.Time) (all []trial) {
	var chain []*x509.Certificate
	for _, der := range sent {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return []trial{{wrong, "certificate", err.Error(), "correct [radsec] cert_file"}}
		}
		chain = append(chain, c)
	}
	leaf := chain[0]
	all = append(all, tryExpiry("certificate", leaf.Subject.String(), leaf.NotBefore, leaf.NotAfter, now, "put a new one into [radsec] cert_file and key_file; nothing needs to be restarted"))
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		all = append(all, trial{doubtful, "its names", "none: clients that check it look for the name or the address that they have, as its subjectAltName", "issue it with both"})
	case len(leaf.IPAddresses) == 0:
		all = append(all, trial{noted, "its names", strings.Join(names, ", ") + "; no address: clients that are given one and check it refuse", ""})
	default:
		all = append(all, trial{good, "its names", strings.Join(names, ", "), ""})
	}
	if len(leaf.ExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		all = append(all, trial{wrong, "its usage", "it is not for servers: clients refuse it", "issue it with serverAuth as its extendedKeyUsage"})
	}
	return append(all, tryChain(chain))
}

// tryChain looks at whether each certificate that we send is signed by the
// next, so that a client that has the CA can follow.
func tryChain(chain []*x509.Certificate) trial {
	for i, c := range chain[:len(chain)-1] {
		if err := c.CheckSignatureFrom(chain[i+1]); err != nil {
			return trial{wrong, "its chain", fmt.Sprintf("%s is not signed by %s, which follows it", c.Subject, chain[i+1].Subject),
				"put into cert_file ours first, then the one that signed it, and so on"}
		}
	}
	last := chain[len(chain)-1]
	var self error = errors.New("it is by another")
	if string(last.RawIssuer) == string(last.RawSubject) {
		self = last.CheckSignature(last.SignatureAlgorithm, last.RawTBSCertificate, last.Signature)
	}
	if self == nil && len(chain) == 1 {
		return trial{noted, "its chain", "it is signed by itself: clients have to be given it as their CA", ""}
	}
	return trial{good, "its chain", "whole: clients need the CA " + last.Issuer.String(), ""}
}

// tryExpiry judges when something is valid.
func tryExpiry(subject, text string, from, until, now time.Time, remedy string) trial {
	left := until.Sub(now)
	text += ", until " + until.UTC().Format(time.DateOnly)
	switch {
	case now.Before(from):
		return trial{wrong, subject, text + ", and not before " + from.UTC().Format(time.DateTime), "see to this host's clock, or wait"}
	case left <= 0:
		return trial{wrong, subject, text + ": it has run out", remedy}
	case left < soon:
		return trial{doubtful, subject, fmt.Sprintf("%s: %s from now", text, terminal.Count(int(left/(24*time.Hour)), "day")), remedy}
	}
	return trial{good, subject, text, ""}
}
