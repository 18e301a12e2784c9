package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
)

// openBranch opens an office whose presenced takes accounting over TLS too,
// from who has a certificate of the lab's authority.
func openBranch(t *testing.T, users ...string) *office {
	t.Helper()
	o := openOffice(t, users...)
	o.papers()
	o.config += o.branch("")
	return o
}

// behindRadsecproxy opens a branch whose controller sends by radsecproxy; the
// first of its users has come in and is checked in.
func behindRadsecproxy(t *testing.T, first string, others ...string) (*office, *Controller) {
	t.Helper()
	o := openBranch(t, append(others, first)...)
	o.daemon = o.Presenced(o.config)
	ap := o.controllerBehind(o.RadsecProxy(o.radsec(), "ap1").Accounting())
	o.Station("02:00:00:00:00:01", first).Associate(ap)
	o.becomes(first, sandbox.CheckedIn)
	return o, ap
}

func (o *office) controllerBehind(proxy netip.AddrPort) *Controller {
	o.t.Helper()
	return o.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: proxy})
}

// branch is what a configuration has for accounting over TLS.
func (o *office) branch(names string) string {
	return fmt.Sprintf(`
[radsec]
listen    = ["%[1]s"]
cert_file = "%[2]s/radsec.pem"
key_file  = "%[2]s/radsec.key"

[[radius.client]]
name    = "branch"
ca_file = "%[2]s/ca.pem"
site    = "hq"
%[3]s
`, o.radsec(), o.tls(), names)
}

// partner is what it has for who has a certificate of the other authority.
func (o *office) partner() string {
	return fmt.Sprintf(`
[[radius.client]]
name    = "partner"
ca_file = "%s"
site    = "hq"
`, o.tls("other-ca.pem"))
}

// radsec is where presenced takes accounting over TLS.
func (o *office) radsec() netip.AddrPort { return netip.AddrPortFrom(o.at, 2083) }

// connections is how many the daemon counts of a client.
func (o *office) connections(client string) (n int) {
	o.t.Helper()
	var status struct {
		Clients []struct {
			Name        string
			Connections int
		}
	}
	o.daemon.List(&status, "status")
	for _, c := range status.Clients {
		if c.Name == client {
			n = c.Connections
		}
	}
	return n
}

// refuses checks what the daemon tells of a certificate that it does not take.
func (o *office) refuses(certificate, remedy string) {
	o.t.Helper()
	o.Eventually("it is told that "+certificate+" is refused", func() bool {
		told := o.daemon.Run("unmatched")
		return strings.Contains(told, certificate) && strings.Contains(told, remedy)
	})
}

// A controller behind radsecproxy: its guests come in, also those who come
// while the daemon is dead, and who is no longer trusted is out.
func TestRadsecproxyInBetween(t *testing.T) {
	t.Parallel()
	o, ap := behindRadsecproxy(t, ann, bob)
	if n := o.connections("branch"); n != 1 {
		t.Errorf("%d connections", n)
	}

	o.daemon.Kill()
	o.Station("02:00:00:00:00:02", bob).Associate(ap)
	o.daemon.Start()
	o.becomes(bob, sandbox.CheckedIn)
	o.is(ann, sandbox.CheckedIn, 1)
	o.is(bob, sandbox.CheckedIn, 1)
	if got := o.sessions(bob); len(got) != 1 {
		t.Errorf("bob's sessions: %+v", got)
	}

	o.daemon.Reload(strings.Replace(o.config, o.branch(""), o.branch(`names = ["ap2.*"]`), 1))
	o.Eventually("the connection is closed", func() bool { return o.connections("branch") == 0 })
	o.refuses("CN=ap1.example.com by CN=throw-away authority", "add it to names there")
	o.daemon.Reload(o.config)
	o.Eventually("it is connected again", func() bool { return o.connections("branch") == 1 })
}

// A CA is taken out of the configuration: a proxy that has its certificate from
// there is cut off, and does not get in again; who has another's goes on, by the
// same connection.
func TestRemovedCAOverTLS(t *testing.T) {
	t.Parallel()
	o := openBranch(t, ann)
	o.daemon = o.Presenced(o.config + o.partner())
	stays := o.sender(o.radsec(), "ap1")
	ap := o.controllerBehind(o.RadsecProxy(o.radsec(), "partner").Accounting())
	o.Station("02:00:00:00:00:01", ann).Associate(ap)
	o.becomes(ann, sandbox.CheckedIn)
	stays.send(guest(0), "02-00-00-00-01-00")
	o.Eventually("both are connected", func() bool { return o.connections("partner") == 1 && o.connections("branch") == 1 })

	o.daemon.Reload(o.config)
	o.refuses("CN=partner.example.com by CN=another authority", "put its CA into the ca_file")
	stays.send(guest(1), "02-00-00-00-01-01")
	o.Eventually("who stays is answered", func() bool { return stays.pending() == 0 })
	if n, _ := stays.connections(); n != 1 {
		t.Errorf("who stays has connected %d times", n)
	}
	if n := o.connections("branch"); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// FreeRADIUS hands requests on over TLS, and what it kept in a detail file: of
// two hours ago, and while the daemon was dead.
func TestFreeRADIUSOverTLS(t *testing.T) {
	t.Parallel()
	o := openBranch(t, ann, bob, joe)
	o.daemon = o.Presenced(o.config)
	ap := o.controllerBehind(o.TLSProxy(o.radsec(), "ap1").Addr())
	o.Station("02:00:00:00:00:01", ann).Associate(ap)
	o.becomes(ann, sandbox.CheckedIn)

	robust := o.robustProxy(o.radsec(), o.overTLS("ap2"))
	then := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	robust.Replay(detail(then, "Start", bob, "02-00-00-00-00-02", 0) + detail(then.Add(10*time.Minute), "Stop", bob, "02-00-00-00-00-02", 10*time.Minute))
	robust.Replayed()
	if got := o.sessions(bob); len(got) != 1 || got[0].State != "ended" {
		t.Errorf("bob's sessions: %+v", got)
	}

	behind := o.Controller(ControllerConfig{Name: "wlc-2", SSID: "Corp", Accounting: robust.Addr()})
	o.daemon.Kill()
	o.Station("02:00:00:00:00:03", joe).Associate(behind)
	robust.program.says("detail-failed", robust.program.output.count("detail-failed")) // who came is in there
	o.daemon.Start()
	o.becomes(joe, sandbox.CheckedIn)
	o.is(joe, sandbox.CheckedIn, 1)
	o.is(ann, sandbox.CheckedIn, 1)
}
