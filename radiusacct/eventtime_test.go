package radiusacct

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/presence"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestEventTime(t *testing.T) {
	at := func(clock time.Duration) time.Time { return noon.Add(clock) }
	for _, c := range []struct {
		name       string
		attributes []avp
		want       time.Time
		from       string
	}{
		{"neither", nil, noon, "arrival"},
		{"case 44: counters fall", []avp{integer(rfc2866.AcctInputOctets_Type, 1), stamp(noon)}, noon, "Event-Timestamp"},
		{"case 45: 1970", []avp{integer(55, 12011)}, noon, "arrival"},
		{"case 45: 2106", []avp{integer(55, math.MaxUint32)}, noon, "arrival"},
		{"case 45: 3 h ahead", []avp{stamp(at(3 * time.Hour))}, noon, "arrival"},
		{"case 45: 3 h ahead, delayed", []avp{stamp(at(3 * time.Hour)), delay(60)}, at(-time.Minute), "Acct-Delay-Time"},
		{"case 45: 20 min behind", []avp{stamp(at(-20 * time.Minute))}, noon, "arrival"},
		{"a little behind", []avp{stamp(at(-9 * time.Minute))}, at(-9 * time.Minute), "Event-Timestamp"},
		{"a little ahead is not the future", []avp{stamp(at(9 * time.Minute))}, noon, "arrival"},
		{"ahead, and delayed", []avp{stamp(at(time.Minute)), delay(30)}, at(-30 * time.Second), "Acct-Delay-Time"},
		{"case 46: both", []avp{stamp(at(-30 * time.Second)), delay(30)}, at(-30 * time.Second), "Event-Timestamp"},
		{"case 46: both, in other words", []avp{stamp(at(-40 * time.Second)), delay(30)}, at(-40 * time.Second), "Event-Timestamp"},
		{"case 47: only a delay", []avp{delay(600)}, at(-10 * time.Minute), "Acct-Delay-Time"},
		{"case 48: a delay beyond belief", []avp{delay(math.MaxUint32)}, noon, "arrival"},
		{"case 48: a delay beyond belief, a stamp", []avp{delay(math.MaxUint32), stamp(at(-time.Second))}, at(-time.Second), "Event-Timestamp"},
		{"case 49: replayed from a file", []avp{stamp(at(-90 * time.Minute)), delay(5400)}, at(-90 * time.Minute), "Event-Timestamp"},
		{"case 49: replayed, no stamp", []avp{delay(5400)}, at(-90 * time.Minute), "Acct-Delay-Time"},
		{"case 50: of yesterday", []avp{stamp(at(-26 * time.Hour)), delay(26 * 3600)}, at(-26 * time.Hour), "Event-Timestamp"},
		{"case 50: after a long outage", []avp{delay(6 * 24 * 3600)}, at(-6 * 24 * time.Hour), "Acct-Delay-Time"},
		{"three octets", []avp{value(55, "abc"), value(41, "abc")}, noon, "arrival"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Decode(start("a", c.attributes...), loopback, netip.AddrPort{}, noon, DefaultSkew)
			if err != nil {
				t.Fatal(err)
			}
			if !r.At.Equal(c.want) || r.AtFrom != c.from {
				t.Errorf("at %s from %s, want %s from %s", r.At, r.AtFrom, c.want, c.from)
			}
		})
	}
}

func TestCase45WrongClockIsSeen(t *testing.T) {
	o := newOffice(t)
	o.nas().answered(start("a", stamp(time.Now().Add(3*time.Hour))))
	if s := o.only(); s.BadStamps != 1 || s.Skew < 3*time.Hour-2*time.Second || s.Skew > 3*time.Hour {
		t.Errorf("stats: %+v", s)
	}
}

func TestSkewLimitIsTheServers(t *testing.T) {
	o := newOffice(t)
	conn := o.conn()
	o.stop()
	o.Skew = time.Hour
	o.serve(conn)
	at := time.Now().Add(-50 * time.Minute).Truncate(time.Second)
	o.nas().answered(start("a", stamp(at)))
	if got := o.recorder.records(); len(got) != 1 || !got[0].At.Equal(at) {
		t.Errorf("records: %+v", got)
	}
}

func TestSkewLimitIsTheDecoders(t *testing.T) {
	at := noon.Add(-50 * time.Minute)
	for skew, want := range map[time.Duration]time.Time{time.Hour: at, DefaultSkew: noon} {
		if r, err := Decode(start("a", stamp(at)), loopback, netip.AddrPort{}, noon, skew); err != nil || !r.At.Equal(want) {
			t.Errorf("%s: %v, %v", skew, r.At, err)
		}
	}
}

func TestCase48BadDelayIsCounted(t *testing.T) {
	o := newOffice(t)
	o.nas().answered(start("a", delay(math.MaxUint32)))
	if s := o.only(); s.BadDelays != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// A captured Start is played back: the NAS's clock is known to be right, so
// that its stamp is believed, however little it is beyond the skew.
func TestCase51ReplayOfACapturedStart(t *testing.T) {
	for _, age := range []time.Duration{11 * time.Minute, 3 * time.Hour, 23 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour} {
		t.Run(age.String(), func(t *testing.T) {
			o := newOffice(t)
			n := o.nas()
			captured := time.Now().Add(-age).Truncate(time.Second)
			n.answered(start("a", stamp(time.Now())))
			n.answered(start("b", stamp(captured)))
			got := o.recorder.records()
			if len(got) != 2 || !got[1].At.Equal(captured) || got[1].AtFrom != "Event-Timestamp, replayed" {
				t.Errorf("records: %+v", got)
			}
			if s := o.only(); s.BadStamps != 0 || s.Skew.Abs() > 2*time.Second {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

func TestCase51ReplayBeginsWhereTheServersSkewEnds(t *testing.T) {
	o := newOffice(t)
	conn := o.conn()
	o.stop()
	o.Skew = time.Hour
	o.serve(conn)
	n := o.nas()
	n.answered(start("a", stamp(time.Now())))
	n.answered(start("b", stamp(time.Now().Add(-50*time.Minute))))
	n.answered(start("c", stamp(time.Now().Add(-70*time.Minute))))
	got := o.recorder.records()
	if len(got) != 3 || got[1].AtFrom != "Event-Timestamp" || got[2].AtFrom != "Event-Timestamp, replayed" {
		t.Errorf("records: %+v", got)
	}
}

func TestCase51OneNASsClockIsNoOthers(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	n.answered(start("a", nasID("ap-1"), stamp(time.Now())))
	n.answered(start("b", nasID("ap-2"), stamp(time.Now().Add(-3*time.Hour))))
	if got := o.recorder.records(); len(got) != 2 || got[1].AtFrom != "arrival" {
		t.Errorf("records: %+v", got)
	}
}

// However much one NAS sends, the others' clocks are not forgotten.
func TestCase51RightClocksAreCountedOnce(t *testing.T) {
	clocks := recent[string, struct{}]{span: time.Hour, size: 2}
	clocks.put("quiet", struct{}{}, 1, noon)
	for i := range 10 {
		clocks.put("busy", struct{}{}, 1, noon.Add(time.Duration(i)*time.Second))
	}
	if _, ok := clocks.get("quiet", noon.Add(59*time.Minute)); !ok {
		t.Error("forgotten")
	}
	if _, ok := clocks.get("quiet", noon.Add(2*time.Hour)); ok {
		t.Error("not forgotten")
	}
}

// A NAS that was never right has not been set.
func TestCase45ClockThatIsBehindIsNoReplay(t *testing.T) {
	for _, behind := range []time.Duration{20 * time.Minute, 3 * time.Hour, 7 * 24 * time.Hour} {
		t.Run(behind.String(), func(t *testing.T) {
			o := newOffice(t)
			n := o.nas()
			for _, id := range []string{"a", "b", "c"} {
				n.answered(start(id, stamp(time.Now().Add(-behind))))
			}
			got := o.recorder.records()
			if len(got) != 3 {
				t.Fatalf("records: %+v", got)
			}
			for _, r := range got {
				if r.AtFrom != "arrival" {
					t.Errorf("record: %+v", r)
				}
			}
			if s := o.only(); s.BadStamps != 3 {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

// Nor is one that was right and forgot the date as it booted.
func TestCase45ClockThatBootedInThePastIsNoReplay(t *testing.T) {
	for _, booted := range []time.Time{time.Unix(12011, 0), time.Date(2000, 1, 1, 0, 0, 9, 0, time.UTC), time.Now().AddDate(0, 0, -32)} {
		o := newOffice(t)
		n := o.nas()
		n.answered(start("a", stamp(time.Now())))
		n.answered(start("b", stamp(booted)))
		if got := o.recorder.records(); len(got) != 2 || got[1].AtFrom != "arrival" {
			t.Errorf("%s: records: %+v", booted, got)
		}
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
