package radiusacct

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"html"
	"net/netip"
	"strings"
	"time"

	"layeh.com/radius/rfc2865"
)

// isNPS reports whether a text is the XML of Microsoft's Network Policy Server: an
// <Event> a line.
func isNPS(head []byte) bool {
	return bytes.Contains(head, []byte("<Event>")) && bytes.Contains(head, []byte(" data_type="))
}

// npsReader reads that.
type npsReader struct {
	lines  *lines
	zone   *time.Location
	record detailRecord
	event  []byte
}

// Format implements [Reader].
func (r *npsReader) Format() Format { return FormatNPS }

// Next implements [Reader].
func (r *npsReader) Next() (Packet, error) {
	for {
		r.event = r.event[:0]
		began := 0
		for {
			line, err := r.lines.next()
			if err != nil {
				if len(bytes.TrimSpace(r.event)) > 0 {
					return Packet{}, flawAt(began, "an <Event> that does not end: the file is cut short")
				}
				return Packet{}, err
			}
			if at := bytes.Index(line, []byte("<Event>")); at >= 0 {
				if began > 0 {
					r.lines.back(bytes.Clone(line))
					return Packet{}, flawAt(began, "an <Event> that does not end")
				}
				began = r.lines.at
				line = line[at+len("<Event>"):]
			} else if began == 0 {
				if len(bytes.TrimSpace(line)) > 0 && !bytes.HasPrefix(bytes.TrimSpace(line), []byte("<")) {
					return Packet{}, flawAt(r.lines.at, "no <Event>")
				}
				continue
			}
			if end := bytes.Index(line, []byte("</Event>")); end >= 0 {
				r.event = append(r.event, line[:end]...)
				break
			}
			if r.event = append(r.event, line...); len(r.event) > mostLine {
				return Packet{}, flawAt(began, "an <Event> that does not end")
			}
		}
		is, err := r.take()
		if err != nil {
			return Packet{}, flawAt(began, "%v", err)
		}
		if is {
			p, _ := r.record.end()
			p.Place = began
			return p, nil
		}
	}
}

// take reads an event, and reports whether it is an Accounting-Request.
func (r *npsReader) take() (is bool, err error) {
	r.record.reset()
	kind := ""
	for rest := string(r.event); ; {
		at := strings.IndexByte(rest, '<')
		if at < 0 {
			break
		}
		tag, behind, ok := strings.Cut(rest[at+1:], ">")
		if !ok {
			return false, fmt.Errorf("a tag that does not end: <%.20s", tag)
		}
		name, _, _ := strings.Cut(tag, " ")
		value, behind, ok := strings.Cut(behind, "</"+name+">")
		if !ok {
			return false, fmt.Errorf("<%s> does not end", name)
		}
		rest = behind
		value = html.UnescapeString(value)
		switch name {
		case "Packet-Type":
			kind = value
		case "Timestamp":
			r.record.packet.Heard, err = parseTime(value, "", r.zone)
		case "Event-Timestamp": // in UTC
			if stamp, e := parseTime(value, "", time.UTC); e == nil {
				err = r.record.add([]byte(name), []byte(fmt.Sprint(stamp.Unix())), r.zone)
			} else {
				r.record.packet.Unknown = append(r.record.packet.Unknown, name+" = "+value)
			}
		case "Client-IP-Address":
			if addr, e := netip.ParseAddr(value); e == nil {
				r.record.packet.Source = netip.AddrPortFrom(addr, 0)
			}
		case "Vendor-Specific":
			whole := dictionaryEntry{kind: rfc2865.VendorSpecific_Type} // its value has what stands before a vendor's
			if octets, e := hex.AppendDecode(whole.begin(r.record.octets), []byte(strings.TrimPrefix(value, "0x"))); e == nil {
				err = r.record.put(whole, octets)
			}
		default:
			if _, known := dictionary[name]; known && value != "" {
				err = r.record.add([]byte(name), []byte(value), r.zone)
			}
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
	}
	return kind == "4" && !r.record.empty(), nil
}

// npsColumns are the columns of NPS's database-compatible format that are of use; it
// has no header.
var npsColumns = map[int]string{
	6: "User-Name", 8: "Called-Station-Id", 9: "Calling-Station-Id", 12: "NAS-Identifier", 13: "NAS-IP-Address", 18: "Event-Timestamp",
	20: "NAS-Port-Type", 21: "Connect-Info", 23: "Service-Type", 27: "Class", 32: "Acct-Status-Type", 33: "Acct-Delay-Time", 36: "Acct-Session-Id",
	37: "Acct-Authentic", 40: "Acct-Terminate-Cause", 41: "Acct-Multi-Session-Id",
}

func isNPSTable(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.Count(line, []byte{','}) > 30 && (bytes.Contains(line, []byte(`,"IAS",`)) || bytes.Contains(line, []byte(`,"NPS",`)))
}

// npsTableReader reads that.
type npsTableReader struct{ tableReader }

func newNPSTable(l *lines, form Form) Reader {
	return &npsTableReader{tableReader{lines: l, format: FormatNPSTable, zone: form.zone(), comma: ','}}
}

// Next implements [Reader].
func (r *npsTableReader) Next() (Packet, error) {
	for {
		line, err := r.lines.next()
		if err != nil {
			return Packet{}, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		r.row = r.lines.at
		if r.split(string(line)); len(r.fields) < 36 {
			return Packet{}, flawAt(r.row, "%d fields, and NPS writes more than 36", len(r.fields))
		}
		if r.field(4) != "4" { // Packet-Type: no Accounting-Request
			continue
		}
		d := &r.record
		d.reset()
		d.packet.Place = r.row
		at, err := parseTime(r.field(2)+" "+r.field(3), "", r.zone)
		if err != nil {
			return Packet{}, flawAt(r.row, "%v", err)
		}
		d.packet.Heard = at
		if addr, err := netip.ParseAddr(r.field(15)); err == nil {
			d.packet.Source = netip.AddrPortFrom(addr, 0)
		}
		for i := range r.fields {
			name, value := npsColumns[i+1], r.field(i)
			if name == "" || value == "" {
				continue
			}
			if name == "Event-Timestamp" {
				stamp, err := parseTime(value, "", time.UTC)
				if err != nil {
					d.packet.Unknown = append(d.packet.Unknown, name+" = "+value)
					continue
				}
				value = fmt.Sprint(stamp.Unix())
			}
			if err := d.add([]byte(name), []byte(value), r.zone); err != nil {
				return Packet{}, flawAt(r.row, "%s: %v", name, err)
			}
		}
		if p, ok := d.end(); ok {
			return p, nil
		}
	}
}
