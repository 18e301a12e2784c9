package radiusacct

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"layeh.com/radius"
)

// Packet is an Accounting-Request from a file.
type Packet struct {
	Octets  []byte         // for [Decode]
	Source  netip.AddrPort // where it came from; invalid if that was not kept
	Heard   time.Time      // when it arrived; zero if that was not kept
	Unknown []string       // attributes of a detail record that could not be put into Octets
}

// mostRead is how many octets [ReadPackets] reads at the most. People explain one
// packet or a few.
const mostRead = 64 << 20

// ReadPackets reads the Accounting-Requests in r, which is one of: a capture
// as tcpdump writes it (pcap, not pcapng), records of a FreeRADIUS detail file
// or lists of "Attribute = value", or octets in hexadecimal, plain or as xxd
// and tcpdump print them, with an empty line between packets. It is an error
// if there is none.
func ReadPackets(r io.Reader) ([]Packet, error) {
	b, err := io.ReadAll(io.LimitReader(r, mostRead+1))
	if err != nil {
		return nil, fmt.Errorf("read packets: %w", err)
	}
	if len(b) > mostRead {
		return nil, fmt.Errorf("read packets: more than %d MiB", mostRead>>20)
	}
	var packets []Packet
	switch {
	case len(b) >= 4 && pcapOrder(b) != nil:
		packets, err = readPcap(b)
	case bytes.HasPrefix(b, []byte("\x0a\x0d\x0d\x0a")):
		err = errors.New("this is pcapng: write pcap with `editcap -F pcap IN OUT`")
	case detailLine.Match(b):
		packets, err = readDetail(string(b))
	default:
		packets, err = readHex(string(b))
	}
	if err == nil && len(packets) == 0 {
		err = errors.New("there is no Accounting-Request")
	}
	if err != nil {
		return nil, fmt.Errorf("read packets: %w", err)
	}
	return packets, nil
}

// hexOffset begins the lines of xxd and tcpdump -x.
var hexOffset = regexp.MustCompile(`^\s*(0x)?[0-9a-fA-F]+:\s+`)

func readHex(s string) (packets []Packet, err error) {
	var octets []byte
	end := func() error {
		if len(octets) == 0 {
			return nil
		}
		p := Packet{Octets: octets}
		if version := octets[0] >> 4; version == 4 || version == 6 { // as RADIUS that would be codes of no accounting
			if d, ok := readIP(octets); ok {
				p = Packet{Octets: d.payload, Source: d.source}
			}
		}
		octets = nil
		if !isAccounting(p.Octets) {
			return fmt.Errorf("%d octets that are no Accounting-Request", len(p.Octets))
		}
		packets = append(packets, p)
		return nil
	}
	for i, line := range strings.Split(s, "\n") {
		if strings.TrimSpace(line) == "" {
			if err := end(); err != nil {
				return nil, fmt.Errorf("before line %d: %w", i+1, err)
			}
			continue
		}
		if offset := hexOffset.FindString(line); offset != "" {
			line, _, _ = strings.Cut(line[len(offset):], "  ") // then come the characters
		}
		digits := strings.NewReplacer("0x", "", " ", "", "\t", "", "\r", "", ":", "").Replace(line)
		more, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("line %d: neither a capture nor a detail record, and not hexadecimal: %w", i+1, err)
		}
		octets = append(octets, more...)
	}
	return packets, end()
}

// isAccounting reports whether b holds a whole Accounting-Request.
func isAccounting(b []byte) bool {
	if len(b) < headerLen || radius.Code(b[0]) != radius.CodeAccountingRequest {
		return false
	}
	length := int(binary.BigEndian.Uint16(b[2:]))
	return length >= headerLen && length <= len(b) && length <= maxLen
}
