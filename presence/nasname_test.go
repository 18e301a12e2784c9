package presence

import (
	"net/netip"
	"testing"
)

// TestANASsNameIsTakenApartAsItWasPutTogether, whatever the NAS calls itself:
// it may have a "/" in its NAS-Identifier, and an address there.
func TestANASsNameIsTakenApartAsItWasPutTogether(t *testing.T) {
	addr := netip.MustParseAddr
	for _, nas := range []struct {
		id     string
		addr   netip.Addr
		stored string
	}{
		{"wlc-1", addr("10.20.0.5"), "hq/wlc-1/10.20.0.5"},
		{"wlc-1", netip.Addr{}, "hq/wlc-1"},
		{"", addr("10.20.0.5"), "hq//10.20.0.5"},
		{"", addr("2001:db8::1"), "hq//2001:db8::1"},
		{"floor 2/ap 7", netip.Addr{}, "hq/floor 2/ap 7"},
		{"floor 2/ap 7", addr("10.20.0.5"), "hq/floor 2/ap 7/10.20.0.5"},
		{"/", addr("10.20.0.5"), "hq///10.20.0.5"},
	} {
		r := Record{Client: "hq", NASID: nas.id, NASAddr: nas.addr}
		n := r.NAS()
		if string(n) != nas.stored {
			t.Errorf("%q is stored, want %q", n, nas.stored)
		}
		if n.Client() != "hq" {
			t.Errorf("%s is of client %q", n, n.Client())
		}
		parts := []string{string(n), "hq", nas.id}
		if nas.addr.IsValid() {
			parts = append(parts, nas.addr.String())
		}
		for _, part := range parts {
			if !n.Is(part) {
				t.Errorf("%s is not %q", n, part)
			}
		}
		for _, other := range []string{"branch", "floor 2", "ap 7", "10.20.0.6", "hq/"} {
			if n.Is(other) {
				t.Errorf("%s is %q", n, other)
			}
		}
	}
}
