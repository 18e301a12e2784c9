package radiusacct

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"layeh.com/radius"
)

func client(name, prefix string) Client {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		p = netip.PrefixFrom(netip.MustParseAddr(prefix), netip.MustParseAddr(prefix).BitLen())
	}
	return Client{Name: name, Prefix: p, Secrets: [][]byte{[]byte(name)}}
}

func TestCase17LongestPrefixWins(t *testing.T) {
	clients := clientsOf(t, client("all", "0.0.0.0/0"), client("ten", "10.0.0.0/8"), client("floor", "10.1.2.3/24"), client("ap", "10.1.2.3"),
		client("six", "2001:db8::/32"), client("lab", "2001:db8:1::/48"), client("mapped", "::ffff:192.0.2.0/120"))
	for addr, want := range map[string]string{
		"192.168.0.1": "all", "10.9.9.9": "ten", "10.1.2.4": "floor", "10.1.2.3": "ap", "::ffff:10.1.2.3": "ap", "::ffff:10.1.2.4": "floor",
		"2001:db8::1": "six", "2001:db8:1::1": "lab", "2001:db9::1": "", "192.0.2.9": "mapped", "::ffff:192.0.2.9": "mapped", "fe80::1%eth0": "",
	} {
		if got, _ := clients.Find(netip.MustParseAddr(addr)); got.Name != want {
			t.Errorf("%s is %q, want %q", addr, got.Name, want)
		}
	}
	if _, ok := (Clients{}).Find(netip.MustParseAddr("192.0.2.1")); ok {
		t.Error("no clients, and one is found")
	}
}

func TestEveryFaultOfTheClientsIsNamed(t *testing.T) {
	twice, nameless, mute, empty, odd := client("twice", "192.0.2.1"), client("", "192.0.2.2"), client("mute", "192.0.2.3"), client("empty", "192.0.2.4"), client("odd", "192.0.2.5")
	mute.Secrets, empty.Secrets, odd.MirrorMessageAuthenticator = nil, [][]byte{nil}, "often"
	_, err := NewClients([]Client{twice, client("twice", "192.0.2.9"), client("same", "192.0.2.1"), nameless, mute, empty, odd, {Name: "nowhere", Secrets: twice.Secrets}, client("hq/wlc", "192.0.2.6")})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`radius client "twice": another client has this name`, `radius client "same": 192.0.2.1/32 is the address of client "twice"`,
		`radius client "": no name`, `radius client "mute": no secret, or an empty one`, `radius client "empty": no secret, or an empty one`,
		`radius client "nowhere": no address`, `radius client "odd": mirror Message-Authenticator "often": unknown`, `radius client "hq/wlc": a / in its name`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

func TestCase17IPv6AndMappedClientsOnOneSocket(t *testing.T) {
	o := newOfficeOn(t, ":0", &recorder{}, client("six", "::1"), client("four", "127.0.0.1"), client("net", "127.0.0.0/8"))
	if o.addr.IP.To4() != nil {
		t.Skip("SKIPPED: this host has no IPv6")
	}
	for local, secret := range map[string]string{"::1": "six", "127.0.0.1": "four", "127.0.0.2": "net"} {
		server := *o.addr
		server.IP = o.nasAddr(local)
		n := o.nasAt(local, &server)
		b := resign(start(secret), secret)
		n.send(b)
		if got := n.answer(); !radius.IsAuthenticResponse(got, b, []byte(secret)) {
			t.Errorf("from %s: answer %x", local, got)
		}
	}
	for _, r := range o.recorder.records() {
		if r.Client != r.Session || r.Source.Addr().Is4In6() {
			t.Errorf("record: %+v", r)
		}
	}
}

func TestReloadKeepsCountsAndSocket(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	n.answered(start("a"))
	moved := loopback
	moved.Secrets, moved.Site = [][]byte{[]byte("new")}, "paris"
	o.SetClients(clientsOf(t, moved, client("more", "192.0.2.1")))
	b := resign(start("b"), "new")
	n.send(b)
	if got := n.answer(); !radius.IsAuthenticResponse(got, b, []byte("new")) {
		t.Errorf("answer %x", got)
	}
	if got := o.recorder.records(); len(got) != 2 || got[1].Site != "paris" {
		t.Errorf("records: %+v", got)
	}
	o.stop()
	if s := o.Stats(); len(s) != 2 || s[0].Requests != 2 || s[0].Site != "paris" || s[1].Requests != 0 || s[1].Address != "192.0.2.1" {
		t.Errorf("stats: %+v", s)
	}
}

func TestReloadLosesNoPacket(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	reloaded := make(chan struct{})
	go func() {
		defer close(reloaded)
		for range 500 {
			o.SetClients(clientsOf(t, loopback, client("more", "192.0.2.1")))
		}
	}()
	const packets = 500
	for i := range packets {
		n.answered(withID(byte(i), start(fmt.Sprint(i))))
	}
	<-reloaded
	if s := o.only(); s.Requests != packets || s.Responses != packets {
		t.Errorf("stats: %+v", s)
	}
}
