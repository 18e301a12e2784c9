package replay

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/radiusacct"
)

// TestHostapd plays what hostapd sent on simulated radios, as it was sent and
// as networks change it on its way. `make radio` makes these replays.
func TestHostapd(t *testing.T) {
	files := match(t, "testdata/hostapd/*.detail")
	if len(files) < 31 {
		t.Errorf("only %d replays are left", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".detail")
		r := read(t, file)
		for change, packets := range changes(t, r.Packets) {
			run(t, name+change, &Replay{Situation: r.Situation + change, Packets: packets, config: r.config, wants: r.wants, looks: r.looks}, "")
		}
	}
}

// sent is what a packet says, as far as it matters here.
type sent struct {
	radiusacct.Packet
	status      rfc2866.AcctStatusType
	cause       rfc2866.AcctTerminateCause
	id, nas     string
	left, again bool // a Stop: the device had gone to another NAS; it is back in the same session
}

// changes are what becomes of packets on their way.
func changes(t *testing.T, packets []radiusacct.Packet) map[string][]radiusacct.Packet {
	var all []sent
	for _, p := range packets {
		parsed, err := radius.Parse(p.Octets, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := sent{
			Packet: p, status: rfc2866.AcctStatusType_Get(parsed), cause: rfc2866.AcctTerminateCause_Get(parsed),
			id: rfc2866.AcctSessionID_GetString(parsed), nas: rfc2865.NASIdentifier_GetString(parsed),
		}
		if n := len(all); s.status == rfc2866.AcctStatusType_Value_Stop {
			began := max(0, slices.IndexFunc(all, func(o sent) bool { return o.id == s.id }))
			s.left = s.cause == rfc2866.AcctTerminateCause_Value_IdleTimeout &&
				slices.ContainsFunc(all[began:], func(o sent) bool { return o.status == rfc2866.AcctStatusType_Value_Start && o.nas != s.nas })
		} else if s.status == rfc2866.AcctStatusType_Value_Start && n > 0 {
			last := &all[n-1]
			last.again = last.status == rfc2866.AcctStatusType_Value_Stop && last.id == s.id && s.Heard.Sub(last.Heard) < 2*time.Second
		}
		all = append(all, s)
	}
	swapped := slices.Clone(all)
	for i := 0; i < len(swapped); i++ {
		if swapped[i].again {
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			swapped[i].Heard = swapped[i+1].Heard
			swapped[i+1].Heard = swapped[i].Heard.Add(time.Second)
			i++
		}
	}
	without := func(all []sent, lost func(sent) bool) []sent { return slices.DeleteFunc(slices.Clone(all), lost) }
	variants := map[string][]sent{
		"":                                    all,
		", Stop and Start change places":      swapped,
		", the Stop before a Start lost":      without(all, func(s sent) bool { return s.again }),
		", the late Stop of the AP left lost": without(all, func(s sent) bool { return s.left }),
	}
	changed := map[string][]radiusacct.Packet{}
	for name, packets := range variants {
		if name != "" && slices.EqualFunc(packets, all, func(a, b sent) bool { return a.Heard.Equal(b.Heard) && a.status == b.status }) {
			continue
		}
		changed[name] = plain(packets)
		changed[name+", interims off"] = plain(without(packets, func(s sent) bool { return s.status == rfc2866.AcctStatusType_Value_InterimUpdate }))
	}
	return changed
}

func plain(all []sent) (packets []radiusacct.Packet) {
	for _, s := range all {
		packets = append(packets, s.Packet)
	}
	return packets
}
