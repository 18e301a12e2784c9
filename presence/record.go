package presence

import (
	"net/netip"
	"time"
)

// Record is one decoded Accounting-Request, free of any vendor's spelling.
// Texts are as the NAS sent them unless the field says otherwise, and may be
// parts of the whole packet; a field that the request did not answer is zero.
type Record struct {
	Client   string         // the configured client that authenticated it
	Site     string         // the client's site: what the record belongs to when nothing matches better
	Source   netip.AddrPort // where the datagram came from
	Heard    time.Time      // when it arrived, stamped once at the socket
	At       time.Time      // event time
	AtFrom   string         // what the event time was taken from, such as "Event-Timestamp"
	Stamps   Stamps         // the request's own times; the tracker, which knows the NAS's clock, makes At from them
	BadStamp bool           // there is an Event-Timestamp that is not believed

	Status Status
	Cause  Cause         // Acct-Terminate-Cause (RFC 2866 5.10, RFC 3580 3.15); 0 if absent
	Age    time.Duration // Acct-Session-Time (RFC 2866 5.7)
	HasAge bool          // whether Acct-Session-Time was there

	Session string // Acct-Session-Id (RFC 2866 5.5)
	Multi   string // Acct-Multi-Session-Id (RFC 2866 5.11)

	UserName    string // User-Name (RFC 2865 5.1)
	CUI         string // Chargeable-User-Identity (RFC 4372)
	PeerID      string // EAP-Peer-Id (RFC 7268 2.3)
	PortType    uint32 // NAS-Port-Type (RFC 2865 5.41)
	HasPortType bool
	ServiceType uint32 // Service-Type (RFC 2865 5.6); 0 if absent

	Device   string     // the station's MAC address as 02:11:22:33:44:55, or "" if the request names none
	SSID     string     // the network's name, raw octets
	BSSID    string     // MAC address in Called-Station-Id, as Device is written
	AP       string     // name of the access point, from a vendor attribute
	Location string     // the vendor's place: network, zone, group or location name
	NASID    string     // NAS-Identifier (RFC 2865 5.32)
	NASAddr  netip.Addr // NAS-IP-Address or NAS-IPv6-Address

	From []Source // where each answer above came from, for `presenced explain`
}

// Source says which attribute answered a question about a record.
type Source struct {
	Question  string `json:"question"`  // "device", "network", "ap", …
	Answer    string `json:"answer"`    // the answer, as it stands in the Record
	Attribute string `json:"attribute"` // "Calling-Station-Id", "Aruba-Essid-Name", …
}

// NAS names the NAS of r.
func (r *Record) NAS() NASName { return NameNAS(r.Client, r.NASID, r.NASAddr) }

// Status is Acct-Status-Type (RFC 2866 5.1) as far as presence follows from it.
type Status uint8

// The statuses. A request with any other Acct-Status-Type is Other: it is
// answered and counted, and changes nothing.
const (
	Other Status = iota
	Start
	Interim
	Stop
	AccountingOn
	AccountingOff
)

// String returns the RFC's name.
func (s Status) String() string {
	switch s {
	case Start:
		return "Start"
	case Interim:
		return "Interim-Update"
	case Stop:
		return "Stop"
	case AccountingOn:
		return "Accounting-On"
	case AccountingOff:
		return "Accounting-Off"
	}
	return "other"
}

// Cause is why a session ended: an Acct-Terminate-Cause (RFC 2866 5.10 and
// RFC 3580 3.15) below 1000, and from there what presence concluded itself.
type Cause uint16

// The causes that presence distinguishes.
const (
	UserRequest        Cause = 1
	LostCarrier        Cause = 2
	LostService        Cause = 3
	IdleTimeout        Cause = 4
	SessionTimeout     Cause = 5
	AdminReset         Cause = 6
	AdminReboot        Cause = 7
	PortError          Cause = 8
	NASError           Cause = 9
	NASRequest         Cause = 10
	NASReboot          Cause = 11
	ServiceUnavailable Cause = 15
	SupplicantRestart  Cause = 19
	ReauthFailure      Cause = 20
	PortReinitialized  Cause = 21
	PortDisabled       Cause = 22

	Superseded Cause = 1000 + iota // the device began a newer session
	Silence                        // three interims were missed
	MaxSession                     // nothing but its age ended it: when it ended is unknown
	NASReset                       // Accounting-On or Accounting-Off
	NASSilent                      // its NAS fell silent as a whole
	Zapped                         // an operator ended it
	Renamed                        // the device's session went over to another user, or to nobody
	Moved                          // it went on at another site
	MassEnd                        // it ended together with most others of its NAS
	NASBack                        // its NAS was heard again
)

var causes = map[Cause]string{
	UserRequest: "User-Request", LostCarrier: "Lost-Carrier", LostService: "Lost-Service", IdleTimeout: "Idle-Timeout",
	SessionTimeout: "Session-Timeout", AdminReset: "Admin-Reset", AdminReboot: "Admin-Reboot", PortError: "Port-Error",
	NASError: "NAS-Error", NASRequest: "NAS-Request", NASReboot: "NAS-Reboot", 12: "Port-Unneeded", 13: "Port-Preempted",
	14: "Port-Suspended", ServiceUnavailable: "Service-Unavailable", 16: "Callback", 17: "User-Error", 18: "Host-Request",
	SupplicantRestart: "Supplicant-Restart", ReauthFailure: "Reauthentication-Failure",
	PortReinitialized: "Port-Reinitialized", PortDisabled: "Port-Administratively-Disabled",
	Superseded: "superseded", Silence: "silence", MaxSession: "max_session", NASReset: "NAS reset",
	NASSilent: "NAS silent", Zapped: "zapped", Renamed: "other user", Moved: "at another site",
	MassEnd: "mass end", NASBack: "NAS heard again",
}

// String returns the RFC's name, or presence's own word.
func (c Cause) String() string { return causes[c] }

// Infrastructure reports whether the network and not the station ended the
// session, which says nothing about the person.
func (c Cause) Infrastructure() bool {
	switch c {
	case SessionTimeout, AdminReset, AdminReboot, PortError, NASError, NASRequest, NASReboot,
		ServiceUnavailable, ReauthFailure, PortReinitialized, PortDisabled, NASReset, NASSilent:
		return true
	}
	return false
}

// own reports whether the cause is the station's own.
func (c Cause) own() bool {
	switch c {
	case UserRequest, LostCarrier, IdleTimeout, SupplicantRestart:
		return true
	}
	return false
}

// Stamps is what a record says about when its event was.
type Stamps struct {
	Heard time.Time     // arrival
	Stamp time.Time     // Event-Timestamp (RFC 2869 5.3); zero if absent
	Delay time.Duration // Acct-Delay-Time (RFC 2866 5.2); 0 if absent or beyond belief
}

// byArrival is what an event time was taken from where the record carried none.
const byArrival = "arrival"
