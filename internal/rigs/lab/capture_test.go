package lab

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
)

// firstStops loses the first copy of every Stop. What is sent again has another
// Acct-Delay-Time.
func firstStops() func([]byte, bool) bool {
	return func(datagram []byte, answer bool) bool {
		p, err := radius.Parse(datagram, nil)
		if answer || err != nil || rfc2866.AcctStatusType_Get(p) != rfc2866.AcctStatusType_Value_Stop {
			return false
		}
		return rfc2866.AcctDelayTime_Get(p) == 0
	}
}

// aFifth loses a fifth of everything, both ways.
func aFifth(dice *rand.Rand) func([]byte, bool) bool {
	return func([]byte, bool) bool { return dice.IntN(5) == 0 }
}

// replayed is a moment in a machine as replays have it, which are of another
// year.
func replayed(t time.Time) time.Time {
	return t.UTC().Add(time.Date(2000, time.January, 3, 0, 0, 0, 0, time.UTC).Sub(MachineStarts.Truncate(24 * time.Hour)))
}

// keep leaves what was sent of a device as a replay, with what is right by the
// truth; also what the access point own said of itself meanwhile.
func (o *airOffice) keep(name, own string) {
	o.t.Helper()
	d := o.devices[name]
	var tr truth
	for _, other := range o.truths() {
		if other.user == d.User {
			tr = other
		}
	}
	if len(tr.stays) == 0 {
		return
	}
	begin, end := tr.stays[0].from, tr.stays[len(tr.stays)-1].latest
	lines := []string{"# " + strings.ReplaceAll(name, "-", " ") + ": hostapd and wpa_supplicant on the air"}
	lines = append(lines, "# ask: "+replayed(end.Add(lingers+10*time.Minute)).Format(time.ANSIC))
	for _, s := range tr.stays {
		departed := s.to.UTC().Format(time.TimeOnly)
		if s.latest.After(s.to) {
			departed += ".." + s.latest.Add(3*time.Second).UTC().Format(time.TimeOnly)
		}
		lines = append(lines, fmt.Sprintf("# want: %s visit hq arrived %s departed %s", d.User, s.from.UTC().Format(time.TimeOnly), departed))
	}
	lines = append(lines, "# want: nobody else")
	for at := begin.Truncate(30 * time.Minute); at.Before(end); at = at.Add(30 * time.Minute) {
		if state := tr.at(at); state != "" {
			lines = append(lines, fmt.Sprintf("# want: at %s %s %s", at.UTC().Format("15:04"), d.User, state))
		}
	}
	var carried []Carried
	for _, w := range o.wires {
		carried = append(carried, w.Carried()...)
	}
	slices.SortStableFunc(carried, func(a, b Carried) int { return a.At.Compare(b.At) })
	for _, c := range carried {
		p, err := radius.Parse(c.Datagram, nil)
		o.must(err)
		station := strings.ReplaceAll(strings.ToLower(rfc2865.CallingStationID_GetString(p)), "-", ":")
		boots := station == "" && own != "" && rfc2865.NASIdentifier_GetString(p) == own && c.At.After(begin)
		if station == d.MAC || boots {
			lines = append(lines, "", replayed(c.At).Format(time.ANSIC))
			lines = append(lines, detailed(p)...)
		}
	}
	o.must(os.WriteFile(filepath.Join(outFolder, name+".detail"), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
}

// How attributes are written in a detail file.
const (
	asText = iota
	asNumber
	asAddress
	asDate
	asHex
)

// written are the attributes that hostapd sends.
var written = map[radius.Type]struct {
	name string
	as   int
}{
	1: {"User-Name", asText}, 4: {"NAS-IP-Address", asAddress}, 5: {"NAS-Port", asNumber}, 6: {"Service-Type", asNumber}, 25: {"Class", asHex},
	30: {"Called-Station-Id", asText}, 31: {"Calling-Station-Id", asText}, 32: {"NAS-Identifier", asText}, 40: {"Acct-Status-Type", asNumber},
	41: {"Acct-Delay-Time", asNumber}, 42: {"Acct-Input-Octets", asNumber}, 43: {"Acct-Output-Octets", asNumber}, 44: {"Acct-Session-Id", asText},
	45: {"Acct-Authentic", asNumber}, 46: {"Acct-Session-Time", asNumber}, 47: {"Acct-Input-Packets", asNumber}, 48: {"Acct-Output-Packets", asNumber},
	49: {"Acct-Terminate-Cause", asNumber}, 50: {"Acct-Multi-Session-Id", asText}, 52: {"Acct-Input-Gigawords", asNumber},
	53: {"Acct-Output-Gigawords", asNumber}, 55: {"Event-Timestamp", asDate}, 61: {"NAS-Port-Type", asNumber}, 77: {"Connect-Info", asText},
	89: {"Chargeable-User-Identity", asText},
}

// detailed writes a request's attributes as FreeRADIUS does, but for those that
// guard it.
func detailed(p *radius.Packet) (lines []string) {
	for _, a := range p.Attributes {
		w, known := written[a.Type]
		if !known {
			continue
		}
		value := fmt.Sprintf("%q", string(a.Attribute))
		switch w.as {
		case asNumber:
			n := binary.BigEndian.Uint32(a.Attribute)
			value = fmt.Sprint(n)
			switch a.Type {
			case rfc2866.AcctStatusType_Type:
				value = rfc2866.AcctStatusType(n).String()
			case rfc2866.AcctTerminateCause_Type:
				value = rfc2866.AcctTerminateCause(n).String()
			case rfc2865.NASPortType_Type:
				value = rfc2865.NASPortType(n).String()
			}
		case asAddress:
			value = netip.AddrFrom4([4]byte(a.Attribute)).String()
		case asDate:
			value = replayed(time.Unix(int64(binary.BigEndian.Uint32(a.Attribute)), 0)).Format(`"Jan _2 2006 15:04:05 MST"`)
		case asHex:
			value = fmt.Sprintf("0x%x", []byte(a.Attribute))
		}
		lines = append(lines, "\t"+w.name+" = "+value)
	}
	return lines
}
