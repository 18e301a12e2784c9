package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// freeRADIUS returns the command of a FreeRADIUS configured as Debian does as
// far as accounting goes, without what a site would add. The module, of those
// in radiusdConf, is run for every request.
func freeRADIUS(module string) command {
	return func(dir string, at door) (*exec.Cmd, error) {
		program, err := findFreeRADIUS()
		if err != nil {
			return nil, err
		}
		sql, unique := "", ""
		if module == "sql" {
			sql, unique = sqlConf, "acct_unique"
		}
		proto, secured := "udp", ""
		if at.tls != nil {
			proto, secured = "tls", radsecConf
		}
		conf := strings.NewReplacer("<proto>", proto, "<over TLS>", secured, "<sql>", sql, "<acct_unique>", unique, "<module>", module).Replace(radiusdConf)
		conf = strings.NewReplacer("<dir>", dir, "<port>", fmt.Sprint(at.address.Port()), "<secret>", secret).Replace(conf)
		for name, text := range map[string]string{
			"radiusd.conf": conf,
			"dictionary":   "$INCLUDE /usr/share/freeradius/dictionary\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				return nil, err
			}
		}
		return exec.Command(program, "-f", "-l", "stdout", "-d", dir), nil
	}
}

func findFreeRADIUS() (string, error) {
	if path, err := exec.LookPath("freeradius"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/freeradius")
}

// radiusdConf is Debian's radiusd.conf without its comments, and as its only
// site the accounting of Debian's default. To its favour the receive buffer is
// as large as presenced's: with the kernel's default, which holds 166 packets,
// it would lose some of 512 in flight.
const radiusdConf = `
prefix = /usr
name = freeradius
libdir = /usr/lib/freeradius
logdir = <dir>
radacctdir = <dir>
modconfdir = /etc/freeradius/3.0/mods-config
run_dir = <dir>
pidfile = <dir>/freeradius.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 16384
hostname_lookups = no
security {
	max_attributes = 200
	reject_delay = 1
	status_server = no
}
proxy_requests = no
thread pool {
	start_servers = 5
	max_servers = 32
	min_spare_servers = 3
	max_spare_servers = 10
	max_requests_per_server = 0
	auto_limit_acct = no
}
clients office {
	client loopback {
		ipaddr = 127.0.0.0/8
		proto = <proto>
		secret = <secret>
	}
}
modules {
	detail {
		filename = ${radacctdir}/detail-%Y%m%d
		header = "%t"
		permissions = 0600
		locking = no
		escape_filenames = no
	}
	always ok {
		rcode = ok
	}
	expr {
	}
	<sql>
}
policy {
	$INCLUDE /etc/freeradius/3.0/policy.d/accounting
}
server default {
	listen {
		type = acct
		ipaddr = 127.0.0.1
		port = <port>
		clients = office
		recv_buff = 8388608
		<over TLS>
	}
	preacct {
		ok
		<acct_unique>
	}
	accounting {
		<module>
	}
}
`

// radsecConf makes of a listener over UDP one over TLS, as FreeRADIUS's own
// example site has it, but for connections that last.
const radsecConf = `
		proto = tcp
		limit {
			max_connections = 256
			lifetime = 0
			idle_timeout = 0
		}
		tls {
			private_key_file = <dir>/server.key
			certificate_file = <dir>/server.pem
			ca_file = <dir>/ca.pem
			ca_path = <dir>
			require_client_cert = yes
			cipher_list = "DEFAULT"
			tls_min_version = "1.2"
			tls_max_version = "1.3"
			fragment_size = 8192
			cache {
				enable = no
			}
		}
`

const sqlConf = `
	sql {
		driver = rlm_sql_sqlite
		dialect = sqlite
		sqlite {
			filename = <dir>/radius.db
			busy_timeout = 2000
			bootstrap = ${modconfdir}/sql/main/sqlite/schema.sql
		}
		acct_table1 = radacct
		acct_table2 = radacct
		postauth_table = radpostauth
		authcheck_table = radcheck
		groupcheck_table = radgroupcheck
		authreply_table = radreply
		groupreply_table = radgroupreply
		usergroup_table = radusergroup
		client_table = nas
		group_attribute = SQL-Group
		read_clients = no
		delete_stale_sessions = yes
		pool {
			start = 5
			min = 3
			max = 32
			spare = 10
			uses = 0
			retry_delay = 30
			lifetime = 0
			idle_timeout = 60
		}
		$INCLUDE ${modconfdir}/sql/main/sqlite/queries.conf
	}
`
