package presence

import (
	"slices"
	"time"
)

// Person is everything remembered about one user, and the unit of update:
// whatever must change together is inside it.
type Person struct {
	User     string    `json:"user"`
	Sessions []Session `json:"sessions,omitempty"` // live ones, and tombstones of those that ended
	Devices  []Device  `json:"devices,omitempty"`
	Visits   []Visit   `json:"visits,omitempty"` // not yet settled with the desk
	Story    []Entry   `json:"story,omitempty"`  // what was heard and concluded lately, oldest first
	Wake     time.Time `json:"wake,omitzero"`    // the earliest moment at which time alone changes something
	Errand   time.Time `json:"errand,omitzero"`  // the earliest moment at which the courier has something to do
}

// Device is a station of the person at a site, with its streak: an unbroken
// stay that runs on over gaps shorter than linger.
type Device struct {
	ID     string    `json:"id"` // as Sighting.Device
	Site   string    `json:"site"`
	Began  time.Time `json:"began"`            // when the streak began
	Last   time.Time `json:"last"`             // latest event time in the streak
	Closed bool      `json:"closed,omitempty"` // the visit that it carried is over; what comes next is another streak
}

// Hear takes a sighting in. The same sighting again changes nothing, and so
// does one that the future has overtaken. It returns the visits that are
// settled with the desk.
func (p *Person) Hear(n Sighting, w World) []Visit {
	now := later(n.Heard, w.Passed)
	var settled []Visit
	if !n.Heard.Before(p.Wake) { // else it came before time changed anything, even if it was kept for a commit
		settled = p.Advance(now, w)
	}
	p.merge(n, w)
	return append(settled, p.Advance(now, w)...)
}

// Advance lets time pass up to now and concludes what follows.
func (p *Person) Advance(now time.Time, w World) []Visit {
	p.Wake = p.pass(now, w)
	for _, site := range p.sites() {
		p.Wake = earlier(p.Wake, p.conclude(site, now, w))
	}
	p.prune(now, w)
	settled := p.settle()
	p.Errand = p.errand()
	return settled
}

// Supersede ends the device's live sessions at the event time t, because the
// device went over to another user; heard is when that was learned.
func (p *Person) Supersede(device string, t, heard time.Time, w World) []Visit {
	settled := p.Advance(heard, w)
	for i := range p.Sessions {
		if s := &p.Sessions[i]; s.Device == device && s.Live() && !s.Began.After(t) && !s.Seen.After(t) {
			s.end(t, Renamed, time.Time{})
			p.touch(s.Device, s.Site, s.Began, t, w)
			p.tell(t, Heard, s.Device+" went over to another user")
		}
	}
	return append(settled, p.Advance(heard, w)...)
}

// Reset is an Accounting-On or Accounting-Off.
type Reset struct {
	NAS   string    `json:"nas"`
	BSSID string    `json:"bssid,omitempty"` // covers only this BSS, if it names one
	At    time.Time `json:"at"`
	Heard time.Time `json:"heard"`
}

// covers reports whether the reset ended the session: one on that NAS, that
// began before and was not seen alive since.
func (r Reset) covers(s *Session) bool {
	if s.NAS != r.NAS || !s.Began.Before(r.At) || s.Seen.After(r.At) {
		return false
	}
	return s.Live() && (r.BSSID == "" || r.BSSID == s.BSSID) || r.follows(s)
}

// stopBeforeOff is how long before its Accounting-Off a NAS that shuts down
// stops its sessions.
const stopBeforeOff = 2 * time.Second

// follows reports whether the session was stopped for the reset's reason:
// hostapd, when it is shut down, stops every session without a cause and then
// says Accounting-Off. An ended session knows its BSS no longer.
func (r Reset) follows(s *Session) bool {
	return s.State == Ended && s.Cause == 0 && !s.Ended.After(r.At) && r.At.Sub(s.Ended) <= stopBeforeOff
}

// Covers reports whether the reset ended any session of p.
func (r Reset) Covers(p Person) bool {
	for i := range p.Sessions {
		if r.covers(&p.Sessions[i]) {
			return true
		}
	}
	return false
}

// Reset makes the sessions that r covers suspect: their stations have
// outage_hold to come back, and are taken to have left when last seen if they
// do not.
func (p *Person) Reset(r Reset, w World) []Visit {
	settled := p.Advance(r.Heard, w)
	for i := range p.Sessions {
		s := &p.Sessions[i]
		if !r.covers(s) {
			continue
		}
		if s.State != Suspect {
			p.tell(r.At, Heard, "the NAS was reset under "+s.Device)
		}
		ended := later(s.Seen, s.Ended)
		if s.State == Open && s.Interim == 0 { // nothing was to be heard of it, so it was alive until now
			ended = later(ended, r.At)
			p.touch(s.Device, s.Site, s.Began, ended, w)
		}
		s.end(ended, NASReset, later(s.Hold, r.Heard.Add(w.OutageHold)))
	}
	return append(settled, p.Advance(r.Heard, w)...)
}

// Zap ends the sessions that match, by an operator's word.
func (p *Person) Zap(match func(Session) bool, now time.Time, w World) []Visit {
	settled := p.Advance(now, w)
	for i := range p.Sessions {
		if s := &p.Sessions[i]; s.Live() && match(*s) {
			s.end(s.Seen, Zapped, time.Time{})
			p.tell(now, Heard, "an operator ended the session of "+s.Device)
		}
	}
	return append(settled, p.Advance(now, w)...)
}

// pass lets time end sessions, and returns when it will end the next.
func (p *Person) pass(now time.Time, w World) (next time.Time) {
	for i := range p.Sessions {
		s := &p.Sessions[i]
		if s.State == Ended && w.NAS(s.NAS).fellWith(s, now, w.OutageHold) {
			s.end(s.Ended, s.Cause, w.NAS(s.NAS).Fell.Add(w.OutageHold))
			p.tell(s.Ended, Concluded, s.Device+" ended together with most others on its NAS: held for outage_hold")
		}
		if !s.Live() {
			continue
		}
		next = earlier(next, s.pass(now, w))
		if !s.Live() {
			p.tell(s.Ended, Concluded, s.Device+" is gone: "+s.Cause.String())
		}
	}
	return next
}

// merge joins the sighting with what is known, in any order of arrival:
// the latest sign of life and the latest end count.
func (p *Person) merge(n Sighting, w World) {
	s := p.session(n)
	switch {
	case s == nil && n.Status == Stop:
		p.unknownStop(n, w)
	case s == nil:
		p.begin(n, w)
	case n.Status == Stop:
		p.stop(s, n, w)
	case n.renews(s):
		p.renew(s, n, w)
	case s.Live():
		p.sign(s, n, w)
	case n.Status == Start:
		// Overtaken by its own Stop.
		if s.Exact && !n.At.Equal(s.Began) {
			return // of an earlier session with the same id
		}
		s.Began, s.Exact = n.At, true
		p.supersede(s, n.At, w)
		p.touch(s.Device, s.Site, earlier(s.Began, s.Ended), s.Ended, w)
	case n.after(s) && !(s.Cause == Superseded && p.newer(s) != nil):
		p.tell(n.At, Heard, n.Device+" is alive after all")
		p.sign(s, n, w)
	}
}

// session finds the session that the sighting is about: by Acct-Session-Id
// with the device, else by the device and its NAS. Neither address nor NAS
// tells sessions apart, because some controllers keep one session over roams.
func (p *Person) session(n Sighting) *Session {
	for i := range p.Sessions {
		s := &p.Sessions[i]
		if s.ID == n.Session && s.Device == n.Device && (n.Session != "" || s.NAS == n.NAS) {
			return s
		}
	}
	return nil
}

// renew has a new session take the place of s, whose id it has. The device was
// there all the while.
func (p *Person) renew(s *Session, n Sighting, w World) {
	if s.Live() && s.carriesOn(n.At, w) {
		p.touch(s.Device, s.Site, s.Began, n.At, w)
	}
	*s = p.Sessions[len(p.Sessions)-1]
	p.Sessions = p.Sessions[:len(p.Sessions)-1]
	p.begin(n, w)
	p.Sessions[len(p.Sessions)-1].Exact = true // what is told of sooner is of the session before
}

// begin takes in a session never heard of. An Interim for one is a Start at
// event time less Acct-Session-Time.
func (p *Person) begin(n Sighting, w World) {
	s := Session{ID: kept("", n.Session), Device: n.Device, Began: n.began(), Seen: n.At, Exact: n.Status == Start}
	s.alive(n)
	s.Interim = 0
	if n.Heard.Sub(n.At) >= w.MaxSession { // history: it says nothing about now
		s.end(s.Seen, MaxSession, time.Time{})
		s.State = Expired
		p.Sessions = append(p.Sessions, s)
		return
	}
	if next := p.newer(&s); next != nil {
		s.end(later(n.At, next.Began), Superseded, time.Time{})
		p.touch(s.Device, s.Site, s.Began, n.At, w)
		p.Sessions = append(p.Sessions, s)
		return
	}
	p.tell(n.At, Heard, n.Device+" "+n.Status.String()+on(n.SSID))
	p.supersede(&s, n.At, w)
	p.Sessions = append(p.Sessions, s)
	p.touch(s.Device, s.Site, s.Began, n.At, w)
}

// supersede ends the device's live sessions that began before s, at the event
// time t of a sign of s. They were believed alive up to then.
func (p *Person) supersede(s *Session, t time.Time, w World) {
	for i := range p.Sessions {
		old := &p.Sessions[i]
		if old == s || old.Device != s.Device || !old.Live() || old.Began.After(s.Began) {
			continue // an access point that was left goes on to tell of the station for minutes
		}
		if old.carriesOn(t, w) {
			p.touch(old.Device, old.Site, old.Began, t, w)
		}
		old.end(t, Superseded, time.Time{})
	}
}

// newer returns a session of the same device that began later than s and was
// alive later.
func (p *Person) newer(s *Session) *Session {
	for i := range p.Sessions {
		if o := &p.Sessions[i]; o.Device == s.Device && o.Began.After(s.Began) && o.Seen.After(s.Seen) {
			return o
		}
	}
	return nil
}

// sign takes in a sign of life of a known session.
func (p *Person) sign(s *Session, n Sighting, w World) {
	if n.At.Before(s.Began) {
		if s.Exact {
			return // of an earlier session with the same id
		}
		s.Began, s.Exact = n.At, n.Status == Start
	}
	if n.At.After(s.Seen) || s.State != Open && !n.At.Before(s.Ended) {
		if s.Site != n.Site { // it arrives there now
			s.Began, s.Exact = n.At, false
		}
		s.alive(n)
	}
	p.touch(s.Device, s.Site, s.Began, n.At, w)
}

// stop takes in the end of a known session. An end that the session has
// outlived is none, and neither is one of an earlier session with the same id.
func (p *Person) stop(s *Session, n Sighting, w World) {
	if !s.Live() {
		// What ended without a word ended when the NAS says, if that is later.
		if n.At.After(s.Ended) && s.Cause != Superseded {
			s.State = Ended
			s.Ended, s.Cause = n.At, n.Cause
			p.touch(s.Device, s.Site, s.Began, n.At, w)
		}
		return
	}
	if n.precedes(s) {
		return
	}
	if n.At.Before(s.Seen) && (n.Age < s.Age || n.Age == 0 || n.At.Before(s.Began)) {
		return
	}
	if s.State == Suspect && s.Cause == n.Cause && !n.At.After(s.Ended) {
		return // a repeat
	}
	if n.HasAge {
		s.Age = n.Age
	}
	at := later(n.At, s.Seen)
	var hold time.Time
	if n.Cause.Infrastructure() {
		hold = n.Heard.Add(w.OutageHold)
	}
	s.Heard = later(s.Heard, n.Heard)
	p.touch(s.Device, s.Site, s.Began, at, w)
	s.end(at, n.Cause, hold)
	p.tell(n.At, Heard, n.Device+" Stop "+n.Cause.String())
}

// unknownStop remembers the end of a session never heard of, so that what
// arrives late of it opens nothing. It is no arrival; it lengthens a streak
// that is there. What the device was in before it, it left for it.
func (p *Person) unknownStop(n Sighting, w World) {
	began, d := n.began(), p.device(n.Device, n.Site)
	for i := range p.Sessions {
		if s := &p.Sessions[i]; s.Device == n.Device && n.HasAge && s.goesOn(began, w) {
			if s.Live() || d != nil && !d.Closed {
				p.touch(s.Device, s.Site, s.Began, began, w)
			}
			s.end(began, Superseded, time.Time{})
		}
	}
	p.Sessions = append(p.Sessions, Session{
		ID: kept("", n.Session), Device: n.Device, Site: n.Site, SSID: kept("", n.SSID), NAS: n.NAS,
		State: Ended, Began: began, Seen: n.At, Heard: n.Heard, Ended: n.At, Age: n.Age, Cause: n.Cause,
	})
	if d = p.device(n.Device, n.Site); d != nil && !d.Closed && began.Before(d.Last.Add(w.Linger)) {
		d.Last = later(d.Last, n.At)
	}
}

// touch joins a stay of the device at the site, from one event time to
// another, with its streak.
func (p *Person) touch(device, site string, from, to time.Time, w World) {
	d := p.device(device, site)
	switch {
	case d == nil:
		p.Devices = append(p.Devices, Device{ID: device, Site: site, Began: from, Last: to})
	case d.Closed && !to.After(d.Last): // of the stay that is over
	case d.Closed:
		d.Began, d.Last, d.Closed = later(from, d.Last), to, false
	case !from.Before(d.Last.Add(w.Linger)): // away for at least linger
		d.Began, d.Last = from, to
	case !to.After(d.Began.Add(-w.Linger)): // an earlier streak
	default:
		d.Began, d.Last = earlier(d.Began, from), later(d.Last, to)
	}
}

func (p *Person) device(id, site string) *Device {
	for i := range p.Devices {
		if d := &p.Devices[i]; d.ID == id && d.Site == site {
			return d
		}
	}
	return nil
}

// LiveDevices returns how many of the person's devices are alive at the site.
func (p *Person) LiveDevices(site string) int {
	seen := map[string]bool{}
	for i := range p.Sessions {
		if s := &p.Sessions[i]; s.Live() && s.Site == site {
			seen[s.Device] = true
		}
	}
	return len(seen)
}

// shared reports whether more devices are alive than one person has.
func (p *Person) shared(w World) bool {
	seen := make([]string, 0, 8)
	for i := range p.Sessions {
		if s := &p.Sessions[i]; s.Live() && !slices.Contains(seen, s.Device) {
			if seen = append(seen, s.Device); len(seen) > w.MaxDevices {
				return true
			}
		}
	}
	return false
}

func on(ssid string) string {
	if ssid == "" {
		return ""
	}
	return " on " + ssid
}
