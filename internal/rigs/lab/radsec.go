package lab

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/presenced/presenced/internal/rigs/authority"
)

// RadsecProxy is radsecproxy on a machine of its own: it takes accounting over
// UDP, as a branch's controllers send it, and passes it on over TLS.
type RadsecProxy struct {
	host
	program *process
}

// papers writes the certificates of a lab: of an authority, of presenced, and
// of two senders; and of another authority, and a sender that has its
// certificate from that one.
func (l *Lab) papers() {
	l.t.Helper()
	l.must(os.MkdirAll(l.tls(), 0o755))
	ca, err := authority.New("throw-away authority")
	l.must(err)
	other, err := authority.New("another authority")
	l.must(err)
	l.must(ca.Write(l.tls("ca.pem")))
	l.must(other.Write(l.tls("other-ca.pem")))
	issue := func(by *authority.Authority, name string, change func(*x509.Certificate)) {
		certificate, err := by.Issue(name+".example.com", change)
		l.must(err)
		l.must(authority.Write(certificate, l.tls(), name))
	}
	issue(ca, "radsec", authority.ForServer(l.Addr()))
	issue(ca, "ap1", nil)
	issue(ca, "ap2", nil)
	issue(other, "partner", nil)
}

// tls is the directory of the certificates, or a file in there.
func (l *Lab) tls(name ...string) string {
	return filepath.Join(append([]string{l.dir, "tls"}, name...)...)
}

// RadsecProxy starts a proxy with the certificate of that name, and returns
// when it is connected.
func (l *Lab) RadsecProxy(home netip.AddrPort, certificate string) *RadsecProxy {
	l.t.Helper()
	p := &RadsecProxy{host: l.newHost()}
	config := l.file(p.host.name+"/radsecproxy.conf", fmt.Sprintf(radsecproxyConfig, p.addr, l.tls(), certificate, Secret, home.Addr(), home.Port()))
	p.program = l.start("radsecproxy", p.command("radsecproxy", "-f", "-c", config))
	p.program.says("TLS connection to", 0)
	return p
}

// Accounting is where the proxy takes accounting.
func (p *RadsecProxy) Accounting() netip.AddrPort { return netip.AddrPortFrom(p.addr, 1813) }

const radsecproxyConfig = `
LogLevel 2
LogDestination file:///dev/stderr
ListenUDP %[1]s:1813
tls default {
	CACertificateFile %[2]s/ca.pem
	CertificateFile %[2]s/%[3]s.pem
	CertificateKeyFile %[2]s/%[3]s.key
}
client 10.0.0.0/8 {
	type udp
	secret "%[4]s"
}
server presenced {
	type tls
	host %[5]s
	port %[6]d
	secret radsec
	tls default
	StatusServer auto
}
realm * {
	server presenced
	accountingServer presenced
}
`
