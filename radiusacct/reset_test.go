package radiusacct

import (
	"net/netip"
	"testing"

	"layeh.com/radius/rfc2866"
)

// An Accounting-On takes the sessions of a whole NAS into doubt: it counts
// only from a client, and only with its secret.
func TestCase81ResetOfAStrangerHasNoEffect(t *testing.T) {
	o := newOffice(t, Client{Name: "known", Prefix: netip.MustParsePrefix("127.0.0.2/32"), Secrets: loopback.Secrets})
	on := packetOf(status(rfc2866.AcctStatusType_Value_AccountingOn))
	o.nas().send(on)
	known := o.nasAt("127.0.0.2", o.addr)
	known.quiet()
	known.silent(resign(on, "another"))
	if got := o.recorder.records(); len(got) > 0 {
		t.Errorf("recorded: %+v", got)
	}
	known.answered(resign(on, secret))
	if got := o.recorder.records(); len(got) != 1 {
		t.Errorf("of the client itself: %+v", got)
	}
}
