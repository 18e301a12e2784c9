package radiusacct

import (
	"encoding/binary"
	"strings"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// attributes are what a request says. Of an attribute that is there more than
// once the first counts, and an empty one, which RFC 2865 5 forbids and the
// field sends, is as good as absent.
type attributes struct {
	packet *radius.Packet // without the empty ones
	vendor []vendorAttribute
}

// vendorAttribute is a sub-attribute of a Vendor-Specific one (RFC 2865 5.26).
type vendorAttribute struct {
	vendor uint32 // IANA's private enterprise number
	kind   byte
	value  []byte
}

func readAttributes(packet *radius.Packet) attributes {
	dense := *packet
	dense.Attributes = make(radius.Attributes, 0, len(packet.Attributes))
	a := attributes{packet: &dense}
	for _, avp := range packet.Attributes {
		if len(avp.Attribute) == 0 {
			continue
		}
		dense.Attributes = append(dense.Attributes, avp)
		if avp.Type == rfc2865.VendorSpecific_Type {
			a.vendor = appendVendor(a.vendor, avp.Attribute)
		}
	}
	return a
}

// appendVendor appends what can be read of a Vendor-Specific value. Its inner
// form is the vendor's affair: what is malformed ends the reading, what stood
// before it is kept.
func appendVendor(all []vendorAttribute, value []byte) []vendorAttribute {
	if len(value) < 4 {
		return all
	}
	vendor, rest := binary.BigEndian.Uint32(value), value[4:]
	for len(rest) >= 2 && rest[1] >= 2 && int(rest[1]) <= len(rest) {
		if rest[1] > 2 {
			all = append(all, vendorAttribute{vendor, rest[0], rest[2:rest[1]]})
		}
		rest = rest[rest[1]:]
	}
	return all
}

// text returns the first attribute of this type, "" if there is none.
func (a attributes) text(t radius.Type) string { return text(a.packet.Get(t)) }

// integer returns the first attribute of this type, if it is an integer.
func (a attributes) integer(t radius.Type) (uint32, bool) {
	n, err := radius.Integer(a.packet.Get(t))
	return n, err == nil
}

// ofVendor returns the first sub-attribute of this vendor and type, or nil.
func (a attributes) ofVendor(vendor uint32, kind byte) []byte {
	for _, v := range a.vendor {
		if v.vendor == vendor && v.kind == kind {
			return v.value
		}
	}
	return nil
}

// pair returns the value of the first Cisco-AVPair `name=value`, or "".
func (a attributes) pair(name string) string {
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

// text makes a string of an attribute. Some NASes end it as C does.
func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }
