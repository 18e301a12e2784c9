package radiusacct

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc3162"
	"layeh.com/radius/rfc4372"
	"layeh.com/radius/rfc7268"

	"github.com/presenced/presenced/presence"
)

// Decode returns the record of the Accounting-Request in packet, as if client had
// sent it from source and it had arrived at heard, at a server that allows for
// this skew and knows nothing of the clock of the NAS. It does not check whether
// the packet is authentic. An error means that it is no RADIUS packet.
func Decode(packet []byte, client Client, source netip.AddrPort, heard time.Time, skew time.Duration) (presence.Record, error) {
	if _, err := radius.Parse(packet, nil); err != nil {
		return presence.Record{}, fmt.Errorf("decode packet: %w", err)
	}
	var a attributes
	a.read(packet[:binary.BigEndian.Uint16(packet[2:])])
	var from []presence.Source
	record, _ := a.decode(&client, source, heard, &from)
	record.At, record.AtFrom, record.BadStamp = new(presence.Clock).EventTime(record.Stamps, skew)
	record.From = from
	return record, nil
}

// Whole returns the packet without what is behind it, and whether it is a well-formed
// Accounting-Request.
func Whole(packet []byte) ([]byte, bool) {
	if !isAccounting(packet) {
		return packet, false
	}
	packet = packet[:binary.BigEndian.Uint16(packet[2:])]
	for at := headerLen; at < len(packet); at += int(packet[at+1]) {
		if len(packet)-at < 2 || packet[at+1] < 2 || int(packet[at+1]) > len(packet)-at {
			return packet, false
		}
	}
	return packet, true
}

// Recall returns the record of an Accounting-Request that was written down, as [Decode]
// does, but without its event time, and without where each answer came from. It
// returns false for what is no RADIUS packet.
func Recall(packet []byte, client *Client, source netip.AddrPort, heard time.Time) (presence.Record, bool) {
	packet, ok := Whole(packet)
	if !ok {
		return presence.Record{}, false
	}
	a := scratch.Get().(*attributes)
	defer scratch.Put(a)
	a.read(packet)
	r, _ := a.decode(client, source, heard, nil)
	return r, true
}

// decode returns the record of a packet, without its event time: the recorder,
// which knows the clock of the NAS, sets that. badDelay says that the
// Acct-Delay-Time is beyond belief. Unless from is nil, decode appends to it which
// attribute answered which question.
func (a *attributes) decode(client *Client, source netip.AddrPort, heard time.Time, from *[]presence.Source) (r presence.Record, badDelay bool) {
	r = presence.Record{
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
	r.Stamps, badDelay = a.stamps(heard)
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
	return r, badDelay
}

// status returns the Acct-Status-Type. It is Other if that says nothing of
// presence: tunnel and failed accounting (RFC 2867), unknown values, and none.
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

// decode fills in the record and the answer of a request from its packet. A panic
// in here, which would be our mistake, costs this packet and nothing else.
func (in *intake) decode(r *request, p parcel) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("decode packet: panic: %v", fault)
		}
	}()
	a := scratch.Get().(*attributes)
	defer scratch.Put(a)
	a.read(p.octets)
	r.record, r.badDelay = a.decode(r.client, r.source, r.heard, nil)
	mirror := r.client.MirrorMessageAuthenticator
	r.answer = p.answer(mirror == MirrorAlways || mirror == MirrorAuto && p.signed)
	return nil
}

// scratch keeps attributes for the next packet to be decoded.
var scratch = sync.Pool{New: func() any { return &attributes{} }}

var seed = maphash.MakeSeed()

// count adds a request that was recorded to the counters of its client.
func (in *intake) count(r *request) {
	record := &r.record
	switch record.Status {
	case presence.Other:
		r.tally.noRecords.Add(1)
	case presence.Start, presence.Interim, presence.Stop:
		if record.Session == "" {
			r.tally.noSessionID.Add(1)
		}
	}
	if r.badDelay {
		r.tally.badDelays.Add(1)
	}
	stamps := record.Stamps
	if stamps.Stamp.IsZero() {
		return
	}
	// A repeat of the same event in another datagram: sent again with another
	// Acct-Delay-Time, or by another path. It is counted, and recorded like any.
	event := maphash.Comparable(seed, struct {
		client, session, device string
		status                  presence.Status
		stamp                   int64
	}{record.Client, record.Session, record.Device, record.Status, stamps.Stamp.Unix()})
	if _, again := in.events.get(event, r.heard); again {
		r.tally.dups.Add(1)
	}
	in.events.put(event, struct{}{}, 1, r.heard)
	skew := -stamps.Lag()
	if record.BadStamp || int64(skew.Abs()) <= in.skew.Load() {
		r.tally.skew.Store(int64(skew))
	}
	if record.BadStamp {
		r.tally.badStamps.Add(1)
		in.grumble(badClock, r.client.Name, r.exchange.source, r.heard, "nas", string(record.NAS()), "skew", skew)
	}
}

// NASAddr returns the address that a well-formed packet's NAS calls its own.
func NASAddr(packet []byte) netip.Addr {
	for t, at := range each(packet) {
		switch n := packet[at-1] - 2; {
		case t == rfc2865.NASIPAddress_Type && n == 4:
			return netip.AddrFrom4([4]byte(packet[at:]))
		case t == rfc3162.NASIPv6Address_Type && n == 16:
			return netip.AddrFrom16([16]byte(packet[at:]))
		}
	}
	return netip.Addr{}
}
