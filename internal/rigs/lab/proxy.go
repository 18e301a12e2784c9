package lab

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// Proxy is a FreeRADIUS server, on a machine of its own, that passes all
// accounting on to a home server.
type Proxy struct {
	l *Lab
	host
	home    netip.AddrPort
	detail  string // the directory of detail files, if it is robust
	program *process
}

// Proxy starts a proxy that answers only what the home server answers, and
// watches a silent home server by Status-Server (RFC 5997).
func (l *Lab) Proxy(home netip.AddrPort) *Proxy {
	l.t.Helper()
	return l.proxy(home, overUDP, "", "")
}

// overUDP is how a proxy reaches a home server, over TLS how [Lab.papers] has it.
const overUDP = `
	secret = "` + Secret + `"
	status_check = status-server
	revive_interval = 3600`

// TLSProxy is [Lab.Proxy] over TLS, with the certificate of that name.
func (l *Lab) TLSProxy(home netip.AddrPort, certificate string) *Proxy {
	l.t.Helper()
	return l.proxy(home, l.overTLS(certificate), "", "")
}

// overTLS is how a proxy with the certificate reaches a home server.
func (l *Lab) overTLS(certificate string) string {
	return fmt.Sprintf(`
	proto = tcp
	secret = radsec
	status_check = none
	revive_interval = 5
	tls {
		private_key_file = %[1]s/%[2]s.key
		certificate_file = %[1]s/%[2]s.pem
		ca_file = %[1]s/ca.pem
		ca_path = %[1]s
		tls_min_version = "1.2"
		fragment_size = 8192
	}`, l.tls(), certificate)
}

// RobustProxy starts a proxy that keeps what the home server does not answer
// in detail files, answers it itself, and replays the files when the home
// server is back: FreeRADIUS' own robust-proxy-accounting.
func (l *Lab) RobustProxy(home netip.AddrPort) *Proxy {
	l.t.Helper()
	return l.robustProxy(home, overUDP)
}

func (l *Lab) robustProxy(home netip.AddrPort, how string) *Proxy {
	l.t.Helper()
	return l.proxy(home, how, `
		post-proxy {
			Post-Proxy-Type Fail-Accounting {
				detail
			}
		}`, `
	server replay {
		listen {
			type = detail
			filename = "${confdir}/detail/*"
			load_factor = 90
			poll_interval = 1
			retry_interval = 2
			track = yes
		}
		preacct {
			update control {
				&Proxy-To-Realm := "home"
			}
		}
	}`)
}

func (l *Lab) proxy(home netip.AddrPort, how, onFailure, replay string) *Proxy {
	l.t.Helper()
	p := &Proxy{l: l, host: l.newHost(), home: home}
	dir := filepath.Join(l.dir, p.host.name)
	p.detail = filepath.Join(dir, "detail")
	l.must(os.MkdirAll(p.detail, 0o755))
	l.file(p.host.name+"/radiusd.conf", fmt.Sprintf(proxyConfig, dir, libraries(), p.host.addr, Secret,
		home.Addr(), home.Port(), onFailure, replay, how))
	p.program = l.freeradius("proxy", p.host, dir)
	return p
}

// Addr is where the proxy takes accounting.
func (p *Proxy) Addr() netip.AddrPort { return netip.AddrPortFrom(p.host.addr, 1813) }

// From is where its requests come from.
func (p *Proxy) From() netip.Addr { return p.host.addr }

// Replay hands the proxy a detail file to replay.
func (p *Proxy) Replay(records string) {
	p.l.t.Helper()
	whole := p.l.file(p.host.name+"/replay", records)
	p.l.must(os.Rename(whole, filepath.Join(p.detail, "detail-replay"))) // never seen half written
}

// Answered waits until the home server has answered so many of the proxy's
// requests.
func (p *Proxy) Answered(n int) {
	p.l.t.Helper()
	p.program.says("Received Accounting-Response", n-1)
}

// Zombie waits until the proxy suspects its home server to be dead.
func (p *Proxy) Zombie() {
	p.l.t.Helper()
	p.program.says("as zombie", 0)
}

// Alive waits until the proxy knows, by Status-Server, that its home server is
// alive after all.
func (p *Proxy) Alive() {
	p.l.t.Helper()
	p.program.says("Marking home server "+p.home.Addr().String()+fmt.Sprintf(" port %d alive", p.home.Port()), 0)
}

// Replayed waits until the home server has answered all that was in a detail
// file.
func (p *Proxy) Replayed() {
	p.l.t.Helper()
	p.program.says("Unlinking", 0)
}

const proxyConfig = `
confdir = %[1]s
raddbdir = %[1]s
libdir = %[2]s
logdir = %[1]s
run_dir = %[1]s
max_request_time = 10
cleanup_delay = 2
security {
	allow_vulnerable_openssl = yes
	status_server = yes
}
thread pool {
	start_servers = 2
	max_servers = 4
	min_spare_servers = 1
	max_spare_servers = 2
}
client controllers {
	ipaddr = 10.0.0.0/8
	secret = "%[4]s"
}
proxy server {
	default_fallback = no
}
home_server presenced {
	type = acct
	ipaddr = %[5]s
	port = %[6]d
	%[9]s
	response_window = 2
	zombie_period = 20
	check_interval = 6
	check_timeout = 4
	num_answers_to_alive = 3
}
home_server_pool presenced {
	type = fail-over
	home_server = presenced
}
realm home {
	acct_pool = presenced
	nostrip
}
modules {
	detail {
		filename = "${confdir}/detail/detail-failed"
		permissions = 0600
		locking = yes
		header = "%%t"
	}
}
server pass {
	listen {
		type = acct
		ipaddr = %[3]s
		port = 1813
	}
	preacct {
		update control {
			&Proxy-To-Realm := "home"
		}
	}
	%[7]s
}
%[8]s
`
