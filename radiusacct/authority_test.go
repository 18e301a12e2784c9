package radiusacct

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	ca "github.com/presenced/presenced/internal/rigs/authority"
)

// authority is a CA of the tests.
type authority struct {
	testing.TB
	*ca.Authority
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a, err := ca.New(name)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t, a}
}

// forServer changes a certificate into that of a server.
var forServer = ca.ForServer()

// below returns an authority whose certificate a signs.
func (a *authority) below(name string) *authority {
	a.Helper()
	below, err := a.Below(name)
	if err != nil {
		a.Fatal(err)
	}
	return &authority{a.TB, below}
}

// issue returns a client certificate for the name, as change wants it.
func (a *authority) issue(name string, change func(*x509.Certificate)) tls.Certificate {
	a.Helper()
	c, err := a.Issue(name, change)
	if err != nil {
		a.Fatal(err)
	}
	return c
}

func (a *authority) revoke(all ...tls.Certificate) *x509.RevocationList {
	a.Helper()
	list, err := a.Revoke(all...)
	if err != nil {
		a.Fatal(err)
	}
	return list
}

// client is who has a certificate of the authority's.
func (a *authority) client(name string, names ...string) Client {
	return Client{Name: name, Trust: &Trust{CAs: []*x509.Certificate{a.Certificate}, Names: names}, Site: "london"}
}
