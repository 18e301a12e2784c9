package presence

import (
	"slices"
	"strings"
	"time"
)

// What comes in: the facts of a person. What goes out: their sessions as they stand
// at a moment, device by device and oldest first: which of a device's sessions
// counts, and whether it is open, suspect, ended or expired. Sessions are not stored.

// Sessions returns the person's sessions as they stand at now, device by device and
// oldest first, without those that are not the person's.
func (p *Person) Sessions(now time.Time, w World) []Session {
	w.room = nil // they are kept
	return slices.DeleteFunc(p.look(now, &w), func(s Session) bool { return s.foreign })
}

// look works out all sessions of the person's devices, foreign ones too.
func (p *Person) look(now time.Time, w *World) []Session {
	var all []Session
	if w.room == nil {
		all = make([]Session, 0, len(p.Facts)+1)
	} else {
		all, w.room.parts = w.room.sessions[:0], w.room.parts[:0]
	}
	strays, miscounting := p.strays(), p.miscounting()
	for i := range p.Facts {
		f := &p.Facts[i]
		if i < len(strays) && strays[i] != nil {
			continue // its marks belong to other facts
		}
		marks := f.Marks
		for j, of := range strays {
			if of == f {
				marks = slices.Concat(marks, p.Facts[j].Marks)
			}
		}
		if len(marks) > len(f.Marks) {
			slices.SortStableFunc(marks, func(a, b Mark) int { return a.compare(&b) })
		}
		all = lives(all, f, marks, !slices.Contains(miscounting, f.Place.Site), w)
	}
	inOrder(all, func(a, b *Session) bool {
		if a.Device != b.Device {
			return a.Device < b.Device
		}
		if c := a.Began.Compare(b.Began); c != 0 {
			return c < 0
		}
		return a.first.Heard.Before(b.first.Heard)
	})
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to].Device == all[from].Device {
			to++
		}
		p.judge(all[from:to], now, w)
		from = to
	}
	if w.room != nil {
		w.room.sessions = all
	}
	mine := 0
	for i := range all {
		if all[i].facts == nil {
			continue
		}
		if mine < i {
			all[mine] = all[i]
		}
		mine++
	}
	return all[:mine]
}

// miscounting returns the sites whose Acct-Session-Times are no counts of seconds, as
// one of the person's sessions there shows: a site has equipment of one kind.
func (p *Person) miscounting() (sites []string) {
	for i := range p.Facts {
		if f := &p.Facts[i]; !plausible(f.Marks) {
			sites = append(sites, f.Place.Site)
		}
	}
	return sites
}

// strays returns, by index, the facts to which other facts of the person belong:
// their records left out the id or the device, or named another address of the
// device. It is nil if there are none.
func (p *Person) strays() (of []*Facts) {
	for i := range p.Facts {
		f := &p.Facts[i]
		if f.ID != "" && !f.nameless() && !f.stopsOnly() {
			continue
		}
		for j := range p.Facts {
			o := &p.Facts[j]
			if j == i || o.ID == "" || o.nameless() || o.Marks[0].NAS != f.Marks[0].NAS {
				continue
			}
			var same bool
			switch {
			case f.ID == "":
				same = f.Device == o.Device && p.alone(o)
			case f.nameless():
				same = f.ID == o.ID
			default:
				same = f.ID == o.ID && len(f.ID) >= longID && !o.stopsOnly()
			}
			if same {
				if of == nil {
					of = make([]*Facts, len(p.Facts))
				}
				of[i] = o
			}
		}
	}
	return of
}

// longID is the length from which Acct-Session-Ids count as random: shorter ones are
// counters, and repeat.
const longID = 12

// nameless reports whether the records named no device.
func (f *Facts) nameless() bool { return strings.HasPrefix(f.Device, noDevice) }

// stopsOnly reports whether there is no sign among the marks.
func (f *Facts) stopsOnly() bool {
	return !slices.ContainsFunc(f.Marks, func(m Mark) bool { return m.sign() })
}

// alone reports whether the device has no other id at the NAS of f.
func (p *Person) alone(f *Facts) bool {
	return !slices.ContainsFunc(p.Facts, func(o Facts) bool {
		return o.ID != "" && o.ID != f.ID && o.Device == f.Device && o.Marks[0].NAS == f.Marks[0].NAS
	})
}

// judge works out whose the sessions of one device are, which of them took over from
// which, and then the state of each.
func (p *Person) judge(all []Session, now time.Time, w *World) {
	for i := range all {
		p.owned(all, i, w)
	}
	for i := range all {
		if all[i].facts != nil {
			all[i].next = overtaken(all, i, w)
		}
	}
	for i := range all {
		if all[i].facts != nil {
			all[i].stand(all, now, w)
		}
	}
}

// owned works out whose session i is, and where no record said it, at which site. A session that names nobody is the person's if
// they had the device and were there or lingering when it began; else owned drops it.
// A session that names the person began no sooner than somebody else last had the
// device.
func (p *Person) owned(all []Session, i int, w *World) {
	s := &all[i]
	if s.foreign {
		return
	}
	var before *Session
	for j := i - 1; j >= 0 && before == nil; j-- {
		if all[j].facts != nil {
			before = &all[j]
		}
	}
	if s.Site == "" && before != nil && !before.foreign && s.Began.Before(before.life(w).Add(w.longest())) {
		s.Site, s.vague, s.inherits = before.Site, true, true // no record of it said where it is, and the device was there
		if at := s.knownNAS(w).Site; w.Sites[at].Name != "" {
			s.Site = at // … but other records of its NAS were elsewhere
		}
	}
	if s.named {
		for j := range all[:i] {
			if o := &all[j]; o.foreign && !o.elsewhere && o.facts != s.facts && o.Seen.After(s.Began) && !s.exact && !o.beside(s) {
				s.Began = earlier(o.Seen, s.Seen)
			}
		}
		return
	}
	on := false
	switch {
	case before == nil:
		d := p.device(s.Device, s.Site)
		on = d != nil && s.Began.Before(d.Last.Add(w.longest()))
	case before.foreign && !before.elsewhere:
	default:
		on = before.facts == s.facts || !before.ended || s.Began.Before(later(before.life(w), before.held(w)).Add(w.longest()))
	}
	if !on && !s.lone {
		s.facts = nil
	}
}

// beside reports whether another NAS goes on to tell of the station in session s while
// n is told of: an anchor controller keeps the name that its session began with.
func (s *Session) beside(n *Session) bool {
	return s.first.NAS != n.first.NAS && s.Seen.After(n.first.At)
}

// overtaken returns the index of the session that took the device over from session
// i; -1 if none did. Of two sessions the later counts, unless the earlier gave signs
// well after the later's last: the station came back to an access point where its
// session had gone on. It takes some minutes to tell, because an access point goes on
// to send interims of a station that has left it.
func overtaken(all []Session, i int, w *World) int {
	s := &all[i]
	for j := len(all) - 1; j >= 0; j-- {
		n := &all[j]
		if j == i || n.facts == nil || n.lone && n.Age == 0 {
			continue
		}
		switch {
		case j > i && !s.Seen.After(n.life(w).Add(ghostTime)):
			return j
		case j < i && n.foreign && n.Seen.After(s.life(w).Add(ghostTime)):
			return j
		case j < i && n.Seen.After(s.life(w).Add(returnTime)) && !n.left():
			return j
		}
	}
	return -1
}

// left reports whether the session ended in a way that does not show that the
// station was there until then: another session of it may have gone on.
func (s *Session) left() bool {
	return s.ended && (s.Cause == IdleTimeout || s.Cause.Infrastructure() || s.end.Status == Other)
}

// ghostTime is how long an access point sends interims of a station that has left it.
const ghostTime = 5 * time.Minute

// stand sets the state of the session at now, and when time alone changes it.
func (s *Session) stand(all []Session, now time.Time, w *World) {
	p := &s.facts.Place
	s.SSID, s.NAS, s.AP, s.BSSID, s.Multi = p.SSID, p.NAS, p.AP, p.BSSID, p.Multi
	s.Interim = s.interval(w)
	s.Hold = s.held(w)
	if s.lone {
		s.Seen = s.Ended
	}
	switch {
	case s.next >= 0 && (!s.ended || s.Cause == NASSilent && s.back.IsZero() || !all[s.next].Began.After(s.Hold)):
		s.State, s.Hold = Ended, time.Time{}
		if !s.ended {
			s.Ended, s.Cause = later(s.Seen, all[s.next].Began), Superseded
			s.twin = slices.ContainsFunc(all, func(o Session) bool { return o.first.NAS != s.first.NAS && within(o.Began, s.Began, moment) })
			if n := &all[s.next]; n.foreign && !n.elsewhere {
				s.Cause = Renamed
			}
		}
	case !s.ended:
		s.State = Open
		s.Until = s.expires(w)
		if silent := s.silent(w); !silent.IsZero() {
			s.Until = earlier(s.Until, silent)
		}
	case s.Cause == NASSilent && s.back.IsZero():
		s.State = Suspect
	case now.Before(s.Hold):
		s.State, s.Until = Suspect, s.Hold
	case s.Cause == MaxSession:
		s.State = Expired
	default:
		s.State = Ended
	}
}

// held returns until when an ended session is held as present; zero if it is
// not.
func (s *Session) held(w *World) (until time.Time) {
	if !s.ended {
		return until
	}
	if s.end.Status == Stop && s.Cause.Infrastructure() {
		until = s.end.Heard.Add(w.OutageHold)
	}
	if !s.hold.IsZero() {
		until = later(until, s.hold.Add(w.OutageHold))
	}
	if !s.back.IsZero() {
		until = later(until, s.back.Add(w.OutageHold))
	}
	return until
}

// interval returns the interval between the session's interims: its own if known,
// else its NAS's; 0 if neither is known.
func (s *Session) interval(w *World) time.Duration {
	nas := w.NAS(s.facts.Place.NAS).Interval
	if nas < 0 { // nothing ends by silence there
		return 0
	}
	if own := s.rhythm.interval(); own > 0 {
		return own
	}
	return nas
}

// silent returns when the session will be found silent: after three missed interims
// and the time in which controllers send again; zero if no interval is known, and so
// no interim is missed.
func (s *Session) silent(w *World) time.Time {
	if s.Interim == 0 {
		return time.Time{}
	}
	silent := later(s.Heard.Add(max(missedInterims*s.Interim+retryTime, minSilence, s.rhythm.outlasts()+retryTime)), w.Listening.Add(s.Interim+retryTime))
	if nas := w.NAS(s.facts.Place.NAS); nas.Others > 0 && nas.heardAfter(s.Heard.Add(s.Interim)).IsZero() { // is it one session, or all of its NAS?
		silent = later(silent, nas.Heard.Add(nas.gap()+retryTime))
	}
	return silent
}

// spoke reports whether the session's NAS was heard without a break since the
// session's latest record, and also after the next one was due.
func (s *Session) spoke(nas *NAS) bool {
	return !nas.heardAfter(s.Heard.Add(s.Interim)).IsZero() && !nas.Since.After(s.Heard)
}

// expires returns when max_session ends the session, counted from the arrival of its
// latest record, or from the event time if that record was older than max_session.
func (s *Session) expires(w *World) time.Time {
	if s.Heard.Sub(s.Seen) >= w.MaxSession {
		return s.Seen.Add(w.MaxSession)
	}
	return s.Heard.Add(w.MaxSession)
}

// finding returns what the world says of the session at now, as a mark to be kept
// because the world moves on; false if it says nothing new.
func (s *Session) finding(now time.Time, w *World) (Mark, bool) {
	m := Mark{Status: Other, At: s.Seen, Heard: now, Age: -1, Whose: Unsaid, NAS: s.nas}
	nas := w.NAS(s.facts.Place.NAS)
	for _, r := range nas.Resets {
		if r.covers(s) {
			return r.mark(s), true
		}
	}
	boot := nas.cameUp(s, w)
	switch {
	case s.State == Open && s.exact && s.boot.IsZero() && !boot.IsZero():
		m.At, m.Heard, m.Cause = s.Began, boot, NASBack
	case s.State == Open && !now.Before(s.expires(w)):
		m.Cause = MaxSession
	case s.State == Open && s.Interim > 0 && !now.Before(s.silent(w)):
		m.Cause = Silence
		if nas.Others > 0 && !s.spoke(&nas) { // one station alone on an access point proves nothing
			m.Cause = NASSilent
		}
	case s.State == Suspect && s.Cause == NASSilent && !now.Before(s.expires(w)):
		m.Cause = MaxSession
	case s.State == Suspect && s.Cause == NASSilent && s.back.IsZero():
		again := nas.heardAfter(s.Heard.Add(s.Interim))
		if again.IsZero() {
			return m, false
		}
		m.At, m.Cause = later(again, s.Seen), NASBack
	case s.State == Ended && s.end.Status == Stop && s.hold.IsZero() && nas.fellWith(s):
		m.At, m.Heard, m.Cause = s.Ended, nas.Fell, MassEnd
	default:
		return m, false
	}
	return m, true
}
