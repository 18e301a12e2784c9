package lab

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Air is the medium of a lab's radios, which the kernel simulates
// (mac80211_hwsim): access points, and the devices that hear them.
type Air struct {
	l       *Lab
	radios  int
	points  []*AccessPoint
	interim time.Duration
	server  string // where accounting is sent, IP and port
}

// Air returns the lab's. Access points send interims at the interval, if it is
// not zero.
func (l *Lab) Air(server net.Addr, interim time.Duration) *Air {
	return &Air{l: l, server: server.String(), interim: interim}
}

// radio takes the next radio that is free, which hears nothing.
func (a *Air) radio() int {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.radios++
	a.tune(a.radios-1, nil)
	return a.radios - 1
}

// tune puts a radio within range of these access points, and these alone.
func (a *Air) tune(radio int, points []*AccessPoint) {
	var group uint64 // radios hear each other that have a bit in common
	for _, ap := range points {
		group |= 1 << ap.bit
	}
	a.l.must(os.WriteFile(fmt.Sprintf("/sys/kernel/debug/ieee80211/phy%d/hwsim/group", radio), fmt.Append(nil, group), 0))
}

// mac is the address of a radio, as the kernel gives it.
func mac(radio int) string { return fmt.Sprintf("02:00:00:00:%02x:00", radio) }

// AccessPoint is hostapd with one radio, on a machine of its own unless it
// shares another's.
type AccessPoint struct {
	Name   string // NAS-Identifier
	BSSID  string // 02:00:00:00:01:00
	air    *Air
	bit    int // in the group of those who hear it
	radio  int
	config APConfig
	*box
}

// APConfig is what an operator sets at an access point.
type APConfig struct {
	Name    string
	Channel int           // of 2.4 GHz
	Fast    bool          // 802.11r between all that have it
	OKC     bool          // opportunistic key caching
	NoCache bool          // every association is a full authentication
	Reauth  time.Duration // between authentications; 0: hostapd's default
	Server  net.Addr      // where accounting is sent; nil: where the others send it
	Beside  *AccessPoint  // a second radio of that box
}

// box is a machine with one hostapd for all its radios.
type box struct {
	host
	radios  []*AccessPoint
	program *process
}

// AccessPoint puts an access point up. It is silent until [Air.On].
func (a *Air) AccessPoint(c APConfig) *AccessPoint {
	radio := a.radio()
	ap := &AccessPoint{Name: c.Name, BSSID: mac(radio), air: a, bit: len(a.points), radio: radio, config: c}
	if c.Beside != nil {
		ap.box = c.Beside.box
	} else {
		ap.box = &box{host: a.l.newHost()}
		// The machine's address moves to a bridge of wire and radio: access points speak to each other over it (802.11r).
		a.l.ip("-n %s link add br0 type bridge stp_state 0 forward_delay 0", ap.host.name)
		a.l.ip("-n %s addr flush dev eth0", ap.host.name)
		a.l.ip("-n %s link set eth0 master br0", ap.host.name)
		a.l.ip("-n %s addr add %s/24 dev br0", ap.host.name, ap.addr)
		a.l.ip("-n %s link set br0 up", ap.host.name)
	}
	ap.box.radios = append(ap.box.radios, ap)
	a.l.run("iw", "phy", fmt.Sprintf("phy%d", radio), "set", "netns", "name", ap.host.name)
	a.tune(radio, []*AccessPoint{ap})
	a.points = append(a.points, ap)
	return ap
}

// On switches all access points on.
func (a *Air) On() {
	for _, ap := range a.points {
		if ap.program == nil {
			ap.Start()
		}
	}
}

// Start switches the access point on; it says so with an Accounting-On.
func (ap *AccessPoint) Start() {
	l := ap.air.l
	args := []string{"-t"}
	for _, radio := range ap.box.radios {
		args = append(args, l.file(radio.Name+"/hostapd.conf", radio.hostapd()))
	}
	ap.program = l.start("hostapd "+ap.Name, ap.host.command("hostapd", args...))
	ap.program.says("AP-ENABLED", len(ap.box.radios)-1)
}

// Shutdown switches the access point off as an operator does: it ends every
// session and says Accounting-Off.
func (ap *AccessPoint) Shutdown() { ap.program.end(syscall.SIGTERM) }

// PowerOff takes its power away: nobody hears of it, or it.
func (ap *AccessPoint) PowerOff() {
	ap.air.tune(ap.radio, nil)
	ap.program.end(syscall.SIGKILL)
}

// PowerOn gives it back.
func (ap *AccessPoint) PowerOn() {
	ap.air.tune(ap.radio, []*AccessPoint{ap})
	ap.Start()
}

// hostapd is its configuration.
func (ap *AccessPoint) hostapd() string {
	l, c := ap.air.l, ap.config
	auth := l.authenticator()
	lines := []string{
		"driver=nl80211", "bridge=br0", fmt.Sprintf("interface=wlan%d", ap.radio), "ctrl_interface=" + ap.control(),
		"logger_stdout=-1", "logger_stdout_level=1",
		"ssid=Corp", "hw_mode=g", fmt.Sprintf("channel=%d", c.Channel),
		"beacon_int=1000", // a tenth of the usual: what is simulated is not beacons
		"ieee8021x=1", "wpa=2", "rsn_pairwise=CCMP",
		fmt.Sprintf("own_ip_addr=%s", ap.addr), fmt.Sprintf("radius_client_addr=%s", ap.addr), "nas_identifier=" + c.Name,
		"radius_request_cui=1",
	}
	server := ap.air.server
	if c.Server != nil {
		server = c.Server.String()
	}
	for kind, at := range map[string]string{"auth": fmt.Sprintf("%s:%d", auth.Addr(), auth.port), "acct": server} {
		addr, port, _ := net.SplitHostPort(at)
		lines = append(lines, kind+"_server_addr="+addr, kind+"_server_port="+port, kind+"_server_shared_secret="+Secret)
	}
	if ap.air.interim > 0 {
		lines = append(lines, fmt.Sprintf("radius_acct_interim_interval=%d", int(ap.air.interim.Seconds())))
	}
	if c.Reauth > 0 {
		lines = append(lines, fmt.Sprintf("eap_reauth_period=%d", int(c.Reauth.Seconds())))
	}
	if c.OKC {
		lines = append(lines, "okc=1")
	}
	if c.NoCache {
		lines = append(lines, "disable_pmksa_caching=1")
	}
	if !c.Fast {
		return strings.Join(append(lines, "wpa_key_mgmt=WPA-EAP", ""), "\n")
	}
	const key = "000102030405060708090a0b0c0d0e0f"
	lines = append(lines, "wpa_key_mgmt=WPA-EAP FT-EAP", "mobility_domain=a1b2", "ft_over_ds=1", "reassociation_deadline=2000",
		"ft_psk_generate_local=0", "pmk_r1_push=0", "r1_key_holder="+strings.ReplaceAll(ap.BSSID, ":", ""))
	for _, other := range ap.air.points {
		if other.config.Fast {
			lines = append(lines, fmt.Sprintf("r0kh=%s %s %s", other.BSSID, other.Name, key), fmt.Sprintf("r1kh=%s %s %s", other.BSSID, other.BSSID, key))
		}
	}
	return strings.Join(append(lines, ""), "\n")
}

// control is the directory of hostapd's control sockets.
func (ap *AccessPoint) control() string { return ap.air.l.dir + "/" + ap.Name }

// Deauthenticate makes the access point end a device's association by itself.
func (ap *AccessPoint) Deauthenticate(d *Device) {
	args := []string{"-p", ap.control(), "-i", fmt.Sprintf("wlan%d", ap.radio), "deauthenticate", d.MAC}
	if out, err := ap.host.command("hostapd_cli", args...).CombinedOutput(); err != nil {
		d.t.Errorf("hostapd_cli %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// Flood sends frames to a device, which are lost if it hears nothing.
func (ap *AccessPoint) Flood(d *Device, frames int) {
	to, err := net.ParseMAC(d.MAC)
	if err != nil {
		d.t.Fatal(err)
	}
	from, _ := net.ParseMAC("02:00:5e:00:00:01")
	frame := append(append(append([]byte{}, to...), from...), make([]byte, 64)...)
	frame[12], frame[13] = 0x88, 0xb5 // for experiments
	if err := ap.host.within(func() error {
		socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		if err != nil {
			return err
		}
		defer unix.Close(socket)
		port, err := net.InterfaceByName(fmt.Sprintf("wlan%d", ap.radio))
		if err != nil {
			return err
		}
		for range frames {
			if err := unix.Sendto(socket, frame, 0, &unix.SockaddrLinklayer{Ifindex: port.Index}); err != nil {
				return err
			}
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	}); err != nil {
		d.t.Errorf("send frames from %s: %v", ap.Name, err)
	}
}

// within calls f on the machine's network.
func (h host) within(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock it: the thread, which is changed, ends with this
		network, err := os.Open("/run/netns/" + h.name)
		if err != nil {
			done <- err
			return
		}
		defer network.Close()
		if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}
