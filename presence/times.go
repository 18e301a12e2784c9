package presence

import "time"

// later and earlier return the later and the earlier of two times; earlier
// takes zero for never.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// within reports whether a and b are no further apart than d.
func within(a, b time.Time, d time.Duration) bool { return a.Sub(b).Abs() <= d }

// moment is how far apart two records of one moment may be stamped: clocks count
// whole seconds, and packets overtake each other.
const moment = 5 * time.Second

// fresh is how old news may be to be believed at once. A conclusion from older news
// waits as long after its arrival: the rest of a replay may follow, and contradict
// it.
const fresh = time.Minute

// returnTime is how long after the last sign of a later session one goes on that shows
// another.
const returnTime = 15 * time.Minute
