package radiusacct

import (
	"encoding/binary"
	"time"

	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"github.com/presenced/presenced/presence"
)

// longestDelay is the longest Acct-Delay-Time that is believed. FreeRADIUS
// replays what it could not deliver from a file, and adds how long that took:
// this is an outage over Easter.
const longestDelay = 7 * 24 * time.Hour

// stamps returns the Event-Timestamp and the Acct-Delay-Time of a request that
// arrived at heard. badDelay says that the latter is beyond belief, such as
// 4294967295, and left out.
func (a *attributes) stamps(heard time.Time) (t presence.Stamps, badDelay bool) {
	t.Heard = heard
	if seconds, ok := a.integer(rfc2869.EventTimestamp_Type); ok {
		t.Stamp = time.Unix(int64(seconds), 0)
	}
	if seconds, ok := a.integer(rfc2866.AcctDelayTime_Type); ok {
		t.Delay = time.Duration(seconds) * time.Second
		if badDelay = t.Delay > longestDelay; badDelay {
			t.Delay = 0
		}
	}
	return t, badDelay
}

// StampOf returns the Event-Timestamp of a well-formed packet; zero if it has none.
func StampOf(packet []byte) time.Time {
	for t, at := range each(packet) {
		if t == rfc2869.EventTimestamp_Type && packet[at-1] == 6 {
			return time.Unix(int64(binary.BigEndian.Uint32(packet[at:])), 0)
		}
	}
	return time.Time{}
}

// AppendContent appends what of a well-formed packet is the same in every copy of it,
// whichever way the copy came: all but Acct-Delay-Time, Proxy-State and
// Message-Authenticator.
func AppendContent(b, packet []byte) []byte {
	for t, at := range each(packet) {
		switch t {
		case rfc2866.AcctDelayTime_Type, rfc2865.ProxyState_Type, rfc2869.MessageAuthenticator_Type:
		default:
			b = append(b, packet[at-2:at-2+int(packet[at-1])]...)
		}
	}
	return b
}
