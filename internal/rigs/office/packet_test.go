package office

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"layeh.com/radius"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// TestPacketsDecodeToTheirRecords: what the daemon's own decoder makes of the
// packets is what the office says that it has to.
func TestPacketsDecodeToTheirRecords(t *testing.T) {
	secret := []byte("xyzzy5461")
	seen := map[string]map[presence.Status]bool{}
	week, met := Makes()
	for seed := range uint64(7) {
		plan := Week(4)
		if seed == 6 {
			plan = Field(3*len(met), met...)
			plan.Days = 2
		}
		o := New(seed, plan)
		for i, e := range o.Events {
			octets, err := Packet(e, secret, byte(i))
			if err != nil {
				t.Fatal(err)
			}
			if !radius.IsAuthenticRequest(octets, secret) || octets[1] != byte(i) {
				t.Fatalf("not authentic, or not number %d: %x", byte(i), octets)
			}
			got, err := radiusacct.Decode(octets, radiusacct.Client{Name: e.Record.Client, Site: e.Record.Site}, netip.AddrPort{}, e.Arrive, radiusacct.DefaultSkew)
			if err != nil {
				t.Fatal(err)
			}
			same := cmp.Options{
				cmpopts.IgnoreFields(presence.Record{}, "From", "Stamps", "BadStamp"), cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{}), cmpopts.EquateApproxTime(0),
			}
			if e.off != 0 || got.AtFrom != e.Record.AtFrom || byName[e.Make].queue == asSent || byName[e.Make].queue == slowly { // no packet tells alone when it was
				got.At, got.AtFrom = e.Record.At, e.Record.AtFrom
			}
			if diff := cmp.Diff(e.Record, got, same); diff != "" {
				t.Fatalf("seed %d, %s: -want +got\n%s", seed, e.Make, diff)
			}
			if seen[e.Make] == nil {
				seen[e.Make] = map[presence.Status]bool{}
			}
			seen[e.Make][e.Record.Status] = true
		}
	}
	for _, name := range append(week, met...) {
		for _, status := range []presence.Status{presence.Start, presence.Stop} {
			if !seen[name][status] {
				t.Errorf("%s sent no %s", name, status)
			}
		}
	}
}

func TestNoPacketOfUnknownEquipment(t *testing.T) {
	if _, err := Packet(Event{Make: "abacus"}, []byte("s"), 0); err == nil {
		t.Error("encoded")
	}
}
