package radiusacct

import (
	"strings"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/presence"
)

// Private enterprise numbers of vendors whose attributes are read (IANA).
const (
	cisco    = 9
	symbol   = 388
	siemens  = 4329 // also Enterasys, Extreme
	fortinet = 12356
	wispr    = 14122
	trapeze  = 14525
	aruba    = 14823
	ruckus   = 25053
	meraki   = 29671
)

// The tables below are everything that differs between vendors: for each
// question about a request, the places where the answer may stand. The first
// that has one wins. Names and numbers are those of FreeRADIUS' dictionaries.

// place is where an answer may stand.
type place struct {
	attribute string
	answer    func(*attributes) string // "" if it has none
}

// Which device? MikroTik, Meraki, Aruba and all the others have it in one
// spelling or another in Calling-Station-Id.
var deviceAt = []place{
	{"Calling-Station-Id", wholly(rfc2865.CallingStationID_Type)},
	{"Acct-Session-Id", deviceInSession}, // Cisco AireOS, whose Calling-Station-Id is an IP address unless told otherwise
	{"Fortinet-WirelessController-Device-MAC", octets(fortinet, 23)},
}

// Which network? An attribute for just that goes before Called-Station-Id,
// in which some have the SSID, and that before what is but a name for a
// network. Alcatel's NAS-Identifier is an SSID, and everybody else's is not.
var networkAt = []place{
	{"Aruba-Essid-Name", vendorText(aruba, 5)},
	{"Ruckus-SSID", vendorText(ruckus, 3)},
	{"Fortinet-SSID", vendorText(fortinet, 7)},
	{"Siemens-SSID", vendorText(siemens, 5)},
	{"Trapeze-SSID", vendorText(trapeze, 5)},
	{"Symbol-Current-ESSID", vendorText(symbol, 2)},
	{"Cisco-AVPair cisco-wlan-ssid", pair("cisco-wlan-ssid")}, // 9800
	{"Cisco-AVPair ssid", pair("ssid")},                       // autonomous
	{"Called-Station-Id", afterMAC(rfc2865.CalledStationID_Type)},
	{"Cisco-AVPair wlan-profile-name", pair("wlan-profile-name")},
	{"Ruckus-Wlan-Name", vendorText(ruckus, 135)},
	{"Siemens-VNS-Name", vendorText(siemens, 4)},
}

// Which BSS? Called-Station-Id first, because Accounting-On names no other;
// of an Aruba controller or an HP MSM it is the controller.
var bssidAt = []place{
	{"Called-Station-Id", firstMAC(rfc2865.CalledStationID_Type)},
	{"Aruba-AP-MAC-Address", vendorMAC(aruba, 60)},
	{"Ruckus-BSSID", octets(ruckus, 14)},
}

// Which access point, by name?
var apAt = []place{
	{"Meraki-Ap-Name", vendorText(meraki, 3)},
	{"Meraki-Device-Name", vendorText(meraki, 1)},
	{"Aruba-Location-Id", vendorText(aruba, 6)}, // of Instant On the serial number
	{"Fortinet-AP-Name", vendorText(fortinet, 8)},
	{"Siemens-AP-Name", vendorText(siemens, 2)},
	{"Fortinet-WirelessController-WTP-ID", vendorText(fortinet, 24)},
	{"Siemens-AP-Serial", vendorText(siemens, 3)},
}

// Which location: network, zone, group, or a place by its name?
var locationAt = []place{
	{"Meraki-Network-Name", vendorText(meraki, 2)},
	{"Ruckus-Zone-Name", vendorText(ruckus, 134)},
	{"Ruckus-Location", vendorText(ruckus, 5)},
	{"Aruba-AP-Group", vendorText(aruba, 10)},
	{"WISPr-Location-Name", vendorText(wispr, 2)},
	{"WISPr-Location-ID", vendorText(wispr, 1)},
}

// ask answers a question about a request from the first place that can, and
// notes which in from, unless that is nil.
func (a *attributes) ask(question string, places []place, from *[]presence.Source) string {
	for _, p := range places {
		if answer := p.answer(a); answer != "" {
			if from == nil {
				return answer
			}
			*from = append(*from, presence.Source{Question: question, Answer: answer, Attribute: p.attribute})
			return answer
		}
	}
	return ""
}

func vendorText(vendor uint32, kind byte) func(*attributes) string {
	return func(a *attributes) string { return text(a.ofVendor(vendor, kind)) }
}

func pair(name string) func(*attributes) string {
	return func(a *attributes) string { return a.pair(name) }
}

// wholly is a MAC address that is the attribute's whole value.
func wholly(t radius.Type) func(*attributes) string {
	return func(a *attributes) string {
		if mac, ok := WholeMAC(a.text(t)); ok {
			return mac
		}
		return ""
	}
}

// firstMAC is the MAC address that the value begins with.
func firstMAC(t radius.Type) func(*attributes) string {
	return func(a *attributes) string {
		mac, _, _ := parseMAC(a.text(t))
		return mac
	}
}

// afterMAC is what stands behind a MAC address and a separator, as the octets
// that it is: an SSID may hold colons, blanks and whatever else.
func afterMAC(t radius.Type) func(*attributes) string {
	return func(a *attributes) string {
		_, rest, ok := parseMAC(a.text(t))
		if !ok || rest == "" {
			return ""
		}
		return rest[1:]
	}
}

// vendorMAC is a MAC address as text.
func vendorMAC(vendor uint32, kind byte) func(*attributes) string {
	return func(a *attributes) string {
		if mac, ok := WholeMAC(text(a.ofVendor(vendor, kind))); ok {
			return mac
		}
		return ""
	}
}

// octets is a MAC address as six octets.
func octets(vendor uint32, kind byte) func(*attributes) string {
	return func(a *attributes) string {
		if b := a.ofVendor(vendor, kind); len(b) == 6 {
			return formatMAC([]byte(b))
		}
		return ""
	}
}

// deviceInSession is the middle of AireOS' 646f26a4/f6:ff:cc:5f:51:68/911:
// time, device, count.
func deviceInSession(a *attributes) string {
	parts := strings.Split(a.text(rfc2866.AcctSessionID_Type), "/")
	if len(parts) != 3 {
		return ""
	}
	mac, ok := WholeMAC(parts[1])
	if !ok {
		return ""
	}
	return mac
}
