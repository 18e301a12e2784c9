package presence

import (
	"slices"
	"time"
)

// What comes in: when a session was heard. What goes out: its interval, a gap that
// repeats. One gap teaches nothing: controllers also send interims for an address, a
// profile or a roam, and some send no others.

// The limits of an interval, and of silence.
const (
	shortestInterim = 55 * time.Second // RFC 2869 5.16 allows no interval under 60 s; anything shorter is an event
	longestInterim  = 4 * time.Hour
	missedInterims  = 3 // so many are missing before a session is believed silent

	// retryTime is how long a controller may take to send a request again that it
	// could not deliver: hostapd, the slowest known, retries every 120 s.
	retryTime = 150 * time.Second
)

// rhythm holds the latest signs of life of a session, oldest first.
type rhythm struct {
	at     [signsKept]time.Time
	n      int
	outran time.Duration // the latest gap after which it was found silent, and was heard again
}

// add notes a sign of life, later than those before.
func (r *rhythm) add(t time.Time) {
	if r.n == len(r.at) {
		copy(r.at[:], r.at[1:])
		r.n--
	}
	r.at[r.n] = t
	r.n++
}

// reset forgets the signs before t, because the interval has changed.
func (r *rhythm) reset(t time.Time) {
	r.at[0], r.n = t, 1
}

// outrun notes that the session, last heard at a, was found silent and heard
// again at b.
func (r *rhythm) outrun(a, b time.Time) {
	r.reset(a)
	if gap := b.Sub(a); gap <= longestInterim {
		r.outran = gap
	}
}

// outlasts returns how long the session may be unheard without being silent, because
// it was heard again after as long: one gap is no interval, but it disproves a shorter
// one. It is 0 if there was no such gap, or if an interval has repeated since.
func (r *rhythm) outlasts() time.Duration {
	if r.outran == 0 || r.interval() > 0 {
		return 0
	}
	return r.outran * 5 / 4
}

// interval returns the interval of the session; 0 if none is known.
func (r *rhythm) interval() time.Duration {
	var gaps [signsKept]time.Duration
	n := 0
	for i := 1; i < r.n; i++ {
		gaps[n] = r.at[i].Sub(r.at[i-1])
		n++
	}
	return repeats(gaps[:n])
}

// repeats returns the longest gap that repeats: three gaps alike within a fifth, two
// in a row that are equal but for seconds, or two others that are equal but for a
// thirtieth; 0 if none does. Gaps between controllers' events may be alike by chance:
// two are no interval if another gap was too long for it.
func repeats(gaps []time.Duration) (longest time.Duration) {
	var fit [signsKept]time.Duration // the gaps that may be intervals
	n, most := 0, time.Duration(0)
	for _, gap := range gaps {
		most = max(most, gap)
		if gap < shortestInterim || gap > longestInterim {
			continue
		}
		for i, before := range fit[:n] {
			slip := max(gap, before) / 30
			if i == n-1 {
				slip = max(slip, min(10*time.Second, gap/8))
			}
			if (gap - before).Abs() <= slip {
				longest = max(longest, gap, before)
			}
		}
		fit[n] = gap
		n++
	}
	if most > missedInterims*longest+retryTime {
		longest = 0
	}
	slices.Sort(fit[:n])
	for i := 2; i < n; i++ {
		if fit[i]-fit[i-2] <= fit[i]/5 {
			longest = max(longest, fit[i])
		}
	}
	if longest == 0 {
		return 0
	}
	return max(longest, time.Minute)
}
