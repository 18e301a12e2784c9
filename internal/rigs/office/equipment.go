package office

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// equipment is how one make of Wi-Fi does its accounting.
type equipment struct {
	name       string
	standalone bool            // each access point is a NAS of its own; else a controller speaks for all
	keeps      bool            // a session goes on over roams, and ends at the last access point
	tellsRoam  bool            // … and an Interim tells of the roam at once
	lateStop   float64         // how often the access point left behind ends its session only by Idle-Timeout
	idle       time.Duration   // Idle-Timeout of stations that leave without a word
	intervals  []time.Duration // interim intervals that it is found configured to; 0: none
	addressed  bool            // a first Interim after seconds tells the address that DHCP gave
	resets     reset
	stamps     stamp
	delays     bool          // sends Acct-Delay-Time
	tries      time.Duration // first wait for an answer
	doubles    bool          // each wait is twice the one before, up to 120 s; else all are alike
	most       int           // how often it sends before it gives up
	fresh      bool          // an unanswered Interim is followed by a fresh one
	flaps      bool          // stations keep dropping off for seconds
	spells     func(name string) string
	mac        func(mac string) string // how it writes Calling-Station-Id
	bssOnly    bool                    // no SSID behind the address in Called-Station-Id
	vendor     uint32                  // whose attributes it sends (IANA), and of those …
	ssidAttr   byte                    // … the SSID's
	apAttr     byte                    // … the name of the access point's
	id         func(s *session, g *generator) string
	multi      func(s *session, g *generator) string // Acct-Multi-Session-Id; nil: none
	habits
}

// reset says which Accounting-On a make sends when it has booted.
type reset uint8

const (
	silentBoot reset = iota
	perBSS           // for every BSS, with its Called-Station-Id
	perNAS           // one, without
)

// stamp says what a make's Event-Timestamp is good for.
type stamp uint8

const (
	stamped   stamp = iota
	unstamped       // there is none
	epoch           // it counts from 1970: no clock was ever set
)

// The ways in which MAC addresses are written.
func dashes(mac string) string { return strings.ToUpper(strings.ReplaceAll(mac, ":", "-")) }
func lower(mac string) string  { return strings.ReplaceAll(mac, ":", "-") }
func joined(mac string) string { return strings.ToUpper(bare(mac)) }
func colons(mac string) string { return strings.ToUpper(mac) }

// The ways in which identities are.
func plain(name string) string   { return name }
func mail(name string) string    { return name + "@" + Domain }
func windows(name string) string { return `CORP\` + name }

// makes are the makes that an office's networks are of.
var makes = []*equipment{
	{
		name: "hostapd", standalone: true, lateStop: 0.7, idle: 5 * time.Minute,
		intervals: []time.Duration{0, 5 * time.Minute, 10 * time.Minute}, resets: perBSS, delays: true,
		tries: 3 * time.Second, doubles: true, most: 12, fresh: true, spells: mail, id: random, multi: random,
		mac: dashes,
	},
	{
		name: "Meraki MR 33.1", standalone: true, keeps: true, lateStop: 0.3, idle: 5 * time.Minute,
		intervals: []time.Duration{0, 10 * time.Minute}, delays: true, tries: 5 * time.Second, most: 3,
		spells: plain, id: random, multi: random,
		mac: dashes, vendor: 29671, apAttr: 3,
	},
	{
		name: "Meraki MR 32.1", standalone: true, lateStop: 0.2, idle: 5 * time.Minute,
		intervals: []time.Duration{0, 5 * time.Minute}, delays: true, tries: 5 * time.Second, most: 3,
		spells: strings.ToUpper, id: random, multi: random,
		mac: dashes, vendor: 29671, apAttr: 3,
	},
	{
		name: "Cisco AireOS", keeps: true, tellsRoam: true, lateStop: 0.6, idle: 5 * time.Minute,
		intervals: []time.Duration{0, 10 * time.Minute}, resets: perNAS, delays: true, tries: 5 * time.Second, most: 5,
		spells: windows, id: func(s *session, _ *generator) string {
			return fmt.Sprintf("%08x/%s/%d", s.began.Unix(), s.device, s.serial)
		},
		mac: lower,
	},
	{
		name: "Ruckus", standalone: true, lateStop: 0.1, idle: 5 * time.Minute,
		intervals: []time.Duration{10 * time.Minute}, addressed: true, resets: perBSS, tries: 5 * time.Second, most: 3,
		spells: mail, id: func(s *session, _ *generator) string {
			return fmt.Sprintf("%08X-%08X", s.booted.Unix(), s.serial)
		},
		multi: func(s *session, _ *generator) string {
			return bare(s.hops[0].ap.bssid) + bare(s.device) + fmt.Sprintf("%08x", s.roaming.Unix())
		},
		mac: dashes, vendor: 25053, ssidAttr: 3,
	},
	{
		name: "Trapeze", keeps: true, tellsRoam: true, lateStop: 0.6, idle: 3 * time.Minute,
		intervals: []time.Duration{0, time.Hour}, addressed: true, resets: perNAS, delays: true, tries: 5 * time.Second, most: 3,
		spells: mail, id: func(s *session, _ *generator) string {
			return fmt.Sprintf("SESS-%d-%s-%d", s.serial, bare(s.device)[6:], s.began.Unix())
		},
		multi: func(s *session, _ *generator) string { return fmt.Sprintf("SESSION-%d-%d", s.serial, s.began.Unix()) },
		mac:   dashes, bssOnly: true, vendor: 14525, ssidAttr: 5,
	},
	{
		name: "Aruba", keeps: true, lateStop: 0.6, idle: 5 * time.Minute, intervals: []time.Duration{0}, stamps: unstamped, delays: true,
		tries: 5 * time.Second, most: 3, spells: plain, id: func(s *session, g *generator) string {
			return fmt.Sprintf("%s%s-%08X", s.name, strings.ToUpper(bare(s.device)), g.Uint32())
		},
		mac: joined, bssOnly: true, vendor: 14823, ssidAttr: 5, apAttr: 6,
	},
	{
		name: "D-Link", standalone: true, lateStop: 0.3, idle: 5 * time.Minute, intervals: []time.Duration{0}, resets: perBSS,
		stamps: epoch, tries: 3 * time.Second, most: 5, flaps: true, spells: plain, id: random,
		mac: dashes,
	},
	{
		name: "MikroTik", standalone: true, lateStop: 0.5, idle: 5 * time.Minute,
		intervals: []time.Duration{5 * time.Minute, 10 * time.Minute}, addressed: true, resets: perNAS, delays: true,
		tries: 3 * time.Second, most: 3, spells: mail, id: func(s *session, _ *generator) string {
			return fmt.Sprintf("%08x", 0x80100000+s.serial) // begins anew at every boot
		},
		mac: colons,
	},
}

func random(_ *session, g *generator) string { return fmt.Sprintf("%016X", g.Uint64()) }

// bare returns a MAC address without its colons.
func bare(mac string) string { return strings.ReplaceAll(mac, ":", "") }

// waits returns how long a make waits for an answer to its n-th try, from 0.
func (e *equipment) waits(n int) time.Duration {
	if !e.doubles {
		return e.tries
	}
	return min(e.tries<<n, 2*time.Minute)
}

// byName are all makes.
var byName = func() map[string]*equipment {
	all := map[string]*equipment{}
	for _, m := range slices.Concat(makes, field) {
		all[m.name] = m
	}
	return all
}()
