package presence

import (
	"slices"
	"time"
)

// What comes in: a visit, and the stay that is behind it. What goes out: how the visit
// stands, why, and until when. That decides departures, and is what packages that tell of
// people are given.

// View is a person with sessions and outlooks as of a moment, for packages that tell
// of people.
type View struct {
	*Person
	Sessions []Session          // device by device, oldest first
	Outlooks map[string]Outlook // of the open visits, by id
}

// View returns the view of the person at now, made by the code that decides.
func (p *Person) View(now time.Time, w World) View {
	w.room = nil // it is kept
	c := p.picture(now, &w)
	view := View{Person: p, Outlooks: map[string]Outlook{}}
	for i := range p.Visits {
		if v := &p.Visits[i]; v.State != Over {
			view.Outlooks[v.ID] = c.outlook(v)
		}
	}
	view.Sessions = slices.DeleteFunc(c.sessions, func(s Session) bool { return s.foreign })
	return view
}

// LiveDevices returns how many of the person's devices are alive at the site.
func (v *View) LiveDevices(site string) (n int) {
	last := ""
	for i := range v.Sessions {
		if s := &v.Sessions[i]; s.Live() && s.Site == site && s.Device != last {
			n, last = n+1, s.Device
		}
	}
	return n
}

// picture works out the sessions and stretches of the person at now.
func (p *Person) picture(now time.Time, w *World) *picture { return p.pictured(p.look(now, w), now, w) }

// pictured is picture of sessions that have been worked out.
func (p *Person) pictured(sessions []Session, now time.Time, w *World) *picture {
	c := &picture{Person: p, w: w, now: now, sessions: sessions}
	if p.beside == nil { // else it is drawn under each of the rules
		c.draw()
	}
	return c
}

// draw works out the stretches, once.
func (c *picture) draw() {
	if c.parts != nil {
		return
	}
	for i := range c.sessions { // what stretches says of it depends on the rules
		c.sessions[i].divides = false
	}
	c.parts = c.stretches(c.sessions, c.now, c.w)
}

// of returns the stay of the visit. It is not there if the facts show none any
// more; then of returns what the devices show since the arrival.
func (c *picture) of(v *Visit) (y stay, there bool) {
	site := c.site(v.Site)
	day := site.Day(v.Arrived, c.w.DayStarts)
	y, there = firstStay(c.parts, site, day, site.NextDay(v.Arrived, c.w.DayStarts), c.floorAt(v.Site), v.Arrived, c.w)
	if there {
		return y, true
	}
	// The arrival turned out to be yesterday's: a device that is there stays.
	for i := range c.parts {
		s := &c.parts[i]
		if s.site == v.Site && s.raw.After(v.Arrived) {
			y.extend(s)
		}
	}
	if y.from = v.Arrived; y.to.IsZero() {
		y.to, y.raw, y.due, y.why = v.Arrived, v.Arrived, v.Arrived, HeldByLinger
	}
	return y, false
}

func (c *picture) site(name string) Site {
	site, ok := c.w.Sites[name]
	if !ok {
		site.Name = name
	}
	return site
}

// outlook returns the outlook of a visit. Only judged decides how a visit stands and
// until when, but for those of a shared account, which [Person.withdraw] ends.
func (c *picture) outlook(v *Visit) Outlook {
	y, _ := c.of(v)
	return c.judged(v, &y)
}

// judged returns the outlook of a visit with the stay y.
func (c *picture) judged(v *Visit, y *stay) Outlook {
	o := Outlook{At: c.now}
	turn := v.endOfDay(c.w.Rules)
	switch {
	case y.alive && !c.now.Before(turn):
		o.State, o.Why, o.end, o.departed = Over, "the day turned while devices were still there", DayTurned, turn
		return o
	case y.alive:
		o.State, o.Why, o.Until = Present, "a device is here", earlier(y.until, turn)
		if y.until.IsZero() {
			o.Until = turn
		}
	default:
		o.State, o.Since = Leaving, y.to
		o.Until, o.Held = c.departure(y)
		if o.Why = whyHeld[o.Held]; !o.Until.IsZero() && !c.now.Before(o.Until) {
			o.State, o.Why, o.Until, o.Held = Over, "every device has been gone for linger", time.Time{}, ""
			if y.last.linger > c.w.Linger {
				o.Why = "every device has been gone for " + string(y.last.why) + "'s linger"
			}
			if o.end, o.departed = Left, later(y.to, v.Arrived); y.last.unknown {
				o.end = Unknown
			}
			return o
		}
	}
	if v.State != Arriving {
		return o
	}
	settled, held := v.Arrived.Add(c.w.Settle), HeldBySettle
	if y.old {
		if news := later(c.w.Holding, c.newsUntil()); news.After(settled) {
			settled, held = news, HeldByOldNews
		}
	}
	if !y.divided.IsZero() { // a Stop may have been overtaken by this Start
		if order := y.divided.Add(2 * moment); order.After(settled) {
			settled, held = order, HeldByOldNews
		}
	}
	if c.now.Before(settled) {
		o.State, o.Held, o.Why = Arriving, held, whyHeld[held]
		if o.Until.IsZero() || settled.Before(o.Until) {
			o.Until = settled
		}
	} else if !y.alive && y.to.Before(v.Arrived.Add(c.w.Settle)) {
		o.State = Arriving // and gone again before it had settled
	}
	return o
}

// newsUntil returns until when more old news may contradict the facts: for a while
// after the latest old news, and as long as its client goes on sending such, but no
// longer than behindMost.
func (c *picture) newsUntil() time.Time {
	if c.News.IsZero() || c.w.Behind == nil {
		return c.News
	}
	until := c.w.Behind(c.Client)
	if most := c.News.Add(behindMost); until.After(most) {
		until = most
	}
	return later(c.News, until)
}

// departure returns when a departure is believed, of a person whose devices are all
// gone, and what it waits for; zero if that depends on more than time.
func (c *picture) departure(y *stay) (due time.Time, why HeldBy) {
	due, why = y.due, y.why
	delay := func(until time.Time, by HeldBy) {
		if until.After(due) {
			due, why = until, by
		}
	}
	for i := range c.parts { // a device may have come back unheard, to any NAS where one was lately
		s := &c.parts[i]
		if y.last.unknown || s.site != y.last.site || s.raw.Before(y.raw.Add(-s.linger)) {
			continue
		}
		if nas := s.nas(c.w); c.now.Before(nas.Heard.Add(deafMost)) && nas.silent(c.now) && nas.Heard.Add(nas.gap()).Before(due) && !nas.Heard.Before(y.raw.Add(-nas.gap())) {
			return time.Time{}, HeldByNAS
		} else if nas.speaks() && nas.Since.After(y.raw) {
			delay(nas.Since.Add(c.w.OutageHold), HeldByNAS)
		}
	}
	delay(c.w.Holding, HeldByListening)
	if s := y.last.session; s != nil && y.raw.Before(c.w.Listening) {
		nas := y.last.nas(c.w)
		if unheard := c.w.Listening.Sub(nas.Heard) > nas.gap() || nas.Since.After(y.raw); unheard { // a device that came back meanwhile is heard at its next interim
			delay(c.w.Listening.Add(min(s.Interim+retryTime, c.w.Linger)), HeldByListening)
		}
	}
	delay(c.newsUntil(), HeldByOldNews)
	return due, why
}
