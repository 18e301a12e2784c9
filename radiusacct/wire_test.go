package radiusacct

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"layeh.com/radius"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/presence"
)

// authenticator is a Request Authenticator as RFC 2866 3 has it, written down
// once more.
func authenticator(b []byte, secret string) []byte {
	sum := md5.Sum(slices.Concat(b[:4], make([]byte, 16), b[headerLen:], []byte(secret)))
	return sum[:]
}

func TestStartIsRecordedAndAnswered(t *testing.T) {
	o := newOffice(t)
	o.nas().answered(start("a"))
	got := o.recorder.records()
	if len(got) != 1 {
		t.Fatalf("records: %+v", got)
	}
	if r := got[0]; r.Status != presence.Start || r.UserName != "ann" || r.Session != "a" || r.Device != "02:11:22:33:44:55" ||
		r.SSID != "Corp" || r.BSSID != "02:00:5e:00:00:01" || r.Client != "loopback" || r.Site != "london" {
		t.Errorf("record: %+v", r)
	}
	if s := o.only(); s.Requests != 1 || s.Responses != 1 || s.LastHeard.IsZero() {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase02NotRecordedIsNotAnswered(t *testing.T) {
	r := &recorder{entered: make(chan []presence.Record), gate: make(chan struct{}), err: errors.New("no space left on device")}
	o := newOfficeOn(t, "127.0.0.1:0", r)
	n := o.nas()
	n.send(start("a"))
	<-r.entered
	n.send(withID(2, start("b")))
	r.gate <- struct{}{}
	<-r.entered // of b, so a has failed
	r.set(func() { r.err = nil })
	close(r.gate)
	n.isAnswered(withID(2, start("b")))
	go func() {
		for range r.entered {
		}
	}()
	n.answered(start("a")) // the same datagram, sent again
	if got := r.records(); len(got) != 2 {
		t.Errorf("records: %+v", got)
	}
	if s := o.only(); s.PacketsDropped != 1 || s.DupRequests != 0 {
		t.Errorf("stats: %+v", s)
	}
	close(r.entered)
}

func TestCase04WrongSecret(t *testing.T) {
	o := newOffice(t)
	logged := o.logged()
	o.nas().silent(resign(start("a"), "another"))
	if s := o.only(); s.BadAuthenticators != 1 || s.UnknownTypes+s.MalformedRequests != 0 {
		t.Errorf("stats: %+v", s)
	}
	if line := logged(); !strings.Contains(line, "wrong secret") || !strings.Contains(line, "client=loopback") {
		t.Errorf("log: %s", line)
	}
}

func TestCase05ZeroAuthenticator(t *testing.T) {
	o := newOffice(t)
	b := start("a")
	copy(b[4:], zeros[:])
	o.nas().silent(b)
	if s := o.only(); s.BadAuthenticators != 1 {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase06UnknownSource(t *testing.T) {
	o := newOffice(t, Client{Name: "other", Prefix: netip.MustParsePrefix("127.0.0.2/32"), Secrets: loopback.Secrets})
	logged := o.logged()
	o.nas().send(start("a"))
	o.nasAt("127.0.0.2", o.addr).quiet()
	if got := o.Totals().InvalidRequests; got != 1 {
		t.Errorf("invalid requests: %d", got)
	}
	if line := logged(); !strings.Contains(line, "add a [[radius.client]]") || !strings.Contains(line, "source=127.0.0.1") {
		t.Errorf("log: %s", line)
	}
}

func TestCase07PaddingAfterLength(t *testing.T) {
	o := newOffice(t)
	b := start("a")
	n := o.nas()
	n.send(with(b, 1, 2, 3, 4, 5, 6, 7, 8))
	n.isAnswered(b)
	n.send(with(withID(2, start("b")), make([]byte, 5000)...)) // more padding than a packet is long
	n.isAnswered(withID(2, start("b")))
}

func TestCase08LengthAndDatagramDisagree(t *testing.T) {
	o := newOffice(t)
	length := func(n int) []byte {
		b := start("a")
		binary.BigEndian.PutUint16(b[2:], uint16(n))
		return resign(b, secret)
	}
	datagrams := [][]byte{length(len(start("a")) + 1), length(4096), length(65535), length(19), length(0)}
	for n := range headerLen {
		datagrams = append(datagrams, start("a")[:n])
	}
	o.nas().silent(datagrams...)
	if s := o.only(); s.MalformedRequests != uint64(len(datagrams)) {
		t.Errorf("%d datagrams, stats: %+v", len(datagrams), s)
	}
}

func TestCase09MalformedAttributes(t *testing.T) {
	o := newOffice(t)
	raw := func(attributes ...byte) []byte {
		b := with(start("a"), attributes...)
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		return resign(b, secret)
	}
	datagrams := [][]byte{
		raw(25, 0), raw(25, 1), raw(25, 3), raw(25, 255, 'x'), raw(25), // length 0, 1, past the end; a stray octet
		raw(80, 3, 0), raw(80, 2), // a Message-Authenticator is 16 octets
	}
	o.nas().silent(datagrams...)
	if s := o.only(); s.MalformedRequests != uint64(len(datagrams)) {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase10LongestPacket(t *testing.T) {
	o := newOffice(t)
	long := func(n int) []byte {
		b := start("a")
		for len(b) < n {
			size := min(255, n-len(b))
			if rest := n - len(b) - size; rest == 1 {
				size--
			}
			b = append(b, 25, byte(size))
			b = append(b, bytes.Repeat([]byte("x"), size-2)...)
		}
		binary.BigEndian.PutUint16(b[2:], uint16(n))
		return resign(b, secret)
	}
	n := o.nas()
	n.answered(long(4096))
	n.silent(long(4097))
	if s := o.only(); s.MalformedRequests != 1 {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase11OtherCodesAreNeverABadSecret(t *testing.T) {
	o := newOffice(t)
	var datagrams [][]byte
	for _, code := range []byte{1, 2, 5, 40, 43, 99} {
		b := start("a")
		b[0] = code
		datagrams = append(datagrams, resign(b, secret))
	}
	o.nas().silent(datagrams...)
	if s := o.only(); s.UnknownTypes != uint64(len(datagrams)) || s.BadAuthenticators != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// rfc5997 are the secret, request and response authenticator of RFC 5997 6.2.
func rfc5997(t *testing.T) (secret string, request, response []byte) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return "xyzzy5461",
		unhex("0cb30026925f6b66dd5fed571fcb1db7ad3882605012e8d6eabda910875cd91fdade26367858"),
		unhex("05b300140f6f92145f107e2f504e860a4860669c") // whose dump in the RFC begins 02: its authenticator is that of 05
}

func TestCase12StatusServer(t *testing.T) {
	xyzzy, ask, want := rfc5997(t)
	c := loopback
	c.Secrets = [][]byte{[]byte(xyzzy)}
	o := newOffice(t, c)
	n := o.nas()
	n.send(ask)
	if got := n.answer(); !bytes.Equal(got, want) {
		t.Errorf("answer %x, want %x", got, want)
	}
	if len(o.recorder.records()) > 0 {
		t.Error("it was recorded")
	}
	if s := o.only(); s.Requests != 1 || s.Responses != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// statusServer is a Status-Server without Message-Authenticator.
func statusServer(t testing.TB, attributes ...avp) []byte {
	p := radius.New(radius.CodeStatusServer, []byte(secret))
	for _, a := range attributes {
		p.Add(a.Type, a.Attribute)
	}
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCase12StatusServerEchoesProxyState(t *testing.T) {
	o := newOffice(t)
	got := o.nas().answered(signedWith(statusServer(t, proxyState("64"), user("x"), proxyState("\x00")), secret))
	if want := "\x21\x0464\x21\x03\x00"; string(got[headerLen:]) != want {
		t.Errorf("attributes %q, want %q", got[headerLen:], want)
	}
}

func TestCase13StatusServerThatIsNotSigned(t *testing.T) {
	o := newOffice(t)
	o.nas().silent(statusServer(t), signedWith(statusServer(t), "another"))
	if s := o.only(); s.BadAuthenticators != 2 {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase14StatusServerWhileRecordingFails(t *testing.T) {
	o := newOfficeOn(t, "127.0.0.1:0", &recorder{sick: true})
	n := o.nas()
	n.silent(signedWith(statusServer(t), secret))
	o.recorder.set(func() { o.recorder.sick = false })
	n.answered(signedWith(statusServer(t), secret))
}

func TestCase15MessageAuthenticator(t *testing.T) {
	for _, mirror := range []Mirror{MirrorAuto, MirrorAlways, MirrorNever} {
		t.Run("mirror "+string(mirror), func(t *testing.T) {
			c := loopback
			c.MirrorMessageAuthenticator = mirror
			n := newOffice(t, c).nas()
			for signed, b := range map[bool][]byte{true: signedWith(start("a", proxyState("p")), secret), false: start("b", proxyState("p"))} {
				got := n.answered(b)
				_, err := radius.Parse(got, nil)
				if err != nil {
					t.Fatal(err)
				}
				want := mirror == MirrorAlways || signed && mirror == MirrorAuto
				if has := got[headerLen] == 80; has != want {
					t.Errorf("request signed: %v, answer signed: %v, want %v", signed, has, want)
				}
				if want {
					if rest := got[headerLen+18:]; string(rest) != "\x21\x03p" {
						t.Errorf("after the Message-Authenticator: %q", rest)
					}
					if !isSignature(got, headerLen+2, zeros[:], []byte(secret)) {
						t.Errorf("the Message-Authenticator of %x is wrong", got)
					}
				}
			}
		})
	}
}

func TestCase15WrongMessageAuthenticator(t *testing.T) {
	o := newOffice(t)
	b := signedWith(start("a"), secret)
	b[len(b)-1] ^= 1
	o.nas().silent(resign(b, secret))
	if s := o.only(); s.BadAuthenticators != 1 {
		t.Errorf("stats: %+v", s)
	}
}

func TestMessageAuthenticatorCanBeRequired(t *testing.T) {
	c := loopback
	c.RequireMessageAuthenticator = true
	o := newOffice(t, c)
	n := o.nas()
	n.send(start("a"))
	n.answered(signedWith(start("b"), secret))
	if got := o.recorder.records(); len(got) != 1 || got[0].Session != "b" {
		t.Errorf("records: %+v", got)
	}
}

func TestAnswerThatIsFullOfProxyStateHasNoRoomForASignature(t *testing.T) {
	c := loopback
	c.MirrorMessageAuthenticator = MirrorAlways
	o := newOffice(t, c)
	var all []avp
	for range 15 {
		all = append(all, proxyState(strings.Repeat("p", 253)))
	}
	all = append(all, proxyState(strings.Repeat("p", maxLen-headerLen-15*255-2)))
	got := o.nas().answered(packetOf(all...))
	if len(got) != maxLen {
		t.Errorf("%d octets of answer", len(got))
	}
}

func TestCase16ProxyStateComesBack(t *testing.T) {
	o := newOffice(t)
	states := []string{"1", strings.Repeat("\xff\x00", 126) + "x", "\x00a\x00", ""}
	b := start("a", proxyState(states[0]), avPair("x=y"), proxyState(states[1]), user("z"), proxyState(states[2]), proxyState(states[3]))
	var want []byte
	for _, s := range states {
		want = append(append(want, 33, byte(2+len(s))), s...)
	}
	if got := o.nas().answered(b); !bytes.Equal(got[headerLen:], want) {
		t.Errorf("attributes %x, want %x", got[headerLen:], want)
	}
}

func TestCase18SecretsAsTheyAre(t *testing.T) {
	for _, odd := range []string{" blanks around ", "pässwörd", strings.Repeat("0123456789", 30), "#'\"\\$", "\x00"} {
		c := loopback
		c.Secrets = [][]byte{[]byte(odd)}
		n := newOffice(t, c).nas()
		b := resign(start("a"), odd)
		n.send(b)
		if got := n.answer(); !radius.IsAuthenticResponse(got, b, []byte(odd)) {
			t.Errorf("secret %q: answer %x", odd, got)
		}
	}
}

func TestCase19SecretsBeingChanged(t *testing.T) {
	c := loopback
	c.Secrets = [][]byte{[]byte("new"), []byte(secret)}
	n := newOffice(t, c).nas()
	for _, s := range []string{"new", secret} {
		for _, b := range [][]byte{resign(start(s), s), signedWith(start(s), s), signedWith(statusServer(t), s)} {
			n.send(b)
			if got := n.answer(); !radius.IsAuthenticResponse(got, b, []byte(s)) {
				t.Errorf("secret %q: answer %x", s, got)
			}
		}
	}
}

func TestCase22GoodPartsOfVendorSpecific(t *testing.T) {
	for name, odd := range map[string]avp{
		"no vendor":         {Type: 26, Attribute: radius.Attribute("abc")},
		"only a vendor":     vsaRaw(aruba, nil),
		"inner length 0":    vsaRaw(aruba, []byte{5, 0, 'x'}),
		"inner length 1":    vsaRaw(aruba, []byte{5, 1, 'x'}),
		"inner length 255":  vsaRaw(aruba, []byte{5, 255, 'x'}),
		"two":               vsaRaw(aruba, []byte("\x01\x05emp\x05\x06Lab1")),
		"garbage behind":    vsaRaw(aruba, []byte("\x05\x06Lab1\x06")),
		"garbage behind it": vsaRaw(aruba, []byte("\x05\x06Lab1\x06\x00\x00")),
		"empty before":      vsaRaw(aruba, []byte("\x05\x02\x05\x06Lab1")),
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.nas().answered(start("a", odd))
			want := "Corp" // of Called-Station-Id
			if bytes.Contains(odd.Attribute, []byte("Lab1")) {
				want = "Lab1"
			}
			if got := o.recorder.records(); len(got) != 1 || got[0].SSID != want {
				t.Errorf("records %+v, want SSID %s", got, want)
			}
		})
	}
}

func TestCase23FirstOfSeveralWins(t *testing.T) {
	o := newOffice(t)
	o.nas().answered(packetOf(user("ann"), user("bob"), session("a"), session("b"),
		status(rfc2866.AcctStatusType_Value_Start), status(rfc2866.AcctStatusType_Value_Stop)))
	if got := o.recorder.records(); len(got) != 1 || got[0].UserName != "ann" || got[0].Session != "a" || got[0].Status != presence.Start {
		t.Errorf("records: %+v", got)
	}
}

func TestEmptyAttributeIsAsGoodAsAbsent(t *testing.T) {
	o := newOffice(t)
	o.nas().answered(packetOf(user(""), user("ann"), value(rfc2866.AcctStatusType_Type, ""), status(rfc2866.AcctStatusType_Value_Stop)))
	if got := o.recorder.records(); len(got) != 1 || got[0].UserName != "ann" || got[0].Status != presence.Stop {
		t.Errorf("records: %+v", got)
	}
}

func TestCase24OtherStatusChangesNothing(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	odd := [][]avp{{session("absent")}, {value(rfc2866.AcctStatusType_Type, "\x00\x00\x01")}, {}}
	for _, s := range []uint32{0, 4, 9, 10, 11, 12, 13, 14, 15, 99} {
		odd = append(odd, []avp{status(rfc2866.AcctStatusType(s))})
	}
	for i, attributes := range odd {
		n.answered(withID(byte(i), packetOf(attributes...)))
	}
	for _, r := range o.recorder.records() {
		if r.Status != presence.Other {
			t.Errorf("record: %+v", r)
		}
	}
	if s := o.only(); s.NoRecords != uint64(len(odd)) {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase25NoSessionID(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	for i, s := range []rfc2866.AcctStatusType{1, 2, 7, 8} {
		n.answered(withID(byte(i), packetOf(status(s), calling("021122334455"))))
	}
	if got := o.recorder.records(); len(got) != 4 || got[0].Device != "02:11:22:33:44:55" || got[0].Session != "" {
		t.Errorf("records: %+v", got)
	}
	if s := o.only(); s.NoSessionID != 2 { // on Accounting-On and -Off it is normal
		t.Errorf("stats: %+v", s)
	}
}

func TestCase26ShortAccountingOff(t *testing.T) {
	o := newOffice(t)
	b := packetOf(status(rfc2866.AcctStatusType_Value_AccountingOff), value(4, "\xc0\x00\x02\x01"), integer(41, 0))
	if len(b) != 38 {
		t.Fatalf("%d octets", len(b))
	}
	o.nas().answered(b)
	if got := o.recorder.records(); len(got) != 1 || got[0].Status != presence.AccountingOff || got[0].NASAddr != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("records: %+v", got)
	}
}

func TestCase27HostileTexts(t *testing.T) {
	o := newOffice(t)
	logged := o.logged()
	n := o.nas()
	texts := []string{"a\x00b", "a\nlevel=error", "\x1b[2J", strings.Repeat("x", 253), "\xff\xfe", "%{Auth-Type}", "../../etc/passwd"}
	for i, s := range texts {
		// A clock that is wrong is logged, with the NAS's name.
		n.answered(withID(byte(i), start("a", user(s), value(32, s), integer(55, 1))))
	}
	got := o.recorder.records()
	if len(got) != len(texts) {
		t.Fatalf("records: %+v", got)
	}
	for i, s := range texts {
		if got[i].NASID != s {
			t.Errorf("NAS-Identifier %q, want %q", got[i].NASID, s)
		}
	}
	for line := range strings.Lines(logged()) {
		if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) || !strings.HasPrefix(line, "level=WARN ") {
			t.Errorf("log: %q", line)
		}
	}
}
