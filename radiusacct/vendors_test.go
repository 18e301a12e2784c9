package radiusacct

import (
	"encoding/binary"
	"net/netip"
	"os"
	"strings"
	"testing"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/presence"
)

// said is what a record says about who, where and on what.
type said struct{ device, ssid, bssid, ap, location string }

func saidBy(r presence.Record) said { return said{r.Device, r.SSID, r.BSSID, r.AP, r.Location} }

func nasID(s string) avp  { return value(rfc2865.NASIdentifier_Type, s) }
func multi(id string) avp { return value(rfc2866.AcctMultiSessionID_Type, id) }

// vendorShapes are requests as vendors' dumps and manuals show them.
var vendorShapes = []struct {
	name       string
	attributes []avp
	want       said
}{
	{"Cisco AireOS, as delivered",
		[]avp{calling("192.168.122.118"), called("192.168.122.253"), session("646f26a4/f6:ff:cc:5f:51:68/911"), integer(5, 8), vsa(14179, 1, "\x00\x00\x00\x02"), avPair("audit-session-id=c0a87afd0000000c646f26a4"), nasID("wlc")},
		said{device: "f6:ff:cc:5f:51:68"}},
	{"Cisco AireOS, configured",
		[]avp{calling("f8-ff-c2-39-ca-71"), called("00-fd-22-ca-9f-40:Captive"), session("5e8e6a1c/f8:ff:c2:39:ca:71/12")},
		said{"f8:ff:c2:39:ca:71", "Captive", "00:fd:22:ca:9f:40", "", ""}},
	{"Cisco 9800",
		[]avp{calling("be-08-ce-fb-3f-f9"), called("40-01-7a-17-f2-e0:splash"), avPair("audit-session-id=0A0A"), avPair("cisco-wlan-ssid=Corp Wi-Fi"), avPair("wlan-profile-name=corp-prof"), value(87, "capwap_90000004")},
		said{"be:08:ce:fb:3f:f9", "Corp Wi-Fi", "40:01:7a:17:f2:e0", "", ""}},
	{"Cisco 9800, only a profile",
		[]avp{calling("be-08-ce-fb-3f-f9"), called("40-01-7a-17-f2-e0"), avPair("wlan-profile-name=corp-prof")},
		said{"be:08:ce:fb:3f:f9", "corp-prof", "40:01:7a:17:f2:e0", "", ""}},
	{"Cisco IOS, autonomous",
		[]avp{calling("be08.cefb.3ff9"), called("4001.7a17.f2e0"), avPair("ssid=Corp")},
		said{"be:08:ce:fb:3f:f9", "Corp", "40:01:7a:17:f2:e0", "", ""}},
	{"Meraki MR",
		[]avp{calling("3C-52-A1-A2-56-04"), called("88-15-44-50-0F-1C:EAP-TLS Testing"), vsa(meraki, 1, "mr-dev"), vsa(meraki, 2, "London HQ"), vsa(meraki, 3, "ap-3-12"), vsa(meraki, 4, " tag "), session("47368CBFD154BAFD")},
		said{"3c:52:a1:a2:56:04", "EAP-TLS Testing", "88:15:44:50:0f:1c", "ap-3-12", "London HQ"}},
	{"Meraki MR, older",
		[]avp{calling("3C-52-A1-A2-56-04"), called("88-15-44-50-0F-1C:Corp"), vsa(meraki, 1, "mr-dev")},
		said{"3c:52:a1:a2:56:04", "Corp", "88:15:44:50:0f:1c", "mr-dev", ""}},
	{"Aruba controller",
		[]avp{calling("985AEB898000"), called("001A1E000000"), vsa(aruba, 1, "employee"), vsa(aruba, 5, "xxx-employee"), vsa(aruba, 6, "AP-3-12"), vsa(aruba, 10, "London"), vsa(aruba, 12, "\x00"), session("xxxxxxxx985AEB898000-57361300")},
		said{"98:5a:eb:89:80:00", "xxx-employee", "00:1a:1e:00:00:00", "AP-3-12", "London"}},
	{"Aruba Instant On",
		[]avp{calling("f262e79963c6"), called("d015a6c274d0"), vsa(aruba, 5, "Home:Office"), vsa(aruba, 6, "CNXXXXXXXX")},
		said{"f2:62:e7:99:63:c6", "Home:Office", "d0:15:a6:c2:74:d0", "CNXXXXXXXX", ""}},
	{"Aruba, no Called-Station-Id",
		[]avp{calling("f262e79963c6"), vsa(aruba, 60, "d0:15:a6:c2:74:d0"), vsa(aruba, 5, "Corp")},
		said{"f2:62:e7:99:63:c6", "Corp", "d0:15:a6:c2:74:d0", "", ""}},
	{"Ruckus SmartZone",
		[]avp{calling("DC-9B-9C-4A-B6-C1"), called("6C-AA-B3-6D-A8-9C:RUCKUS_CAPTIVE"), nasID("6C-AA-B3-6D-A8-9C"), vsa(ruckus, 3, "RUCKUS_CAPTIVE"), vsa(ruckus, 5, "lobby"), vsa(ruckus, 134, "HQ zone"), vsa(ruckus, 135, "wlan 1"), multi("6caab36da898dc9b9c4ab6c157c7292e0057"), session("57E5A277-0000000A")},
		said{"dc:9b:9c:4a:b6:c1", "RUCKUS_CAPTIVE", "6c:aa:b3:6d:a8:9c", "", "HQ zone"}},
	{"Ruckus, BSSID in an attribute",
		[]avp{calling("DC-9B-9C-4A-B6-C1"), vsa(ruckus, 14, "\x6c\xaa\xb3\x6d\xa8\x9c"), vsa(ruckus, 135, "wlan 1"), vsa(ruckus, 5, "lobby")},
		said{"dc:9b:9c:4a:b6:c1", "wlan 1", "6c:aa:b3:6d:a8:9c", "", "lobby"}},
	{"Juniper Mist",
		[]avp{calling("2A-22-3A-66-F9-95"), called("5C-5B-35-A1-96-01:ZamOpen"), nasID("Mist-AP"), user("2a223a66f995"), proxyState("64")},
		said{"2a:22:3a:66:f9:95", "ZamOpen", "5c:5b:35:a1:96:01", "", ""}},
	{"UniFi",
		[]avp{calling("E4-B2-FB-44-EF-D6"), called("74-83-C2-71-F5-52:FC"), nasID("7483c271f552"), integer(186, 0x000fac04)},
		said{"e4:b2:fb:44:ef:d6", "FC", "74:83:c2:71:f5:52", "", ""}},
	{"hostapd, SSID of raw octets",
		[]avp{calling("02-11-22-33-44-55"), called("02-00-5E-00-00-01:te\x06\x00st"), session("8A5C3B2E1F00D4C7"), multi("3C0F51D0A7B8E9F1")},
		said{"02:11:22:33:44:55", "te\x06\x00st", "02:00:5e:00:00:01", "", ""}},
	{"D-Link DAP",
		[]avp{calling("5C-AD-BA-00-00-01"), called("02-00-5E-10-20-38:Home"), nasID("02:00:5e:10:20:38")},
		said{"5c:ad:ba:00:00:01", "Home", "02:00:5e:10:20:38", "", ""}},
	{"MikroTik hotspot",
		[]avp{calling("BC:24:11:EB:56:4D"), called("hs-vlan888-hotspot"), session("80100014"), vsa(14988, 10, "\x0a\x00\x00\x01"), integer(5, 2148532244)},
		said{device: "bc:24:11:eb:56:4d"}},
	{"Alcatel Stellar",
		[]avp{calling("FE99737BECD0"), called("DC0856A005A0:Splash"), nasID("Splash"), session("192.168.1.138_09/02/2026_08:39:47_fe99737becd0"), multi("192.168.1.138_09/02/2026_08:39:47_fe99737becd0")},
		said{"fe:99:73:7b:ec:d0", "Splash", "dc:08:56:a0:05:a0", "", ""}},
	{"Alcatel Stellar, no SSID but the NAS-Identifier",
		[]avp{calling("FE99737BECD0"), called("DC0856A005A0"), nasID("Splash")},
		said{"fe:99:73:7b:ec:d0", "", "dc:08:56:a0:05:a0", "", ""}},
	{"FortiWLC",
		[]avp{calling("00-06-25-09-39-5d"), called("00:0c:e6:00:00:01:Meru:5GHz"), value(77, "802.11ac")},
		said{"00:06:25:09:39:5d", "Meru:5GHz", "00:0c:e6:00:00:01", "", ""}},
	{"FortiAP",
		[]avp{calling("02-11-22-33-44-55"), vsa(fortinet, 7, "Corp"), vsa(fortinet, 8, "FAP-3-12"), vsa(fortinet, 5, "wifi1")},
		said{"02:11:22:33:44:55", "Corp", "", "FAP-3-12", ""}},
	{"FortiAP, device in an attribute",
		[]avp{vsa(fortinet, 23, "\x02\x11\x22\x33\x44\x55"), vsa(fortinet, 24, "FP231FTF00000001")},
		said{"02:11:22:33:44:55", "", "", "FP231FTF00000001", ""}},
	{"Extreme WM",
		[]avp{calling("02-11-22-33-44-55"), called("00-1B-1B-00-00-01"), vsa(siemens, 2, "AP12"), vsa(siemens, 3, "0500000001"), vsa(siemens, 4, "vns"), vsa(siemens, 5, "Corp")},
		said{"02:11:22:33:44:55", "Corp", "00:1b:1b:00:00:01", "AP12", ""}},
	{"Extreme WM, without names",
		[]avp{calling("02-11-22-33-44-55"), vsa(siemens, 3, "0500000001"), vsa(siemens, 4, "vns")},
		said{"02:11:22:33:44:55", "vns", "", "0500000001", ""}},
	{"Extreme Campus Controller, site name",
		[]avp{calling("02-11-22-33-44-55"), called("London:Floor 3")},
		said{device: "02:11:22:33:44:55"}},
	{"Extreme Campus Controller, serial number",
		[]avp{calling("02-11-22-33-44-55"), called("1234567890123456")},
		said{device: "02:11:22:33:44:55"}},
	{"HP MSM",
		[]avp{calling("00-02-03-5E-32-1A"), called("00-03-52-00-00-01"), value(89, "cui"), value(25, "one"), value(25, "two")},
		said{"00:02:03:5e:32:1a", "", "00:03:52:00:00:01", "", ""}},
	{"Trapeze",
		[]avp{calling("00-06-25-09-39-5D"), called("00-0B-0E-00-00-01"), session("SESS-519-513030-abcd"), multi("SESSION-4-1106424789"), vsa(trapeze, 5, "Corp")},
		said{"00:06:25:09:39:5d", "Corp", "00:0b:0e:00:00:01", "", ""}},
	{"Symbol",
		[]avp{calling("00-06-25-09-39-5D"), vsa(symbol, 2, "Corp")},
		said{"00:06:25:09:39:5d", "Corp", "", "", ""}},
	{"Xirrus",
		[]avp{calling("021122334455"), called("00:0f:7d:00:00:01")},
		said{"02:11:22:33:44:55", "", "00:0f:7d:00:00:01", "", ""}},
	{"Cambium PMP",
		[]avp{calling("0a-00-3e-00-00-01"), session("0a003e000001")},
		said{device: "0a:00:3e:00:00:01"}},
	{"CoovaChilli",
		[]avp{calling("00-1F-3C-21-20-D9"), called("00-15-6D-00-00-01"), nasID("fabfi98"), vsa(wispr, 1, "isocc=af,cc=93"), vsa(wispr, 2, "Jalalabad")},
		said{"00:1f:3c:21:20:d9", "", "00:15:6d:00:00:01", "", "Jalalabad"}},
	{"CoovaChilli, only an id",
		[]avp{calling("00-1F-3C-21-20-D9"), vsa(wispr, 1, "isocc=af,cc=93")},
		said{"00:1f:3c:21:20:d9", "", "", "", "isocc=af,cc=93"}},
	{"nothing", nil, said{}},
	{"IP addresses, and a session that is no AireOS",
		[]avp{calling("fd00:1122:3344:5566::1"), called("2001:db8:1122:3344::1"), session("a/b/c")},
		said{}},
	{"trailing NUL",
		[]avp{calling("02-11-22-33-44-55\x00"), called("02-00-5E-00-00-01:Corp\x00"), vsa(aruba, 6, "ap\x00")},
		said{"02:11:22:33:44:55", "Corp", "02:00:5e:00:00:01", "ap", ""}},
}

func TestVendorShapes(t *testing.T) {
	for _, shape := range vendorShapes {
		t.Run(shape.name, func(t *testing.T) {
			r, err := Decode(packetOf(shape.attributes...), loopback, netip.AddrPort{}, noon, DefaultSkew)
			if err != nil {
				t.Fatal(err)
			}
			if got := saidBy(r); got != shape.want {
				t.Errorf("%+v, want %+v", got, shape.want)
			}
			answers := map[string]string{"device": r.Device, "network": r.SSID, "bssid": r.BSSID, "ap": r.AP, "location": r.Location}
			for _, from := range r.From {
				if from.Answer != answers[from.Question] || from.Attribute == "" {
					t.Errorf("from %+v, the record has %q", from, answers[from.Question])
				}
				delete(answers, from.Question)
			}
			for question, answer := range answers {
				if answer != "" {
					t.Errorf("nothing says where %s = %q is from", question, answer)
				}
			}
		})
	}
}

func TestCase95WhichNetwork(t *testing.T) {
	for _, c := range []struct {
		name string
		a    avp
		want string
	}{
		{"dashes", called("AA-BB-CC-DD-EE-FF:Corp"), "Corp"},
		{"colons", called("aa:bb:cc:dd:ee:ff:Corp"), "Corp"},
		{"none", called("AABBCCDDEEFF:Corp"), "Corp"},
		{"colon inside", called("aa:bb:cc:dd:ee:ff:Corp:5"), "Corp:5"},
		{"colon first", called("AA-BB-CC-DD-EE-FF::Corp"), ":Corp"},
		{"blanks", called("AA-BB-CC-DD-EE-FF: Corp Net "), " Corp Net "},
		{"non-ASCII", called("AA-BB-CC-DD-EE-FF:Büro ☕"), "Büro ☕"},
		{"NUL inside", called("AA-BB-CC-DD-EE-FF:a\x00b"), "a\x00b"},
		{"looks like a MAC", called("AA-BB-CC-DD-EE-FF:00-11-22-33-44-55"), "00-11-22-33-44-55"},
		{"Aruba", vsa(14823, 5, "Corp"), "Corp"},
		{"Ruckus", vsa(25053, 3, "Corp"), "Corp"},
		{"Fortinet", vsa(12356, 7, "Corp"), "Corp"},
		{"Cisco", vsa(9, 1, "cisco-wlan-ssid=Corp=1"), "Corp=1"},
		{"Siemens", vsa(4329, 5, "Corp"), "Corp"},
		{"MAC only", called("AA-BB-CC-DD-EE-FF"), ""},
		{"MAC and a colon", called("AA-BB-CC-DD-EE-FF:"), ""},
		{"a name", called("Corp"), ""},
		{"Cisco, other pair", vsa(9, 1, "my-cisco-wlan-ssid=Corp"), ""},
		{"Cisco, empty", vsa(9, 1, "cisco-wlan-ssid="), ""},
		{"other vendor", vsa(14824, 5, "Corp"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Decode(packetOf(c.a), loopback, netip.AddrPort{}, noon, DefaultSkew)
			if err != nil || r.SSID != c.want {
				t.Errorf("%q, want %q (%v)", r.SSID, c.want, err)
			}
		})
	}
}

func TestCase96WhichDevice(t *testing.T) {
	for _, spelling := range []string{
		"02-11-22-33-44-5A", "02:11:22:33:44:5a", "0211.2233.445A", "021122-33445a", "02112233445A", "  02-11-22-33-44-5A ", "02 11 22 33 44 5a",
	} {
		r, err := Decode(packetOf(calling(spelling)), loopback, netip.AddrPort{}, noon, DefaultSkew)
		if err != nil || r.Device != "02:11:22:33:44:5a" {
			t.Errorf("%q is %q (%v)", spelling, r.Device, err)
		}
	}
	for _, none := range []string{
		"192.168.122.118", "10.20.30.40", "fd00:1122:3344::1", "02:11:22:33:44:55:66:77", "02-11-22-33-44", "02-11-22-33-44-5", "02-11-22-33-44-5A-66", "02-11-22-33-44-5Axyz",
		"02--11-22-33-44-5A", "alice", "", "0211223344556677",
	} {
		r, err := Decode(packetOf(calling(none)), loopback, netip.AddrPort{}, noon, DefaultSkew)
		if err != nil || r.Device != "" {
			t.Errorf("%q is %q (%v)", none, r.Device, err)
		}
		r, err = Decode(packetOf(calling(none), session("646f26a4/f6:ff:cc:5f:51:68/911")), loopback, netip.AddrPort{}, noon, DefaultSkew)
		if err != nil || r.Device != "f6:ff:cc:5f:51:68" || r.From[0].Attribute != "Acct-Session-Id" {
			t.Errorf("AireOS: %q is %q (%v)", none, r.Device, err)
		}
	}
}

func TestWhoElse(t *testing.T) {
	v6 := netip.MustParseAddr("2001:db8::1")
	r, err := Decode(packetOf(value(89, "cui-1"), value(175, "peer@example.com"), value(95, string(v6.AsSlice())), nasID("ap-1"), multi("m")), loopback, netip.AddrPort{}, noon, DefaultSkew)
	if err != nil {
		t.Fatal(err)
	}
	if r.CUI != "cui-1" || r.PeerID != "peer@example.com" || r.NASAddr != v6 || r.NASID != "ap-1" || r.Multi != "m" {
		t.Errorf("record: %+v", r)
	}
	r, err = Decode(packetOf(value(4, "\xc0\x00\x02\x01"), value(95, string(v6.AsSlice())), value(89, "\x00")), loopback, netip.AddrPort{}, noon, DefaultSkew)
	if err != nil || r.NASAddr != netip.MustParseAddr("192.0.2.1") || r.CUI != "" { // a NUL asks for a CUI (RFC 4372 2.1)
		t.Errorf("record: %+v, %v", r, err)
	}
}

// arubaInterim is a real Interim-Update of an Aruba controller, anonymised by
// who published it.
func arubaInterim(t testing.TB) Packet {
	t.Helper()
	f, err := os.Open("testdata/aruba-interim.pcap")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	packets, err := ReadPackets(f)
	if err != nil || len(packets) != 1 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	return packets[0]
}

func TestRealArubaInterim(t *testing.T) {
	o := newOffice(t)
	b := arubaInterim(t).Octets
	if int(binary.BigEndian.Uint16(b[2:])) != len(b) || radius.Code(b[0]) != radius.CodeAccountingRequest {
		t.Fatalf("packet %x", b)
	}
	o.nas().answered(resign(b, secret))
	got := o.recorder.records()
	if len(got) != 1 {
		t.Fatalf("records: %+v", got)
	}
	r := got[0]
	want := said{"98:5a:eb:89:80:00", "xxx-employee", "00:1a:1e:00:00:00", "XXXX-000-000-000a2", "XXX2"}
	if saidBy(r) != want {
		t.Errorf("%+v, want %+v", saidBy(r), want)
	}
	if r.Status != presence.Interim || r.UserName != strings.Repeat("x", 9) || r.Session != "xxxxxxxx985AEB898000-57361300" || r.PortType != 19 ||
		r.NASAddr != netip.MustParseAddr("10.0.0.1") || !r.HasAge || r.AtFrom != "arrival" {
		t.Errorf("record: %+v", r)
	}
}
