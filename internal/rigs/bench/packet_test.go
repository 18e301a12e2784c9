package main

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"github.com/presenced/presenced/internal/rigs/budget"
)

var everyStatus = []struct {
	ours   status
	theirs rfc2866.AcctStatusType
}{
	{start, rfc2866.AcctStatusType_Value_Start},
	{interim, rfc2866.AcctStatusType_Value_InterimUpdate},
	{stop, rfc2866.AcctStatusType_Value_Stop},
}

// signed returns the signed packet of r, with room for the secret behind it.
func signed(r record, identifier byte) []byte {
	packet := make([]byte, 1024)
	n := newTemplate("ap-07", netip.MustParseAddr("127.0.1.7")).fill(packet, r)
	sign(packet, n, identifier)
	return packet[:n]
}

func TestRequestsAreWhatAnotherImplementationReads(t *testing.T) {
	for _, s := range everyStatus {
		r := record{user: 1234567, session: 0xabcdef0123456789, status: s.ours, at: 1767225600, delay: 7, age: 61, octets: 5000}
		b := signed(r, 42)
		if !radius.IsAuthenticRequest(b, []byte(secret)) {
			t.Errorf("%v: its Request Authenticator is wrong", s.theirs)
		}
		p, err := radius.Parse(b, []byte(secret))
		if err != nil {
			t.Fatalf("%v: %v", s.theirs, err)
		}
		if p.Code != radius.CodeAccountingRequest || p.Identifier != 42 {
			t.Errorf("%v: code %v, Identifier %d", s.theirs, p.Code, p.Identifier)
		}
		for _, c := range []struct {
			attribute string
			got, want any
		}{
			{"User-Name", rfc2865.UserName_GetString(p), "u1234567@example.com"},
			{"NAS-IP-Address", rfc2865.NASIPAddress_Get(p).String(), "127.0.1.7"},
			{"NAS-Identifier", rfc2865.NASIdentifier_GetString(p), "ap-07"},
			{"NAS-Port-Type", rfc2865.NASPortType_Get(p), rfc2865.NASPortType_Value_Wireless80211},
			{"Called-Station-Id", rfc2865.CalledStationID_GetString(p), "02-00-00-01-07-00:Corp"},
			{"Calling-Station-Id", rfc2865.CallingStationID_GetString(p), "02-5E-00-12-D6-87"},
			{"Framed-IP-Address", rfc2865.FramedIPAddress_Get(p).String(), "10.18.214.135"},
			{"Acct-Session-Id", rfc2866.AcctSessionID_GetString(p), "abcdef0123456789"},
			{"Acct-Multi-Session-Id", rfc2866.AcctMultiSessionID_GetString(p), "025e0012d687-abcdef0123456789"},
			{"Acct-Status-Type", rfc2866.AcctStatusType_Get(p), s.theirs},
			{"Acct-Delay-Time", rfc2866.AcctDelayTime_Get(p), rfc2866.AcctDelayTime(7)},
			{"Acct-Session-Time", rfc2866.AcctSessionTime_Get(p), rfc2866.AcctSessionTime(61)},
			{"Acct-Input-Octets", rfc2866.AcctInputOctets_Get(p), rfc2866.AcctInputOctets(5000)},
			{"Acct-Output-Packets", rfc2866.AcctOutputPackets_Get(p), rfc2866.AcctOutputPackets(100)},
			{"Event-Timestamp", rfc2869.EventTimestamp_Get(p).Unix(), int64(1767225600)},
		} {
			if c.got != c.want {
				t.Errorf("%v: %s is %v, not %v", s.theirs, c.attribute, c.got, c.want)
			}
		}
		if _, err := rfc2866.AcctTerminateCause_Lookup(p); (err == nil) != (s.ours == stop) {
			t.Errorf("%v: Acct-Terminate-Cause: %v", s.theirs, err)
		}
	}
}

func TestRepeatsDifferInDelayAlone(t *testing.T) {
	tmpl := newTemplate("ap", netip.MustParseAddr("127.0.1.1"))
	r := record{user: 1, session: 2, status: start, at: time.Now().Unix()}
	a, b := make([]byte, 1024), make([]byte, 1024)
	n := tmpl.fill(a, r)
	tmpl.fill(b, r)
	tmpl.delay(b, 3)
	sign(b, n, 9)
	if !radius.IsAuthenticRequest(b[:n], []byte(secret)) {
		t.Error("a repeat has a wrong Request Authenticator")
	}
	r.delay = 3
	tmpl.fill(a, r)
	sign(a, n, 9)
	if !bytes.Equal(a[:n], b[:n]) {
		t.Errorf("a repeat is not its record with another delay:\n% x\n% x", a[:n], b[:n])
	}
}

func TestOnlyTheRightAnswerIsBelieved(t *testing.T) {
	b := signed(record{user: 1, status: start}, 200)
	theirs := func(secret string, code radius.Code) []byte {
		p, err := radius.Parse(b, []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		r := p.Response(code)
		r.Add(33, []byte("proxy-state"))
		octets, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return append(make([]byte, 0, 256), octets...)
	}
	right := theirs(secret, radius.CodeAccountingResponse)
	flipped := bytes.Clone(right)
	flipped[len(flipped)-1] ^= 1
	another := bytes.Clone(b)
	another[7]++
	for _, c := range []struct {
		name     string
		response []byte
		request  []byte
		want     bool
	}{
		{"the right one", right, b, true},
		{"padded", append(right[:len(right):len(right)], 0, 0, 0), b, true},
		{"ours", answer(make([]byte, 0, 64), b), b, true},
		{"of another secret", theirs("wrong", radius.CodeAccountingResponse), b, false},
		{"of another code", theirs(secret, radius.CodeAccessAccept), b, false},
		{"with a flipped bit", flipped, b, false},
		{"to another request", right, another, false},
		{"cut short", right[:19], b, false},
		{"shorter than its Length", right[:len(right)-1], b, false},
		{"empty", nil, b, false},
	} {
		response := append(make([]byte, 0, 256), c.response...)
		if got := authenticResponse(response, c.request); got != c.want {
			t.Errorf("an answer that is %s: believed %v", c.name, got)
		}
	}
}

func TestOnlyTheRightRequestIsAnswered(t *testing.T) {
	b := signed(record{user: 1, status: start}, 200)
	padded := append(bytes.Clone(b), 0, 0, 0, 0)
	got, ok := authenticRequest(padded)
	if !ok || !bytes.Equal(got, b) {
		t.Errorf("a padded request: %v\n% x\n% x", ok, got, b)
	}
	for i := range b {
		bad := append(make([]byte, 0, 1024), b...)
		bad[i] ^= 1
		if _, ok := authenticRequest(bad); ok {
			t.Fatalf("a request with octet %d changed is answered", i)
		}
	}
	if !radius.IsAuthenticResponse(answer(nil, b), b, []byte(secret)) {
		t.Error("our answer is wrong to another implementation")
	}
}

func FuzzRequestsFromAnywhere(f *testing.F) {
	f.Add(signed(record{user: 7, status: stop}, 3))
	f.Add([]byte{4, 0, 0, 20})
	f.Add(append(make([]byte, 20), 44, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := append(make([]byte, 0, len(b)+64), b...)
		var packet []byte
		var ok bool
		budget.Budget{Time: 50 * time.Millisecond, Each: 10 * time.Microsecond, Octets: 4096, More: 4}.Hold(t, len(b), func() {
			packet, ok = authenticRequest(in)
			if len(b) >= headerLength {
				attribute(b, acctSessionID)
			}
		})
		if ok && !radius.IsAuthenticRequest(packet, []byte(secret)) {
			t.Error("believed, and another implementation does not")
		}
	})
}
