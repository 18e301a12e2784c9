package radiusacct

import (
	"net/netip"
	"strings"
)

// parseMAC reads a MAC address at the beginning of s in any spelling that
// controllers use: six pairs of hexadecimal digits, each with or without a
// separator before it. It returns the address as presence writes it, and the rest
// of s. A text that begins like a MAC address and goes on with another letter or
// digit is a name or a serial number; and an IPv6 address is no MAC address.
func parseMAC(s string) (mac, rest string, ok bool) {
	rest = strings.TrimLeft(s, " ")
	var octets [6]byte
	for i := range octets {
		if i > 0 && rest != "" && strings.IndexByte("-:. _", rest[0]) >= 0 {
			rest = rest[1:]
		}
		if len(rest) < 2 {
			return "", s, false
		}
		high, low := hexDigit(rest[0]), hexDigit(rest[1])
		if high > 15 || low > 15 {
			return "", s, false
		}
		octets[i] = high<<4 | low
		rest = rest[2:]
	}
	if rest != "" && isAlphanumeric(rest[0]) {
		return "", s, false
	}
	if strings.HasPrefix(rest, ":") && !strings.Contains(s[:len(s)-len(rest)], "-") { // perhaps 0211:2233:4455::1
		if _, err := netip.ParseAddr(strings.TrimSpace(s)); err == nil {
			return "", s, false
		}
	}
	return formatMAC(octets[:]), rest, true
}

// WholeMAC reads a MAC address, in any spelling that controllers use, that is all
// of s but for blanks. It returns the address as presence writes it.
func WholeMAC(s string) (string, bool) {
	mac, rest, ok := parseMAC(s)
	return mac, ok && strings.TrimSpace(rest) == ""
}

func formatMAC(b []byte) string {
	const digits = "0123456789abcdef"
	text := [17]byte{}
	for i, octet := range b[:6] {
		if i > 0 {
			text[3*i-1] = ':'
		}
		text[3*i], text[3*i+1] = digits[octet>>4], digits[octet&15]
	}
	return string(text[:])
}

// hexDigit returns the value of the digit c, and more than 15 if it is none.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
