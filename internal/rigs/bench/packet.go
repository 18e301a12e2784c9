package main

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Codes and attributes of RFC 2865 section 5, RFC 2866 section 5 and RFC 2869
// section 5, as far as the made-up NASes send them.
const (
	accountingRequest  = 4
	accountingResponse = 5

	userName         = 1
	nasIPAddress     = 4
	framedIPAddress  = 8
	class            = 25
	calledStationID  = 30
	callingStationID = 31
	nasIdentifier    = 32
	acctStatusType   = 40
	acctDelayTime    = 41
	acctInputOctets  = 42
	acctOutputOctets = 43
	acctSessionID    = 44
	acctAuthentic    = 45
	acctSessionTime  = 46
	acctInputPackets = 47
	acctOutputPacket = 48
	terminateCause   = 49
	acctMultiSession = 50
	eventTimestamp   = 55
	nasPortType      = 61
	connectInfo      = 77
)

// status is an Acct-Status-Type (RFC 2866 5.1).
type status uint32

const (
	start   status = 1
	stop    status = 2
	interim status = 3
)

const headerLength = 20

// secret is shared by every NAS with every server here.
const secret = "testing-only-secret"

// record is what differs from one Accounting-Request of a NAS to the next.
type record struct {
	user    int    // below 10,000,000
	session uint64 // Acct-Session-Id, and in it the Acct-Multi-Session-Id
	status  status
	at      int64  // Event-Timestamp: seconds since 1970
	delay   uint32 // Acct-Delay-Time: seconds
	age     uint32 // Acct-Session-Time: seconds
	octets  uint32
}

// template is a NAS's Accounting-Request, of which a record fills in the
// changing octets. Encoding anew would cost more than a server's answer.
type template struct {
	octets []byte
	at     map[byte]int                               // attribute → where its value is
	alter  func(t *template, packet []byte, r record) // what else is changed of a packet; nil: nothing
}

// newTemplate returns the request that the NAS at this address sends: about
// 340 octets, as controllers for Wi-Fi do.
func newTemplate(name string, addr netip.Addr) *template { return newTemplateOn("Corp", name, addr) }

// newTemplateOn is newTemplate on another network.
func newTemplateOn(ssid, name string, addr netip.Addr) *template {
	t := &template{octets: make([]byte, headerLength, 512), at: map[byte]int{}}
	t.octets[0] = accountingRequest
	ip := addr.As4()
	t.text(userName, "u0000000@example.com")
	t.add(nasIPAddress, ip[:])
	t.text(nasIdentifier, name)
	t.number(nasPortType, 19) // Wireless-802.11
	t.text(calledStationID, fmt.Sprintf("02-00-%02X-%02X-%02X-00:%s", ip[1], ip[2], ip[3], ssid))
	t.text(callingStationID, "02-5E-00-00-00-00")
	t.number(framedIPAddress, 0x0a000000)
	t.text(acctSessionID, "0000000000000000")
	t.text(acctMultiSession, "025e00000000-0000000000000000")
	t.text(class, "a-class-as-authentication-gave-it-out-0123456789")
	t.text(connectInfo, "CONNECT 866.7Mbps 802.11ac")
	t.number(acctAuthentic, 1)
	t.number(acctStatusType, 0)
	t.number(eventTimestamp, 0)
	t.number(acctDelayTime, 0)
	t.number(acctSessionTime, 0)
	t.number(acctInputOctets, 0)
	t.number(acctOutputOctets, 0)
	t.number(acctInputPackets, 0)
	t.number(acctOutputPacket, 0)
	t.number(terminateCause, 1) // User-Request; last, because only a Stop has it
	return t
}

func (t *template) text(attribute byte, value string) { t.add(attribute, []byte(value)) }

func (t *template) number(attribute byte, value uint32) {
	t.add(attribute, binary.BigEndian.AppendUint32(nil, value))
}

func (t *template) add(attribute byte, value []byte) {
	t.octets = append(t.octets, attribute, byte(2+len(value)))
	t.at[attribute] = len(t.octets)
	t.octets = append(t.octets, value...)
}

// fill writes r into packet, which has room for it, without Identifier and
// authenticator, and returns the length.
func (t *template) fill(packet []byte, r record) int {
	n := copy(packet, t.octets)
	if r.status != stop {
		n = t.at[terminateCause] - 2
	}
	binary.BigEndian.PutUint16(packet[2:], uint16(n))
	number := func(attribute byte, value uint32) {
		binary.BigEndian.PutUint32(packet[t.at[attribute]:], value)
	}
	decimal(packet[t.at[userName]+1:][:7], r.user)
	mac := packet[t.at[callingStationID]:]
	for i := range 3 { // three octets after 02-5E-00
		hexadecimal(mac[9+3*i:][:2], uint64(r.user)>>(16-8*i), upper)
	}
	hexadecimal(packet[t.at[acctSessionID]:][:16], r.session, lower)
	multi := packet[t.at[acctMultiSession]:]
	hexadecimal(multi[6:12], uint64(r.user), lower)
	hexadecimal(multi[13:29], r.session, lower)
	number(framedIPAddress, 0x0a000000|uint32(r.user)&0xffffff)
	number(acctStatusType, uint32(r.status))
	number(eventTimestamp, uint32(r.at))
	number(acctDelayTime, r.delay)
	number(acctSessionTime, r.age)
	number(acctInputOctets, r.octets)
	number(acctOutputOctets, 3*r.octets)
	number(acctInputPackets, r.octets/100)
	number(acctOutputPacket, r.octets/50)
	if t.alter != nil {
		t.alter(t, packet, r)
	}
	return n
}

// delay changes the Acct-Delay-Time of a packet made from t.
func (t *template) delay(packet []byte, seconds uint32) {
	binary.BigEndian.PutUint32(packet[t.at[acctDelayTime]:], seconds)
}

const (
	lower = "0123456789abcdef"
	upper = "0123456789ABCDEF"
)

func hexadecimal(b []byte, n uint64, digits string) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i], n = digits[n&15], n>>4
	}
}

func decimal(b []byte, n int) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i], n = '0'+byte(n%10), n/10
	}
}

// sign gives the request of n octets an Identifier and its Request
// Authenticator (RFC 2866 section 3). The buffer needs room for the secret
// behind the packet.
func sign(packet []byte, n int, identifier byte) {
	packet[1] = identifier
	clear(packet[4:headerLength])
	sum := md5.Sum(packet[:n+copy(packet[n:], secret)])
	copy(packet[4:], sum[:])
}

// authenticRequest returns the packet without padding, and whether it is an
// Accounting-Request from somebody who knows the secret. It needs room for the
// secret behind the packet.
func authenticRequest(packet []byte) ([]byte, bool) {
	packet, ok := cut(packet, accountingRequest)
	if !ok {
		return nil, false
	}
	authenticator := [16]byte(packet[4:])
	clear(packet[4:headerLength])
	sum := md5.Sum(append(packet, secret...))
	copy(packet[4:], authenticator[:])
	return packet, sum == authenticator
}

// answer writes the Accounting-Response to request, of no attributes, into
// packet, which has room for it and the secret.
func answer(packet, request []byte) []byte {
	packet = append(packet[:0], accountingResponse, request[1], 0, headerLength)
	packet = append(packet, request[4:headerLength]...)
	sum := md5.Sum(append(packet, secret...))
	return append(packet[:4], sum[:]...)
}

// authenticResponse reports whether packet is the Accounting-Response to the
// request, by its Response Authenticator (RFC 2866 section 3). It needs room
// for the secret behind the packet, and spoils it.
func authenticResponse(packet, request []byte) bool {
	packet, ok := cut(packet, accountingResponse)
	if !ok || packet[1] != request[1] {
		return false
	}
	authenticator := [16]byte(packet[4:])
	copy(packet[4:], request[4:headerLength])
	return md5.Sum(append(packet, secret...)) == authenticator
}

// cut returns the packet up to its Length, and whether it has this code.
func cut(packet []byte, code byte) ([]byte, bool) {
	if len(packet) < headerLength || packet[0] != code {
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(packet[2:]))
	if n < headerLength || n > len(packet) {
		return nil, false
	}
	return packet[:n], true
}

// attribute returns the value of the packet's first attribute of the kind.
func attribute(packet []byte, kind byte) []byte {
	for rest := packet[headerLength:]; len(rest) >= 2; {
		n := int(rest[1])
		if n < 2 || n > len(rest) {
			return nil
		}
		if rest[0] == kind {
			return rest[2:n]
		}
		rest = rest[n:]
	}
	return nil
}
