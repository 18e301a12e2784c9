package radiusacct

import (
	"encoding/binary"
	"iter"
	"strings"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// attributes holds the attributes of a request. Of an attribute that occurs more
// than once the first counts, and an empty one, which RFC 2865 5 forbids and
// equipment in the field sends, counts as absent.
type attributes struct {
	packet string      // the whole packet, of which the values are parts
	first  [256]uint16 // by type: where in packet the first value begins; 0 if there is none
	vendor []vendorAttribute
}

// vendorAttribute is a sub-attribute of a Vendor-Specific one (RFC 2865 5.26).
type vendorAttribute struct {
	vendor uint32 // IANA's private enterprise number
	kind   byte
	value  string
}

// read fills a from a well-formed packet.
func (a *attributes) read(octets []byte) {
	*a = attributes{packet: string(octets), vendor: a.vendor[:0]}
	for t, at := range each(octets) {
		if a.first[t] == 0 && octets[at-1] > 2 {
			a.first[t] = uint16(at)
		}
		if t == rfc2865.VendorSpecific_Type {
			a.vendor = appendVendor(a.vendor, a.valueAt(at))
		}
	}
}

// each yields the type of every attribute of a well-formed packet, and where its
// value begins.
func each(octets []byte) iter.Seq2[radius.Type, int] {
	return func(yield func(radius.Type, int) bool) {
		for at := headerLen; at < len(octets); at += int(octets[at+1]) {
			if !yield(radius.Type(octets[at]), at+2) {
				return
			}
		}
	}
}

// valueAt returns the value that begins at at.
func (a *attributes) valueAt(at int) string { return a.packet[at:][:a.packet[at-1]-2] }

// appendVendor appends the sub-attributes of a Vendor-Specific value. Their form
// is the vendor's affair: a malformed one ends the reading, and those before it
// are kept.
func appendVendor(all []vendorAttribute, value string) []vendorAttribute {
	if len(value) < 4 {
		return all
	}
	vendor, rest := binary.BigEndian.Uint32([]byte(value)), value[4:]
	for len(rest) >= 2 && rest[1] >= 2 && int(rest[1]) <= len(rest) {
		if rest[1] > 2 {
			all = append(all, vendorAttribute{vendor, rest[0], rest[2:rest[1]]})
		}
		rest = rest[rest[1]:]
	}
	return all
}

// value returns the first attribute of this type, "" if there is none.
func (a *attributes) value(t radius.Type) string {
	if at := a.first[t]; at > 0 {
		return a.valueAt(int(at))
	}
	return ""
}

// text returns the first attribute of this type as a text.
func (a *attributes) text(t radius.Type) string { return text(a.value(t)) }

// integer returns the first attribute of this type, if it is an integer.
func (a *attributes) integer(t radius.Type) (uint32, bool) {
	n, err := radius.Integer([]byte(a.value(t)))
	return n, err == nil
}

// ofVendor returns the first sub-attribute of this vendor and type, "" if
// there is none.
func (a *attributes) ofVendor(vendor uint32, kind byte) string {
	for i := range a.vendor {
		if v := &a.vendor[i]; v.vendor == vendor && v.kind == kind {
			return v.value
		}
	}
	return ""
}

// pair returns the value of the first Cisco-AVPair `name=value`, or "".
func (a *attributes) pair(name string) string {
	for _, v := range a.vendor {
		if v.vendor != cisco || v.kind != 1 {
			continue
		}
		if value, ok := strings.CutPrefix(text(v.value), name+"="); ok && value != "" {
			return value
		}
	}
	return ""
}

// text cuts off the NULs with which some NASes end a value, as C does.
func text(value string) string { return strings.TrimRight(value, "\x00") }
