package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"path/filepath"

	"github.com/presenced/presenced/internal/rigs/authority"
)

// papers writes what a server over TLS has to have into dir: its certificate as
// server.pem and server.key, and the CA of its clients as ca.pem. It returns how
// a client connects.
func papers(dir string) (*tls.Config, error) {
	ca, err := authority.New("a CA of the benchmark")
	if err != nil {
		return nil, err
	}
	server, err := ca.Issue("server.example.com", authority.ForServer(netip.MustParseAddr("127.0.0.1")))
	if err != nil {
		return nil, err
	}
	client, err := ca.Issue("client.example.com", nil)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	return &tls.Config{Certificates: []tls.Certificate{client}, RootCAs: roots, ServerName: "127.0.0.1"},
		errors.Join(ca.Write(filepath.Join(dir, "ca.pem")), authority.Write(server, dir, "server"))
}
