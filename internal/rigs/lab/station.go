package lab

import (
	"fmt"
	"strings"
	"syscall"
)

// Station is wpa_supplicant: one person's device.
type Station struct {
	MAC  string // 02:00:00:00:00:01
	User string // who is asked for inside the tunnel
	l    *Lab
	name string // its network namespace

	program *process
	at      *Controller
	port    string // the controller's end of the cable

	forgets   *Controller // where it logged off
	forgotten int         // how often that controller had forgotten it before
}

// Station makes a device that is associated nowhere yet. It shows the network
// anonymous@example.com, as devices do, and who it is only to the
// authentication server, inside EAP-TTLS.
func (l *Lab) Station(mac, user string) *Station {
	l.t.Helper()
	l.mu.Lock()
	l.hosts++
	s := &Station{MAC: mac, User: user, l: l, name: fmt.Sprintf("%s-%d", l.bridge, l.hosts)}
	l.mu.Unlock()
	l.ip("netns add %s", s.name)
	l.file(s.name+"/wpa.conf", fmt.Sprintf(`ctrl_interface=%s/wpa
ap_scan=0
eapol_version=2
network={
	key_mgmt=IEEE8021X
	eapol_flags=0
	eap=TTLS
	anonymous_identity="anonymous@example.com"
	identity=%q
	password=%q
	phase2="auth=PAP"
	ca_cert=%q
}
`, l.dir+"/"+s.name, user, password, l.authenticator().caFile))
	return s
}

// Associate plugs the device into the controller, out of any other, and
// returns when it has been let in. A controller that it leaves this way is
// told nothing, as by a device that walks out of range.
func (s *Station) Associate(c *Controller) {
	s.l.t.Helper()
	s.Vanish()
	if s.forgets == c {
		c.program.says(s.isForgotten(), s.forgotten)
	}
	s.forgets = nil
	c.l.mu.Lock()
	c.ports++
	s.port = fmt.Sprintf("port%d", c.ports)
	c.l.mu.Unlock()
	s.at = c
	s.l.ip("-n %s link add wlan0 address %s type veth peer name %s netns %s", s.name, s.MAC, s.port, c.host.name)
	s.l.ip("-n %s link set %s master br0 up", c.host.name, s.port)
	s.l.ip("-n %s link set wlan0 up", s.name)
	dir := s.l.dir + "/" + s.name
	s.program = s.l.start("wpa_supplicant "+s.User,
		host{name: s.name}.command("wpa_supplicant", "-t", "-D", "wired", "-i", "wlan0", "-c", dir+"/wpa.conf"))
	s.program.says("CTRL-EVENT-CONNECTED", 0)
}

// Disassociate logs the device off and unplugs it: the controller ends its
// session with User-Request.
func (s *Station) Disassociate() {
	s.l.t.Helper()
	stopped := "STA " + s.MAC + " RADIUS: stopped accounting session"
	before := s.at.program.output.count(stopped)
	s.forgets = s.at
	s.forgotten = s.at.program.output.count(s.isForgotten())
	s.do("logoff")
	s.at.program.says(stopped, before)
	s.Vanish()
}

// isForgotten is what hostapd says when it has forgotten a station that logged
// off: five seconds later. On wires it would not let it in again before.
func (s *Station) isForgotten() string {
	return "STA " + s.MAC + " IEEE 802.11: deauthenticated due to local deauth request"
}

// Vanish unplugs the device without a word, so that the controller believes
// its session goes on.
func (s *Station) Vanish() {
	s.l.t.Helper()
	if s.at == nil {
		return
	}
	s.program.end(syscall.SIGKILL)
	s.l.ip("-n %s link del wlan0", s.name)
	s.at = nil
}

func (s *Station) do(command ...string) {
	s.l.t.Helper()
	args := append([]string{"-p", s.l.dir + "/" + s.name + "/wpa", "-i", "wlan0"}, command...)
	out, err := host{name: s.name}.command("wpa_cli", args...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "FAIL") {
		s.l.t.Errorf("wpa_cli %s: %v: %s", strings.Join(command, " "), err, out)
	}
}
