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

func (s *listener) addr() netip.AddrPort {
	return s.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// all returns what was heard of a status, in order.
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

// wait returns the nth of a status.
func (s *listener) wait(l *Lab, status rfc2866.AcctStatusType, n int) *radius.Packet {
	l.t.Helper()
	l.Eventually("the controller sends "+status.String(), func() bool { return len(s.all(status)) >= n })
	return s.all(status)[n-1]
}

// The facts of the wire that presenced is built on, held against a hostapd of
// today.

func TestControllerTellsAWholeSession(t *testing.T) {
	t.Parallel()
	l := New(t)
	s := l.listener()
	ap := l.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: s.addr(), Interim: time.Second})
	on := s.wait(l, rfc2866.AcctStatusType_Value_AccountingOn, 1)
	ann := l.Station("02:00:00:00:00:01", "ann@example.com")
	ann.Associate(ap)
	start := s.wait(l, rfc2866.AcctStatusType_Value_Start, 1)
	interim := s.wait(l, rfc2866.AcctStatusType_Value_InterimUpdate, 2)
	ann.Disassociate()
	stop := s.wait(l, rfc2866.AcctStatusType_Value_Stop, 1)
	ap.Shutdown()
	off := s.wait(l, rfc2866.AcctStatusType_Value_AccountingOff, 1)

	bss := ap.BSSID + ":Corp"
	for _, p := range []*radius.Packet{on, start, interim, stop, off} {
		status := rfc2866.AcctStatusType_Get(p)
		if got := rfc2865.CalledStationID_GetString(p); got != bss {
			t.Errorf("%v: Called-Station-Id %q, want %q: an On or Off covers that BSS alone", status, got, bss)
		}
		if got := rfc2865.NASIdentifier_GetString(p); got != "wlc-1" {
			t.Errorf("%v: NAS-Identifier %q", status, got)
		}
		if got := rfc2869.EventTimestamp_Get(p); time.Since(got) > time.Minute {
			t.Errorf("%v: Event-Timestamp %v", status, got)
		}
	}
	for _, p := range []*radius.Packet{on, off} {
		if got := rfc2865.UserName_GetString(p); got != "" {
			t.Errorf("%v names the user %q", rfc2866.AcctStatusType_Get(p), got)
		}
	}
	session := rfc2866.AcctSessionID_GetString(start)
	for _, p := range []*radius.Packet{start, interim, stop} {
		status := rfc2866.AcctStatusType_Get(p)
		if got := rfc2865.UserName_GetString(p); got != "ann@example.com" {
			t.Errorf("%v: User-Name %q, want the one of the Access-Accept", status, got)
		}
		if got := rfc2865.CallingStationID_GetString(p); got != "02-00-00-00-00-01" {
			t.Errorf("%v: Calling-Station-Id %q", status, got)
		}
		if got := rfc2866.AcctSessionID_GetString(p); got != session || len(got) != 16 {
			t.Errorf("%v: Acct-Session-Id %q, want 16 digits, those of the Start: %q", status, got, session)
		}
		if got := rfc2865.NASPortType_Get(p); got != rfc2865.NASPortType_Value_Wireless80211 {
			t.Errorf("%v: NAS-Port-Type %v", status, got)
		}
	}
	if got := rfc2866.AcctSessionTime_Get(interim); got < 1 {
		t.Errorf("second interim: Acct-Session-Time %v", got)
	}
	if got := rfc2866.AcctTerminateCause_Get(stop); got != rfc2866.AcctTerminateCause_Value_UserRequest {
		t.Errorf("Stop: Acct-Terminate-Cause %v, want User-Request", got)
	}
}

// A controller that shuts down ends every session in its own name and says so
// with the Accounting-Off that follows; the Stop itself may give no cause
// (hostapd 2.10) or Admin-Reboot.
func TestShutdownIsNotTheStationsWish(t *testing.T) {
	t.Parallel()
	l := New(t)
	s := l.listener()
	ap := l.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: s.addr()})
	l.Station("02:00:00:00:00:01", "ann@example.com").Associate(ap)
	s.wait(l, rfc2866.AcctStatusType_Value_Start, 1)
	ap.Shutdown()
	stop := s.wait(l, rfc2866.AcctStatusType_Value_Stop, 1)
	off := s.wait(l, rfc2866.AcctStatusType_Value_AccountingOff, 1)
	if got := rfc2866.AcctTerminateCause_Get(stop); got != 0 && got != rfc2866.AcctTerminateCause_Value_AdminReboot {
		t.Errorf("Stop: Acct-Terminate-Cause %v", got)
	}
	if apart := rfc2869.EventTimestamp_Get(off).Sub(rfc2869.EventTimestamp_Get(stop)); apart < 0 || apart > time.Second {
		t.Errorf("Accounting-Off %v after the Stop", apart)
	}
}

func TestRoamEndsNoSessionAtTheFormerController(t *testing.T) {
	t.Parallel()
	l := New(t)
	s := l.listener()
	east := l.Controller(ControllerConfig{Name: "east", SSID: "Corp", Accounting: s.addr()})
	west := l.Controller(ControllerConfig{Name: "west", SSID: "Corp", Accounting: s.addr()})
	ann := l.Station("02:00:00:00:00:01", "ann@example.com")
	ann.Associate(east)
	first := s.wait(l, rfc2866.AcctStatusType_Value_Start, 1)
	ann.Associate(west)
	second := s.wait(l, rfc2866.AcctStatusType_Value_Start, 2)
	if one, two := rfc2866.AcctSessionID_GetString(first), rfc2866.AcctSessionID_GetString(second); one == two {
		t.Errorf("both sessions are %s", one)
	}
	east.Drop(ann) // what ap_max_inactivity does minutes later
	stop := s.wait(l, rfc2866.AcctStatusType_Value_Stop, 1)
	if rfc2866.AcctSessionID_GetString(stop) != rfc2866.AcctSessionID_GetString(first) {
		t.Error("the late Stop does not end the first session")
	}
	if rfc2869.EventTimestamp_Get(stop).Before(rfc2869.EventTimestamp_Get(second)) {
		t.Error("the late Stop says that it happened before the roam")
	}
}

func TestRetransmissionIsAnotherPacket(t *testing.T) {
	t.Parallel()
	l := New(t)
	s := l.listener()
	ap := l.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: s.addr()})
	s.wait(l, rfc2866.AcctStatusType_Value_AccountingOn, 1)
	s.silent.Store(true)
	l.Station("02:00:00:00:00:01", "ann@example.com").Associate(ap)
	s.wait(l, rfc2866.AcctStatusType_Value_Start, 2)
	s.silent.Store(false)
	s.wait(l, rfc2866.AcctStatusType_Value_Start, 3)

	starts := s.all(rfc2866.AcctStatusType_Value_Start)
	for i, p := range starts[1:] {
		before := starts[i]
		if p.Identifier == before.Identifier {
			t.Errorf("repeat %d has the Identifier of the one before", i+1)
		}
		if now, then := rfc2866.AcctDelayTime_Get(p), rfc2866.AcctDelayTime_Get(before); now <= then {
			t.Errorf("repeat %d: Acct-Delay-Time %d after %d", i+1, now, then)
		}
		if now, then := rfc2869.EventTimestamp_Get(p), rfc2869.EventTimestamp_Get(before); !now.Equal(then) {
			t.Errorf("repeat %d: Event-Timestamp %v after %v", i+1, now, then)
		}
	}
}

func TestRobustProxyReplaysWithAGreaterDelay(t *testing.T) {
	t.Parallel()
	l := New(t)
	s := l.listener()
	s.silent.Store(true)
	proxy := l.RobustProxy(s.addr())
	l.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: proxy.Addr()})
	first := s.wait(l, rfc2866.AcctStatusType_Value_AccountingOn, 1)
	s.wait(l, rfc2866.AcctStatusType_Value_AccountingOn, 2)
	s.silent.Store(false)
	replayed := s.wait(l, rfc2866.AcctStatusType_Value_AccountingOn, 3)

	if rfc2865.ProxyState_GetString(first) == "" || rfc2865.ProxyState_GetString(replayed) == "" {
		t.Error("the proxy adds no Proxy-State")
	}
	if then, now := rfc2869.EventTimestamp_Get(first), rfc2869.EventTimestamp_Get(replayed); !now.Equal(then) {
		t.Errorf("Event-Timestamp %v after %v: it is to stay", now, then)
	}
	if now, then := rfc2866.AcctDelayTime_Get(replayed), rfc2866.AcctDelayTime_Get(first); now <= then {
		t.Errorf("Acct-Delay-Time %d after %d: it is to grow", now, then)
	}
	probes := 0
	s.mu.Lock()
	for _, p := range s.heard {
		if p.Code == radius.CodeStatusServer {
			probes++
		}
	}
	s.mu.Unlock()
	if probes == 0 {
		t.Error("the proxy did not ask a silent server whether it is there")
	}
}
