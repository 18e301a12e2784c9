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
			r, err := Decode(start("a", c.attributes...), loopback, netip.AddrPort{}, noon)
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

func TestCase48BadDelayIsCounted(t *testing.T) {
	o := newOffice(t)
	o.nas().answered(start("a", delay(math.MaxUint32)))
	if s := o.only(); s.BadDelays != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// A captured Start of last week is played back: the NAS's clock is known to be
// right, so that its stamp is believed.
func TestCase51ReplayOfLastWeek(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	lastWeek := time.Now().Add(-7 * 24 * time.Hour).Truncate(time.Second)
	n.answered(start("a", stamp(time.Now())))
	n.answered(start("b", stamp(lastWeek)))
	got := o.recorder.records()
	if len(got) != 2 || !got[1].At.Equal(lastWeek) || got[1].AtFrom != "Event-Timestamp, long ago" {
		t.Errorf("records: %+v", got)
	}
	if s := o.only(); s.BadStamps != 0 || s.Skew.Abs() > 2*time.Second {
		t.Errorf("stats: %+v", s)
	}
}

// A NAS that was never right has not been set.
func TestCase45ClockThatIsAWeekBehindIsNoReplay(t *testing.T) {
	o := newOffice(t)
	o.nas().answered(start("b", stamp(time.Now().Add(-7*24*time.Hour))))
	if got := o.recorder.records(); len(got) != 1 || got[0].AtFrom != "arrival" {
		t.Errorf("records: %+v", got)
	}
}

func TestCase45ClockThatBootedIn1970IsNoReplay(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	n.answered(start("a", stamp(time.Now())))
	n.answered(start("b", integer(55, 12011)))
	if got := o.recorder.records(); len(got) != 2 || got[1].AtFrom != "arrival" {
		t.Errorf("records: %+v", got)
	}
}

func TestSessionTimeAndCause(t *testing.T) {
	r, err := Decode(stop("a", integer(46, 5401), integer(49, 4), integer(61, 19), integer(6, 2)), loopback, netip.AddrPort{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if r.Age != 5401*time.Second || !r.HasAge || r.Cause != presence.IdleTimeout || r.PortType != 19 || !r.HasPortType || r.ServiceType != 2 {
		t.Errorf("record: %+v", r)
	}
	r, err = Decode(start("a", integer(49, uint32(presence.Zapped))), loopback, netip.AddrPort{}, noon)
	if err != nil || r.Cause != 0 || r.HasAge || r.HasPortType {
		t.Errorf("record: %+v, %v", r, err)
	}
}

func TestDecodeOfWhatIsNoPacket(t *testing.T) {
	for _, b := range [][]byte{nil, start("a")[:30], packetOf()[:19]} {
		if r, err := Decode(b, loopback, netip.AddrPort{}, noon); err == nil {
			t.Errorf("%x: %+v", b, r)
		}
	}
}
