package radiusacct

import (
	"encoding/hex"
	"regexp"
	"strings"
)

// hexReader reads octets in hexadecimal, with an empty line between packets: as a
// stream, as xxd, tcpdump and Wireshark print them, or as C has them; a packet of
// RADIUS, of IP, or a frame of Ethernet.
type hexReader struct{ lines *lines }

// Format implements [Reader].
func (r *hexReader) Format() Format { return FormatHex }

var (
	hexOffset = regexp.MustCompile(`^\s*(0x)?[0-9a-fA-F]+:\s+`)                         // of xxd and tcpdump -x
	hexPlain  = regexp.MustCompile(`^\s*([0-9a-fA-F]{4,8})\s\s+([0-9a-fA-F]{2}(\s|$))`) // of Wireshark and hexdump -C
	hexTitle  = regexp.MustCompile(`^\d\d(\d\d-\d\d-\d\d )?\d?:?\d\d:\d\d[.:]\d+ .*(IP6? |length)|^\s+\S+ > \S+: .*`)
	cArray    = strings.NewReplacer("0x", "", "\\x", "", " ", "", "\t", "", ":", "", ",", "", "{", "", "}", "", ";", "", "\"", "")
)

// Next implements [Reader].
func (r *hexReader) Next() (Packet, error) {
	var octets []byte
	began := 0
	for {
		line, err := r.lines.next()
		switch text := string(line); {
		case err != nil && len(octets) > 0:
			return r.end(octets, began, r.lines.at)
		case err != nil:
			return Packet{}, err
		case strings.TrimSpace(text) == "" || hexTitle.MatchString(text): // tcpdump has a title before each
			if len(octets) > 0 {
				return r.end(octets, began, r.lines.at)
			}
		default:
			more, err := hexOf(text)
			if err != nil {
				return Packet{}, flawAt(r.lines.at, "neither a capture nor a detail record, and not hexadecimal: %v", err)
			}
			if len(octets) == 0 {
				began = r.lines.at
			}
			if octets = append(octets, more...); len(octets) > 1<<16 {
				return Packet{}, flawAt(r.lines.at, "more octets than a packet has: leave an empty line between packets")
			}
		}
	}
}

// hexOf returns the octets of a line.
func hexOf(line string) ([]byte, error) {
	switch offset, plain := hexOffset.FindString(line), hexPlain.FindStringSubmatch(line); {
	case offset != "":
		line, _, _ = strings.Cut(line[len(offset):], "  ") // then come the characters
	case plain != nil:
		line = strings.TrimSpace(line)[len(plain[1]):]
		line = strings.TrimLeft(line, " \t")
		if bar := strings.Index(line, "|"); bar >= 0 {
			line = line[:bar]
		}
		if len(line) > 49 { // sixteen octets, with a gap in the middle or without; then come the characters
			line = line[:49]
		}
		if short := strings.Index(line, "   "); short >= 0 {
			line = line[:short]
		}
	}
	return hex.DecodeString(cArray.Replace(strings.TrimSuffix(strings.TrimSpace(line), "\r")))
}

// end returns the packet in the octets.
func (r *hexReader) end(octets []byte, began, line int) (Packet, error) {
	p := Packet{Octets: octets, Place: began}
	for _, link := range []uint32{101, 1, 276, 113} { // bare, or what is before it in a capture
		if isAccounting(p.Octets) {
			break
		}
		ip, err := unframe(link, octets)
		if err != nil || len(ip) == 0 {
			continue
		}
		if version := ip[0] >> 4; version == 4 || version == 6 { // as RADIUS that would be codes of no accounting
			if d, ok := readIP(ip); ok && isAccounting(d.payload) {
				p.Octets, p.Source = d.payload, d.source
			}
		}
	}
	if !isAccounting(p.Octets) {
		return Packet{}, &Flaw{Place: "before " + flawAt(line, "").Place, What: flawAt(0, "%d octets that are no Accounting-Request", len(octets)).What}
	}
	return p, nil
}
