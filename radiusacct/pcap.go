package radiusacct

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

// pcapReader reads the Accounting-Requests of a capture (draft-ietf-opsawg-pcap,
// draft-ietf-opsawg-pcapng), and leaves out all other packets, and fragments.
type pcapReader struct {
	r     io.Reader
	order binary.ByteOrder
	links []pcapLink // of pcapng, its interfaces
	ng    bool
	frame int
	found int
	cut   int // frames of which the capture kept a part
	buf   []byte
	ended bool
}

// pcapLink is an interface that was captured from.
type pcapLink struct {
	kind uint32        // its link type
	tick time.Duration // of its times; 0: they are in fractions of 2 to the power of bits
	bits uint
	base time.Duration // what is added to them
}

// Format implements [Reader].
func (r *pcapReader) Format() Format { return FormatCapture }

// newPcap reads the header of a pcap file.
func newPcap(b io.Reader) (Reader, error) {
	head := make([]byte, 24)
	if _, err := io.ReadFull(b, head); err != nil {
		return nil, errors.New("the capture is cut short")
	}
	r := &pcapReader{r: b, order: pcapOrder(head)}
	link := pcapLink{kind: r.order.Uint32(head[20:]) & 0xffff, tick: time.Microsecond} // above are flags
	if r.order.Uint32(head) == 0xa1b23c4d {
		link.tick = time.Nanosecond
	}
	r.links = []pcapLink{link}
	return r, nil
}

func newPcapng(b io.Reader) Reader { return &pcapReader{r: b, ng: true} }

// mostFrame is how long a frame, or a block, may be.
const mostFrame = 16 << 20

// read reads n octets; it reports a file that ends in them as a flaw.
func (r *pcapReader) read(n uint32) ([]byte, error) {
	if n > mostFrame {
		r.ended = true
		return nil, r.flaw("the capture is damaged, or cut short in frame %d: a length of %d octets", r.frame+1, n)
	}
	if uint32(cap(r.buf)) < n {
		r.buf = make([]byte, n)
	}
	b := r.buf[:n]
	if got, err := io.ReadFull(r.r, b); err != nil {
		r.ended = true
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, r.flaw("the capture is cut short in frame %d, with %d of %d octets", r.frame+1, got, n)
		}
		return nil, err
	}
	return b, nil
}

func (r *pcapReader) flaw(what string, args ...any) *Flaw {
	return &Flaw{Place: fmt.Sprintf("frame %d", r.frame+1), What: fmt.Sprintf(what, args...)}
}

// Next implements [Reader].
func (r *pcapReader) Next() (Packet, error) {
	for !r.ended {
		frame, link, at, kept, err := r.nextFrame()
		if errors.Is(err, io.EOF) {
			r.ended = true
			break
		}
		if err != nil {
			return Packet{}, err
		}
		if frame == nil {
			continue
		}
		r.frame++
		ip, err := unframe(link, frame)
		if err != nil {
			r.ended = true
			return Packet{}, err
		}
		d, ok := readIP(ip)
		if ok && isAccounting(d.payload) {
			r.found++
			return Packet{Octets: d.payload, Source: d.source, Heard: at, Place: r.frame}, nil
		}
		if !kept {
			r.cut++
		}
	}
	switch {
	case r.found > 0:
		return Packet{}, io.EOF
	case r.cut > 0:
		r.found++ // said once
		return Packet{}, &Flaw{
			Place: fmt.Sprintf("frame %d", r.frame), What: fmt.Sprintf("no Accounting-Request in %d frames, of which %d are cut short", r.frame, r.cut),
			Remedy: "capture with `tcpdump -s 0`",
		}
	}
	r.found++
	return Packet{}, &Flaw{Place: fmt.Sprintf("frame %d", r.frame), What: fmt.Sprintf("no Accounting-Request in %d frames", r.frame)}
}

// nextFrame returns the next frame, its link type, when it was captured, and whether
// all of it was kept; no frame if there was something else.
func (r *pcapReader) nextFrame() (frame []byte, link uint32, at time.Time, whole bool, err error) {
	if r.ng {
		return r.nextBlock()
	}
	var head [16]byte
	if n, err := io.ReadFull(r.r, head[:]); err != nil {
		if n > 0 {
			r.ended = true
			return nil, 0, at, false, r.flaw("the capture is cut short in frame %d", r.frame+1)
		}
		return nil, 0, at, false, err
	}
	l := r.links[0]
	at = time.Unix(int64(r.order.Uint32(head[:])), int64(r.order.Uint32(head[4:]))*int64(l.tick))
	kept, length := r.order.Uint32(head[8:]), r.order.Uint32(head[12:])
	frame, err = r.read(kept)
	return frame, l.kind, at, kept >= length, err
}

// Blocks of pcapng.
const (
	sectionBlock   = 0x0a0d0d0a
	interfaceBlock = 1
	enhancedBlock  = 6
)

func (r *pcapReader) nextBlock() (frame []byte, link uint32, at time.Time, whole bool, err error) {
	var head [12]byte
	if n, err := io.ReadFull(r.r, head[:8]); err != nil {
		if n > 0 {
			r.ended = true
			return nil, 0, at, false, r.flaw("the capture is cut short in frame %d", r.frame+1)
		}
		return nil, 0, at, false, err
	}
	before := uint32(8)
	if binary.LittleEndian.Uint32(head[:]) == sectionBlock { // reads the same both ways; the order comes next
		if _, err := io.ReadFull(r.r, head[8:]); err != nil {
			r.ended = true
			return nil, 0, at, false, r.flaw("the capture is cut short in its header")
		}
		before = 12
		switch {
		case binary.LittleEndian.Uint32(head[8:]) == 0x1a2b3c4d:
			r.order = binary.LittleEndian
		case binary.BigEndian.Uint32(head[8:]) == 0x1a2b3c4d:
			r.order = binary.BigEndian
		default:
			r.ended = true
			return nil, 0, at, false, r.flaw("a section header without its byte order")
		}
		r.links = nil
	}
	if r.order == nil {
		r.ended = true
		return nil, 0, at, false, r.flaw("no section header")
	}
	length := r.order.Uint32(head[4:])
	if length < before+4 || length%4 != 0 {
		r.ended = true
		return nil, 0, at, false, r.flaw("the capture is damaged: a block of %d octets", length)
	}
	body, err := r.read(length - before)
	if err != nil {
		return nil, 0, at, false, err
	}
	body = body[:len(body)-4] // the length once more
	switch kind := r.order.Uint32(head[:]); {
	case kind == interfaceBlock && len(body) >= 8:
		r.links = append(r.links, r.linkOf(body))
	case kind == enhancedBlock && len(body) >= 20:
		n := r.order.Uint32(body)
		kept, length := r.order.Uint32(body[12:]), r.order.Uint32(body[16:])
		if uint64(n) >= uint64(len(r.links)) || uint64(kept) > uint64(len(body)-20) {
			r.frame++
			return nil, 0, at, false, &Flaw{Place: fmt.Sprintf("frame %d", r.frame), What: "a packet of no interface, or longer than its block"}
		}
		l := r.links[n]
		return body[20 : 20+kept], l.kind, l.time(uint64(r.order.Uint32(body[4:]))<<32 | uint64(r.order.Uint32(body[8:]))), kept >= length, nil
	}
	return nil, 0, at, false, nil
}

// linkOf reads an interface block.
func (r *pcapReader) linkOf(body []byte) pcapLink {
	l := pcapLink{kind: uint32(r.order.Uint16(body)), tick: time.Microsecond}
	for rest := body[8:]; len(rest) >= 4; {
		option, n := r.order.Uint16(rest), int(r.order.Uint16(rest[2:]))
		if len(rest) < 4+n {
			break
		}
		value := rest[4 : 4+n]
		switch {
		case option == 9 && n == 1: // if_tsresol
			if l.tick = 0; value[0]&0x80 != 0 {
				l.bits = uint(value[0] & 0x7f)
			} else if value[0] <= 9 {
				l.tick = time.Second
				for range value[0] {
					l.tick /= 10
				}
			}
		case option == 14 && n == 8: // if_tsoffset
			l.base = time.Duration(int64(r.order.Uint64(value))) * time.Second
		}
		rest = rest[min(len(rest), 4+(n+3)/4*4):]
	}
	return l
}

// time returns the time of a stamp.
func (l pcapLink) time(stamp uint64) time.Time {
	if l.tick > 0 {
		per := uint64(time.Second / l.tick)
		return time.Unix(int64(stamp/per), int64(stamp%per)*int64(l.tick)).Add(l.base)
	}
	if l.bits > 63 {
		return time.Time{}
	}
	fraction := float64(stamp&(1<<l.bits-1)) / float64(uint64(1)<<l.bits)
	return time.Unix(int64(stamp>>l.bits), int64(fraction*1e9)).Add(l.base)
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
