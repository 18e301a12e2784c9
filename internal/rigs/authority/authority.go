// Package authority is a throw-away CA, for tests and benchmarks of accounting
// over TLS. What it issues is good for the hours that those can last.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Authority signs certificates.
type Authority struct {
	Certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	last        int64 // serial number
}

// New returns an authority of that Common Name.
func New(name string) (*Authority, error) {
	a := &Authority{}
	return a, a.found(name, a)
}

// Below returns an authority whose certificate a signs.
func (a *Authority) Below(name string) (*Authority, error) {
	below := &Authority{}
	return below, below.found(name, a)
}

// found makes the authority's key and certificate, which by signs.
func (a *Authority) found(name string, by *Authority) (err error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if a.key, err = newKey(); err != nil {
		return err
	}
	a.Certificate = template // signs itself, if it is by itself
	a.Certificate, err = by.sign(template, a.key, nil)
	return err
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return key, nil
}

// sign signs what change makes of the template.
func (a *Authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey, change func(*x509.Certificate)) (*x509.Certificate, error) {
	a.last++
	template.SerialNumber = big.NewInt(a.last)
	template.NotBefore, template.NotAfter = time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour)
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Certificate, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", template.Subject, err)
	}
	return x509.ParseCertificate(der)
}

// Issue returns a client's certificate of that DNS name, with its key, or what
// change, unless it is nil, makes of it.
func (a *Authority) Issue(name string, change func(*x509.Certificate)) (tls.Certificate, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	key, err := newKey()
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := a.sign(template, key, change)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// ForServer changes a certificate into that of a server with these addresses.
func ForServer(addrs ...netip.Addr) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		for _, addr := range addrs {
			c.IPAddresses = append(c.IPAddresses, addr.AsSlice())
		}
	}
}

// Revoke returns the list of these certificates.
func (a *Authority) Revoke(all ...tls.Certificate) (*x509.RevocationList, error) {
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}
	for _, c := range all {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.Leaf.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.Certificate, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign a list: %w", err)
	}
	return x509.ParseRevocationList(der)
}

// Write writes the authority's own certificate into a PEM file.
func (a *Authority) Write(file string) error { return write(file, "CERTIFICATE", a.Certificate.Raw) }

// Write writes a certificate into the file dir/name.pem, and its key into
// dir/name.key, both PEM.
func Write(c tls.Certificate, dir, name string) error {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return fmt.Errorf("encode the key of %s: %w", name, err)
	}
	return errors.Join(
		write(filepath.Join(dir, name+".pem"), "CERTIFICATE", c.Certificate[0]),
		write(filepath.Join(dir, name+".key"), "PRIVATE KEY", der),
	)
}

func write(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
