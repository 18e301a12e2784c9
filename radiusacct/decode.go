package radiusacct

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/sirupsen/logrus"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc3162"
	"layeh.com/radius/rfc4372"
	"layeh.com/radius/rfc7268"

	"github.com/presenced/presenced/presence"
)

// Decode returns what the Accounting-Request in packet says, as if client had
// sent it from source and it had arrived at heard, at a server that allows for
// this skew and does not know whether the clock of the NAS is right. It does
// not ask whether it is authentic. An error means that it is no RADIUS packet.
func Decode(packet []byte, client Client, source netip.AddrPort, heard time.Time, skew time.Duration) (presence.Record, error) {
	if _, err := radius.Parse(packet, nil); err != nil {
		return presence.Record{}, fmt.Errorf("decode packet: %w", err)
	}
	var a attributes
	a.read(packet[:binary.BigEndian.Uint16(packet[2:])])
	var from []presence.Source
	record, _ := a.decode(&client, source, heard, skew, &from)
	record.From = from
	return record, nil
}

// decode is Decode of a packet that is read. What the record says it notes in
// from where it is from, unless that is nil.
func (a *attributes) decode(client *Client, source netip.AddrPort, heard time.Time, skew time.Duration, from *[]presence.Source) (presence.Record, timing) {
	when := a.timing(heard)
	r := presence.Record{
		Client: client.Name, Site: client.Site, Source: source, Heard: heard,
		Status:   a.status(),
		Session:  a.text(rfc2866.AcctSessionID_Type),
		Multi:    a.text(rfc2866.AcctMultiSessionID_Type),
		UserName: a.text(rfc2865.UserName_Type),
		CUI:      a.text(rfc4372.ChargeableUserIdentity_Type),
		PeerID:   a.text(rfc7268.EAPPeerID_Type),
		NASID:    a.text(rfc2865.NASIdentifier_Type),
		NASAddr:  a.nasAddr(),
	}
	r.At, r.AtFrom = when.event(skew)
	if seconds, ok := a.integer(rfc2866.AcctSessionTime_Type); ok {
		r.Age, r.HasAge = time.Duration(seconds)*time.Second, true
	}
	if cause, ok := a.integer(rfc2866.AcctTerminateCause_Type); ok && cause < uint32(presence.Superseded) {
		r.Cause = presence.Cause(cause)
	}
	r.PortType, r.HasPortType = a.integer(rfc2865.NASPortType_Type)
	r.ServiceType, _ = a.integer(rfc2865.ServiceType_Type)
	r.Device = a.ask("device", deviceAt, from)
	r.SSID = a.ask("network", networkAt, from)
	r.BSSID = a.ask("bssid", bssidAt, from)
	r.AP = a.ask("ap", apAt, from)
	r.Location = a.ask("location", locationAt, from)
	return r, when
}

// status is Other for whatever presence does not follow from: tunnel and
// failed accounting (RFC 2867), values nobody knows, and none at all.
func (a *attributes) status() presence.Status {
	status, ok := a.integer(rfc2866.AcctStatusType_Type)
	if !ok {
		return presence.Other
	}
	switch rfc2866.AcctStatusType(status) {
	case rfc2866.AcctStatusType_Value_Start:
		return presence.Start
	case rfc2866.AcctStatusType_Value_Stop:
		return presence.Stop
	case rfc2866.AcctStatusType_Value_InterimUpdate:
		return presence.Interim
	case rfc2866.AcctStatusType_Value_AccountingOn:
		return presence.AccountingOn
	case rfc2866.AcctStatusType_Value_AccountingOff:
		return presence.AccountingOff
	}
	return presence.Other
}

func (a *attributes) nasAddr() netip.Addr {
	if v4 := a.value(rfc2865.NASIPAddress_Type); len(v4) == 4 {
		return netip.AddrFrom4([4]byte([]byte(v4)))
	}
	if v6 := a.value(rfc3162.NASIPv6Address_Type); len(v6) == 16 {
		return netip.AddrFrom16([16]byte([]byte(v6)))
	}
	return netip.Addr{}
}

// decode takes the record of a request and its answer from its packet. A panic
// in here, which would be our mistake, costs this packet and nothing else.
func (l *loop) decode(r *request, p parcel) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("decode packet: panic: %v", fault)
		}
	}()
	l.attributes.read(p.octets)
	r.record, r.when = l.attributes.decode(r.client, r.exchange.source, r.heard, l.Skew, nil)
	r.nas = r.record.NAS()
	if r.when.replayed(l.Skew) {
		if _, right := l.clocks.get(r.nas, r.heard); right {
			r.record.At, r.record.AtFrom = r.when.stamp, "Event-Timestamp, replayed"
		}
	}
	signed := p.signed
	if mirror := r.client.MirrorMessageAuthenticator; mirror != MirrorAuto {
		signed = mirror == MirrorAlways
	}
	r.answer = p.answer(signed)
	return nil
}

var seed = maphash.MakeSeed()

// count notes what a request that was recorded says about its client.
func (l *loop) count(r *request) {
	record := &r.record
	switch record.Status {
	case presence.Other:
		r.tally.noRecords.Add(1)
	case presence.Start, presence.Interim, presence.Stop:
		if record.Session == "" {
			r.tally.noSessionID.Add(1)
		}
	}
	if r.when.badDelay {
		r.tally.badDelays.Add(1)
	}
	if r.when.stamp.IsZero() {
		return
	}
	// The same event in another datagram: sent again with another
	// Acct-Delay-Time, or come by another path. Presence takes it like any.
	event := maphash.Comparable(seed, struct {
		client, session, device string
		status                  presence.Status
		stamp                   int64
	}{record.Client, record.Session, record.Device, record.Status, r.when.stamp.Unix()})
	if _, again := l.events.get(event, r.heard); again {
		r.tally.dups.Add(1)
	}
	l.events.put(event, struct{}{}, 1, r.heard)
	switch {
	case r.when.sane(l.Skew):
		l.clocks.put(r.nas, struct{}{}, 1, r.heard)
		r.tally.skew.Store(int64(r.when.skew()))
	case record.At.Equal(r.when.stamp): // an old one played back
	default:
		r.tally.skew.Store(int64(r.when.skew()))
		r.tally.badStamps.Add(1)
		l.grumble(badClock, r.client.Name, r.exchange.source, r.heard, logrus.Fields{"nas": r.nas, "skew": r.when.skew()})
	}
}
