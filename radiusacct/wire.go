package radiusacct

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

const (
	headerLen    = 20                     // code, identifier, length, authenticator (RFC 2866 3)
	maxLen       = radius.MaxPacketLength // RFC 2865 3; RFC 2866's 4095 is one less, and exceeded in the field
	signatureLen = md5.Size               // of a Message-Authenticator's value (RFC 3579 3.2)
)

var zeros [md5.Size]byte

// parcel is an authentic packet, cut to its Length.
type parcel struct {
	octets []byte
	secret []byte // the one of the client's that it was signed with
	signed bool   // it has a Message-Authenticator, which is right
}

// examine returns the packet in a datagram from client, or its fault. It looks at
// nothing but the form of a packet before it has proved it authentic.
func examine(datagram []byte, client *Client) (parcel, fault) {
	if len(datagram) < headerLen {
		return parcel{}, malformed
	}
	code := radius.Code(datagram[0])
	if code != radius.CodeAccountingRequest && code != radius.CodeStatusServer {
		return parcel{}, unknownType
	}
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	if length < headerLen || length > maxLen || length > len(datagram) {
		return parcel{}, malformed
	}
	p := datagram[:length] // what is beyond is padding (RFC 2865 3)
	if code == radius.CodeAccountingRequest {
		secret := authenticate(p, client.Secrets)
		if secret == nil {
			return parcel{}, badAuthenticator
		}
		signature, ok := findSignature(p)
		switch {
		case !ok:
			return parcel{}, malformed
		case signature == 0 && client.RequireMessageAuthenticator:
			return parcel{}, unsigned
		case signature != 0 && !isSignature(p, signature, zeros[:], secret):
			return parcel{}, badSignature
		}
		return parcel{p, secret, signature != 0}, none
	}
	// The authenticator of a Status-Server is random: only the
	// Message-Authenticator proves anything (RFC 5997 3).
	signature, ok := findSignature(p)
	switch {
	case !ok:
		return parcel{}, malformed
	case signature == 0:
		return parcel{}, unsigned
	}
	for _, secret := range client.Secrets {
		if isSignature(p, signature, p[4:headerLen], secret) {
			return parcel{p, secret, true}, none
		}
	}
	return parcel{}, badSignature
}

// authenticate returns the secret that the Request Authenticator was made with
// (RFC 2866 3), nil if none of them.
func authenticate(p []byte, secrets [][]byte) []byte {
	var sum [md5.Size]byte
	for _, secret := range secrets {
		h := md5.New()
		h.Write(p[:4])
		h.Write(zeros[:])
		h.Write(p[headerLen:])
		h.Write(secret)
		if subtle.ConstantTimeCompare(h.Sum(sum[:0]), p[4:headerLen]) == 1 {
			return secret
		}
	}
	return nil
}

// findSignature returns where in p the value of the Message-Authenticator begins,
// 0 if it has none; ok is false if the attributes do not fill the packet exactly,
// or if there are two.
func findSignature(p []byte) (at int, ok bool) {
	for i := headerLen; i < len(p); {
		if len(p)-i < 2 || p[i+1] < 2 || int(p[i+1]) > len(p)-i {
			return 0, false
		}
		if radius.Type(p[i]) == rfc2869.MessageAuthenticator_Type {
			if at != 0 || p[i+1] != 2+signatureLen {
				return 0, false
			}
			at = i + 2
		}
		i += int(p[i+1])
	}
	return at, true
}

func isSignature(p []byte, at int, authenticator, secret []byte) bool {
	return hmac.Equal(sign(p, at, authenticator, secret), p[at:at+signatureLen])
}

// sign returns the Message-Authenticator, whose value is at p[at], of a packet
// with this authenticator (RFC 3579 3.2).
func sign(p []byte, at int, authenticator, secret []byte) []byte {
	h := hmac.New(md5.New, secret)
	h.Write(p[:4])
	h.Write(authenticator)
	h.Write(p[headerLen:at])
	h.Write(zeros[:])
	h.Write(p[at+signatureLen:])
	return h.Sum(nil)
}

// answer returns the Accounting-Response to the request: every Proxy-State in
// order, unmodified, and nothing else (RFC 2866 2.1), but for a
// Message-Authenticator, which then comes first.
func (p parcel) answer(signed bool) []byte {
	const value = headerLen + 2 // of the Message-Authenticator
	b := []byte{byte(radius.CodeAccountingResponse), p.octets[1], headerLen - 1: 0}
	if signed {
		b = append(b, byte(rfc2869.MessageAuthenticator_Type), 2+signatureLen)
		b = append(b, zeros[:]...)
	}
	for t, at := range each(p.octets) {
		if t == rfc2865.ProxyState_Type {
			b = append(b, p.octets[at-2:][:p.octets[at-1]]...)
		}
	}
	if signed && len(b) > maxLen { // an answer without the signature is better than none
		return p.answer(false)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	if signed {
		copy(b[value:], sign(b, value, p.signatureOver(), p.secret))
	}
	return p.authenticated(b)
}

// authenticated puts the Response Authenticator (RFC 2866 3) into b.
func (p parcel) authenticated(b []byte) []byte {
	h := md5.New()
	h.Write(b[:4])
	h.Write(p.octets[4:headerLen])
	h.Write(b[headerLen:])
	h.Write(p.secret)
	h.Sum(b[:4])
	return b
}

// protocolError returns the answer, over a connection, to a request that is not
// accounting, such as an Access-Request: a Protocol-Error (RFC 7930 4) with the
// request's code and Error-Cause 406, Unsupported Extension. It is nil for a packet
// that is no request, lest two servers answer each other.
func (p parcel) protocolError() []byte {
	const code, errorCause, extended, originalCode = 52, 101, 241, 4
	switch radius.Code(p.octets[0]) {
	case radius.CodeAccessRequest, radius.CodeDisconnectRequest, radius.CodeCoARequest:
	default:
		return nil
	}
	b := []byte{code, p.octets[1], headerLen - 1: 0}
	b = append(b, errorCause, 6, 0, 0, 406>>8, 406&0xff)
	b = append(b, extended, 7, originalCode, 0, 0, 0, p.octets[0])
	for t, at := range each(p.octets) {
		if t == rfc2865.ProxyState_Type && len(b)+int(p.octets[at-1]) <= maxLen {
			b = append(b, p.octets[at-2:][:p.octets[at-1]]...)
		}
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return p.authenticated(b)
}

// signatureOver returns the authenticator that the Message-Authenticator of the
// answer is made over. For a Status-Server it is the request's, as RFC 3579 3.2
// says of responses. For accounting no RFC says, and FreeRADIUS 3 takes zeros
// only, which [TestRadclientTakesTheSignature] shows.
func (p parcel) signatureOver() []byte {
	if radius.Code(p.octets[0]) == radius.CodeStatusServer {
		return p.octets[4:headerLen]
	}
	return zeros[:]
}
