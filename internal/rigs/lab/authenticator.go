package lab

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/presenced/presenced/internal/rigs/authority"
)

// password is everybody's.
const password = "correct horse"

// Authenticator is a FreeRADIUS server that lets in whoever knows the
// password, by EAP-TTLS under a certificate of a throw-away authority. Like a
// server in production should, it returns the User-Name from inside the tunnel
// in its Access-Accept: the controller's accounting names that user (RFC 2865
// 5.1) and not the anonymous outer identity.
type Authenticator struct {
	l      *Lab
	port   uint16
	caFile string
}

// Addr is where it listens.
func (a *Authenticator) Addr() netip.Addr { return a.l.Addr() }

// authenticator starts the lab's authentication server when it is first asked
// for.
func (l *Lab) authenticator() *Authenticator {
	l.t.Helper()
	if l.auth != nil {
		return l.auth
	}
	dir := l.dir + "/auth"
	l.must(os.Mkdir(dir, 0o755))
	ca, err := authority.New("throw-away authority")
	l.must(err)
	certificate, err := ca.Issue("radius.example.com", authority.ForServer())
	l.must(err)
	l.auth = &Authenticator{l: l, port: 1812, caFile: dir + "/ca.pem"}
	l.must(ca.Write(l.auth.caFile))
	l.must(authority.Write(certificate, dir, "server"))
	l.file("auth/radiusd.conf", fmt.Sprintf(authenticatorConfig, dir, libraries(), l.Addr(), Secret, password, l.replies))
	l.freeradius("authentication server", host{}, dir)
	return l.auth
}

const authenticatorConfig = `
confdir = %[1]s
raddbdir = %[1]s
libdir = %[2]s
logdir = %[1]s
run_dir = %[1]s
security {
	allow_vulnerable_openssl = yes
}
thread pool {
	start_servers = 1
	max_servers = 2
	min_spare_servers = 1
	max_spare_servers = 1
}
client controllers {
	ipaddr = 10.0.0.0/8
	secret = "%[4]s"
}
modules {
	pap {
	}
	eap {
		default_eap_type = ttls
		tls-config throwaway {
			certificate_file = ${confdir}/server.pem
			private_key_file = ${confdir}/server.key
			ca_file = ${confdir}/ca.pem
			ecdh_curve = prime256v1
			tls_min_version = "1.2"
			tls_max_version = "1.2"
		}
		ttls {
			tls = throwaway
			virtual_server = tunnel
		}
	}
}
server outside {
	listen {
		type = auth
		ipaddr = %[3]s
		port = 1812
	}
	authorize {
		eap
	}
	authenticate {
		eap
	}
	post-auth {
		update reply {
			&User-Name := &session-state:User-Name
		}%[6]s
	}
}
server tunnel {
	authorize {
		update control {
			&Cleartext-Password := "%[5]s"
		}
		pap
	}
	authenticate {
		pap
	}
	post-auth {
		update outer.session-state {
			&User-Name := &User-Name
		}
	}
}
`
