package radiusacct

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// paris is an hour ahead of UTC in March.
var paris = time.FixedZone("CET", 3600)

// readForm returns the records in a text and what in it cannot be read.
func readForm(t *testing.T, text []byte, form Form) (format Format, all []presence.Record, flaws []string) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(text), form)
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.Next()
		var flaw *Flaw
		switch {
		case errors.Is(err, io.EOF):
			return r.Format(), all, flaws
		case errors.As(err, &flaw):
			flaws = append(flaws, err.Error())
		case err != nil:
			t.Fatal(err)
		default:
			record, ok := Recall(p.Octets, &loopback, p.Source, p.Heard)
			if !ok {
				t.Fatalf("%x is no packet", p.Octets)
			}
			all = append(all, record)
		}
		if len(flaws) > 100 {
			t.Fatal("it never ends")
		}
	}
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// tells writes what a record says, in one line.
func tells(r presence.Record) string {
	return fmt.Sprintf("%s %s %s of %s on %q at %s, stamped %s", r.Heard.UTC().Format("15:04:05"), r.Status, r.Session, r.UserName, r.SSID, r.Device, r.Stamps.Stamp.UTC().Format("15:04:05"))
}

// TestEveryFormatTellsTheSame: samples of each, made by hand from its description, of
// one morning: ann from 9 to 11, and bob from half past 9.
func TestEveryFormatTellsTheSame(t *testing.T) {
	const device = "02:00:5e:10:00:01"
	for _, c := range []struct {
		name   string
		format Format
		want   []string
	}{
		{"radacct.csv", FormatRadacct, []string{
			`09:00:00 Start 6A01-01 of ann on "Corp" at 02:00:5e:10:00:01, stamped 09:00:00`,
			`09:30:00 Start 6A01-02 of bob on "Corp" at 02:00:5e:10:00:02, stamped 09:30:00`,
			`09:50:00 Interim-Update 6A01-02 of bob on "Corp" at 02:00:5e:10:00:02, stamped 09:50:00`,
			`10:50:00 Interim-Update 6A01-01 of ann on "Corp" at 02:00:5e:10:00:01, stamped 10:50:00`,
			`11:00:00 Stop 6A01-01 of ann on "Corp" at 02:00:5e:10:00:01, stamped 11:00:00`,
		}},
		{"radacct.tsv", FormatRadacct, []string{
			`09:00:00 Start 6A01-01 of ann on "Corp" at 02:00:5e:10:00:01, stamped 09:00:00`,
			`09:30:00 Start 6A01-02 of bob on "Corp" at 02:00:5e:10:00:02, stamped 09:30:00`,
			`09:50:00 Interim-Update 6A01-02 of bob on "Corp" at 02:00:5e:10:00:02, stamped 09:50:00`,
			`10:50:00 Interim-Update 6A01-01 of ann on "Corp" at 02:00:5e:10:00:01, stamped 10:50:00`,
			`11:00:00 Stop 6A01-01 of ann on "Corp" at 02:00:5e:10:00:01, stamped 11:00:00`,
		}},
		{"nps.log", FormatNPS, []string{
			`09:00:00 Start 6A01-01 of CORP\ann on "Corp" at 02:00:5e:10:00:01, stamped 09:00:00`,
			`11:00:01 Stop 6A01-01 of CORP\ann on "Corp" at 02:00:5e:10:00:01, stamped 11:00:00`,
		}},
		{"nps-table.log", FormatNPSTable, []string{
			`09:00:00 Start 6A01-01 of CORP\ann on "Corp" at 02:00:5e:10:00:01, stamped 09:00:00`,
			`11:00:01 Stop 6A01-01 of CORP\ann on "Corp" at 02:00:5e:10:00:01, stamped 11:00:00`,
		}},
		{"ise.log", FormatISE, []string{
			`09:00:00 Start 6A01-01 of ann@example.com on "Corp" at 02:00:5e:10:00:01, stamped 09:00:00`,
			`11:00:01 Stop 6A01-01 of ann@example.com on "Corp" at 02:00:5e:10:00:01, stamped 11:00:00`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			format, all, flaws := readForm(t, sample(t, c.name), Form{Zone: paris})
			var is []string
			for _, r := range all {
				is = append(is, tells(r))
				if r.PortType != 19 || r.NASAddr.String() != "10.20.0.1" || r.Stamps.Heard.IsZero() {
					t.Errorf("port type %d, NAS %s: %+v", r.PortType, r.NASAddr, r)
				}
				if r.Status == presence.Stop && (r.Cause != presence.UserRequest || r.HasAge && r.Age != 2*time.Hour) {
					t.Errorf("cause %s after %v", r.Cause, r.Age)
				}
			}
			if format != c.format || strings.Join(is, "\n") != strings.Join(c.want, "\n") || len(flaws) > 0 {
				t.Errorf("%s, flaws %q:\n%s\nwant\n%s", format, flaws, strings.Join(is, "\n"), strings.Join(c.want, "\n"))
			}
			if all[0].Device != device {
				t.Errorf("the first is of %s", all[0].Device)
			}
		})
	}
	_, all, _ := readForm(t, sample(t, "nps.log"), Form{Zone: paris})
	if all[0].NASID != "R&D-AP" || all[0].Source.Addr().String() != "10.20.0.9" {
		t.Errorf("NAS %q from %s", all[0].NASID, all[0].Source)
	}
	_, all, _ = readForm(t, sample(t, "ise.log"), Form{})
	if all[0].NASID != "wlc,1" || all[0].Source.Addr().String() != "10.20.0.9" {
		t.Errorf("NAS %q from %s", all[0].NASID, all[0].Source)
	}
}

func TestATableOfAnybodys(t *testing.T) {
	columns := &Columns{
		Time: "When", Status: "What", Layout: "02/01/2006 15:04", Statuses: map[string]string{"associated": "start", "gone": "stop"},
		Attributes: map[string]string{"User-Name": "Who", "Calling-Station-Id": "MAC", "Aruba-Essid-Name": "Network"},
	}
	const text = "When;What;Who;MAC;Network\n02/03/2026 10:00;associated;\"ann\";02005e100001;\"Corp; \"\"main\"\"\"\n02/03/2026 12:00;gone;ann;02005e100001;Corp\n"
	format, all, flaws := readForm(t, []byte(text), Form{Zone: paris, Columns: columns})
	if format != FormatTable || len(all) != 2 || len(flaws) > 0 {
		t.Fatalf("%s, %d records, %q", format, len(all), flaws)
	}
	if is, want := tells(all[0]), `09:00:00 Start  of ann on "Corp; \"main\"" at 02:00:5e:10:00:01, stamped 09:00:00`; is != want {
		t.Errorf("%s, want %s", is, want)
	}
	if all[1].Status != presence.Stop {
		t.Errorf("%+v", all[1])
	}
	for want, c := range map[string]Columns{
		"name the columns of time and status, or of start and stop": {},
		"a row is an event":                  {Time: "a", Status: "b", Start: "c"},
		"attribute Colour is not known here": {Time: "a", Status: "b", Attributes: map[string]string{"Colour": "c"}},
		"whose device it was":                {Time: "a", Status: "b"},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := NewReader(strings.NewReader("a,b\n1,2\n"), Form{Columns: columns}); err == nil || !strings.Contains(err.Error(), `no column "When"; it has a, b`) {
		t.Error(err)
	}
}

// pcapng is a capture of frames, a millisecond after each other from noon on.
func pcapng(order binary.AppendByteOrder, link uint16, frames ...[]byte) []byte {
	block := func(b []byte, kind uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		b = order.AppendUint32(order.AppendUint32(b, kind), uint32(len(body)+12))
		return order.AppendUint32(append(b, body...), uint32(len(body)+12))
	}
	b := block(nil, sectionBlock, append(order.AppendUint32(nil, 0x1a2b3c4d), 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255))
	b = block(b, interfaceBlock, append(order.AppendUint16(nil, link), append([]byte{0, 0, 0, 0, 4, 0}, with(order.AppendUint16(order.AppendUint16(nil, 9), 1), 9, 0, 0, 0)...)...))
	b = block(b, 4, []byte{0, 0, 0, 0}) // names, which nobody needs
	for i, f := range frames {
		stamp := uint64(noon.UnixNano()) + uint64(i)*1e6
		body := order.AppendUint32(nil, 0)
		body = order.AppendUint32(order.AppendUint32(body, uint32(stamp>>32)), uint32(stamp))
		body = order.AppendUint32(order.AppendUint32(body, uint32(len(f))), uint32(len(f)))
		b = block(b, enhancedBlock, append(body, f...))
	}
	return b
}

func TestPcapng(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		whole := pcapng(order, 101, overIPv4(statusServer(t)), overIPv4(start("a")), overIPv6(start("b")))
		packets, err := ReadPackets(bytes.NewReader(whole))
		if err != nil || len(packets) != 2 || !packets[1].Heard.Equal(noon.Add(2*time.Millisecond)) || packets[0].Source.String() != "192.0.2.7:1024" {
			t.Errorf("%s: %+v, %v", order, packets, err)
		}
		_, all, flaws := readForm(t, whole[:len(whole)-20], Form{})
		if len(all) != 1 || len(flaws) != 1 || !strings.Contains(flaws[0], "frame 3: the capture is cut short in frame 3") {
			t.Errorf("cut: %d records, %q", len(all), flaws)
		}
	}
	cut := pcap(binary.LittleEndian, 0xa1b2c3d4, 101, overIPv4(start("a")), overIPv4(start("b")))
	_, all, flaws := readForm(t, cut[:len(cut)-9], Form{})
	if len(all) != 1 || len(flaws) != 1 || !strings.Contains(flaws[0], "cut short in frame 2") {
		t.Errorf("cut: %d records, %q", len(all), flaws)
	}
}

func TestPackedFiles(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(sample(t, "radacct.csv"))
	w.Close()
	if format, all, flaws := readForm(t, packed.Bytes(), Form{}); format != FormatRadacct || len(all) != 5 || len(flaws) > 0 {
		t.Errorf("%s, %d records, %q", format, len(all), flaws)
	}
	r, err := NewReader(bytes.NewReader(packed.Bytes()[:packed.Len()-20]), Form{})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %v", err)
	}
	for head, want := range map[string]string{"\x28\xb5\x2f\xfd": "zstd -d", "\xfd7zXZ": "xz -d", "\xff\xfeU\x00": "iconv"} {
		if _, err := NewReader(strings.NewReader(head), Form{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", head, err)
		}
	}
}

// TestTheRestIsRead: what cannot be read is told with its place, and nothing else is
// lost by it.
func TestTheRestIsRead(t *testing.T) {
	const good = "Tue Nov 24 12:00:05 2026\n\tUser-Name = \"ann\"\n\tAcct-Status-Type = Start\n\tTimestamp = 1795521605\n\n"
	nps := sample(t, "nps.log")
	ise := sample(t, "ise.log")
	for name, c := range map[string]struct {
		text    string
		records int
		flaw    string
	}{
		"detail, rubbish between":      {good + "\x00\x01\x02 rubbish\n\tUser-Name = \"x\"\n\n" + good, 2, "line 6: neither an attribute nor a time"},
		"detail, too long":             {good + "Tue Nov 24 12:00:05 2026\n\tClass = \"" + strings.Repeat("x", 300) + "\"\n\tUser-Name = \"x\"\n\n" + good, 2, "line 7: Class: longer than an attribute"},
		"detail of authentication too": {good + "Tue Nov 24 12:00:05 2026\n\tPacket-Type = Access-Request\n\tUser-Name = \"x\"\n\n" + good, 2, ""},
		"radacct, a wrong time":        {string(sample(t, "radacct.csv")) + `3,6A01-03,f0a3,cyd,,10.20.0.1,,Wireless-802.11,yesterday,,,,,,,,,,a:Corp,02-00-5E-10-00-03,,,,,` + "\n", 5, `line 4: acctstarttime: "yesterday" is no time`},
		"radacct, cut":                 {string(sample(t, "radacct.csv")) + "3,6A01", 5, "line 4: 2 fields, and the header has 25"},
		"NPS, cut":                     {string(nps[:len(nps)-40]), 1, "line 3: an <Event> that does not end"},
		"NPS, rubbish":                 {"<Event>\x01 data_type=</Event>\nrubbish\n" + string(nps), 2, "line 2: no <Event>"},
		"ISE, a part never came":       {string(ise[:bytes.LastIndex(ise[:len(ise)-1], []byte("\n"))+1]), 1, "1 of them lack a part"},
	} {
		t.Run(name, func(t *testing.T) {
			_, all, flaws := readForm(t, []byte(c.text), Form{Zone: paris})
			if len(all) != c.records || (len(flaws) > 0) != (c.flaw != "") || c.flaw != "" && !strings.Contains(strings.Join(flaws, "\n"), c.flaw) {
				t.Errorf("%d records, flaws %q; want %d, %q", len(all), flaws, c.records, c.flaw)
			}
		})
	}
}

// TestRowsOutOfOrder: a table by names comes in no order of time; what comes late is
// told, and how to have it in order.
func TestRowsOutOfOrder(t *testing.T) {
	lines := strings.SplitAfter(string(sample(t, "radacct.csv")), "\n")
	early := strings.NewReplacer("2026-03-02 09:30", "2026-03-01 09:30", "2026-03-02 09:50", "2026-03-01 09:50").Replace(lines[2])
	_, all, flaws := readForm(t, []byte(lines[0]+lines[1]+early), Form{})
	if len(all) != 5 || len(flaws) != 1 || !strings.Contains(flaws[0], "ORDER BY acctstarttime") {
		t.Errorf("%d records, %q", len(all), flaws)
	}
}

// TestWhatPeoplePaste: what their tools print.
func TestWhatPeoplePaste(t *testing.T) {
	b := start("a")
	ethernet := append(make([]byte, 12), 8, 0)
	frame := with(ethernet, overIPv4(b)...)
	var wireshark, array, hexdump strings.Builder
	for i := 0; i < len(frame); i += 16 {
		row := frame[i:min(i+16, len(frame))]
		fmt.Fprintf(&wireshark, "%04x   % x   ................\n", i, row)
		fmt.Fprintf(&hexdump, "%08x  % x  % x  |................|\n", i, row[:min(8, len(row))], row[min(8, len(row)):])
	}
	for i, octet := range b {
		fmt.Fprintf(&array, "0x%02x%s", octet, map[bool]string{true: ", ", false: ""}[i+1 < len(b)])
	}
	for name, text := range map[string]string{"Wireshark": wireshark.String(), "hexdump -C": hexdump.String(), "a C array": "{ " + array.String() + " };"} {
		packets, err := ReadPackets(strings.NewReader(text))
		if err != nil || len(packets) != 1 || !bytes.Equal(packets[0].Octets, b) {
			t.Errorf("%s: %+v, %v", name, packets, err)
		}
	}
	for name, text := range map[string]string{
		"freeradius -X": "(1) Received Accounting-Request Id 7 from 10.9.8.7:40000 to 10.9.8.1:1813 length 120\n(1)   User-Name = \"ann\"\n(1)   Acct-Status-Type = Start\n" +
			"(1) # Executing section preacct\n(1)   preacct {\n(1)     policy acct_unique {\n(1)       update request {\n(1)         &Tmp-String-9 := \"ai:\"\n(1)     [files] = noop\n" +
			"(1) Sent Accounting-Response Id 7 from 10.9.8.1:1813 to 10.9.8.7:40000 length 20\n(1) Finished request\n",
		"freeradius -Xx": "Mon Jan  3 09:00:00 2000 : Debug: (1) Received Accounting-Request Id 7 from 10.9.8.7:40000 to 10.9.8.1:1813 length 120\n" +
			"Mon Jan  3 09:00:00 2000 : Debug: (1)   User-Name = \"ann\"\nMon Jan  3 09:00:00 2000 : Debug: (1)   Acct-Status-Type = Start\nMon Jan  3 09:00:00 2000 : Debug: (1) # Executing\n",
		"radclient -x": "Sent Accounting-Request Id 7 from 10.9.8.7:40000 to 10.9.8.1:1813 length 120\n\tUser-Name = \"ann\"\n\tAcct-Status-Type = Start\n" +
			"Received Accounting-Response Id 7 from 10.9.8.1:1813 to 0.0.0.0:0 length 20\n\tReply-Message = \"no attribute of the request\"\n",
		"radsniff -x": "2021-08-20 14:43:26.469264 (12) ** rtx ** Accounting-Request Id 152 ens192:10.9.8.7:40000 -> 10.9.8.1:1813 +21.998\n\tUser-Name = \"ann\"\n\tAcct-Status-Type = Start\n" +
			"\tAuthenticator-Field = 0x6420d9dac502e1a9ca58927bb766bc62\n2021-08-20 14:43:26.470000 (13) Accounting-Response Id 152 ens192:10.9.8.7:40000 <- 10.9.8.1:1813 +22.0\n",
		"FreeRADIUS 4": "Mon Jan  3 09:00:00 2000\n\tPacket-Type = ::Accounting-Request\n\tAcct-Status-Type = ::Start\n\tUser-Name = \"ann\"\n\tVendor-Specific.Aruba.Essid-Name = \"Corp\"\n" +
			"\tNet.Src.IP = 10.9.8.7\n\tNet.Src.Port = 40000\n",
	} {
		_, all, flaws := readForm(t, []byte(text), Form{})
		if len(all) != 1 || len(flaws) > 0 || all[0].UserName != "ann" || all[0].Status != presence.Start || all[0].Source.String() != "10.9.8.7:40000" {
			t.Errorf("%s: %+v, %q", name, all, flaws)
		}
	}
	_, all, _ := readForm(t, []byte(`User-Name = "ann, the first", Acct-Status-Type = Start, Acct-Session-Id = A1`), Form{})
	if len(all) != 1 || all[0].UserName != "ann, the first" || all[0].Session != "A1" {
		t.Errorf("on one line: %+v", all)
	}
}

// TestAValueThatIsNotKnownIsNotAbsent: the daemon, which gets a number, judges it as one
// that does not count.
func TestAValueThatIsNotKnownIsNotAbsent(t *testing.T) {
	_, all, _ := readForm(t, []byte("User-Name = ann\nAcct-Status-Type = Tunnel-Thing\nNAS-Port-Type = Carrier-Pigeon\n"), Form{})
	if len(all) != 1 || all[0].Status != presence.Other || !all[0].HasPortType || all[0].PortType == 19 {
		t.Errorf("%+v", all)
	}
}
