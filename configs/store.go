package configs

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Store says where and how state is kept.
type Store struct {
	Path        string        // of the file; with Etcd, of what each daemon keeps for itself
	KeepVisits  time.Duration // how long archived visits are kept
	HashDevices bool          // whether MAC addresses are kept and shown as keyed hashes only
	Etcd        *Etcd         // nil: it is in the file
}

// Etcd says in which etcd the store is that several daemons share.
type Etcd struct {
	Endpoints   []string         // of its members
	Prefix      string           // of every key
	Name        string           // of this daemon
	CA          []byte           // the CAs that members are known by, in PEM; nil: the system's
	Certificate *tls.Certificate // by which this daemon is known; nil: none
	DeviceKey   string           // path of the key for hash_devices; "": none
}

// TLS returns how the members are spoken to.
func (e *Etcd) TLS() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.CA != nil {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AppendCertsFromPEM(e.CA)
	}
	if e.Certificate != nil {
		c.Certificates = []tls.Certificate{*e.Certificate}
	}
	return c
}

func store(t *table) Store {
	s := Store{
		Path:        location(t, "path", DefaultStore),
		KeepVisits:  parsed(t, "keep_visits", "30d", duration(day, 3650*day)),
		HashDevices: t.yes("hash_devices", false),
	}
	if t.chosen("engine", "file", "file", "etcd") == "etcd" {
		s.Etcd = etcd(t, s.HashDevices)
		return s
	}
	for _, key := range []string{"endpoints", "prefix", "name", "ca_file", "cert_file", "key_file", "device_key_file"} {
		if t.lookUp(key, nil); t.has(key) {
			t.doc.warn("store.%s: it is for the engine etcd, and this is the file", key)
		}
	}
	return s
}

// The members of etcd, where the configuration does not say.
var endpoints = []string{"http://127.0.0.1:2379"}

const mostName = 200 // octets of a daemon's name

func etcd(t *table, hashed bool) *Etcd {
	e := &Etcd{
		Endpoints: t.filled("endpoints", endpoints, endpoint, `write endpoints = ["https://etcd-1:2379", "https://etcd-2:2379", "https://etcd-3:2379"]`),
		Prefix:    t.text("prefix", "presenced/"),
		Name:      t.text("name", ""),
	}
	if e.Prefix == "" {
		t.fault("prefix", "it is empty: its keys could not be told from others", "leave it out, or write presenced/")
	}
	if e.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			t.fault("name", "the host has no name: "+err.Error(), "write one that no other daemon has")
		}
		e.Name = host
	}
	if len(e.Name) > mostName {
		t.fault("name", "it is too long", "write at most 200 letters")
	}
	if e.DeviceKey = parsed(t, "device_key_file", "", func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		return t.doc.path(s)
	}); hashed && e.DeviceKey == "" {
		t.fault("device_key_file", "there is none: every daemon would hash devices by a key of its own",
			"make 32 random octets once, give every daemon the same file, and write its name here")
	}
	e.known(t)
	plain := slices.IndexFunc(e.Endpoints, func(s string) bool { return !strings.HasPrefix(s, "https://") })
	if t.has("cert_file") && plain >= 0 {
		t.fault("cert_file", e.Endpoints[plain]+" is not asked over TLS", "write each endpoint as https://…")
	}
	return e
}

// endpoint checks the URL of a member.
func endpoint(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Port() == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return mistake{"it is no endpoint", "write it like https://etcd-1:2379"}
	}
	return nil
}

// known reads by which certificates the members are known, and this daemon.
func (e *Etcd) known(t *table) {
	ca, cert, key := t.text("ca_file", ""), t.text("cert_file", ""), t.text("key_file", "")
	if (cert == "") != (key == "") {
		t.fault("cert_file", "cert_file and key_file go together", "write both, or neither")
		return
	}
	if t.doc.bare {
		return
	}
	if ca != "" {
		text, err := t.doc.open(ca)
		if err == nil {
			_, err = certificates(text)
		}
		if err != nil {
			t.wrong("ca_file", err)
		}
		e.CA = text
	}
	if cert == "" {
		return
	}
	text, errCert := t.doc.open(cert)
	secret, errKey := t.doc.secret(key)
	switch {
	case errCert != nil:
		t.wrong("cert_file", errCert)
	case errKey != nil:
		t.wrong("key_file", errKey)
	default:
		pair, err := tls.X509KeyPair(text, []byte(secret))
		if err != nil {
			t.fault("cert_file", "it does not go with key_file: "+err.Error(), "put the certificate of that key there, in PEM; its common name is the user of etcd")
			return
		}
		t.doc.expires(t.name("cert_file"), pair.Leaf)
		e.Certificate = &pair
	}
}
