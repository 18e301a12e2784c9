package radiusacct

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// pcapOrder returns the byte order of a capture, nil if b begins none. The
// magic number stands for microseconds or for nanoseconds.
func pcapOrder(b []byte) binary.ByteOrder {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if magic := order.Uint32(b); magic == 0xa1b2c3d4 || magic == 0xa1b23c4d {
			return order
		}
	}
	return nil
}

// readPcap returns the Accounting-Requests of a capture
// (draft-ietf-opsawg-pcap), and leaves out all other packets, and fragments.
func readPcap(b []byte) (packets []Packet, err error) {
	order := pcapOrder(b)
	const fileHeader, frameHeader = 24, 16
	if len(b) < fileHeader {
		return nil, errors.New("the capture is cut short")
	}
	fraction := time.Microsecond
	if order.Uint32(b) == 0xa1b23c4d {
		fraction = time.Nanosecond
	}
	link := order.Uint32(b[20:]) & 0xffff // above are flags
	frames, cut := 0, 0
	for b = b[fileHeader:]; len(b) >= frameHeader; frames++ {
		kept, length := order.Uint32(b[8:]), order.Uint32(b[12:])
		if uint64(kept) > uint64(len(b)-frameHeader) {
			return nil, fmt.Errorf("the capture is cut short in frame %d", frames+1)
		}
		at := time.Unix(int64(order.Uint32(b)), int64(order.Uint32(b[4:]))*int64(fraction))
		frame := b[frameHeader : frameHeader+kept]
		b = b[frameHeader+kept:]
		ip, err := unframe(link, frame)
		if err != nil {
			return nil, err
		}
		d, ok := readIP(ip)
		switch {
		case ok && isAccounting(d.payload):
			packets = append(packets, Packet{Octets: d.payload, Source: d.source, Heard: at})
		case kept < length:
			cut++
		}
	}
	if len(packets) == 0 && cut > 0 {
		return nil, fmt.Errorf("no Accounting-Request in %d frames, of which %d are cut short: capture with `tcpdump -s 0`", frames, cut)
	}
	if len(packets) == 0 {
		return nil, fmt.Errorf("no Accounting-Request in %d frames", frames)
	}
	return packets, nil
}

// unframe returns the IP packet in a frame of this link type
// (https://www.tcpdump.org/linktypes.html), nil if the frame holds none. An
// unknown link type is an error.
func unframe(link uint32, frame []byte) (ip []byte, err error) {
	kind, header := 0, 0 // where the EtherType stands, and how long the header is
	switch link {
	case 1: // Ethernet
		kind, header = 12, 14
	case 12, 14, 101, 228, 229: // IP
		return frame, nil
	case 0, 108: // BSD loopback
		return frame[min(4, len(frame)):], nil
	case 113: // Linux cooked
		kind, header = 14, 16
	case 276: // Linux cooked, second version
		kind, header = 0, 20
	default:
		return nil, fmt.Errorf("the capture is of link type %d, which is not known here", link)
	}
	for len(frame) >= header {
		switch binary.BigEndian.Uint16(frame[kind:]) {
		case 0x0800, 0x86dd:
			return frame[header:], nil
		case 0x8100, 0x88a8: // a VLAN tag, and behind it the EtherType
			kind, header = header+2, header+4
		default:
			return nil, nil
		}
	}
	return nil, nil
}

// datagram is a UDP datagram.
type datagram struct {
	source  netip.AddrPort
	payload []byte
}

// readIP returns the UDP datagram in an IP packet that is no fragment.
func readIP(b []byte) (d datagram, ok bool) {
	const udp = 17
	if len(b) < 20 {
		return d, false
	}
	var source netip.Addr
	switch b[0] >> 4 {
	case 4:
		header, length := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		fragment := binary.BigEndian.Uint16(b[6:]) & 0x3fff // more, or offset
		if header < 20 || length < header || length > len(b) || fragment != 0 || b[9] != udp {
			return d, false
		}
		source, b = netip.AddrFrom4([4]byte(b[12:])), b[header:length]
	case 6:
		if len(b) < 40 {
			return d, false
		}
		next, length := b[6], int(binary.BigEndian.Uint16(b[4:]))
		if length > len(b)-40 {
			return d, false
		}
		source, b = netip.AddrFrom16([16]byte(b[8:])), b[40:40+length]
		for next == 0 || next == 43 || next == 60 { // hop-by-hop, routing, destination options
			if len(b) < 8 || len(b) < 8+int(b[1])*8 {
				return d, false
			}
			next, b = b[0], b[8+int(b[1])*8:]
		}
		if next != udp {
			return d, false
		}
	default:
		return d, false
	}
	if len(b) < 8 || int(binary.BigEndian.Uint16(b[4:])) > len(b) || binary.BigEndian.Uint16(b[4:]) < 8 {
		return d, false
	}
	d.source = netip.AddrPortFrom(source, binary.BigEndian.Uint16(b))
	d.payload = b[8:binary.BigEndian.Uint16(b[4:])]
	return d, true
}
