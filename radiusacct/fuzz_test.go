package radiusacct

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"layeh.com/radius"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/presence"
)

// corpus is one packet of each shape that is known from the field, and some
// that are none.
func corpus(f *testing.F) {
	for _, shape := range vendorShapes {
		f.Add(packetOf(append([]avp{status(1), user("ann")}, shape.attributes...)...))
	}
	f.Add(arubaInterim(f).Octets)
	f.Add(signedWith(start("a", proxyState("p"), proxyState("")), secret))
	f.Add(signedWith(statusServer(f, proxyState("p")), secret))
	f.Add(start("a", vsaRaw(aruba, []byte{5, 0, 'x'}), vsaRaw(aruba, []byte{5, 255, 'x'}), avp{Type: 26, Attribute: radius.Attribute("abc")}))
	f.Add(stop("a", stamp(noon), delay(1<<32-1), value(40, "abc")))
	f.Add(start("a")[:21])
	for _, small := range []byte{26, 33, 44, 1} { // as many attributes as a packet holds
		f.Add(start("a", slices.Repeat([]avp{{Type: radius.Type(small), Attribute: radius.Attribute("x")}}, 1300)...))
	}
}

// FuzzDecode: what is decoded is well-formed and no older than can be, and costs
// no more than its length.
func FuzzDecode(f *testing.F) {
	corpus(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r presence.Record
		var err error
		onePacket.Hold(t, len(b), func() { r, err = Decode(b, loopback, netip.AddrPort{}, noon, DefaultSkew) })
		if err != nil {
			return
		}
		if r.At.After(r.Heard) || r.At.Before(noon.Add(-longestDelay-DefaultSkew)) {
			t.Errorf("at %s from %s", r.At, r.AtFrom)
		}
		for _, mac := range []string{r.Device, r.BSSID} {
			if again, ok := WholeMAC(mac); mac != "" && (!ok || again != mac) {
				t.Errorf("device %q", mac)
			}
		}
		for _, s := range r.From {
			if s.Answer == "" {
				t.Errorf("from %+v", s)
			}
		}
	})
}

// onePacket is what taking in one packet may cost, and answering it.
var onePacket = budget.Budget{Time: 50 * time.Millisecond, Each: 50 * time.Microsecond, Octets: 256 << 10, More: 200}

// FuzzCase21Answer takes what is well-formed through everything but the sockets, with
// the authenticators made right, and checks what would be answered.
func FuzzCase21Answer(f *testing.F) {
	corpus(f)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	o := newOffice(f)
	o.stop()
	now := time.Now()
	k := newSocket(o.intake, conn)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= headerLen && radius.Code(b[0]) == radius.CodeAccountingRequest {
			if length := int(binary.BigEndian.Uint16(b[2:])); length <= len(b) && length >= headerLen {
				if at, ok := findSignature(b[:length]); ok && at != 0 {
					copy(b[at:], sign(b[:length], at, zeros[:], []byte(secret)))
				}
			}
			resign(b, secret)
		}
		p, fault := examine(b, &loopback)
		clear(k.pending)
		k.queue, k.out = queue{}, nil
		message := &ipv4.Message{Buffers: [][]byte{b}, N: len(b), Addr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}}
		onePacket.Hold(t, len(b), func() { k.receive(message, k.clients.Load(), now) })
		if (fault == none) != (k.queue.length+len(k.out) == 1) {
			t.Fatalf("fault %d, %d in the queue, %d answers", fault, k.queue.length, len(k.out))
		}
		if fault != none {
			return
		}
		response := []byte(nil)
		if k.queue.length == 1 {
			response = k.queue.takeBatch(1)[0].answer
		} else {
			response = k.out[0].Buffers[0]
		}
		if !radius.IsAuthenticResponse(response, p.octets, []byte(secret)) || response[0] != 5 || response[1] != b[1] || len(response) > maxLen {
			t.Errorf("answer %x", response)
		}
		if want := attributesOf(p.octets, 33); !bytes.Equal(attributesOf(response, 33), want) || len(response)-len(want) > headerLen+18 {
			t.Errorf("answer %x to %x", response, p.octets)
		}
	})
}

// attributesOf are the attributes of this type as they stand in b.
func attributesOf(b []byte, kind byte) (all []byte) {
	for b = b[headerLen:]; len(b) > 0; b = b[b[1]:] {
		if b[0] == kind {
			all = append(all, b[:b[1]]...)
		}
	}
	return all
}
