package radiusacct

import (
	"iter"
	"net"
	"net/netip"
	"time"

	"github.com/presenced/presenced/presence"
)

// arrival is how a packet came: by which transport, from whom and when.
type arrival struct {
	by     transport
	via    uint64         // the transport's number
	source netip.AddrPort // where the packet came from; an IPv4 address is never mapped into IPv6
	to     net.Addr       // source, as a UDP socket takes it
	local  []byte         // over UDP the control message with the address that the packet was sent to; or nil
	client *Client
	tally  *tally
	heard  time.Time

	stream bool      // the packet came by a connection, on which none may be left without an answer
	due    time.Time // after this an answer would come too late; zero: it never would
}

// exchange is what makes a packet a repeat of another: the transport, the
// source with its port, the Identifier and the Request Authenticator. The same
// Identifier with another authenticator is a new request (RFC 5080 2.2.2).
type exchange struct {
	via           uint64
	source        netip.AddrPort
	identifier    byte
	authenticator [16]byte
}

// request is an authentic Accounting-Request that is not yet answered.
type request struct {
	arrival
	exchange exchange
	record   presence.Record
	answer   []byte
	length   int       // of the packet
	badDelay bool      // its Acct-Delay-Time is beyond belief
	order    uint64    // of arrival
	copies   []arrival // repeats that came before the answer, and get it too
}

// arrivals yields the packets that the answer is for: the repeats, and the first.
func (r *request) arrivals() iter.Seq[*arrival] {
	return func(yield func(*arrival) bool) {
		for i := range r.copies {
			if !yield(&r.copies[i]) {
				return
			}
		}
		yield(&r.arrival)
	}
}

// source takes turns in the queue: an address that sends to a socket, or a
// connection.
type source struct {
	via  uint64
	addr netip.Addr
}

func (r *request) from() source { return source{r.via, r.source.Addr()} }

const requestCost = 1400 // octets that a request takes beside its packet and its answer

// size is how many octets a request takes.
func (r *request) size() int { return requestCost + r.length + cap(r.answer) }
