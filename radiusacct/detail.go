package radiusacct

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// detailLine is one attribute of a detail record, or of radclient's input.
var detailLine = regexp.MustCompile(`(?m)^[ \t]*([A-Za-z0-9][A-Za-z0-9.:-]*)[ \t]*(?::=|\+=|==|=)[ \t]*(.*?)[ \t]*,?\r?$`)

// readDetail returns a packet for each record. A record begins with the time when
// it was written, if it has one, and ends with an empty line.
func readDetail(s string) (packets []Packet, err error) {
	var record detailRecord
	for i, line := range strings.Split(s, "\n") {
		switch {
		case strings.TrimSpace(line) == "":
			packets, record = record.end(packets)
		case strings.HasPrefix(line, "#"):
		case detailLine.MatchString(line):
			pair := detailLine.FindStringSubmatch(line)
			if err := record.add(pair[1], pair[2]); err != nil {
				return nil, fmt.Errorf("line %d: %s: %w", i+1, pair[1], err)
			}
		default:
			at, err := time.ParseInLocation(time.ANSIC, strings.TrimSpace(line), time.Local)
			if err != nil {
				return nil, fmt.Errorf("line %d: neither an attribute nor a time, as a detail record has them", i+1)
			}
			packets, record = record.end(packets)
			record.packet.Heard = at
		}
	}
	packets, _ = record.end(packets)
	return packets, nil
}

// detailRecord is a record of which some lines have been read.
type detailRecord struct {
	packet Packet
	radius radius.Packet
}

// end appends the packet of the record to packets, if it holds any attribute, and
// returns an empty record.
func (d detailRecord) end(packets []Packet) ([]Packet, detailRecord) {
	d.radius.Code = radius.CodeAccountingRequest
	octets, err := d.radius.MarshalBinary()
	if err != nil || len(d.radius.Attributes) == 0 {
		return packets, detailRecord{}
	}
	d.packet.Octets = octets
	return append(packets, d.packet), detailRecord{}
}

var errTooMuch = errors.New("more than a packet of 4096 octets holds")

// add adds an attribute to the packet. One that is not known goes into Unknown.
func (d *detailRecord) add(name, value string) error {
	switch name {
	case "Timestamp": // when the record was written
		if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
			d.packet.Heard = time.Unix(seconds, 0)
		}
		return nil
	case "Packet-Src-IP-Address", "Packet-Src-IPv6-Address", "Client-IP-Address":
		if addr, err := netip.ParseAddr(value); err == nil {
			d.packet.Source = netip.AddrPortFrom(addr, d.packet.Source.Port())
		}
		return nil
	case "Packet-Src-Port":
		if port, err := strconv.ParseUint(value, 10, 16); err == nil {
			d.packet.Source = netip.AddrPortFrom(d.packet.Source.Addr(), uint16(port))
		}
		return nil
	}
	if ofServer[name] {
		return nil
	}
	attribute, known := dictionary[name]
	if !known {
		d.packet.Unknown = append(d.packet.Unknown, name)
		return nil
	}
	octets, ok := attribute.encode(value)
	if !ok {
		d.packet.Unknown = append(d.packet.Unknown, name+" = "+value)
		return nil
	}
	if attribute.vendor != 0 {
		vsa := binary.BigEndian.AppendUint32(nil, attribute.vendor)
		octets = append(append(vsa, byte(attribute.kind), byte(2+len(octets))), octets...)
		attribute.kind = rfc2865.VendorSpecific_Type
	}
	if len(octets) > 253 {
		return errors.New("longer than an attribute")
	}
	d.radius.Add(attribute.kind, octets)
	if n, err := radius.AttributesEncodedLen(d.radius.Attributes); err != nil || n > maxLen-headerLen {
		return errTooMuch
	}
	return nil
}

// encode returns the value as octets on the wire; ok is false if value does not
// have the attribute's form.
func (a dictionaryEntry) encode(value string) (octets []byte, ok bool) {
	bare := unquote(value)
	switch a.form {
	case asInteger:
		if n, ok := a.names[bare]; ok {
			return radius.NewInteger(n), true
		}
		n, err := strconv.ParseUint(bare, 0, 32)
		return radius.NewInteger(uint32(n)), err == nil
	case asAddress:
		addr, err := netip.ParseAddr(bare)
		return addr.AsSlice(), err == nil
	case asDate:
		if n, err := strconv.ParseUint(bare, 10, 32); err == nil {
			return radius.NewInteger(uint32(n)), true
		}
		at, err := time.ParseInLocation("Jan _2 2006 15:04:05 MST", bare, time.Local)
		if zone, offset := at.Zone(); err != nil || offset == 0 && zone != "UTC" && zone != "GMT" && at.Location() != time.Local {
			return nil, false // the abbreviation of a zone may mean several
		}
		return radius.NewInteger(uint32(at.Unix())), true
	}
	if digits, ok := strings.CutPrefix(value, "0x"); ok {
		octets, err := hex.DecodeString(digits)
		return octets, err == nil
	}
	if mac, ok := wholeMAC(value); ok && a.form == asOctets {
		octets, err := hex.DecodeString(strings.ReplaceAll(mac, ":", ""))
		return octets, err == nil
	}
	return []byte(bare), true
}

// unquote returns the text that FreeRADIUS printed between quotes, and undoes its
// escapes: a backslash and a letter, a sign or three octal digits.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' && s[0] != '\'' || s[len(s)-1] != s[0] {
		return s
	}
	s = s[1 : len(s)-1]
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i+2 < len(s) {
			if octal, err := strconv.ParseUint(s[i:i+3], 8, 8); err == nil {
				b.WriteByte(byte(octal))
				i += 2
				continue
			}
		}
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
