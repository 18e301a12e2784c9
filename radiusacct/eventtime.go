package radiusacct

import (
	"time"

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
