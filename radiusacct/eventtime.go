package radiusacct

import (
	"time"

	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

const (
	// longestDelay is the longest Acct-Delay-Time that is believed. FreeRADIUS
	// replays what it could not deliver from a file, and adds how long that
	// took: this is an outage over Easter.
	longestDelay = 7 * 24 * time.Hour

	// A request that is stamped longer ago than the skew that is allowed, and does
	// not say that it was delayed, was captured or kept and is played back, if its
	// NAS's clock was right within clockSpan. A clock that is always wrong is not
	// taken for that, nor is one that was not set since boot, which is further
	// behind than oldestReplay; nor is anything before the NAS was heard.
	oldestReplay = 31 * 24 * time.Hour
	clockSpan    = time.Hour
	clocksMax    = 1 << 14 // NASes whose clocks are known to be right
)

// timing is what a request says about when its event was.
type timing struct {
	heard    time.Time     // arrival
	stamp    time.Time     // Event-Timestamp; zero if absent
	delay    time.Duration // Acct-Delay-Time; 0 if absent or beyond belief
	badDelay bool          // it was beyond belief, such as 4294967295
}

func (a *attributes) timing(heard time.Time) timing {
	t := timing{heard: heard}
	if seconds, ok := a.integer(rfc2869.EventTimestamp_Type); ok {
		t.stamp = time.Unix(int64(seconds), 0)
	}
	if seconds, ok := a.integer(rfc2866.AcctDelayTime_Type); ok {
		t.delay = time.Duration(seconds) * time.Second
		if t.delay > longestDelay {
			t.delay, t.badDelay = 0, true
		}
	}
	return t
}

// skew is how far the Event-Timestamp is ahead of when the request was first
// sent, as far as arrival and Acct-Delay-Time tell.
func (t timing) skew() time.Duration { return t.stamp.Sub(t.heard.Add(-t.delay)) }

// sane reports whether there is an Event-Timestamp to believe.
func (t timing) sane(limit time.Duration) bool {
	return !t.stamp.IsZero() && t.skew().Abs() <= limit
}

// event returns the time of the event and what it was taken from. It is never
// in the future, and never Event-Timestamp less Acct-Delay-Time: the stamp
// does not move when a request is sent again (RFC 2869 5.3).
func (t timing) event(limit time.Duration) (at time.Time, from string) {
	switch {
	case t.sane(limit) && !t.stamp.After(t.heard):
		return t.stamp, "Event-Timestamp"
	case t.delay > 0:
		return t.heard.Add(-t.delay), "Acct-Delay-Time"
	}
	return t.heard, "arrival"
}

// replayed reports whether the request is an old one played back, provided
// that its NAS's clock is known to be right.
func (t timing) replayed(limit time.Duration) bool {
	return !t.stamp.IsZero() && -t.skew() > limit && t.heard.Sub(t.stamp) <= oldestReplay
}
