package radiusacct

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"layeh.com/radius"

	"github.com/presenced/presenced/internal/rigs/budget"
)

func TestStreamHasNoPacketBorders(t *testing.T) {
	b := newBranch(t, &recorder{})
	a := b.ap()
	var all [][]byte
	for i := range 10 {
		all = append(all, overTLS(withID(byte(i), start(fmt.Sprint(i)))))
	}
	for _, octet := range all[0] { // each in a record of its own
		a.send([]byte{octet})
	}
	a.isAnswered(all[0])
	a.send(all...) // in one
	got := map[byte]bool{}
	for range all {
		got[a.answer()[1]] = true
	}
	if len(got) != len(all) {
		t.Errorf("answers: %v", got)
	}
}

// What meets silence over UDP closes a connection, and is counted as there.
func TestCase111WhatIsNotAuthenticClosesTheConnection(t *testing.T) {
	b := newBranch(t, &recorder{})
	length := func(n uint16) []byte {
		p := overTLS(start("a"))
		binary.BigEndian.PutUint16(p[2:], n)
		return p
	}
	bad := signedWith(start("a"), "another secret")
	attribute := start("a")
	attribute[headerLen+1] = 1
	unsignedStatus := statusServer(t)
	for name, packet := range map[string][]byte{
		"length below 20":               length(19),
		"length above 4096":             length(4097),
		"wrong secret":                  start("a"),
		"attribute does not fill":       overTLS(attribute),
		"wrong Message-Authenticator":   overTLS(bad),
		"Status-Server without one":     unsignedStatus,
		"not RADIUS":                    []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"Access-Request that overflows": overTLS(append([]byte{1, 1, 0, 24}, append(make([]byte, 16), 1, 9, 0, 0)...)),
	} {
		before := b.client()
		a := b.ap()
		a.answered(overTLS(start("a"))) // which is answered yet
		a.send(packet)
		a.isClosed()
		after := b.client()
		if faults := func(s ClientStats) uint64 { return s.MalformedRequests + s.BadAuthenticators + s.UnknownTypes }; faults(after) != faults(before)+1 {
			t.Errorf("%s: stats %+v, before %+v", name, after, before)
		}
	}
}

// An authentication server's port it is not, but the connection is good.
func TestOtherCodesGetAProtocolError(t *testing.T) {
	b := newBranch(t, &recorder{})
	a := b.ap()
	p := radius.Packet{Code: radius.CodeAccessRequest, Identifier: 7, Secret: []byte(RadSecSecret)}
	p.Add(33, []byte("state"))
	request, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	a.send(request)
	got := a.answer()
	if got[0] != 52 || got[1] != 7 || !radius.IsAuthenticResponse(got, request, []byte(RadSecSecret)) ||
		!bytes.Contains(got, []byte{101, 6, 0, 0, 1, 150}) || !bytes.Contains(got, []byte{241, 7, 4, 0, 0, 0, 1}) || !bytes.Contains(got, []byte("state")) {
		t.Errorf("answer %x", got)
	}
	request[0] = byte(radius.CodeAccountingResponse)
	a.send(request) // an answer is not answered
	a.answered(overTLS(start("a")))
	if s := b.client(); s.UnknownTypes != 2 {
		t.Errorf("stats: %+v", s)
	}
}

// FreeRADIUS and radsecproxy disagree on what it would be made over, and drop
// what they find wrong.
func TestAnswerOverTLSHasNoMessageAuthenticator(t *testing.T) {
	ca := newAuthority(t, "always")
	always := ca.client("always")
	always.MirrorMessageAuthenticator = MirrorAlways
	b := newBranch(t, &recorder{}, always)
	a, err := b.dial(ca.issue("x", nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range [][]byte{overTLS(signedWith(start("a"), RadSecSecret)), signedWith(statusServer(t), RadSecSecret)} {
		if got := a.answered(request); len(got) != headerLen {
			t.Errorf("answer %x", got)
		}
	}
}

func TestClientMayHaveASecretOfItsOwn(t *testing.T) {
	ca := newAuthority(t, "routers")
	c := ca.client("routers")
	c.Secrets = [][]byte{[]byte("typed in")}
	b := newBranch(t, &recorder{}, c)
	a, err := b.dial(ca.issue("x", nil))
	if err != nil {
		t.Fatal(err)
	}
	request := resign(start("a"), "typed in")
	a.send(request)
	if got := a.answer(); !radius.IsAuthenticResponse(got, request, []byte("typed in")) {
		t.Errorf("answer %x", got)
	}
}

// perStream is what a stream of packets may cost, what is anew for each connection
// included.
var perStream = budget.Budget{Time: 500 * time.Millisecond, Each: 50 * time.Microsecond, Octets: 1 << 20, More: 500}

// FuzzStream takes any stream of octets through everything but TLS: what is
// answered is what was recorded, one answer to a request, and it ends.
func FuzzStream(f *testing.F) {
	one, two := overTLS(start("a")), overTLS(withID(2, stop("a")))
	f.Add(slices.Concat(one, two), false)
	f.Add(slices.Concat(one, two, one[:30]), true)
	f.Add(signedWith(statusServer(f), RadSecSecret), true)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), false)
	f.Add(append([]byte{1, 9, 0, 20}, make([]byte, 16)...), true)
	f.Fuzz(func(t *testing.T, stream []byte, slowly bool) {
		// What looks like a packet gets the right authenticator.
		for b := stream; len(b) >= headerLen; {
			length := int(binary.BigEndian.Uint16(b[2:]))
			if length < headerLen || length > min(len(b), maxLen) {
				break
			}
			if b[0] == byte(radius.CodeAccountingRequest) {
				resign(b[:length], RadSecSecret)
			}
			b = b[length:]
		}
		ca := Client{Name: "aps", Trust: &Trust{}, Secrets: [][]byte{[]byte(RadSecSecret)}}
		r := &recorder{}
		s := NewServer(Clients{}, r, quietServer(t, loopback).log)
		c, peer := s.unencrypted(&ca, bytes.Clone(stream), slowly)
		perStream.Hold(t, len(stream), func() { c.serve(context.Background()) })
		answers := bytes.NewReader(peer.written())
		n := 0
		for answers.Len() > 0 {
			b, err := readPacket(answers)
			if err != nil {
				t.Fatalf("answers %x", peer.written())
			}
			if b[0] == byte(radius.CodeAccountingResponse) {
				n++
			}
		}
		if got := int(c.member.Load().tally.responses.Load()); n > int(c.member.Load().tally.requests.Load()) || got < n {
			t.Errorf("%d answers, %d counted", n, got)
		}
		if len(c.room) != 0 {
			t.Errorf("%d are in hand yet", len(c.room))
		}
	})
}

// unencrypted is a connection of the client's that sends the stream and ends.
func (s *Server) unencrypted(client *Client, stream []byte, slowly bool) (*connection, *peer) {
	p := &peer{stream: bytes.NewReader(stream)}
	if slowly {
		p.stream = iotest.OneByteReader(p.stream)
	}
	c := &connection{
		intake: s.intake, via: s.intake.transports.Add(1), conn: p, octets: &stamped{since: time.Now()},
		room: make(chan struct{}, inHandMost), ended: make(chan struct{}),
	}
	c.expires.Store(time.Now().Add(time.Hour).Unix())
	c.member.Store(&member{client, &tally{}})
	return c, p
}

// peer is the other end of such a connection.
type peer struct {
	net.Conn
	stream io.Reader
	mu     sync.Mutex
	got    bytes.Buffer
}

func (p *peer) Read(b []byte) (int, error) { return p.stream.Read(b) }

func (p *peer) SetReadDeadline(time.Time) error { return nil }

func (p *peer) SetWriteDeadline(time.Time) error { return nil }

func (p *peer) Close() error { return nil }

func (p *peer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.Write(b)
}

func (p *peer) written() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.got.Bytes())
}
