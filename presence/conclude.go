package presence

import (
	"slices"
	"strings"
	"time"
)

// What comes in: the stays at a site. What goes out: the person's visits there,
// brought in line with them. Only what took effect at the desk is final.

// conclude brings the person's visits in line with what is known at now, and
// returns when time alone will change them next; zero if it will not.
func (p *Person) conclude(c *picture) (next time.Time) {
	for _, site := range p.sites(c.parts) {
		for i := range p.Visits {
			if v := &p.Visits[i]; v.Site == site && v.State != Over {
				next = earlier(next, p.updateVisit(v, c))
			}
		}
		p.Visits = slices.DeleteFunc(p.Visits, func(v Visit) bool { return v.State == Over && v.Arrived.IsZero() })
		for p.arrives(site, c) {
			next = earlier(next, p.updateVisit(&p.Visits[len(p.Visits)-1], c))
		}
	}
	p.waitElsewhere(c)
	return earlier(next, c.wait)
}

// sites returns the sites at which the person was, or has an open visit.
func (p *Person) sites(parts []stretch) (sites []string) {
	add := func(site string) {
		if !slices.Contains(sites, site) {
			sites = append(sites, site)
		}
	}
	for i := range p.Visits {
		if v := &p.Visits[i]; v.State != Over {
			add(v.Site)
		}
	}
	for i := range parts {
		add(parts[i].site)
	}
	return sites
}

// updateVisit brings an open visit in line with its stay, and returns when time
// alone will change it next.
func (p *Person) updateVisit(v *Visit, c *picture) (next time.Time) {
	y, there := c.of(v)
	if !there && v.State == Arriving {
		v.State, v.Arrived = Over, time.Time{} // nobody has arrived: it is taken out
		return time.Time{}
	}
	switch {
	case !there || v.Arrived.Equal(y.from):
	case v.State == Arriving:
		v.Arrived, v.ID = y.from, p.visitID(v.Site, y.from)
	case y.from.Before(v.Arrived): // only sooner: the facts of the arrival may have been dropped since
		v.Arrived = y.from
	}
	was, gone, o := v.State, v.Outlook.Since, c.judged(v, &y)
	v.State, v.Outlook = o.State, o
	switch {
	case o.State == Over:
		if o.end != DayTurned {
			p.floor(v.Site, later(later(y.raw, o.departed), y.from.Add(1))) // what it began with begins no other
		}
		p.over(v, o.end, o.departed, c.now, o.Why, *c.w)
		return time.Time{}
	case o.State == Arriving:
		v.CheckIn.Next = o.Until
	case was == Arriving:
		if !v.dropped() {
			v.CheckIn.Status, v.CheckIn.Next = Pending, c.now
		}
		p.tell(v.Arrived, Concluded, "arrived at "+v.Site)
	}
	if was != o.State && o.State == Leaving {
		p.tell(y.to, Concluded, "leaving "+v.Site)
	}
	if was == Leaving && o.State == Present {
		v.comeBack(gone, c.now)
		p.tell(c.now, Concluded, "back at "+v.Site)
	}
	switch {
	case o.State == Present: // before that the end of a session changes it, which has a wake of its own
		return v.endOfDay(c.w.Rules)
	case o.Until.IsZero(): // it depends on the world, which tells nobody
		return c.now.Add(nasGap)
	}
	return o.Until
}

// arrives opens a visit for the first stay of the site's day that has none, and
// reports whether there was one. A stay that was over before it was heard of
// becomes a visit too, which nobody is checked in for.
func (p *Person) arrives(name string, c *picture) bool {
	site := c.site(name)
	day, next := site.Day(c.now, c.w.DayStarts), site.NextDay(c.now, c.w.DayStarts)
	for i := range p.Visits {
		if v := &p.Visits[i]; v.Site == name && v.State != Over && !v.Arrived.Before(day) {
			return false
		}
	}
	y, there := firstStay(c.parts, site, day, next, p.floorAt(name), time.Time{}, c.w)
	if !there {
		return false
	}
	if !y.alive && !c.now.Before(y.due) { // who is gone is never believed to have arrived
		if wait := later(c.w.Holding, c.newsUntil()); c.now.Before(wait) {
			c.wait = earlier(c.wait, wait)
			return false
		}
	}
	p.arrive(name, &y, c)
	return true
}

// arrive opens a visit. It takes over the bookings that an earlier visit checked in
// and has not checked out yet.
func (p *Person) arrive(site string, y *stay, c *picture) {
	v := Visit{User: p.User, Site: site, Arrived: y.from, State: Arriving}
	v.ID = p.visitID(v.Site, v.Arrived)
	v.CheckIn = Errand{Status: Waiting, Next: v.Arrived.Add(c.w.Settle)}
	v.CheckOut = Errand{Status: Waiting}
	for i := range p.Visits {
		if old := &p.Visits[i]; old.Site == site && old.State == Over && old.CheckOut.open() && !old.dropped() && !old.underWay(c.now) {
			p.handOver(old, &v, c.now)
		}
	}
	p.Visits = append(p.Visits, v)
}

// visitID names a visit by user, site and arrival, and also by the end of the stay
// before it if a visit of the same name exists.
func (p *Person) visitID(site string, arrived time.Time) string {
	id := visitID(p.User, site, arrived)
	if slices.ContainsFunc(p.Visits, func(v Visit) bool { return v.ID == id }) {
		return visitID(p.User, site+"\x00"+p.floorAt(site).UTC().Format(time.RFC3339Nano), arrived)
	}
	return id
}

// handOver gives up the check-out of an old visit, because the person is back, and
// hands the bookings that it checked in to the new visit.
func (p *Person) handOver(old, v *Visit, now time.Time) {
	const why = "came back before the check-out got through"
	old.skip(&old.CheckOut, why)
	for _, c := range old.Claims {
		if c.Out.IsZero() {
			v.inherit(c)
		}
	}
	p.tell(now, NotDone, old.checkOutOf(now)+why)
}

// checkOutOf begins a line about the visit's check-out: of the bookings that are checked
// in by it still, and not of those that it has checked out.
func (v *Visit) checkOutOf(now time.Time) string {
	if held := v.Held(now); len(held) > 0 {
		return actions[checkingOut].verb + strings.Join(held, ", ") + ": "
	}
	return "check-out of visit " + v.ID + ": "
}

// underWay reports whether a check-out call is being made whose answer is not
// recorded yet.
func (v *Visit) underWay(now time.Time) bool {
	return v.State == Over && v.CheckOut.Next.After(now) && v.leased()
}

// over ends the visit at the time departed.
func (p *Person) over(v *Visit, end End, departed, now time.Time, why string, w World) {
	v.State, v.End, v.Departed, v.Believed = Over, end, departed, now
	p.tell(departed, Concluded, "left "+v.Site+": "+why)
	if v.CheckIn.open() {
		v.skip(&v.CheckIn, "the visit was over before a booking was checked in")
	}
	switch {
	case end == DayTurned || end == Withdrawn:
		v.skip(&v.CheckOut, why)
	case w.CheckOut == CheckOutNever:
		v.skip(&v.CheckOut, "check_out is never")
	case w.CheckOut != CheckOutAll && !v.touched():
		v.skip(&v.CheckOut, "nothing was checked in by us on this visit")
	case v.dropped():
		v.CheckOut = v.given(v.CheckOut, v.CheckOut.Reason)
	case departed.Sub(v.Arrived) < w.Brief && !v.running(now).IsZero():
		v.CheckOut = Errand{Status: Waiting, Next: v.running(now), Reason: passedBy}
	default:
		v.CheckOut = Errand{Status: Pending, Next: later(departed, now)} // due when it is found
		return
	}
	p.tell(departed, NotDone, "check-out: "+v.CheckOut.Reason)
}

// passedBy is why nothing is checked out after a stay of a moment: whoever only
// passed by, or whose laptop woke for a minute, finds the desk when they come.
const passedBy = "a stay shorter than brief: the desk is kept until its booking ends"

// elsewhereStill is why a check-out waits: nothing but linger ended the visit,
// and the person is at another site of the organisation.
const elsewhereStill = "present at another site: no running booking here is checked out because of linger alone"

// waitElsewhere puts the check-outs of bookings that still run off while the
// person is at another site, and makes them due once they are not.
func (p *Person) waitElsewhere(c *picture) {
	for i := range p.Visits {
		v := &p.Visits[i]
		if v.State != Over || !v.CheckOut.open() || v.dropped() || v.underWay(c.now) {
			continue
		}
		runs := v.running(c.now)
		switch waits := !c.w.CheckOutElsewhere && runs.After(c.now) && p.elsewhere(v.Site); {
		case waits && v.CheckOut.Reason != elsewhereStill:
			v.CheckOut.Status, v.CheckOut.Next, v.CheckOut.Reason = Waiting, runs, elsewhereStill
			p.tell(c.now, NotDone, v.checkOutOf(c.now)+elsewhereStill)
		case !waits && v.CheckOut.Reason == elsewhereStill:
			v.CheckOut.Status, v.CheckOut.Next, v.CheckOut.Reason = Pending, c.now, ""
		}
	}
}

// running returns when the last of the visit's bookings ends that is checked in;
// zero if none runs.
func (v *Visit) running(now time.Time) (until time.Time) {
	for _, claim := range v.Claims {
		if !claim.In.IsZero() && claim.Out.IsZero() && now.Before(claim.End) {
			until = later(until, claim.End)
		}
	}
	return until
}

// elsewhere reports whether the person is present at another site, or leaving it.
func (p *Person) elsewhere(site string) bool {
	return slices.ContainsFunc(p.Visits, func(v Visit) bool {
		return v.Site != site && (v.State == Present || v.State == Leaving)
	})
}

// gone returns when the last device at the visit's site was last seen; zero while
// one is there.
func (p *Person) gone(v *Visit) time.Time {
	if v.State != Leaving {
		return time.Time{}
	}
	return v.Outlook.Since
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

// archive removes the visits that are over and have nothing left to do at the desk,
// and returns them with their part of the story, for the history.
func (p *Person) archive() (archived []Visit) {
	if slices.ContainsFunc(p.Visits, func(v Visit) bool { return v.settled() }) && p.Want(AllLines) {
		return nil
	}
	p.Visits = slices.DeleteFunc(p.Visits, func(v Visit) bool {
		if !v.settled() {
			return false
		}
		v.Story = append(v.Story, p.since(v.Arrived)...)
		archived = append(archived, v)
		return true
	})
	return archived
}

// since returns the part of the story that is about a visit since then.
func (p *Person) since(arrived time.Time) (lines []Entry) {
	for _, e := range p.Story {
		if !e.At.Before(arrived.Add(-fresh)) {
			lines = append(lines, e)
		}
	}
	return lines
}

// settled reports whether the visit is over, and nothing is left to do at the desk.
func (v *Visit) settled() bool { return v.State == Over && !v.CheckIn.open() && !v.CheckOut.open() }

// withdraw ends the visits at the sites.
func (p *Person) withdraw(sites []string, now time.Time, w *World) {
	for _, site := range sites {
		p.floor(site, now)
		for i := range p.Visits {
			if v := &p.Visits[i]; v.Site == site && v.State != Over {
				p.over(v, Withdrawn, now, now, "more than max_devices live devices: a shared account", *w)
			}
		}
	}
}
