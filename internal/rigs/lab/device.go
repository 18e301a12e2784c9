package lab

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Device is wpa_supplicant with a radio: somebody's phone or laptop. What it
// does it also writes down, as the truth about where it was.
type Device struct {
	MAC  string
	User string // whose it is

	t       testing.TB
	air     *Air
	radio   int
	program *process

	mu    sync.Mutex // guards what follows
	Stays []Stay     // the truth, in order
}

// Stay is a time for which a device was on the network.
type Stay struct {
	From, To time.Time // To is zero while it lasts
	Silent   bool      // it went out of range, or died, without a word
}

// DeviceConfig is what its owner sets on a device.
type DeviceConfig struct {
	User  string
	Outer string // identity outside the tunnel; "": the same
	First string // who it authenticates as before its user signs in; "": the user
	Fast  bool   // 802.11r
}

// Device switches a device on. It hears nothing yet.
func (a *Air) Device(t testing.TB, c DeviceConfig) *Device {
	t.Helper()
	radio := a.radio()
	d := &Device{MAC: mac(radio), User: c.User, t: t, air: a, radio: radio}
	outer, keys, first := "", "WPA-EAP", c.User
	if c.Outer != "" {
		outer = fmt.Sprintf("anonymous_identity=%q", c.Outer)
	}
	if c.Fast {
		keys = "FT-EAP"
	}
	if c.First != "" {
		first = c.First
	}
	config := a.l.file(d.name()+"/wpa.conf", fmt.Sprintf(`ctrl_interface=%s
network={
	ssid="Corp"
	key_mgmt=%s
	pairwise=CCMP
	eap=TTLS
	%s
	identity=%q
	password=%q
	phase2="auth=PAP"
	ca_cert=%q
	proactive_key_caching=1
	scan_freq=2412 2437 2462
}
`, d.control(), keys, outer, first, password, a.l.authenticator().caFile))
	d.program = a.l.start("wpa_supplicant "+d.User, host{}.command("wpa_supplicant", "-t", "-D", "nl80211", "-i", fmt.Sprintf("wlan%d", radio), "-c", config))
	d.until("its control socket", Patience, func() bool { return strings.Contains(d.ask("ping"), "PONG") })
	return d
}

// Off switches the device off when it is of no more use.
func (d *Device) Off() { d.program.end(syscall.SIGTERM) }

func (d *Device) name() string    { return fmt.Sprintf("device%d", d.radio) }
func (d *Device) control() string { return d.air.l.dir + "/" + d.name() }

// Hear puts the device within range of these access points and no others; of
// none at all: it is out of range, or asleep.
func (d *Device) Hear(points ...*AccessPoint) {
	d.air.tune(d.radio, points)
	if len(points) == 0 {
		d.went(true)
	}
}

// Join associates with an access point, and stays.
func (d *Device) Join(ap *AccessPoint) {
	d.t.Helper()
	d.Hear(ap)
	seen := d.connections(ap)
	d.do("reassociate")
	d.on(ap, seen)
}

// Back is when a device that hears the access point again is on it: anew, or still,
// if it was away for so short a time that it did not notice.
func (d *Device) Back(ap *AccessPoint) {
	d.t.Helper()
	seen, again := d.connections(ap), time.Now()
	d.Hear(ap)
	d.got(ap, func() bool { return d.connections(ap) > seen || time.Since(again) > noticed && d.At() == ap })
}

// noticed is how long after its beacons have stopped a device has noticed that it lost
// an access point.
const noticed = 30 * time.Second

// Again calls do, which ends the device's association, and waits for the next.
func (d *Device) Again(ap *AccessPoint, do func()) {
	d.t.Helper()
	seen := d.connections(ap)
	do()
	d.on(ap, seen)
}

// How a device roams.
const (
	Anew   = "roam"  // it associates anew, fast (802.11r) or not
	OverDS = "ft_ds" // through the access point that it leaves (802.11r)
)

// Roam moves the device to another access point. It hears both meanwhile.
func (d *Device) Roam(ap *AccessPoint, how string) {
	d.t.Helper()
	d.Hear(d.At(), ap)
	d.scan(ap)
	seen := d.connections(ap)
	d.do(how, ap.BSSID)
	d.on(ap, seen)
}

// Leave disassociates.
func (d *Device) Leave() {
	d.t.Helper()
	d.do("disconnect")
	d.went(false)
}

// Die takes the device off the air for good, without a word.
func (d *Device) Die() {
	d.t.Helper()
	d.Hear()
	d.do("disconnect") // or it would look for its network for ever
}

// SignIn signs the device's user in where a machine was.
func (d *Device) SignIn() {
	d.t.Helper()
	at := d.At()
	d.do("set_network", "0", "identity", fmt.Sprintf("%q", d.User))
	seen := d.connections(at)
	d.mu.Lock()
	d.Stays = nil
	d.mu.Unlock()
	d.do("reauthenticate")
	d.on(at, seen)
}

// At is the access point on which the device is; nil if it is on none.
func (d *Device) At() (at *AccessPoint) {
	last := -1
	for _, ap := range d.air.points {
		if i := d.program.output.last(connected(ap)); i > last {
			at, last = ap, i
		}
	}
	if d.program.output.last("CTRL-EVENT-DISCONNECTED") > last {
		return nil
	}
	return at
}

func connected(ap *AccessPoint) string {
	return "CTRL-EVENT-CONNECTED - Connection to " + ap.BSSID + " completed"
}

func (d *Device) connections(ap *AccessPoint) int { return d.program.output.count(connected(ap)) }

// on waits until the device has got onto the access point more often than seen.
func (d *Device) on(ap *AccessPoint, seen int) {
	d.t.Helper()
	d.got(ap, func() bool { return d.connections(ap) > seen })
}

// got waits until the device has got onto the access point, and notes when.
func (d *Device) got(ap *AccessPoint, is func() bool) {
	d.t.Helper()
	d.until("it is on "+ap.Name, 5*time.Minute, is)
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.Stays); n == 0 || !d.Stays[n-1].To.IsZero() {
		d.Stays = append(d.Stays, Stay{From: time.Now()})
	}
}

// went ends the stay, if there is one.
func (d *Device) went(silent bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.Stays); n > 0 && d.Stays[n-1].To.IsZero() {
		d.Stays[n-1].To, d.Stays[n-1].Silent = time.Now(), silent
	}
}

// scan looks for the access point until it is found.
func (d *Device) scan(ap *AccessPoint) {
	d.t.Helper()
	for range 10 {
		seen := d.program.output.count("CTRL-EVENT-SCAN-RESULTS")
		d.do("scan", fmt.Sprintf("freq=%d", 2407+5*ap.config.Channel))
		for range 40 {
			if time.Sleep(100 * time.Millisecond); d.program.output.count("CTRL-EVENT-SCAN-RESULTS") > seen {
				break
			}
		}
		if strings.Contains(d.ask("bss", ap.BSSID), "bssid="+ap.BSSID) {
			time.Sleep(time.Second)
			return
		}
	}
	d.t.Fatalf("%s does not find %s", d.User, ap.Name)
}

func (d *Device) do(command ...string) {
	d.t.Helper()
	if said := d.ask(command...); strings.Contains(said, "FAIL") {
		d.t.Errorf("%s: wpa_cli %s: %s", d.User, strings.Join(command, " "), said)
	}
}

func (d *Device) ask(command ...string) string {
	args := append([]string{"-p", d.control(), "-i", fmt.Sprintf("wlan%d", d.radio)}, command...)
	out, _ := host{}.command("wpa_cli", args...).CombinedOutput() // what went wrong it says
	return string(out)
}

func (d *Device) until(what string, patience time.Duration, holds func() bool) {
	d.t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("%s: it did not come to pass in %v: %s", d.User, patience, what)
		}
	}
}
