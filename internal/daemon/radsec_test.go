package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/authority"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// branch is a daemon that takes accounting over TLS too, and who issues the
// certificates of its clients.
type branch struct {
	served
	t      *testing.T
	ca     *authority.Authority
	server tls.Certificate
	dir    string
}

func serveBranch(t *testing.T) *branch {
	t.Helper()
	ca, err := authority.New("lab CA")
	if err != nil {
		t.Fatal(err)
	}
	b := &branch{t: t, ca: ca, dir: t.TempDir()}
	if err := ca.Write(filepath.Join(b.dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	b.server = b.newServer()
	b.served = serveIn(t, b.dir, testbed.Settings{More: `
[radsec]
listen = ["127.0.0.1:0"]
cert_file = "server.pem"
key_file = "server.key"
[[radius.client]]
name = "aps"
ca_file = "ca.pem"
site = "london"
`})
	return b
}

// newServer writes another certificate of the daemon's.
func (b *branch) newServer() tls.Certificate {
	b.t.Helper()
	c := b.issue(b.ca, "radsec.example.com", authority.ForServer(netip.MustParseAddr("127.0.0.1")))
	if err := authority.Write(c, b.dir, "server"); err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *branch) issue(by *authority.Authority, name string, change func(*x509.Certificate)) tls.Certificate {
	b.t.Helper()
	c, err := by.Issue(name, change)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// dial connects with a certificate.
func (b *branch) dial(c tls.Certificate) (*tls.Conn, error) {
	roots := x509.NewCertPool()
	roots.AddCert(b.ca.Certificate)
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", b.Radsec[0].Addr().String(), &tls.Config{
		RootCAs: roots, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil },
	})
	if err == nil {
		b.t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// answers reports whether a session that begins is acknowledged.
func (b *branch) answers(conn *tls.Conn, id byte) bool {
	b.t.Helper()
	p := b.wlc.Packet(rfc2866.AcctStatusType_Value_Start)
	p.Secret, p.Identifier = []byte("radsec"), id
	b.wlc.Station(p, controller.Ann())
	request, err := p.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write(request); err != nil {
		return false
	}
	answer := make([]byte, 20)
	n, err := conn.Read(answer)
	return err == nil && radius.IsAuthenticResponse(answer[:n], request, p.Secret)
}

// TestConnectionsAndCertificatesAreTold: to Prometheus, on the page, and in
// what led to nobody.
func TestConnectionsAndCertificatesAreTold(t *testing.T) {
	t.Parallel()
	b := serveBranch(t)
	conn, err := b.dial(b.issue(b.ca, "ap1.example.com", nil))
	if err != nil {
		t.Fatal(err)
	}
	if !b.answers(conn, 1) {
		t.Fatal("no answer")
	}
	other, err := authority.New("another CA")
	if err != nil {
		t.Fatal(err)
	}
	if stranger, err := b.dial(b.issue(other, "ap2.example.com", nil)); err == nil && b.answers(stranger, 1) {
		t.Error("a foreign certificate lets in")
	}
	var got map[string]float64
	testbed.Eventually(t, "the stranger is told of", func() bool {
		got = b.scrape(t)
		return got["presenced_radsec_refused_total"] == 1
	})
	for name, want := range map[string]float64{
		`presenced_radsec_connections{client="aps"}`:                                           1,
		`presenced_radsec_connections{client="wlc"}`:                                           0,
		`presenced_radius_requests_total{client="aps"}`:                                        1,
		`presenced_radius_responses_total{client="aps"}`:                                       1,
		`presenced_certificate_expiry_timestamp_seconds{client="",kind="server"}`:              float64(b.server.Leaf.NotAfter.Unix()),
		`presenced_certificate_expiry_timestamp_seconds{client="aps",kind="ca"}`:               float64(b.ca.Certificate.NotAfter.Unix()),
		`presenced_unmatched{kind="certificate"}`:                                              1,
		`presenced_unmatched_records_total{kind="certificate",reason="its CA is no client's"}`: 1,
	} {
		if value, there := got[name]; !there || value != want {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
	if at := got[`presenced_certificate_expiry_timestamp_seconds{client="aps",kind="client"}`]; time.Until(time.Unix(int64(at), 0)) < time.Hour {
		t.Errorf("the certificate of the connection runs out at %v", at)
	}
	told := b.status(nil)
	connections := 0
	for _, c := range told.Clients {
		connections += c.Connections
	}
	server := slices.IndexFunc(told.Certificates, func(c control.Certificate) bool { return c.Kind == "server" })
	if connections != 1 || told.Refused != 1 || server < 0 || !told.Certificates[server].Expires.Equal(b.server.Leaf.NotAfter) {
		t.Errorf("the status tells of %d connections, %d refused and the certificates %+v", connections, told.Refused, told.Certificates)
	}
	for path, want := range map[string]string{
		"/":          "own certificate for TLS runs out in",
		"/network":   "1 connection over TLS",
		"/unmatched": "CN=ap2.example.com by CN=another CA",
	} {
		if _, text := b.get(t, path); !strings.Contains(text, want) {
			t.Errorf("%s does not tell %q:\n%s", path, want, text)
		}
	}
}

// TestKeyThatCannotBeReadChangesNothing: the old certificate stays in force, and
// so does the connection; once the key is there, the new one counts.
func TestKeyThatCannotBeReadChangesNothing(t *testing.T) {
	t.Parallel()
	b := serveBranch(t)
	ap := b.issue(b.ca, "ap1.example.com", nil)
	shown := func() (*tls.Conn, *x509.Certificate) {
		conn, err := b.dial(ap)
		if err != nil {
			t.Fatal(err)
		}
		return conn, conn.ConnectionState().PeerCertificates[0]
	}
	stays, _ := shown()
	next := b.newServer()
	key := filepath.Join(b.dir, "server.key")
	whole := testbed.Read(t, key)
	testbed.Write(t, key, whole[:len(whole)/2])
	b.ReloadFile(t.Context(), false)
	if _, cert := shown(); !cert.Equal(b.server.Leaf) || b.refused.Load() == nil {
		t.Errorf("with half a key, %s is shown, and refused is %v", cert.SerialNumber, b.refused.Load())
	}
	if err := os.WriteFile(key, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	b.ReloadFile(t.Context(), false)
	if _, cert := shown(); !cert.Equal(next.Leaf) || b.refused.Load() != nil {
		t.Errorf("with the whole key, %s is shown, and refused is %v", cert.SerialNumber, b.refused.Load())
	}
	if !b.answers(stays, 2) {
		t.Error("the connection did not stay")
	}
}

// TestCAIsRotated as the documents say: first both are in the file, then the new
// one alone. Nobody tells the daemon that the file changed.
func TestCAIsRotated(t *testing.T) {
	t.Parallel()
	b := serveBranch(t)
	next, err := authority.New("lab CA of next year")
	if err != nil {
		t.Fatal(err)
	}
	connect := func(by *authority.Authority) *tls.Conn {
		t.Helper()
		conn, err := b.dial(b.issue(by, "ap1.example.com", nil))
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	file := filepath.Join(b.dir, "ca.pem")
	pem := func(a *authority.Authority) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := a.Write(file); err != nil {
			t.Fatal(err)
		}
		return testbed.Read(t, file)
	}
	old := connect(b.ca)
	testbed.Write(t, file, pem(b.ca)+pem(next))
	b.followLists(t.Context())
	renewed := connect(next)
	if !b.answers(renewed, 1) || !b.answers(old, 2) {
		t.Error("with both in the file, not both are answered")
	}
	testbed.Write(t, file, pem(next))
	b.followLists(t.Context())
	if !b.answers(renewed, 3) {
		t.Error("the connection by the new one did not stay")
	}
	if b.answers(old, 4) {
		t.Error("the old one is still trusted")
	}
}
