package configs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/radiusacct"
)

// Radsec says how accounting comes in over TLS.
type Radsec struct {
	Listen         []string        // host:port, TCP
	Certificate    tls.Certificate // ours, with its key and its Leaf
	MaxConnections int
}

// radsec reads [radsec]; nil if there is none.
func radsec(t *table) *Radsec {
	r := &Radsec{
		Listen:         t.filled("listen", []string{":2083"}, listener, `write listen = [":2083"]; it is ignored when systemd hands over the sockets`),
		MaxConnections: t.whole("max_connections", radiusacct.DefaultMaxConnections, 1, 1_000_000),
	}
	if t.absent {
		t.lookUp("cert_file", nil)
		t.lookUp("key_file", nil)
		return nil
	}
	if t.doc.bare {
		t.lookUp("cert_file", nil)
		t.lookUp("key_file", nil)
		return r
	}
	cert, errCert := t.doc.open(t.required("cert_file", "tls/server.pem"))
	key, errKey := t.doc.secret(t.required("key_file", "tls/server.key"))
	switch {
	case !t.has("cert_file") || !t.has("key_file"):
		return r
	case errCert != nil:
		t.wrong("cert_file", errCert)
	case errKey != nil:
		t.wrong("key_file", errKey)
	}
	if errCert != nil || errKey != nil {
		return r
	}
	var err error
	if r.Certificate, err = tls.X509KeyPair(cert, []byte(key)); err != nil {
		t.fault("cert_file", "it does not go with key_file: "+err.Error(), "put the certificate of that key there, and behind it what is between it and its CA, in PEM")
		return r
	}
	leaf := r.Certificate.Leaf
	t.doc.expires(t.name("cert_file"), leaf)
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		t.doc.warn("%s: the certificate names nobody: clients that check it look for the name or the address that they have, as its subjectAltName", t.name("cert_file"))
	}
	return r
}

// overTLS reads by which certificates a client is known, if it is by any.
func overTLS(t *table) *radiusacct.Trust {
	const byCertificate = "it is for a client that has a ca_file"
	if name := t.text("ca_file", ""); t.has("ca_file") {
		trust := &radiusacct.Trust{Names: t.list("names", []string{"*"}, glob)}
		if slices.Contains(trust.Names, "*") {
			trust.Names = nil
		}
		text, err := t.doc.open(name)
		if err == nil {
			trust.CAs, err = certificates(text)
		}
		if err != nil {
			t.wrong("ca_file", err)
		}
		for _, ca := range trust.CAs {
			t.doc.expires(t.name("ca_file"), ca)
		}
		if crl := t.text("crl_file", ""); crl != "" {
			t.revocations(crl, trust)
		}
		return trust
	}
	t.list("names", []string{"*"}, glob)
	t.text("crl_file", "")
	for _, key := range []string{"names", "crl_file", "max_connections"} {
		if t.has(key) {
			t.fault(key, byCertificate, "add ca_file, or leave it out")
		}
	}
	return nil
}

// revocations reads what is revoked.
func (t *table) revocations(name string, trust *radiusacct.Trust) {
	text, err := t.doc.open(name)
	if err == nil {
		trust.CRLs, err = lists(text)
	}
	if err != nil {
		t.wrong("crl_file", err)
		return
	}
	ours := 0
	for _, list := range trust.CRLs {
		if slices.ContainsFunc(trust.CAs, func(ca *x509.Certificate) bool { return list.CheckSignatureFrom(ca) == nil }) {
			ours++
		}
		if !list.NextUpdate.IsZero() && time.Now().After(list.NextUpdate) {
			t.doc.warn("%s: the list of %s was to be replaced by %s: what was revoked since is not in it", t.name("crl_file"), list.Issuer, list.NextUpdate.UTC().Format(time.DateOnly))
		}
	}
	if ours == 0 && len(trust.CAs) > 0 {
		t.fault("crl_file", "no list in it is by a CA of ca_file", "put that CA's list there, in PEM or DER")
	}
}

// expires warns of a certificate that is, or will soon be, of no use.
func (d *document) expires(what string, c *x509.Certificate) {
	switch left := time.Until(c.NotAfter); {
	case left < 0:
		d.warn("%s: the certificate %s has expired on %s", what, c.Subject, c.NotAfter.UTC().Format(time.DateOnly))
	case time.Now().Before(c.NotBefore):
		d.warn("%s: the certificate %s is not valid before %s", what, c.Subject, c.NotBefore.UTC().Format(time.DateTime))
	}
}

// certificates returns those in a PEM text.
func certificates(text []byte) (all []*x509.Certificate, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, mistake{fmt.Sprintf("certificate %d in it: %v", len(all)+1, err), ""}
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, mistake{"no certificate in it", "put the CA there whose certificates these clients have, in PEM: it begins with -----BEGIN CERTIFICATE-----"}
	}
	return all, nil
}

// lists returns the revocation lists in a text, PEM, or DER as they are
// published.
func lists(text []byte) (all []*x509.RevocationList, err error) {
	if !bytes.Contains(text, []byte("-----BEGIN ")) {
		text = pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: text})
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			remedy := "put the CA's revocation list there, in PEM or DER"
			if strings.Contains(err.Error(), "unsupported crl version") {
				remedy = "have the CA make lists of version 2, which have a number: openssl ca does with crlnumber in its configuration"
			}
			return nil, mistake{fmt.Sprintf("list %d in it: %v", len(all)+1, err), remedy}
		}
		all = append(all, list)
	}
	return all, nil
}

// open returns what is in a file that is no secret.
func (d *document) open(name string) ([]byte, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	data, err := read(path)
	if err != nil {
		return nil, mistake{"open " + path + ": " + cause(err), "put it there, and let the daemon's user read it"}
	}
	d.files = append(d.files, path)
	return data, nil
}
