package radiusacct

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/presence"
)

func TestHexInAnySpelling(t *testing.T) {
	b := start("a")
	digits := hex.EncodeToString(b)
	var xxd, tcpdump, wrapped, spaced strings.Builder
	for i := 0; i < len(b); i += 16 {
		row := b[i:min(i+16, len(b))]
		fmt.Fprintf(&xxd, "%08x: % x  ................\n", i, row)
		fmt.Fprintf(&tcpdump, "\t0x%04x:  % x  ................\n", i, row)
		fmt.Fprintf(&wrapped, "%x\r\n", row)
		fmt.Fprintf(&spaced, "% X \n", row)
	}
	for name, text := range map[string]string{
		"one line": digits, "0x": "0x" + digits, "wrapped": wrapped.String(), "blanks": spaced.String(),
		"colons": strings.TrimSuffix(strings.Join(slices.Collect(chunks(digits, 2)), ":"), ":"), "xxd": xxd.String(), "tcpdump": tcpdump.String(),
		"two": "\n\n" + digits + "\n\n" + digits + "\n",
	} {
		packets, err := ReadPackets(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := 1 + strings.Count(name, "two"); len(packets) != want {
			t.Errorf("%s: %d packets", name, len(packets))
		}
		for _, p := range packets {
			if !bytes.Equal(p.Octets, b) {
				t.Errorf("%s: %x, want %x", name, p.Octets, b)
			}
		}
	}
}

func chunks(s string, n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i < len(s); i += n {
			if !yield(s[i:min(i+n, len(s))]) {
				return
			}
		}
	}
}

// overUDP, overIPv4 and overIPv6 put a payload into a packet from port 1024 to
// 1813.
func overUDP(payload []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, 1024)
	b = binary.BigEndian.AppendUint16(b, 1813)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

func overIPv4(payload []byte) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 7, 192, 0, 2, 1}
	b = append(b, overUDP(payload)...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

func overIPv6(payload []byte) []byte {
	u := append([]byte{17, 0, 1, 4, 0, 0, 0, 0}, overUDP(payload)...) // behind a destination option
	b := []byte{0x60, 0, 0, 0, byte(len(u) >> 8), byte(len(u)), 60, 64}
	b = append(b, netip.MustParseAddr("2001:db8::7").AsSlice()...)
	b = append(b, netip.MustParseAddr("2001:db8::1").AsSlice()...)
	return append(b, u...)
}

// pcap is a capture of frames, a millisecond (or microsecond) after each other
// from noon on.
func pcap(order binary.AppendByteOrder, magic uint32, link uint32, frames ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(order.AppendUint16(b, 2), 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(order.AppendUint32(b, 65535), link)
	for i, f := range frames {
		b = order.AppendUint32(order.AppendUint32(b, uint32(noon.Unix())), uint32(i*1000))
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(f))), uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

func TestCapturesOfAnyLink(t *testing.T) {
	radius := start("a")
	other := overIPv4(statusServer(t))
	ethernet := make([]byte, 12)
	for _, c := range []struct {
		name           string
		before, behind []byte
		link           uint32
	}{
		{"Ethernet", with(ethernet, 8, 0), with(ethernet, 0x86, 0xdd), 1},
		{"Ethernet, VLAN", with(ethernet, 0x81, 0, 0, 50, 8, 0), with(ethernet, 0x88, 0xa8, 0, 1, 0x81, 0, 0, 50, 0x86, 0xdd), 1},
		{"raw", nil, nil, 101},
		{"cooked", with(make([]byte, 14), 8, 0), with(make([]byte, 14), 0x86, 0xdd), 113},
		{"cooked 2", append([]byte{8, 0}, make([]byte, 18)...), append([]byte{0x86, 0xdd}, make([]byte, 18)...), 276},
		{"loopback", []byte{2, 0, 0, 0}, []byte{24, 0, 0, 0}, 0},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			for magic, tick := range map[uint32]time.Duration{0xa1b2c3d4: time.Millisecond, 0xa1b23c4d: time.Microsecond} {
				four, six, noise := with(c.before, overIPv4(radius)...), with(c.behind, overIPv6(radius)...), with(c.before, other...)
				packets, err := ReadPackets(bytes.NewReader(pcap(order, magic, c.link, noise, four, six, []byte{1, 2}, nil)))
				if err != nil || len(packets) != 2 {
					t.Errorf("%s, %s: %d packets, %v", c.name, order, len(packets), err)
					continue
				}
				for i, source := range []string{"192.0.2.7:1024", "[2001:db8::7]:1024"} {
					p := packets[i]
					if !bytes.Equal(p.Octets, radius) || p.Source.String() != source || !p.Heard.Equal(noon.Add(time.Duration(i+1)*tick)) {
						t.Errorf("%s, %s: %s at %s: %x", c.name, order, p.Source, p.Heard, p.Octets)
					}
				}
			}
		}
	}
}

func TestHexOfAnIPPacket(t *testing.T) {
	for source, b := range map[string][]byte{"192.0.2.7:1024": overIPv4(start("a")), "[2001:db8::7]:1024": overIPv6(start("a"))} {
		packets, err := ReadPackets(strings.NewReader(hex.EncodeToString(b)))
		if err != nil || len(packets) != 1 || packets[0].Source.String() != source || !bytes.Equal(packets[0].Octets, start("a")) {
			t.Errorf("%s: %+v, %v", source, packets, err)
		}
	}
}

func TestDetailRecords(t *testing.T) {
	const detail = `Tue Nov 24 12:00:05 2026
	Acct-Status-Type = Interim-Update
	User-Name = "ann\"\\\101\n@example.com"
	Acct-Session-Id = "646f26a4/f6:ff:cc:5f:51:68/911"
	Calling-Station-Id = "192.168.122.118"
	Called-Station-Id = "00-fd-22-ca-9f-40:Corp \303\274"
	NAS-IP-Address = 192.0.2.1
	NAS-IPv6-Address = 2001:db8::1
	NAS-Port-Type = Wireless-802.11
	Event-Timestamp = "Nov 24 2026 12:00:04 UTC"
	Acct-Session-Time = 61
	Acct-Delay-Time = 0x01
	Class = 0x0102ff
	Chargeable-User-Identity = 0x637569
	Cisco-AVPair = "audit-session-id=1"
	Cisco-AVPair += "cisco-wlan-ssid=Corp"
	Aruba-Location-Id := "ap-1"
	Fortinet-WirelessController-Device-MAC = 02:11:22:33:44:55
	Tunnel-Private-Group-Id:0 = "882"
	Service-Type = Who-Knows
	Acct-Unique-Session-Id = "abc"
	Packet-Src-IP-Address = 192.0.2.7
	Packet-Src-Port = 1024
	Timestamp = 1795521605

Tue Nov 24 12:00:06 2026
	Acct-Status-Type = Stop
	Acct-Terminate-Cause = Reauthentication-Failure
	User-Name = 'bob'
	Event-Timestamp = "Nov 24 2026 12:00:06 XYZ"
`
	packets, err := ReadPackets(strings.NewReader(detail))
	if err != nil || len(packets) != 2 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	p := packets[0]
	if want := []string{"Tunnel-Private-Group-Id:0", "Service-Type = Who-Knows"}; !slices.Equal(p.Unknown, want) {
		t.Errorf("unknown %q, want %q", p.Unknown, want)
	}
	if p.Source.String() != "192.0.2.7:1024" || p.Heard.Unix() != 1795521605 {
		t.Errorf("%s at %s", p.Source, p.Heard)
	}
	r, err := Decode(p.Octets, loopback, p.Source, p.Heard, DefaultSkew)
	if err != nil {
		t.Fatal(err)
	}
	if want := (said{"f6:ff:cc:5f:51:68", "Corp", "00:fd:22:ca:9f:40", "ap-1", ""}); saidBy(r) != want {
		t.Errorf("%+v, want %+v", saidBy(r), want)
	}
	if r.Status != presence.Interim || r.UserName != "ann\"\\A\n@example.com" || r.CUI != "cui" || r.PortType != 19 || r.Age != 61*time.Second ||
		r.NASAddr != netip.MustParseAddr("192.0.2.1") || !r.At.Equal(noon.Add(4*time.Second)) {
		t.Errorf("record: %+v", r)
	}
	p = packets[1]
	if want := []string{`Event-Timestamp = "Nov 24 2026 12:00:06 XYZ"`}; !slices.Equal(p.Unknown, want) {
		t.Errorf("unknown %q, want %q", p.Unknown, want)
	}
	r, err = Decode(p.Octets, loopback, p.Source, p.Heard, DefaultSkew)
	if err != nil || r.Status != presence.Stop || r.Cause != presence.ReauthFailure || r.UserName != "bob" || r.AtFrom != "arrival" {
		t.Errorf("record: %+v, %v", r, err)
	}
}

func TestRadclientInput(t *testing.T) {
	packets, err := ReadPackets(strings.NewReader("# a comment\nUser-Name = ann,\nAcct-Status-Type = Alive\nAcct-Session-Id=1\n"))
	if err != nil || len(packets) != 1 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	r, err := Decode(packets[0].Octets, loopback, netip.AddrPort{}, noon, DefaultSkew)
	if err != nil || r.UserName != "ann" || r.Status != presence.Interim || r.Session != "1" {
		t.Errorf("record: %+v, %v", r, err)
	}
}

func TestWhatIsNoPacketIsToldWhy(t *testing.T) {
	cut := pcap(binary.LittleEndian, 0xa1b2c3d4, 101, overIPv4(start("a"))[:60])
	binary.LittleEndian.PutUint32(cut[24+12:], 200)
	fragment := overIPv4(start("a"))
	fragment[6] = 0x20
	for text, want := range map[string]string{
		"":                                     "there is no Accounting-Request",
		"hello":                                "line 1: neither a capture nor a detail record, and not hexadecimal",
		string(packed(packed([]byte("0401")))): "packed more than once",
		"0401":                                 "2 octets that are no Accounting-Request",
		hex.EncodeToString(statusServer(t)):    "no Accounting-Request",
		"\x0a\x0d\x0d\x0a rest":                "cut short in its header",
		"User-Name = \"x\"\nnonsense\n":        "line 2: neither an attribute nor a time, as a detail record has them",
		"User-Name = \"" + strings.Repeat("x", 300) + "\"":                   "line 1: User-Name: longer than an attribute",
		strings.Repeat("Class = 0x"+strings.Repeat("00", 250)+"\n", 20):      "line 17: Class: more than a packet",
		string(pcap(binary.BigEndian, 0xa1b2c3d4, 147, []byte{1})):           "link type 147",
		string(pcap(binary.BigEndian, 0xa1b2c3d4, 1)[:23]):                   "cut short",
		string(pcap(binary.BigEndian, 0xa1b2c3d4, 1, make([]byte, 60))[:70]): "cut short in frame 1",
		string(pcap(binary.BigEndian, 0xa1b2c3d4, 1, make([]byte, 60))):      "no Accounting-Request in 1 frames",
		string(pcap(binary.BigEndian, 0xa1b2c3d4, 101, fragment)):            "no Accounting-Request in 1 frames",
		string(cut): "tcpdump -s 0",
	} {
		packets, err := ReadPackets(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %d packets, error %v, want %q", text, len(packets), err, want)
		}
	}
}

// inFile is what reading a file may cost, for each octet that is in it when it is
// unpacked.
var inFile = budget.Budget{Time: 200 * time.Millisecond, Each: 50 * time.Microsecond, Octets: 5 << 20, More: 1000}

// unpacked is how many octets b has, and when it is unpacked.
func unpacked(b []byte) int {
	var r io.Reader = bzip2.NewReader(bytes.NewReader(b))
	if bytes.HasPrefix(b, []byte("\x1f\x8b")) {
		packed, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return len(b)
		}
		r = packed
	}
	n, _ := io.Copy(io.Discard, io.LimitReader(r, 64<<20)) // what cannot be read to its end counts as far as it goes
	return len(b) + int(n)
}

// packed is b as gzip packs it.
func packed(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// FuzzReadPackets: whatever a file is, its packets are Accounting-Requests or it is
// said what it is, and reading it costs no more than its size.
func FuzzReadPackets(f *testing.F) {
	capture, err := os.ReadFile("testdata/aruba-interim.pcap")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(capture)
	f.Add(pcap(binary.BigEndian, 0xa1b23c4d, 113, with(make([]byte, 14), overIPv6(start("a"))...)))
	f.Add([]byte(hex.EncodeToString(overIPv4(start("a")))))
	f.Add([]byte("Tue Nov 24 12:00:05 2026\n\tUser-Name = \"a\\101\\\"\"\n\tEvent-Timestamp = \"Nov 24 2026 12:00:04 UTC\"\n\tClass = 0x01\n\n"))
	for _, name := range []string{"radacct.csv", "radacct.tsv", "nps.log", "nps-table.log", "ise.log"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add(pcapng(binary.LittleEndian, 101, overIPv4(start("a"))))
	table := Columns{Time: "when", Status: "what", Attributes: map[string]string{"User-Name": "user", "Calling-Station-Id": "device"}}
	f.Add([]byte("when;what;user;device\n2026-11-24 12:00:00;start;ann;02-11-22-33-44-55\n\"open"))
	f.Add(bytes.Repeat([]byte("0"), 100_000))
	f.Add(bytes.Repeat([]byte("\tUser-Name = \"\\\"\"\n"), 5000))
	f.Add(bytes.Repeat([]byte("\"\"\";\n"), 20_000))
	f.Add(packed(capture))
	f.Fuzz(func(t *testing.T, b []byte) {
		var packets []Packet
		var err error
		size := unpacked(b)
		inFile.Hold(t, size, func() { packets, err = ReadPackets(bytes.NewReader(b)) })
		inFile.Hold(t, size, func() { // as somebody's table
			rows, err := NewReader(bytes.NewReader(b), Form{Columns: &table})
			for n := 0; err == nil && n < mostRead; n++ {
				var flaw *Flaw
				if _, err = rows.Next(); errors.As(err, &flaw) {
					err = nil
				}
			}
		})
		if (err == nil) != (len(packets) > 0) {
			t.Errorf("%d packets, %v", len(packets), err)
		}
		for _, p := range packets {
			if !isAccounting(p.Octets) {
				t.Errorf("%x is no Accounting-Request", p.Octets)
			}
			if _, err := Decode(p.Octets, loopback, p.Source, p.Heard, DefaultSkew); err != nil && !strings.Contains(err.Error(), "attribute") && !strings.Contains(err.Error(), "short buffer") {
				t.Error(err)
			}
		}
	})
}
