package presence

import (
	"slices"
	"time"
)

// What comes in: the marks of one id. What goes out: the sessions that had it,
// oldest first, each with its begin, its signs of life and its end. Ids repeat:
// after a boot, on NASes that count alike, and hostapd gives one again to the
// station that it was of. Which session a mark is of therefore has to be told,
// and these are all the rules for it. None looks at anything but the marks.

// The tolerances of these rules.
const (
	copyTime  = time.Minute         // a Start this soon after another is a copy of it, sent again without its event time
	lateStop  = 450 * time.Second   // how late the Stop of an access point comes that waited for its station: hostapd's 300 s, and its retries
	echoTime  = 5 * time.Minute     // an Interim this soon after its Stop may have been on the way
	deadTime  = 10 * time.Minute    // a sign this long after a Stop shows that the session went on
	idleUsual = 5 * time.Minute     // how long access points wait for a station: hostapd's ap_max_inactivity
	bootTime  = 2 * time.Second     // a NAS that shuts down stops its sessions without a cause, and then says so
	countMost = 30 * 24 * time.Hour // an Acct-Session-Time beyond this is none
	marksMost = 4 * marksKept       // marks that are looked at, those of strays included
	countSlip = 5 * time.Minute     // how far a count may outrun twice the time between two records
)

// began returns when the session began by the mark's count.
func (m *Mark) began() time.Time { return m.At.Add(-m.Age) }

// lives works out the sessions of one id from its marks, and appends them to all;
// counted says that the Acct-Session-Times of its NAS are counts of seconds.
func lives(all []Session, f *Facts, marks []Mark, counted bool, w *World) []Session {
	marks = redated(marks[max(0, len(marks)-marksMost):], counted, w)
	runs := runsOf(marks, counted)
	for i := range marks {
		if i > 0 && runs[i] < runs[i-1] { // marks of an earlier run that came after the Start of the next
			return livesOfRuns(all, f, marks, runs, counted, w)
		}
	}
	at := 0
	for i := 1; i <= len(marks); i++ {
		if i == len(marks) || runs[i] != runs[at] {
			all = walk(all, f, marks[at:i], counted, w)
			at = i
		}
	}
	return all
}

// redated returns the marks, with a Start that was held back moved to when it was, and
// with it those whose stamps count from then.
func redated(marks []Mark, counted bool, w *World) []Mark {
	at := slices.IndexFunc(marks, func(m Mark) bool { return m.Status == Start })
	if at < 0 {
		return marks
	}
	began := heldBack(marks, at, counted)
	if began.IsZero() && replayed(marks, at, counted, w) {
		began = marks[at].Stamp
	}
	if began.IsZero() {
		return marks
	}
	start := marks[at]
	start.At = began
	marks = slices.Insert(slices.Delete(slices.Clone(marks), at, at+1), 0, start)
	for i := range marks[1:] {
		if m := &marks[1+i]; m.stampedFrom(began, counted) {
			m.At = m.Stamp
		}
	}
	slices.SortStableFunc(marks[1:], func(a, b Mark) int { return a.compare(&b) })
	return marks
}

// stampedFrom reports whether the mark's stamp was not believed, and its count is from then
// by it.
func (m *Mark) stampedFrom(began time.Time, counted bool) bool {
	return m.Guess && !m.Stamp.IsZero() && m.Status != Other && m.counts(counted) && within(m.Stamp.Add(-m.Age), began, moment)
}

// replayed reports whether the Start, the mark of that index, and others of its session were
// held back for as long as their stamps say, before anything was known of their NAS's
// clock: they came in less time than they count, and the clock has turned out to be right,
// for long enough that other sessions of that time have been heard live.
func replayed(marks []Mark, start int, counted bool, w *World) bool {
	s := &marks[start]
	if !s.Guess || s.Stamp.IsZero() || w.NASByHash == nil {
		return false
	}
	outran := func(m Mark) bool {
		return m.stampedFrom(s.Stamp, counted) && m.Age-m.Heard.Sub(s.Heard) > w.MaxSkew
	}
	if !slices.ContainsFunc(marks, outran) {
		return false
	}
	clock := w.NASByHash(s.NAS).Clock
	return clock.Spoke.After(marks[len(marks)-1].Heard.Add(returnTime)) && clock.Lag.Abs() <= moment
}

// heldBack returns when the Start, the mark of that index, was; zero if nothing shows
// that it was held back. Neither a stamp that was not believed nor one count is
// believed alone: another record has to count from that stamp, or, of a Start without a
// time, two have to agree from when they count. Those two show nothing if records of
// the id arrived before the Start: they may be of another session.
func heldBack(marks []Mark, start int, counted bool) (began time.Time) {
	s := &marks[start]
	stamped := !s.Stamp.IsZero() && s.Stamp.Before(s.At)
	for i := range marks {
		if m := &marks[i]; stamped && i != start && m.Status != Other && !m.Guess && m.counts(counted) && within(m.began(), s.Stamp, moment) {
			return s.Stamp
		}
	}
	if !s.Guess {
		return time.Time{}
	}
	alike := 0
	for i := range marks {
		m := &marks[i]
		switch {
		case i == start || m.Status == Other:
		case m.Heard.Before(s.Heard):
			return time.Time{}
		case m.Guess || !m.counts(counted): // it tells nothing of the begin
		case alike > 0 && !within(m.began(), began, time.Minute), !m.began().Before(s.At.Add(-time.Minute)):
			return time.Time{}
		default:
			began, alike = earlier(began, m.began()), alike+1
		}
	}
	if alike < 2 {
		return time.Time{}
	}
	return began
}

// livesOfRuns is lives for runs that overlap.
func livesOfRuns(all []Session, f *Facts, marks []Mark, runs [marksMost]int8, counted bool, w *World) []Session {
	var of []Mark
	for run := int8(0); run <= int8(len(marks)); run++ {
		of = of[:0]
		for i := range marks {
			if runs[i] == run {
				of = append(of, marks[i])
			}
		}
		if len(of) > 0 {
			all = walk(all, f, of, counted, w)
		}
	}
	return all
}

// plausible reports whether the Acct-Session-Times of the marks are counts of
// seconds: some NASes send milliseconds, and some whatever is in their memory.
func plausible(marks []Mark) bool {
	was := -1
	for i := range marks {
		m := &marks[i]
		if m.Age < 0 || m.Age > countMost || m.Status != Interim && m.Status != Stop {
			continue
		}
		if was >= 0 && marks[was].NAS == m.NAS {
			slip := countSlip
			if m.Guess || marks[was].Guess { // one of them may have come hours late
				slip = longestInterim
			}
			if m.Age-marks[was].Age > 2*m.At.Sub(marks[was].At)+slip {
				return false
			}
		}
		was = i
	}
	return true
}

// counts reports whether the mark has a plausible count from the session's begin.
func (m *Mark) counts(counted bool) bool { return counted && m.Age >= 0 && m.Age <= countMost }

// runsOf returns for each mark the run of the id to which it belongs: 0 before the
// first Start, and then one for each Start.
func runsOf(marks []Mark, counted bool) (runs [marksMost]int8) {
	var starts [marksMost]int8 // by run: which mark began it
	n := 0
	for i := range marks {
		if marks[i].Status == Start && !copied(marks, i) {
			n++
			starts[n] = int8(i)
		}
	}
	for i := range marks {
		runs[i] = int8(runOf(marks, i, starts[:n+1], counted))
	}
	return runs
}

// copied reports whether the Start is the one before it, sent again.
func copied(marks []Mark, at int) bool {
	m := &marks[at]
	for i := at - 1; i >= 0 && m.At.Sub(marks[i].At) <= copyTime; i-- {
		switch marks[i].Status {
		case Stop:
			return false
		case Start:
			for j := at + 1; j < len(marks) && marks[j].At.Equal(m.At); j++ {
				if marks[j].Status == Stop {
					return false
				}
			}
			return true
		}
	}
	return false
}

// runOf returns the run of mark i, by its count if it has one, and else by its time.
func runOf(marks []Mark, i int, starts []int8, counted bool) int {
	m := &marks[i]
	run := 0 // the latest that began by then
	for run+1 < len(starts) && !marks[starts[run+1]].At.After(m.At) {
		run++
	}
	if m.Status == Start || m.Status == Other {
		return run
	}
	if m.counts(counted) {
		for r := len(starts) - 1; r > 0; r-- {
			if within(m.began(), marks[starts[r]].At, moment) {
				return r
			}
		}
	}
	if run == 0 {
		return 0
	}
	start := &marks[starts[run]]
	near := m.At.Sub(start.At) <= moment
	switch {
	case m.counts(counted):
		sooner := start.At.Sub(m.began())
		if sooner > moment && near {
			return run - 1
		}
		if m.Status == Stop && m.NAS != start.NAS && sooner > time.Minute && within(m.Heard, start.Heard, lateStop) {
			return run - 1 // longer is a session that moved
		}
	case m.Status == Stop && near && (run > 1 || starts[1] > 0): // there is an earlier run
		if m.Heard.Before(start.Heard) || m.Heard.Equal(start.Heard) && !stopped(marks[:i], starts, run-1) {
			return run - 1
		}
	}
	return run
}

// stopped reports whether the marks from the begin of the run on hold a Stop.
func stopped(marks []Mark, starts []int8, run int) bool {
	from := 0
	if run > 0 {
		from = int(starts[run])
	}
	for i := from; i < len(marks); i++ {
		if marks[i].Status == Stop {
			return true
		}
	}
	return false
}

// walk goes through the marks of one run in order of event time, and appends its
// sessions. Another begins where the session goes over to somebody else or back,
// where it is heard at another site, and where a sign counts from after the end.
func walk(all []Session, f *Facts, marks []Mark, counted bool, w *World) []Session {
	from := len(all)
	for i := range marks {
		m := &marks[i]
		var s *Session
		if len(all) > from {
			s = &all[len(all)-1]
		}
		switch {
		case m.Status == Other:
			if s != nil {
				s.found(m)
			}
		case m.Status == Stop:
			switch {
			case s == nil:
				all = append(all, begin(f, m, firstCount(marks, counted), counted))
				all[len(all)-1].lone = true
			case s.ended && m.counts(counted) && m.began().After(s.Ended.Add(w.longest())):
				all = append(all, begin(f, m, m.began(), counted)) // it was over long before: the id was given again
				all[len(all)-1].lone = true
			}
			all[len(all)-1].stop(m)
		case s == nil:
			all = append(all, begin(f, m, firstCount(marks, counted), counted))
		case other(m) != s.foreign && (other(m) || m.Whose == Mine || s.elsewhere && m.Site != "" && m.Whose != Another):
			s.close(m, Renamed)
			all = append(all, begin(f, m, m.At, counted)) // the person begins when the person is named
		case m.Site != "" && !m.Vague && m.Site != s.Site && s.Site != "" && !s.vague && !s.foreign:
			s.close(m, Moved)
			all = append(all, begin(f, m, m.At, counted))
		case s.ended && s.renewedBy(m, marks[i+1:], counted):
			all = append(all, begin(f, m, later(m.began(), s.Ended), counted))
		case s.ended && !s.undoneBy(m, marks[i+1:], counted):
			// an interim that was on the way when the session ended
		default:
			s.sign(m, counted)
		}
	}
	for i := from; i < len(all); i++ {
		all[i].misstamped(marks, counted, w)
	}
	return all
}

// other reports whether the mark says that the session is somebody else's, or at a
// place that does not count.
func other(m *Mark) bool { return m.Whose == Another || m.Site == noSite }

// firstCount returns when the run began: at its Start, or else at the earliest begin
// by which a mark counts; zero if there is neither.
func firstCount(marks []Mark, counted bool) (t time.Time) {
	if marks[0].Status == Start {
		return marks[0].At
	}
	for i := range marks {
		if m := &marks[i]; m.counts(counted) && m.Status != Other {
			t = earlier(t, m.began())
		}
	}
	return t
}

// begin returns a session that begins with the mark: at the given time, if that is
// earlier.
func begin(f *Facts, m *Mark, at time.Time, counted bool) Session {
	if at.IsZero() || at.After(m.At) {
		at = m.At
	}
	s := Session{ID: f.ID, Device: f.Device, Began: at, foreign: other(m), elsewhere: m.Site == noSite && m.Whose != Another, exact: m.Status == Start, facts: f, first: *m}
	s.sign(m, counted)
	if m.counts(counted) {
		s.Age = m.Age
	}
	return s
}

// sign adds a sign of life to the session: it has not ended, whatever was found. Of a
// Stop it takes only where and whose the session is.
func (s *Session) sign(m *Mark, counted bool) {
	if m.Site != "" && (s.Site == "" || s.vague) {
		s.Site, s.vague = m.Site, m.Vague
	}
	s.named = s.named || m.Whose == Mine
	if m.Status == Stop {
		s.Heard = later(s.Heard, m.Heard)
		return
	}
	switch found := s.ended && s.end.Status == Other; {
	case found && s.end.Cause == Silence:
		s.rhythm.outrun(s.Seen, m.At)
	case found && s.end.Cause == NASSilent:
		s.rhythm.reset(s.Seen)
	}
	s.ended, s.Ended, s.Cause, s.end, s.hold, s.back = false, time.Time{}, 0, Mark{}, time.Time{}, time.Time{}
	s.lone = false
	s.rhythm.add(m.At)
	s.Seen, s.Heard, s.nas = m.At, later(s.Heard, m.Heard), m.NAS
	if m.AP != 0 {
		s.ap = m.AP
	}
	if m.counts(counted) {
		s.Age = m.Age
	}
}

// stop ends the session by a Stop: the latest counts, and before any finding.
func (s *Session) stop(m *Mark) {
	s.ended, s.end, s.Ended, s.Cause = true, *m, m.At, m.Cause
	s.hold = time.Time{}
	s.Heard = later(s.Heard, m.Heard)
}

// close ends the session at the mark because it went over to somebody else, or
// to another site.
func (s *Session) close(m *Mark, cause Cause) {
	if s.ended {
		return
	}
	s.ended, s.Ended, s.Cause = true, m.At, cause
	s.end = Mark{Status: Other, At: m.At, Heard: m.Heard, Cause: cause}
}

// found applies a finding of presence's to the session.
func (s *Session) found(m *Mark) {
	switch m.Cause {
	case NASReset:
		if !s.yields() || s.end.Status == Stop && !within(m.At, s.Ended, bootTime) {
			return
		}
		if !s.ended {
			s.Ended = m.At
		}
		s.ended, s.end, s.Cause, s.hold = true, *m, NASReset, m.Heard
	case MassEnd:
		if s.ended {
			s.hold = m.Heard
		}
	case NASBack:
		if s.ended && s.Cause == NASSilent {
			s.back = m.At
		}
		if !s.ended {
			s.boot = m.Heard
		}
	default: // Silence, NASSilent, MaxSession, Zapped
		if !s.ended || s.Cause == NASSilent || m.Cause == Zapped {
			s.ended, s.end, s.Ended, s.Cause = true, *m, m.At, m.Cause
			s.hold, s.back = time.Time{}, time.Time{}
		}
	}
}

// yields reports whether a reset of its NAS may replace the session's end: there is
// none yet, the Stop named no cause, or presence only found that the session was not
// heard.
func (s *Session) yields() bool {
	switch {
	case !s.ended:
		return true
	case s.end.Status == Stop:
		return s.Cause == 0
	}
	return s.Cause == NASSilent || s.Cause == NASReset || s.Cause == MaxSession
}

// undoneBy reports whether the sign shows that the session did not end. Any sign
// undoes an end that presence found itself; after a Stop, an interim that may have
// been on the way does not.
func (s *Session) undoneBy(m *Mark, rest []Mark, counted bool) bool {
	since := m.At.Sub(s.Ended)
	grown := m.Age - s.end.Age
	both := m.counts(counted) && s.end.counts(counted)
	switch {
	case s.end.Status == Other:
		return s.Cause != Renamed && s.Cause != Moved || m.At.After(s.Ended)
	case m.Guess: // it may have come hours late: only its count can tell, or another sign that agrees
		return both && grown > 0 && (since > echoTime || grown > since+bootTime) || since > deadTime && !both && another(rest, m)
	case since > deadTime:
		return true
	}
	return both && grown > 0 && (since > echoTime || grown > since+bootTime)
}

// renewedBy reports whether the sign counts from after the end: it is of
// another session that was given the same id.
func (s *Session) renewedBy(m *Mark, rest []Mark, counted bool) bool {
	if m.Status != Interim || !m.counts(counted) || s.end.Status == Other || m.began().Before(s.Ended.Add(-moment)) || m.At.Sub(s.Ended) <= moment {
		return false
	}
	return !m.Guess || another(rest, m)
}

// another reports whether a later sign agrees with m, whose time is a guess: a
// record that came late comes alone.
func another(rest []Mark, m *Mark) bool {
	for i := range rest {
		if o := &rest[i]; o.Status == Interim && (m.Age < 0 || within(o.began(), m.began(), time.Minute)) {
			return true
		}
	}
	return false
}

// misstamped corrects the begin of a session whose Start arrived further from its
// stamp than a clock may be off: it takes the begin by the count of an interim.
func (s *Session) misstamped(marks []Mark, counted bool, w *World) {
	if !s.exact || marks[0].Status != Start || marks[0].Heard.Sub(marks[0].At).Abs() <= w.MaxSkew || !s.Began.Equal(marks[0].At) {
		return
	}
	for i := range marks {
		if m := &marks[i]; m.Status == Interim && !m.Guess && m.counts(counted) && m.Heard.Sub(m.At).Abs() <= w.MaxSkew {
			s.Began = m.began()
			return
		}
	}
}

// life returns the latest moment at which the session shows the station there.
func (s *Session) life(w *World) time.Time {
	if !s.ended || s.end.Status != Stop {
		return s.Seen
	}
	if s.Cause == IdleTimeout {
		return later(s.Seen, s.Ended.Add(-max(w.NAS(s.facts.Place.NAS).Idle, idleUsual)))
	}
	return later(s.Seen, s.Ended)
}
