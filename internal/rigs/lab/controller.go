package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Controller is hostapd with one BSS, on a machine of its own. Its ports are
// wired to a bridge in the place of a radio.
type Controller struct {
	BSSID string // as it writes it: 02-00-5E-00-00-0B
	l     *Lab
	host
	name    string
	config  string
	program *process
	ports   int
}

// ControllerConfig is what an operator sets on a controller.
type ControllerConfig struct {
	Name       string         // NAS-Identifier
	SSID       string         // the network's name
	Accounting netip.AddrPort // the accounting server
	Interim    time.Duration  // Acct-Interim-Interval, whole seconds; 0 for none
}

// Controller starts a controller that authenticates its stations by the lab's
// [Authenticator].
func (l *Lab) Controller(c ControllerConfig) *Controller {
	l.t.Helper()
	ap := &Controller{l: l, host: l.newHost(), name: c.Name}
	// A bridge passes on no EAPOL (group address 01:80:c2:00:00:03) unless told to.
	l.ip("-n %s link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0 group_fwd_mask 8", ap.host.name)
	bssid := fmt.Sprintf("02:00:5e:00:%02x:%02x", l.subnet, ap.addr.As4()[3])
	ap.BSSID = strings.ToUpper(strings.ReplaceAll(bssid, ":", "-"))
	l.ip("-n %s link set br0 address %s up", ap.host.name, bssid)
	auth := l.authenticator()
	interim := ""
	if c.Interim > 0 {
		interim = fmt.Sprintf("radius_acct_interim_interval=%d\n", int(c.Interim.Seconds()))
	}
	ap.config = l.file(ap.host.name+"/hostapd.conf", fmt.Sprintf(`driver=wired
interface=br0
ctrl_interface=%s/hostapd
logger_stdout=-1
logger_stdout_level=1
ssid=%s
nas_identifier=%s
own_ip_addr=%s
radius_client_addr=%s
ieee8021x=1
use_pae_group_addr=0
eap_reauth_period=0
auth_server_addr=%s
auth_server_port=%d
auth_server_shared_secret=%s
acct_server_addr=%s
acct_server_port=%d
acct_server_shared_secret=%s
%s`, l.dir+"/"+ap.host.name, c.SSID, c.Name, ap.addr, ap.addr, auth.Addr(), auth.port, Secret,
		c.Accounting.Addr(), c.Accounting.Port(), Secret, interim))
	ap.Start()
	return ap
}

// Addr is where the controller's accounting comes from.
func (c *Controller) Addr() netip.Addr { return c.addr }

// Start switches the controller on; it says so with an Accounting-On.
func (c *Controller) Start() {
	c.l.t.Helper()
	c.program = c.l.start("hostapd "+c.name, c.host.command("hostapd", "-t", "-d", c.config))
	c.program.says("AP-ENABLED", 0)
}

// Shutdown switches the controller off as an operator does: it ends every
// session and says Accounting-Off.
func (c *Controller) Shutdown() {
	c.l.t.Helper()
	c.program.end(syscall.SIGTERM)
}

// do gives hostapd a command on its control socket.
func (c *Controller) do(command ...string) string {
	c.l.t.Helper()
	args := append([]string{"-p", c.l.dir + "/" + c.host.name + "/hostapd", "-i", "br0"}, command...)
	out, err := c.host.command("hostapd_cli", args...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "FAIL") {
		c.l.t.Errorf("hostapd_cli %s: %v: %s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

// Drop makes the controller end a station's association by itself.
func (c *Controller) Drop(s *Station) {
	c.l.t.Helper()
	c.do("deauthenticate", s.MAC)
}

// Repeats waits until the controller has sent something to its accounting
// server again so many times.
func (c *Controller) Repeats(n int) {
	c.l.t.Helper()
	c.program.says("Resending RADIUS message", n-1)
}
