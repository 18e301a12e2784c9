package radiusacct

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/presence"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Of when its event was a record says three things; what is made of them is for
// who knows the NAS's clock.
func TestWhatARecordSaysOfWhenItsEventWas(t *testing.T) {
	for _, c := range []struct {
		name       string
		attributes []avp
		stamp      time.Time
		delay      time.Duration
	}{
		{"nothing", nil, time.Time{}, 0},
		{"case 44: counters fall", []avp{integer(rfc2866.AcctInputOctets_Type, 1), stamp(noon)}, noon, 0},
		{"case 45: 1970", []avp{integer(55, 12011)}, time.Unix(12011, 0), 0},
		{"case 45: 2106", []avp{integer(55, math.MaxUint32)}, time.Unix(math.MaxUint32, 0), 0},
		{"case 46: both", []avp{stamp(noon), delay(30)}, noon, 30 * time.Second},
		{"case 47: only a delay", []avp{delay(600)}, time.Time{}, 10 * time.Minute},
		{"case 48: a delay beyond belief", []avp{delay(math.MaxUint32)}, time.Time{}, 0},
		{"case 48: a delay beyond belief, a stamp", []avp{delay(math.MaxUint32), stamp(noon)}, noon, 0},
		{"case 50: after a long outage", []avp{delay(6 * 24 * 3600)}, time.Time{}, 6 * 24 * time.Hour},
		{"three octets", []avp{value(55, "abc"), value(41, "abc")}, time.Time{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Decode(start("a", c.attributes...), loopback, netip.AddrPort{}, noon, DefaultSkew)
			if err != nil {
				t.Fatal(err)
			}
			if s := r.Stamps; !s.Heard.Equal(noon) || !s.Stamp.Equal(c.stamp) || s.Stamp.IsZero() != c.stamp.IsZero() || s.Delay != c.delay {
				t.Errorf("stamps: %+v", s)
			}
		})
	}
}

// Decode knows nothing of the NAS but this record, and dates it by the skew
// that it is given.
func TestDecodeDatesARecordBySkew(t *testing.T) {
	attributes := []avp{stamp(noon.Add(-50 * time.Minute)), delay(60)}
	for skew, want := range map[time.Duration]string{time.Hour: "Event-Timestamp, by a clock that is 49m0s behind", DefaultSkew: "Acct-Delay-Time"} {
		r, err := Decode(start("a", attributes...), loopback, netip.AddrPort{}, noon, skew)
		if err != nil || !r.At.Equal(noon.Add(-time.Minute)) || r.AtFrom != want || r.BadStamp != (skew == DefaultSkew) {
			t.Errorf("%s: %s from %s, bad: %v, %v", skew, r.At, r.AtFrom, r.BadStamp, err)
		}
	}
}

// The volume counters wrap at 4 GiB, and NASes that send no Gigawords let them
// fall: what presenced does not count is no fault of a record.
func TestCase44CountersThatFallAreNoFault(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	for i, octets := range []uint32{math.MaxUint32, 1} {
		volume := []avp{integer(rfc2866.AcctInputOctets_Type, octets), integer(rfc2866.AcctOutputOctets_Type, octets), integer(rfc2866.AcctSessionTime_Type, uint32(300*(i+1)))}
		n.answered(event(rfc2866.AcctStatusType_Value_InterimUpdate, "a", volume))
	}
	var ages []time.Duration
	for _, r := range o.recorder.records() {
		if r.Status != presence.Interim || r.Session != "a" {
			t.Errorf("record: %+v", r)
		}
		ages = append(ages, r.Age)
	}
	if !slices.Equal(ages, []time.Duration{5 * time.Minute, 10 * time.Minute}) {
		t.Errorf("session times: %v", ages)
	}
	if s := o.only(); s.Requests != 2 || s.MalformedRequests != 0 || s.PacketsDropped != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase45WrongClockIsSeen(t *testing.T) {
	o := newOffice(t)
	o.nas().answered(start("a", stamp(time.Now().Add(3*time.Hour))))
	if s := o.only(); s.BadStamps != 1 || s.Skew < 3*time.Hour-2*time.Second || s.Skew > 3*time.Hour {
		t.Errorf("stats: %+v", s)
	}
}

// Whoever recorded a stamp says whether it is believed: each that is not counts
// for its client, and no other.
func TestEachStampThatIsNotBelievedIsCounted(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	n.answered(start("a", nasID("ap-1"), stamp(time.Now())))
	for _, id := range []string{"b", "c", "d"} {
		n.answered(start(id, nasID("ap-2"), stamp(time.Now().Add(-3*time.Hour))))
	}
	n.answered(start("e", nasID("ap-1"), stamp(time.Now().Add(-time.Hour))))
	n.answered(start("f", nasID("ap-1"), stamp(time.Now())))
	var bad []string
	for _, r := range o.recorder.records() {
		if r.BadStamp {
			bad = append(bad, r.Session)
		}
	}
	if s := o.only(); s.BadStamps != 4 || s.Skew.Abs() > 2*time.Second || strings.Join(bad, "") != "bcde" {
		t.Errorf("bad are %q, stats: %+v", bad, s)
	}
}

// The stamp does not move when a request is sent again; its delay grows.
func TestCase46StampCountsWhateverTheDelay(t *testing.T) {
	for _, seconds := range []uint32{0, 30, 60} {
		heard := noon.Add(time.Duration(seconds) * time.Second)
		r, err := Decode(start("a", stamp(noon), delay(seconds)), loopback, netip.AddrPort{}, heard, DefaultSkew)
		if err != nil || !r.At.Equal(noon) || r.AtFrom != "Event-Timestamp" {
			t.Errorf("delay of %d s: %s from %s, %v", seconds, r.At, r.AtFrom, err)
		}
	}
}

func TestCase47DelayCountsBackFromTheArrival(t *testing.T) {
	r, err := Decode(start("a", delay(600)), loopback, netip.AddrPort{}, noon, DefaultSkew)
	if err != nil || !r.At.Equal(noon.Add(-10*time.Minute)) || r.AtFrom != "Acct-Delay-Time" {
		t.Errorf("%s from %s, %v", r.At, r.AtFrom, err)
	}
}

func TestCase48BadDelayIsCounted(t *testing.T) {
	o := newOffice(t)
	o.nas().answered(start("a", delay(math.MaxUint32)))
	if s := o.only(); s.BadDelays != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// However much is put in of one kind, the others are not forgotten.
func TestWhatComesAgainIsRememberedOnce(t *testing.T) {
	seen := recent[string, struct{}]{span: time.Hour, size: 2}
	seen.put("quiet", struct{}{}, 1, noon)
	for i := range 10 {
		seen.put("busy", struct{}{}, 1, noon.Add(time.Duration(i)*time.Second))
	}
	if _, ok := seen.get("quiet", noon.Add(59*time.Minute)); !ok {
		t.Error("forgotten")
	}
	if _, ok := seen.get("quiet", noon.Add(2*time.Hour)); ok {
		t.Error("not forgotten")
	}
}

func TestSessionTimeAndCause(t *testing.T) {
	r, err := Decode(stop("a", integer(46, 5401), integer(49, 4), integer(61, 19), integer(6, 2)), loopback, netip.AddrPort{}, noon, DefaultSkew)
	if err != nil {
		t.Fatal(err)
	}
	if r.Age != 5401*time.Second || !r.HasAge || r.Cause != presence.IdleTimeout || r.PortType != 19 || !r.HasPortType || r.ServiceType != 2 {
		t.Errorf("record: %+v", r)
	}
	r, err = Decode(start("a", integer(49, uint32(presence.Zapped))), loopback, netip.AddrPort{}, noon, DefaultSkew)
	if err != nil || r.Cause != 0 || r.HasAge || r.HasPortType {
		t.Errorf("record: %+v, %v", r, err)
	}
}

func TestDecodeOfWhatIsNoPacket(t *testing.T) {
	for _, b := range [][]byte{nil, start("a")[:30], packetOf()[:19]} {
		if r, err := Decode(b, loopback, netip.AddrPort{}, noon, DefaultSkew); err == nil {
			t.Errorf("%x: %+v", b, r)
		}
	}
}
