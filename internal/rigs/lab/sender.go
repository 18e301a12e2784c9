package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
)

// sender is a client over TLS that does as RFC 6613 says: when its connection
// is closed it connects again, at once, and sends again what has no answer.
// There is a request for each Identifier in flight at most; more wait.
type sender struct {
	l    *Lab
	home netip.AddrPort
	tls  *tls.Config

	mu        sync.Mutex // guards what follows
	conn      *tls.Conn
	flying    map[byte][]byte
	waiting   [][]byte
	free      []byte
	connected int             // how often
	refused   int             // how often nobody listened
	closed    time.Time       // when the last connection was, until the next answer
	gaps      []time.Duration // from there to an answer
}

// sender connects with the certificate of that name, for as long as the test
// lasts.
func (l *Lab) sender(home netip.AddrPort, certificate string) *sender {
	l.t.Helper()
	cert, err := tls.LoadX509KeyPair(l.tls(certificate+".pem"), l.tls(certificate+".key"))
	l.must(err)
	ca, err := os.ReadFile(l.tls("ca.pem"))
	l.must(err)
	s := &sender{l: l, home: home, flying: map[byte][]byte{}, tls: &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: x509.NewCertPool(), ServerName: "radsec.example.com",
	}}
	s.tls.RootCAs.AppendCertsFromPEM(ca)
	for i := range 256 {
		s.free = append(s.free, byte(i))
	}
	end := make(chan struct{})
	go s.run(end)
	l.t.Cleanup(func() {
		close(end)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.conn != nil {
			s.conn.Close()
		}
	})
	return s
}

// run keeps the connection up.
func (s *sender) run(end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		default:
		}
		conn, err := tls.Dial("tcp", s.home.String(), s.tls)
		if err != nil {
			s.mu.Lock()
			if errors.Is(err, syscall.ECONNREFUSED) {
				s.refused++
			}
			s.mu.Unlock()
			time.Sleep(time.Millisecond)
			continue
		}
		s.mu.Lock()
		s.conn = conn
		s.connected++
		for _, id := range slices.Sorted(maps.Keys(s.flying)) {
			conn.Write(s.flying[id])
		}
		s.fly()
		s.mu.Unlock()
		s.read(conn)
	}
}

// read takes answers until the connection ends.
func (s *sender) read(conn *tls.Conn) {
	b := make([]byte, radius.MaxPacketLength)
	for {
		_, err := io.ReadFull(conn, b[:4])
		if err == nil {
			_, err = io.ReadFull(conn, b[4:binary.BigEndian.Uint16(b[2:])])
		}
		s.mu.Lock()
		if err != nil {
			s.conn, s.closed = nil, time.Now()
			s.mu.Unlock()
			conn.Close()
			return
		}
		if !s.closed.IsZero() {
			s.gaps, s.closed = append(s.gaps, time.Since(s.closed)), time.Time{}
		}
		length := binary.BigEndian.Uint16(b[2:])
		if request, ok := s.flying[b[1]]; ok && radius.IsAuthenticResponse(b[:length], request, []byte("radsec")) {
			delete(s.flying, b[1])
			s.free = append(s.free, b[1])
			s.fly()
		}
		s.mu.Unlock()
	}
}

// fly sends what waits, as far as there are Identifiers.
func (s *sender) fly() {
	for s.conn != nil && len(s.waiting) > 0 && len(s.free) > 0 {
		id, packet := s.free[0], s.waiting[0]
		s.free, s.waiting = s.free[1:], s.waiting[1:]
		request, err := radius.Parse(packet, []byte("radsec"))
		if err != nil {
			panic(err) // we made it
		}
		request.Identifier = id
		if packet, err = request.Encode(); err != nil {
			panic(err)
		}
		s.flying[id] = packet
		s.conn.Write(packet)
	}
}

// send sends the Start of a session of the user's.
func (s *sender) send(user, device string) {
	packet, err := arrives("radsec", user, device).Encode()
	s.l.must(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, packet)
	s.fly()
}

// arrives is the Start of a session of the user's.
func arrives(secret, user, device string) *radius.Packet {
	p := radius.New(radius.CodeAccountingRequest, []byte(secret))
	rfc2866.AcctStatusType_Set(p, rfc2866.AcctStatusType_Value_Start)
	rfc2865.UserName_SetString(p, user)
	rfc2866.AcctSessionID_SetString(p, device)
	rfc2865.CallingStationID_SetString(p, device)
	rfc2865.CalledStationID_SetString(p, "02-00-5E-00-00-01:Corp")
	rfc2865.NASIdentifier_SetString(p, "wlc-1")
	rfc2865.NASPortType_Set(p, rfc2865.NASPortType_Value_Wireless80211)
	return p
}

// pending is how many requests have no answer yet.
func (s *sender) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) + len(s.flying)
}

// connections is how often it has connected, and how long each time from the
// end of the last connection to an answer by the new one.
func (s *sender) connections() (n int, gaps []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected, slices.Clone(s.gaps)
}

// insistence is how long a NAS goes on to send what has no answer.
const insistence = 2 * Patience

// insist sends the Start of a session over UDP, as a NAS does: again and again
// until there is an answer.
func (l *Lab) insist(to netip.AddrPort, user, device string) error {
	ctx, cancel := context.WithTimeout(l.t.Context(), insistence)
	defer cancel()
	nas := radius.Client{Retry: 2 * time.Second}
	_, err := nas.Exchange(ctx, arrives(Secret, user, device), to.String())
	return err
}
