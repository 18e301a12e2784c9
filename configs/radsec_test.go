package configs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// overTLSToo is the reference with what it has about TLS.
func overTLSToo(reference []byte) []byte {
	before, about, _ := bytes.Cut(reference, []byte("# Accounting over TLS"))
	return slices.Concat(before, []byte("#"), regexp.MustCompile(`(?m)^#   `).ReplaceAll(about, nil))
}

// papers are certificates in a folder, as the reference names them.
type papers struct {
	testing.TB
	dir string
	key *ecdsa.PrivateKey // of all of them
	ca  *x509.Certificate
}

func newPapers(t testing.TB) *papers {
	t.Helper()
	p := &papers{TB: t, dir: t.TempDir()}
	var err error
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	p.ca = p.issue("ca.pem", func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.KeyUsage = "lab CA", true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	})
	p.issue("server.pem", nil)
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		t.Fatal(err)
	}
	p.write("server.key", "PRIVATE KEY", key)
	for _, copied := range [][2]string{{"ca.pem", "mist-org-ca.pem"}, {"server.key", "radsec-key"}} {
		data, err := os.ReadFile(p.path(copied[0]))
		if err == nil {
			err = os.WriteFile(p.path(copied[1]), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		if err := os.Link(p.path("radsec-key"), filepath.Join(dir, "radsec-key")); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *papers) path(name string) string { return filepath.Join(p.dir, "tls", name) }

func (p *papers) write(name, kind string, der []byte) {
	p.Helper()
	if err := os.MkdirAll(filepath.Join(p.dir, "tls"), 0o700); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		p.Fatal(err)
	}
}

// issue writes a certificate, as change wants it, under the name.
func (p *papers) issue(name string, change func(*x509.Certificate)) *x509.Certificate {
	p.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "radsec.example.com"}, DNSNames: []string{"radsec.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
	}
	if change != nil {
		change(c)
	}
	parent := p.ca
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &p.key.PublicKey, p.key)
	if err != nil {
		p.Fatal(err)
	}
	p.write(name, "CERTIFICATE", der)
	if c, err = x509.ParseCertificate(der); err != nil {
		p.Fatal(err)
	}
	return c
}

// list writes a revocation list of the CA's that is to be replaced then.
func (p *papers) list(name string, next time.Time) {
	p.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-48 * time.Hour), NextUpdate: next,
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(7), RevocationTime: time.Now()}},
	}, p.ca, p.key)
	if err != nil {
		p.Fatal(err)
	}
	p.write(name, "X509 CRL", der)
}

// unnumbered writes the list of another file as one of version 1, which has no
// number.
func (p *papers) unnumbered(name, of string) {
	p.Helper()
	text, err := os.ReadFile(p.path(of))
	if err != nil {
		p.Fatal(err)
	}
	block, _ := pem.Decode(text)
	var list struct {
		Signed, Algorithm asn1.RawValue
		Signature         asn1.BitString
	}
	if _, err := asn1.Unmarshal(block.Bytes, &list); err != nil {
		p.Fatal(err)
	}
	list.Signed.Bytes, list.Signed.FullBytes = list.Signed.Bytes[len("\x02\x01\x01"):], nil
	der, err := asn1.Marshal(list)
	if err != nil {
		p.Fatal(err)
	}
	p.write(name, block.Type, der)
}

const overTLSText = smallest + `
[radsec]
cert_file = "tls/server.pem"
key_file = "tls/server.key"
[[radius.client]]
name = "aps"
ca_file = "tls/ca.pem"
`

func (p *papers) parse(text string) (*Config, error) {
	return Parse("presenced.toml", []byte(text), p.dir)
}

func TestReferenceOverTLSIsAConfiguration(t *testing.T) {
	credentials(t)
	p := newPapers(t)
	c, err := p.parse(string(overTLSToo(filled())))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("it warns: %q", c.Warnings)
	}
	if got := c.Radius.Clients[1]; got.Name != "mist-aps" || got.Trust == nil || len(got.Trust.CAs) != 1 || got.Trust.Names != nil || got.Prefix.IsValid() {
		t.Errorf("client: %+v", got)
	}
	if c.Radsec.Certificate.Leaf.Subject.CommonName != "radsec.example.com" || c.Radsec.Listen[0] != ":2083" || c.Radsec.MaxConnections != 4096 {
		t.Errorf("radsec: %+v", c.Radsec)
	}
	for _, name := range []string{p.path("server.pem"), p.path("mist-org-ca.pem")} {
		if !slices.Contains(c.Files(), name) {
			t.Errorf("a change of %s is not noticed: %v", name, c.Files())
		}
	}
}

func TestClientsOverTLS(t *testing.T) {
	p := newPapers(t)
	p.list("crl.pem", time.Now().Add(time.Hour))
	c, err := p.parse("[radius]\nlisten = []\n" + overTLSText + `
names = ["*.example.com"]
crl_file = "tls/crl.pem"
address = "10.0.0.0/8"
secret = "typed in"
site = "london"
max_connections = 7
`)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Radius.Clients[1]
	if len(c.Radius.Listen) > 0 || len(got.Trust.CRLs) != 1 || got.Trust.Names[0] != "*.example.com" || got.Prefix.String() != "10.0.0.0/8" ||
		string(got.Secrets[0]) != "typed in" || got.Site != "london" || got.MaxConnections != 7 {
		t.Errorf("client: %+v", got)
	}
	if plain, err := p.parse(smallest); err != nil || plain.Radsec != nil {
		t.Errorf("without [radsec] there is %+v, %v", plain.Radsec, err)
	}
}

// What is wrong is told by the key that is to be changed.
func TestFaultsOverTLS(t *testing.T) {
	p := newPapers(t)
	q := newPapers(t) // whose CA is another
	q.list("crl.pem", time.Now().Add(time.Hour))
	for name, path := range map[string]string{"other.key": q.path("server.key"), "other-crl.pem": q.path("crl.pem")} {
		if err := os.Link(path, p.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	p.list("crl.pem", time.Now().Add(time.Hour))
	p.unnumbered("first-version.pem", "crl.pem")
	for want, text := range map[string]string{
		`x509: unsupported crl version (have the CA make lists of version 2`:         overTLSText + `crl_file = "tls/first-version.pem"`,
		`radsec.cert_file: open ` + p.path("none.pem"):                               strings.Replace(overTLSText, "server.pem", "none.pem", 1),
		`radsec.key_file: open ` + p.path("none.key"):                                strings.Replace(overTLSText, "server.key", "none.key", 1),
		`radsec.cert_file: it does not go with key_file`:                             strings.Replace(overTLSText, "server.key", "other.key", 1),
		`radsec: no key_file`:                                                        strings.Replace(overTLSText, `key_file = "tls/server.key"`, "", 1),
		`radsec.max_connections: 0 is not within`:                                    strings.Replace(overTLSText, "key_file", "max_connections = 0\nkey_file", 1),
		`radius.client "aps" ca_file: no certificate in it`:                          strings.Replace(overTLSText, "tls/ca.pem", "tls/server.key", 1),
		`radius.client "aps" ca_file: there is no [radsec]`:                          smallest + "[[radius.client]]\nname = \"aps\"\nca_file = \"tls/ca.pem\"\n",
		`radius.client "aps" crl_file: no list in it is by a CA of ca_file`:          overTLSText + `crl_file = "tls/other-crl.pem"`,
		`radius.client "aps" message_authenticator: there is none over TLS`:          overTLSText + `message_authenticator = "always"`,
		`radius.client "wlc" names: it is for a client that has a ca_file`:           strings.Replace(overTLSText, `address = "10.20.0.1"`, "address = \"10.20.0.1\"\nnames = [\"*\"]", 1),
		`radius.client "wlc" max_connections: it is for a client that has a ca_file`: strings.Replace(overTLSText, `address = "10.20.0.1"`, "address = \"10.20.0.1\"\nmax_connections = 3", 1),
		`radius.client "aps": no address (add address`:                               strings.Replace(overTLSText, `ca_file = "tls/ca.pem"`, "", 1),
	} {
		if _, err := p.parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestWarningsOverTLS(t *testing.T) {
	p := newPapers(t)
	p.list("stale.pem", time.Now().Add(-24*time.Hour))
	p.issue("expired.pem", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	p.issue("future.pem", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })
	p.issue("nameless.pem", func(c *x509.Certificate) { c.DNSNames = nil })
	for want, text := range map[string]string{
		"radsec.cert_file: the certificate CN=radsec.example.com has expired on": strings.Replace(overTLSText, "server.pem", "expired.pem", 1),
		"radsec.cert_file: the certificate CN=radsec.example.com is not valid":   strings.Replace(overTLSText, "server.pem", "future.pem", 1),
		"radsec.cert_file: the certificate names nobody":                         strings.Replace(overTLSText, "server.pem", "nameless.pem", 1),
		`radius.client "aps" crl_file: the list of CN=lab CA was to be replaced`: overTLSText + `crl_file = "tls/stale.pem"`,
		"radsec: no client has a ca_file":                                        strings.Split(overTLSText, "[[radius.client]]\nname = \"aps\"")[0],
	} {
		c, err := p.parse(text)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if !strings.Contains(strings.Join(c.Warnings, "\n"), want) {
			t.Errorf("%q is missing in: %q", want, c.Warnings)
		}
	}
}
