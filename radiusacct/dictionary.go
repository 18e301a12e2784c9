package radiusacct

import (
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"
	"layeh.com/radius/rfc4372"
	"layeh.com/radius/rfc7268"
)

// dictionaryEntry is how an attribute of a detail record goes onto the wire.
type dictionaryEntry struct {
	vendor uint32 // 0: none
	kind   radius.Type
	form   form
	names  map[string]uint32 // of values
}

type form uint8

const (
	asText form = iota
	asOctets
	asInteger
	asAddress
	asDate
)

// dictionary holds the attributes that Wi-Fi accounting usually carries, under the
// names that FreeRADIUS prints.
var dictionary = map[string]dictionaryEntry{
	"User-Name":                {kind: rfc2865.UserName_Type},
	"NAS-IP-Address":           {kind: rfc2865.NASIPAddress_Type, form: asAddress},
	"NAS-Port":                 {kind: rfc2865.NASPort_Type, form: asInteger},
	"Service-Type":             {kind: rfc2865.ServiceType_Type, form: asInteger, names: valuesOf(rfc2865.ServiceType_Strings)},
	"Framed-IP-Address":        {kind: rfc2865.FramedIPAddress_Type, form: asAddress},
	"Filter-Id":                {kind: rfc2865.FilterID_Type},
	"Class":                    {kind: rfc2865.Class_Type, form: asOctets},
	"Session-Timeout":          {kind: rfc2865.SessionTimeout_Type, form: asInteger},
	"Idle-Timeout":             {kind: rfc2865.IdleTimeout_Type, form: asInteger},
	"Called-Station-Id":        {kind: rfc2865.CalledStationID_Type},
	"Calling-Station-Id":       {kind: rfc2865.CallingStationID_Type},
	"NAS-Identifier":           {kind: rfc2865.NASIdentifier_Type},
	"Proxy-State":              {kind: rfc2865.ProxyState_Type, form: asOctets},
	"NAS-Port-Type":            {kind: rfc2865.NASPortType_Type, form: asInteger, names: valuesOf(rfc2865.NASPortType_Strings)},
	"Acct-Status-Type":         {kind: rfc2866.AcctStatusType_Type, form: asInteger, names: statuses},
	"Acct-Delay-Time":          {kind: rfc2866.AcctDelayTime_Type, form: asInteger},
	"Acct-Input-Octets":        {kind: rfc2866.AcctInputOctets_Type, form: asInteger},
	"Acct-Output-Octets":       {kind: rfc2866.AcctOutputOctets_Type, form: asInteger},
	"Acct-Session-Id":          {kind: rfc2866.AcctSessionID_Type},
	"Acct-Authentic":           {kind: rfc2866.AcctAuthentic_Type, form: asInteger, names: valuesOf(rfc2866.AcctAuthentic_Strings)},
	"Acct-Session-Time":        {kind: rfc2866.AcctSessionTime_Type, form: asInteger},
	"Acct-Input-Packets":       {kind: rfc2866.AcctInputPackets_Type, form: asInteger},
	"Acct-Output-Packets":      {kind: rfc2866.AcctOutputPackets_Type, form: asInteger},
	"Acct-Terminate-Cause":     {kind: rfc2866.AcctTerminateCause_Type, form: asInteger, names: causes},
	"Acct-Multi-Session-Id":    {kind: rfc2866.AcctMultiSessionID_Type},
	"Acct-Link-Count":          {kind: rfc2866.AcctLinkCount_Type, form: asInteger},
	"Acct-Input-Gigawords":     {kind: rfc2869.AcctInputGigawords_Type, form: asInteger},
	"Acct-Output-Gigawords":    {kind: rfc2869.AcctOutputGigawords_Type, form: asInteger},
	"Event-Timestamp":          {kind: rfc2869.EventTimestamp_Type, form: asDate},
	"Connect-Info":             {kind: rfc2869.ConnectInfo_Type},
	"NAS-Port-Id":              {kind: rfc2869.NASPortID_Type},
	"Message-Authenticator":    {kind: rfc2869.MessageAuthenticator_Type, form: asOctets},
	"Acct-Interim-Interval":    {kind: rfc2869.AcctInterimInterval_Type, form: asInteger},
	"NAS-IPv6-Address":         {kind: rfc3162.NASIPv6Address_Type, form: asAddress},
	"Chargeable-User-Identity": {kind: rfc4372.ChargeableUserIdentity_Type},
	"EAP-Peer-Id":              {kind: rfc7268.EAPPeerID_Type},

	"Cisco-AVPair":                           {vendor: cisco, kind: 1},
	"Symbol-Current-ESSID":                   {vendor: symbol, kind: 2},
	"Siemens-AP-Name":                        {vendor: siemens, kind: 2},
	"Siemens-AP-Serial":                      {vendor: siemens, kind: 3},
	"Siemens-VNS-Name":                       {vendor: siemens, kind: 4},
	"Siemens-SSID":                           {vendor: siemens, kind: 5},
	"Fortinet-SSID":                          {vendor: fortinet, kind: 7},
	"Fortinet-AP-Name":                       {vendor: fortinet, kind: 8},
	"Fortinet-WirelessController-Device-MAC": {vendor: fortinet, kind: 23, form: asOctets},
	"Fortinet-WirelessController-WTP-ID":     {vendor: fortinet, kind: 24},
	"WISPr-Location-ID":                      {vendor: wispr, kind: 1},
	"WISPr-Location-Name":                    {vendor: wispr, kind: 2},
	"Trapeze-SSID":                           {vendor: trapeze, kind: 5},
	"Aruba-User-Role":                        {vendor: aruba, kind: 1},
	"Aruba-User-Vlan":                        {vendor: aruba, kind: 2, form: asInteger},
	"Aruba-Essid-Name":                       {vendor: aruba, kind: 5},
	"Aruba-Location-Id":                      {vendor: aruba, kind: 6},
	"Aruba-AP-Group":                         {vendor: aruba, kind: 10},
	"Aruba-Device-Type":                      {vendor: aruba, kind: 12},
	"Aruba-AP-MAC-Address":                   {vendor: aruba, kind: 60},
	"Airespace-Wlan-Id":                      {vendor: 14179, kind: 1, form: asInteger},
	"Ruckus-SSID":                            {vendor: ruckus, kind: 3},
	"Ruckus-Location":                        {vendor: ruckus, kind: 5},
	"Ruckus-BSSID":                           {vendor: ruckus, kind: 14, form: asOctets},
	"Ruckus-Zone-Name":                       {vendor: ruckus, kind: 134},
	"Ruckus-Wlan-Name":                       {vendor: ruckus, kind: 135},
	"Meraki-Device-Name":                     {vendor: meraki, kind: 1},
	"Meraki-Network-Name":                    {vendor: meraki, kind: 2},
	"Meraki-Ap-Name":                         {vendor: meraki, kind: 3},
	"Meraki-Ap-Tags":                         {vendor: meraki, kind: 4},
}

// ofServer are the attributes that a RADIUS server adds to its detail records:
// they were in no packet.
var ofServer = map[string]bool{
	"Acct-Unique-Session-Id": true, "Acct-Unique-Session-ID": true, "Packet-Dst-IP-Address": true,
	"Packet-Dst-IPv6-Address": true, "Packet-Dst-Port": true, "Packet-Original-Timestamp": true, "Realm": true,
	"Request-Authenticator": true, "Stripped-User-Name": true, "Stripped-User-Domain": true,
}

var (
	statuses = valuesOf(rfc2866.AcctStatusType_Strings, map[uint32]string{3: "Alive"})
	causes   = valuesOf(rfc2866.AcctTerminateCause_Strings, map[uint32]string{ // RFC 3580 3.15
		19: "Supplicant-Restart", 20: "Reauthentication-Failure", 21: "Port-Reinitialized", 22: "Port-Administratively-Disabled",
	})
)

// valuesOf returns the values by their names; more holds names that the package of
// the attribute lacks.
func valuesOf[T ~uint32](names map[T]string, more ...map[uint32]string) map[string]uint32 {
	values := map[string]uint32{}
	for value, name := range names {
		values[name] = uint32(value)
	}
	for _, m := range more {
		for value, name := range m {
			values[name] = value
		}
	}
	return values
}
