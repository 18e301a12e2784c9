package lab

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

// listener is an accounting server that writes down what it hears and answers
// unless it is silent.
type listener struct {
	conn   net.PacketConn
	silent atomic.Bool

	mu    sync.Mutex
	heard []*radius.Packet
}

func (l *Lab) listener() *listener {
	l.t.Helper()
	conn, err := net.ListenPacket("udp", netip.AddrPortFrom(l.Addr(), 1813).String())
	l.must(err)
	s := &listener{conn: conn}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if !radius.IsAuthenticRequest(buffer[:n], []byte(Secret)) {
				l.t.Errorf("a request from %v is not authentic", from)
				continue
			}
			p, err := radius.Parse(buffer[:n], []byte(Secret))
			if err != nil {
				l.t.Errorf("parse a request from %v: %v", from, err)
				continue
			}
			s.mu.Lock()
			s.heard = append(s.heard, p)
			s.mu.Unlock()
			if s.silent.Load() {
				continue
			}
			answer, err := p.Response(radius.CodeAccountingResponse).Encode()
			if err == nil {
				_, err = conn.WriteTo(answer, from)
			}
			if err != nil {
				l.t.Errorf("answer %v: %v", from, err)
			}
		}
	}()
	l.t.Cleanup(func() { conn.Close(); <-done })
	return s
}

func (s *listener) all(status rfc2866.AcctStatusType) []*radius.Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*radius.Packet
	for _, p := range s.heard {
		if rfc2866.AcctStatusType_Get(p) == status {
			found = append(found, p)
		}
	}
	return found
}

func (s *listener) wait(l *Lab, status rfc2866.AcctStatusType, n int) *radius.Packet {
	l.t.Helper()
	l.Eventually("the controller sends "+status.String(), func() bool { return len(s.all(status)) >= n })
	return s.all(status)[n-1]
}

func TestControllerTellsAWholeSession(t *testing.T) {
	t.Parallel()
	l := New(t)
	s := l.listener()
	ap := l.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: netip.AddrPortFrom(l.Addr(), 1813), Interim: time.Second})
	s.wait(l, rfc2866.AcctStatusType_Value_AccountingOn, 1)
	ann := l.Station("02:00:00:00:00:01", "ann@example.com")
	ann.Associate(ap)
	s.wait(l, rfc2866.AcctStatusType_Value_Start, 1)
	s.wait(l, rfc2866.AcctStatusType_Value_InterimUpdate, 2)
	ann.Disassociate()
	s.wait(l, rfc2866.AcctStatusType_Value_Stop, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.heard {
		t.Log(p.Code, rfc2866.AcctStatusType_Get(p), rfc2865.UserName_GetString(p), rfc2866.AcctSessionID_GetString(p), rfc2866.AcctSessionTime_Get(p), rfc2866.AcctTerminateCause_Get(p), rfc2869.EventTimestamp_Get(p), rfc2865.CalledStationID_GetString(p), rfc2865.CallingStationID_GetString(p))
	}
}
