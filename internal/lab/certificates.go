package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// certificates makes an authority and a server certificate under it, all PEM,
// good for the hours that a test can last.
func certificates() (authority, certificate, key string, err error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", "", fmt.Errorf("make the authority's key: %w", err)
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", "", fmt.Errorf("make the server's key: %w", err)
	}
	yesterday, tomorrow := time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour)
	parent := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "throw-away authority"},
		NotBefore: yesterday, NotAfter: tomorrow,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "radius.example.com"},
		NotBefore: yesterday, NotAfter: tomorrow,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	parentDER, err := x509.CreateCertificate(rand.Reader, parent, parent, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return "", "", "", fmt.Errorf("sign the authority: %w", err)
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, parent, &serverKey.PublicKey, authorityKey)
	if err != nil {
		return "", "", "", fmt.Errorf("sign the server: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		return "", "", "", fmt.Errorf("encode the server's key: %w", err)
	}
	return block("CERTIFICATE", parentDER), block("CERTIFICATE", serverDER), block("PRIVATE KEY", keyDER), nil
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
