package presence

import "time"

// What comes in: a session that is open. What goes out: the pace at which it is heard,
// and how long nothing follows if it is not. Whoever keeps people at rest counts the
// beats of their sessions, and wakes nobody for them.

// shortestPace is the shortest gap that is a beat's.
const shortestPace = 2 * time.Minute

// steady reports whether the session is heard by an interval.
func (p pace) steady() bool { return p.gap > 0 && !p.young }

// beat returns the pace after another sign that came so long after the latest; zero if
// that tells more than that the session goes on.
func (p pace) beat(gap time.Duration) pace {
	if gap < shortestPace || gap > longestInterim {
		return pace{}
	}
	if p.young {
		return pace{min(p.gap, gap), true}
	}
	if (gap - p.gap).Abs() > max(p.gap/30, min(10*time.Second, p.gap/8)) {
		return pace{}
	}
	return p
}

// unmissed is how long after a beat nothing comes of it that the next is missing: not as
// long as it takes for a session to be silent, because its interval may turn out to be
// shorter by then.
func (p pace) unmissed() time.Duration {
	return max((missedInterims-1)*p.gap+retryTime, minSilence)
}

// pace notes at which pace the sessions are heard.
func (c *picture) pace() {
	for i := range c.Facts {
		c.Facts[i].pace = pace{}
	}
	for i := range c.sessions {
		if s := &c.sessions[i]; s.State == Open && !s.foreign && s.Seen.Equal(s.facts.last()) {
			s.facts.pace = s.pace(c.now, c.w)
		}
	}
}

// pace returns at which pace the session, which is open, is heard.
func (s *Session) pace(now time.Time, w *World) pace {
	p := pace{s.rhythm.interval(), false}
	if p.gap == 0 {
		if s.rhythm.outran > 0 || !s.exact || s.first.Guess || !s.first.Stamp.IsZero() || s.first.Heard.Sub(s.first.At).Abs() > fresh {
			return pace{} // a count may tell when it began
		}
		p = pace{longestInterim, true}
		for i := 1; i < s.rhythm.n; i++ {
			p.gap = min(p.gap, s.rhythm.at[i].Sub(s.rhythm.at[i-1]))
		}
	}
	m := &s.facts.Marks[len(s.facts.Marks)-1]
	if m.Guess || p.gap < shortestPace || p.unmissed() >= w.MaxSession || !p.young && !now.Before(m.Heard.Add(p.unmissed())) {
		return pace{}
	}
	return p
}
