package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/radiusacct"
)

// TestCheckTellsWhatRunsOut: and whom our certificate names, and whether its
// chain is whole.
func TestCheckTellsWhatRunsOut(t *testing.T) {
	now := time.Now()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(name string, parent *x509.Certificate, days int, change func(*x509.Certificate)) *x509.Certificate {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
			NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(time.Duration(days)*24*time.Hour + time.Hour),
		}
		change(c)
		if parent == nil {
			parent = c
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		return c
	}
	anAuthority := func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }
	named := func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = []string{"radsec.example.com"}, []net.IP{net.IPv4(10, 0, 0, 5)}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	root, other := issue("root", nil, 400, anAuthority), issue("other", nil, 400, anAuthority)
	issuing := issue("issuing", root, 400, anAuthority)
	try := func(clientCA *x509.Certificate, sent ...*x509.Certificate) string {
		cfg := &configs.Config{Radsec: &configs.Radsec{Certificate: tls.Certificate{Leaf: sent[0]}}}
		for _, c := range sent {
			cfg.Radsec.Certificate.Certificate = append(cfg.Radsec.Certificate.Certificate, c.Raw)
		}
		cfg.Radius.Clients = []radiusacct.Client{{Name: "udp"}, {Name: "aps", Trust: &radiusacct.Trust{CAs: []*x509.Certificate{clientCA}}}}
		var b strings.Builder
		for _, trial := range tryCertificates(cfg, now) {
			b.WriteString([]string{"good", "noted", "doubtful", "wrong"}[trial.verdict] + " " + trial.subject + ": " + trial.text + "\n")
		}
		return b.String()
	}
	for _, c := range []struct {
		name, want string
		clientCA   *x509.Certificate
		sent       []*x509.Certificate
	}{
		{"as it should be", "good its names: radsec.example.com, 10.0.0.5\ngood its chain: whole: clients need the CA CN=root\ngood CA of aps: CN=root, until ", root, []*x509.Certificate{issue("ours", issuing, 90, named), issuing}},
		{"soon", "doubtful certificate: CN=ours, until " + now.Add(7*24*time.Hour+time.Hour).UTC().Format(time.DateOnly) + ": 7 days from now", root, []*x509.Certificate{issue("ours", root, 7, named)}},
		{"over", ": it has run out", root, []*x509.Certificate{issue("ours", root, -1, named)}},
		{"no name", "doubtful its names: none", root, []*x509.Certificate{issue("ours", root, 90, func(*x509.Certificate) {})}},
		{"for clients", "wrong its usage: it is not for servers", root, []*x509.Certificate{issue("ours", root, 90, func(c *x509.Certificate) {
			named(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})}},
		{"a client's CA soon", "doubtful CA of aps: CN=old, until ", issue("old", nil, 3, anAuthority), []*x509.Certificate{issue("ours", root, 90, named)}},
	} {
		if got := try(c.clientCA, c.sent...); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is missing in\n%s", c.name, c.want, got)
		}
	}
	foreign := &x509.Certificate{}
	*foreign = *other
	foreign.PublicKey = mustKey(t)
	if got := tryChain([]*x509.Certificate{issue("ours", root, 90, named), foreign}); got.verdict != wrong || got.remedy == "" {
		t.Errorf("a chain in disorder: %+v", got)
	}
	if got := tryCertificates(&configs.Config{}, now); got != nil {
		t.Errorf("without [radsec]: %+v", got)
	}
}

func mustKey(t *testing.T) *ecdsa.PublicKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &key.PublicKey
}
