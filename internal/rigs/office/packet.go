package office

import (
	"fmt"
	"strings"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"github.com/presenced/presenced/presence"
)

// Packet returns the Accounting-Request that the event's equipment sends for
// it, in its own spelling, signed with the secret (RFC 2866 3). An error means
// that the event is of no office, or that a text in it does not fit.
func Packet(e Event, secret []byte, identifier byte) ([]byte, error) {
	m, r := byName[e.Make], e.Record
	if m == nil {
		return nil, fmt.Errorf("encode packet: no equipment is called %q", e.Make)
	}
	p := radius.New(radius.CodeAccountingRequest, secret)
	p.Identifier = identifier
	w := writer{packet: p}
	w.number(rfc2866.AcctStatusType_Type, statuses[r.Status])
	w.text(rfc2866.AcctSessionID_Type, r.Session)
	w.text(rfc2866.AcctMultiSessionID_Type, r.Multi)
	w.text(rfc2865.UserName_Type, r.UserName)
	w.text(rfc2865.NASIdentifier_Type, r.NASID)
	if r.NASAddr.Is4() {
		w.add(rfc2865.NASIPAddress_Type, r.NASAddr.AsSlice())
	}
	if r.HasPortType {
		w.number(rfc2865.NASPortType_Type, r.PortType)
	}
	if r.Device != "" {
		w.text(rfc2865.CallingStationID_Type, m.mac(r.Device))
	}
	if r.BSSID != "" {
		called := m.mac(r.BSSID)
		if !m.bssOnly && r.SSID != "" {
			called = strings.ToUpper(lower(r.BSSID)) + ":" + r.SSID
		}
		w.text(rfc2865.CalledStationID_Type, called)
	}
	if m.ssidAttr != 0 && r.SSID != "" {
		w.vendor(m.vendor, m.ssidAttr, r.SSID)
	}
	if m.apAttr != 0 && r.AP != "" {
		w.vendor(m.vendor, m.apAttr, r.AP)
	}
	if r.HasAge {
		w.number(rfc2866.AcctSessionTime_Type, uint32(r.Age.Seconds()))
	}
	if r.Cause != 0 {
		w.number(rfc2866.AcctTerminateCause_Type, uint32(r.Cause))
	}
	if m.delays {
		w.number(rfc2866.AcctDelayTime_Type, uint32(e.Delay.Seconds()))
	}
	if !e.Stamp.IsZero() {
		w.number(rfc2869.EventTimestamp_Type, uint32(e.Stamp.Unix()))
	}
	if w.err != nil {
		return nil, fmt.Errorf("encode packet: %w", w.err)
	}
	octets, err := p.Encode()
	if err != nil {
		return nil, fmt.Errorf("encode packet: %w", err)
	}
	return octets, nil
}

// statuses are the numbers of RFC 2866 5.1.
var statuses = map[presence.Status]uint32{
	presence.Start: 1, presence.Stop: 2, presence.Interim: 3, presence.AccountingOn: 7, presence.AccountingOff: 8,
}

// writer adds attributes to a packet until the first that does not fit.
type writer struct {
	packet *radius.Packet
	err    error
}

func (w *writer) add(t radius.Type, value radius.Attribute) { w.packet.Add(t, value) }

func (w *writer) number(t radius.Type, n uint32) { w.add(t, radius.NewInteger(n)) }

// text adds a text, unless there is none.
func (w *writer) text(t radius.Type, text string) {
	if text == "" {
		return
	}
	value, err := radius.NewString(text)
	if err != nil {
		w.err = err
		return
	}
	w.add(t, value)
}

// vendor adds a text among the attributes of a vendor.
func (w *writer) vendor(vendor uint32, t byte, text string) {
	value, err := radius.NewVendorSpecific(vendor, append(radius.Attribute{t, byte(len(text) + 2)}, text...))
	if err != nil {
		w.err = err
		return
	}
	w.add(rfc2865.VendorSpecific_Type, value)
}
