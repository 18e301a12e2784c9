package radiusacct

import (
	"encoding/binary"
	"iter"
	"strings"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// attributes are what a request says. Of an attribute that is there more than
// once the first counts, and an empty one, which RFC 2865 5 forbids and the
// field sends, is as good as absent.
type attributes struct {
	packet string      // every text that is read is a part of it
	first  [256]uint16 // by type: where in packet the first one's value is; 0 if there is none
	vendor []vendorAttribute
}

// vendorAttribute is a sub-attribute of a Vendor-Specific one (RFC 2865 5.26).
type vendorAttribute struct {
	vendor uint32 // IANA's private enterprise number
	kind   byte
	value  string
}

// read has a be the attributes of a packet that is well-formed.
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

// each yields the type of every attribute of a packet that is well-formed, and
// where its value is.
func each(octets []byte) iter.Seq2[radius.Type, int] {
	return func(yield func(radius.Type, int) bool) {
		for at := headerLen; at < len(octets); at += int(octets[at+1]) {
			if !yield(radius.Type(octets[at]), at+2) {
				return
			}
		}
	}
}

// valueAt returns the value that is there.
func (a *attributes) valueAt(at int) string { return a.packet[at:][:a.packet[at-1]-2] }

// appendVendor appends what can be read of a Vendor-Specific value. Its inner
// form is the vendor's affair: what is malformed ends the reading, what stood
// before it is kept.
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

// text is the value without the NULs with which some NASes end it as C does.
func text(value string) string { return strings.TrimRight(value, "\x00") }
