package presence

import (
	"slices"
	"time"
)

// late is how old the newest news of an arrival may be to be believed at once.
// Older news is let settle as long again: the rest of a replay may follow, and
// say that the person has left.
const late = time.Minute

// stay is what the streaks of a person's devices say about one site.
type stay struct {
	on      bool      // some streak is alive or lingering
	alive   bool      // some streak is alive
	began   time.Time // when the first of those that are on began
	last    time.Time // the last sign of life of any
	unknown bool      // that sign of life is where max_session ended a session
}

// stayAt sums up the streaks that count as being at the site on the day that
// began at day: those that began on it, within the site's hours or since the
// visit that is on. Only arrivals have hours.
func (p *Person) stayAt(site Site, day, since, now time.Time, w World) (y stay) {
	for i := range p.Devices {
		d := &p.Devices[i]
		if d.Site != site.Name || d.Closed || d.Began.Before(day) ||
			!site.Within(d.Began) && (since.IsZero() || d.Began.Before(since)) {
			continue
		}
		alive, unknown := p.alive(d)
		if d.Last.After(y.last) {
			y.last, y.unknown = d.Last, unknown
		}
		if alive || now.Before(d.Last.Add(w.Linger)) {
			y.on, y.alive = true, y.alive || alive
			y.began = earlier(y.began, d.Began)
		}
	}
	return y
}

// alive reports whether a live session carries the device's streak, and if
// none does, whether it is unknown when the streak ended.
func (p *Person) alive(d *Device) (alive, unknown bool) {
	for i := range p.Sessions {
		s := &p.Sessions[i]
		if s.Device != d.ID || s.Site != d.Site {
			continue
		}
		if s.Live() {
			return true, false
		}
		unknown = unknown || s.State == Expired && !s.Ended.Before(d.Last)
	}
	return false, unknown
}

// sites returns the sites at which the person has a device or an open visit.
func (p *Person) sites() (sites []string) {
	for i := range p.Devices {
		if site := p.Devices[i].Site; !slices.Contains(sites, site) {
			sites = append(sites, site)
		}
	}
	for i := range p.Visits {
		if v := &p.Visits[i]; v.State != Over && !slices.Contains(sites, v.Site) {
			sites = append(sites, v.Site)
		}
	}
	return sites
}

// conclude brings the person's visit to a site in line with the stay there,
// and returns when time alone will change it next; zero if it will not.
func (p *Person) conclude(name string, now time.Time, w World) (next time.Time) {
	site, ok := w.Sites[name]
	if !ok {
		site.Name = name
	}
	shared := p.shared(w)
	v := p.visit(name)
	if v == nil {
		y := p.stayAt(site, site.Day(now, w.DayStarts), time.Time{}, now, w)
		if !y.on || shared {
			return time.Time{}
		}
		v = p.arrive(name, y, now, w)
	}
	turn := site.NextDay(v.Arrived, w.DayStarts)
	y := p.stayAt(site, site.Day(v.Arrived, w.DayStarts), v.Arrived, now, w)
	if y.on && y.began.Before(v.Arrived) && y.began.After(p.leftAt(name)) {
		v.Arrived = y.began
	}
	due := later(y.last.Add(w.Linger), w.Holding)
	switch {
	case shared:
		p.withdraw(name, now)
		p.over(v, Withdrawn, now, "more than max_devices live devices: a shared account", w)
		return time.Time{}
	case y.alive && !now.Before(turn):
		p.over(v, DayTurned, turn, "the day turned while devices were still there", w)
		return time.Time{}
	case !y.alive && !now.Before(due):
		end := Left
		if y.unknown {
			end = Unknown
		}
		p.close(name, now, w)
		p.over(v, end, later(y.last, v.Arrived), "every device has been gone for linger", w)
		return time.Time{}
	}
	if v.State == Arriving {
		if now.Before(v.CheckIn.Next) {
			next = v.CheckIn.Next
		} else if y.alive || !y.last.Before(v.Arrived.Add(w.Settle)) {
			v.State = Present
			v.CheckIn.Status = Pending
			p.tell(v.Arrived, Concluded, "arrived at "+name)
		}
	}
	if v.State != Arriving {
		state := Present
		if !y.alive {
			state = Leaving
		}
		if state != v.State {
			v.State = state
			if state == Present && v.CheckIn.Status == Waiting {
				v.CheckIn.Next = now // something may have become due meanwhile
			}
			p.tell(y.last, Concluded, map[VisitState]string{Present: "back at ", Leaving: "leaving "}[state]+name)
		}
	}
	if y.alive {
		return earlier(next, turn)
	}
	return earlier(next, due)
}

// arrive opens a visit. What an earlier visit checked in and did not get to
// check out is the new visit's to keep.
func (p *Person) arrive(site string, y stay, now time.Time, w World) *Visit {
	v := Visit{User: p.User, Site: site, Arrived: y.began, State: Arriving}
	v.Arrived = later(v.Arrived, p.leftAt(site))
	v.ID = visitID(v.User, v.Site, v.Arrived)
	v.CheckIn = Errand{Status: Waiting, Next: v.Arrived.Add(w.Settle)}
	v.CheckOut = Errand{Status: Waiting}
	if now.Sub(y.last) > late {
		v.CheckIn.Next = later(v.CheckIn.Next, now.Add(late))
	}
	for i := range p.Visits {
		if old := &p.Visits[i]; old.Site == site && old.CheckOut.open() && !old.underWay(now) {
			p.keep(old, &v, now)
		}
	}
	p.Visits = append(p.Visits, v)
	return &p.Visits[len(p.Visits)-1]
}

// keep gives up the check-out of an old visit, because the person is back, and
// hands what it checked in to the new one.
func (p *Person) keep(old, v *Visit, now time.Time) {
	e := &old.CheckOut
	if *e = e.skip("came back before the check-out got through"); len(e.Bookings) > 0 {
		e.Status = old.done() // in part: what is left is kept
	}
	for _, c := range old.Claims {
		if c.Out.IsZero() {
			v.Claims = append(v.Claims, c)
		}
	}
	p.tell(now, NotDone, "check-out of visit "+old.ID+": "+e.Reason)
}

// underWay reports whether a check-out is being made: its answer is still to
// be recorded.
func (v *Visit) underWay(now time.Time) bool {
	return v.State == Over && v.CheckOut.Next.After(now) &&
		slices.ContainsFunc(v.Claims, func(c Claim) bool { return c.Tried.Add(lease).Equal(v.CheckOut.Next) })
}

// gone returns the last sign of life at the visit's site while all devices
// are gone; zero while one is there.
func (p *Person) gone(v *Visit) (last time.Time) {
	if v.State != Leaving {
		return time.Time{}
	}
	for i := range p.Devices {
		if d := &p.Devices[i]; d.Site == v.Site && !d.Closed {
			last = later(last, d.Last)
		}
	}
	return last
}

// over ends the visit at the time departed.
func (p *Person) over(v *Visit, end End, departed time.Time, why string, w World) {
	v.State, v.End, v.Departed = Over, end, departed
	p.tell(departed, Concluded, "left "+v.Site+": "+why)
	if v.CheckIn.open() {
		v.CheckIn = v.CheckIn.skip("the visit was over before a booking was checked in")
	}
	switch {
	case end == DayTurned || end == Withdrawn:
		v.CheckOut = v.CheckOut.skip(why)
	case w.CheckOut == CheckOutNever:
		v.CheckOut = v.CheckOut.skip("check_out is never")
	case w.CheckOut != CheckOutAll && len(v.Claims) == 0:
		v.CheckOut = v.CheckOut.skip("nothing was checked in by us")
	default:
		v.CheckOut = Errand{Status: Pending, Next: departed}
		return
	}
	p.tell(departed, NotDone, "check-out: "+v.CheckOut.Reason)
}

// close closes the streaks that are over at the site: what comes next is
// another stay. A laptop left since yesterday that is off the air just now goes
// on with its own.
func (p *Person) close(site string, now time.Time, w World) {
	for i := range p.Devices {
		d := &p.Devices[i]
		if alive, _ := p.alive(d); d.Site == site && !alive && !now.Before(d.Last.Add(w.Linger)) {
			d.Closed = true
		}
	}
}

// withdraw closes all streaks at the site as of now: another visit begins no
// sooner.
func (p *Person) withdraw(site string, now time.Time) {
	for i := range p.Devices {
		if d := &p.Devices[i]; d.Site == site {
			d.Last, d.Closed = later(d.Last, now), true
		}
	}
}

// visit returns the person's open visit to the site.
func (p *Person) visit(site string) *Visit {
	for i := range p.Visits {
		if v := &p.Visits[i]; v.Site == site && v.State != Over {
			return v
		}
	}
	return nil
}

// leftAt returns when the latest stay at the site ended, as far as that is
// remembered: closed streaks and visits that are not settled yet.
func (p *Person) leftAt(site string) (left time.Time) {
	for i := range p.Visits {
		if v := &p.Visits[i]; v.Site == site && v.State == Over {
			left = later(left, v.Departed)
		}
	}
	for i := range p.Devices {
		if d := &p.Devices[i]; d.Site == site && d.Closed {
			left = later(left, d.Last)
		}
	}
	return left
}

// settle takes out the visits on which the desk has nothing left to do,
// with their part of the story.
func (p *Person) settle() (settled []Visit) {
	p.Visits = slices.DeleteFunc(p.Visits, func(v Visit) bool {
		if v.State != Over || v.CheckIn.open() || v.CheckOut.open() {
			return false
		}
		for _, e := range p.Story {
			if !e.At.Before(v.Arrived.Add(-late)) {
				v.Story = append(v.Story, e)
			}
		}
		settled = append(settled, v)
		return true
	})
	return settled
}

// tell adds a line to the story, once.
func (p *Person) tell(at time.Time, kind EntryKind, text string) {
	e := Entry{At: at, Kind: kind, Text: text}
	if slices.ContainsFunc(p.Story, func(o Entry) bool { return o.At.Equal(at) && o.Kind == kind && o.Text == text }) {
		return
	}
	p.Story = append(p.Story, e)
	if n := len(p.Story); n > maxStory {
		p.Story = slices.Delete(p.Story, 0, n-maxStory)
	}
}

// prune drops the past that nothing late can touch any more, and has the
// person woken when what there is now will be past.
func (p *Person) prune(now time.Time, w World) {
	past := now.Add(-tombstoneAge)
	p.Sessions = slices.DeleteFunc(p.Sessions, func(s Session) bool { return !s.Live() && s.Heard.Before(past) })
	for p.ended() > maxEnded {
		p.buryOldest()
	}
	var newest time.Time
	for i := range p.Sessions {
		if s := &p.Sessions[i]; !s.Live() {
			newest = later(newest, s.Heard)
			p.Wake = earlier(p.Wake, p.unplace(s, now, w))
		}
	}
	p.Devices = slices.DeleteFunc(p.Devices, func(d Device) bool {
		if alive, _ := p.alive(&d); alive {
			return false
		}
		newest = later(newest, d.Last)
		return d.Last.Before(past)
	})
	p.Story = slices.DeleteFunc(p.Story, func(e Entry) bool { return e.At.Before(past) })
	for _, e := range p.Story {
		newest = later(newest, e.At)
	}
	if newest.After(past) {
		p.Wake = earlier(p.Wake, newest.Add(tombstoneAge+time.Second))
	}
}

// unplace drops the NAS of an ended session, which on much equipment is the
// access point, once it does not matter any more whose fault the end was: the
// device has come up elsewhere, or gone for good. It returns when that will
// be, at the latest; zero if it is done. Without an id the NAS is what the
// session is known by.
func (p *Person) unplace(s *Session, now time.Time, w World) time.Time {
	if s.NAS == "" || s.ID == "" {
		return time.Time{}
	}
	until := s.Heard.Add(w.Linger + w.OutageHold)
	d, next := p.device(s.Device, s.Site), p.newer(s)
	if now.Before(until) && (d == nil || !d.Closed) && (next == nil || !next.Live()) {
		return until
	}
	s.NAS = ""
	return time.Time{}
}

// ended returns how many of the sessions are tombstones.
func (p *Person) ended() (n int) {
	for i := range p.Sessions {
		if !p.Sessions[i].Live() {
			n++
		}
	}
	return n
}

// buryOldest forgets the tombstone that was last heard of the longest ago. One
// of a session of hours is as likely to have news come late as one of seconds.
func (p *Person) buryOldest() {
	oldest := -1
	for i := range p.Sessions {
		if s := &p.Sessions[i]; !s.Live() && (oldest < 0 || s.Heard.Before(p.Sessions[oldest].Heard)) {
			oldest = i
		}
	}
	p.Sessions = slices.Delete(p.Sessions, oldest, oldest+1)
}
