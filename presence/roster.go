package presence

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A site's day: bookings beside presence. What comes in: what a reading of the
// building says of everybody, and the day's visits there. What goes out: what became
// of each booking, and who is here without one. It tells what the visits and the
// bookings say, and has nothing kept for it.

// Roll is what a reading of a building says of everybody.
type Roll struct {
	At  time.Time            // of the reading; zero: there is none
	Of  map[string][]Booking // by user
	Why string               // why there is none, or none that is newer
}

// Fate is what became of a booking, or of somebody without one.
type Fate string

// The fates, in the order in which one of several is told of a person.
const (
	FateReleased Fate = "released"   // although its user was here
	FateRefused  Fate = "refused"    // its check-in, so far or for good
	FateByUs     Fate = "checked_in" // by presenced
	FateByOthers Fate = "by_others"  // checked in, and not by presenced
	FateDryRun   Fate = "dry_run"    // would have been checked in
	FateWaiting  Fate = "waiting"    // not checked in, although its user is here, or was
	FateNotSeen  Fate = "not_seen"   // its user has not been here
	FateWithout  Fate = "without"    // there is no booking
)

// Fates are all of them, in that order.
var Fates = []Fate{FateReleased, FateRefused, FateByUs, FateByOthers, FateDryRun, FateWaiting, FateNotSeen, FateWithout}

// Roster is a site's day. Its numbers count people: whoever has a booking counts for
// one fate, and for [FateWithout] who is here without one.
type Roster struct {
	Site    string
	Day     time.Time // when it begins
	Read    time.Time // of the bookings; zero: only those are known that visits had to do with
	Why     string    // why they were not read, or not lately
	Booked  int       // who has a booking for the day
	Here    int       // who is here
	WalkIns int       // for whom a pass was booked, or would have been
	Fates   map[Fate]int
	Rows    []Enrolled // by user, and by when their bookings begin
}

// Enrolled is a line of a roster: a booking of the day, or somebody who was there
// without one.
type Enrolled struct {
	User    string
	Booking Booking // without an id: there is none
	Visit   Visit   // without an id: its user has not been here
	Fate    Fate
	Why     string // what became of it, by the site's clock
	WalkIn  bool   // a pass was booked for them, or would have been
}

// Enrol returns the roster of the site's day that holds at. passes are the users for
// whom one was asked for that day, with the booking that came of it, "" in a dry run.
func Enrol(s Site, at time.Time, roll Roll, visits []Visit, passes map[string]string, r Rules) Roster {
	e := Roster{Site: s.Name, Day: s.Day(at, r.DayStarts), Read: roll.At, Why: roll.Why, Fates: map[Fate]int{}}
	end, theirs := s.NextDay(at, r.DayStarts), map[string][]*Visit{}
	for i := range visits {
		if v := &visits[i]; v.Site == s.Name && v.Arrived.Before(end) && (v.State != Over || v.Departed.After(e.Day)) {
			theirs[v.User] = append(theirs[v.User], v)
		}
	}
	users := slices.AppendSeq(slices.Collect(maps.Keys(theirs)), maps.Keys(roll.Of))
	slices.Sort(users)
	for _, user := range slices.Compact(users) {
		all := theirs[user]
		slices.SortStableFunc(all, func(a, b *Visit) int { return a.Arrived.Compare(b.Arrived) })
		day := siteDay{s, e.Day, end, !roll.At.IsZero()}
		e.add(day.rows(user, roll.Of[user], all), passes)
	}
	return e
}

// add adds the lines of one user, and counts them.
func (e *Roster) add(rows []Enrolled, passes map[string]string) {
	if len(rows) == 0 {
		return
	}
	first := rows[0].Fate
	for i := range rows {
		row := &rows[i]
		pass, asked := passes[row.User]
		row.WalkIn = asked && row.Booking.ID == pass
		if slices.Index(Fates, row.Fate) < slices.Index(Fates, first) {
			first = row.Fate
		}
	}
	here := rows[0].Visit.ID != "" && slices.ContainsFunc(rows, func(row Enrolled) bool { return row.Visit.ID != "" && row.Visit.State != Over })
	if here {
		e.Here++
	}
	if first != FateWithout {
		e.Booked++
	}
	if first != FateWithout || here {
		e.Fates[first]++
	}
	if slices.ContainsFunc(rows, func(row Enrolled) bool { return row.WalkIn }) {
		e.WalkIns++
	}
	e.Rows = append(e.Rows, rows...)
}

// siteDay is a day of a site.
type siteDay struct {
	site       Site
	begin, end time.Time
	read       bool // the bookings were
}

// rows returns the lines of one user, of whom there are those visits of the day, in
// order.
func (d *siteDay) rows(user string, bookings []Booking, visits []*Visit) (rows []Enrolled) {
	for _, b := range d.booked(bookings, visits) {
		row := Enrolled{User: user, Booking: b}
		v, c := latestClaim(visits, b.ID)
		if v != nil {
			row.Visit = *v
		}
		row.Fate, row.Why = d.fate(&b, v, c, visits)
		rows = append(rows, row)
	}
	if n := len(visits); len(rows) == 0 && n > 0 {
		rows = append(rows, Enrolled{User: user, Visit: *visits[n-1], Fate: FateWithout, Why: visits[n-1].CheckIn.Reason})
	}
	return rows
}

// booked returns the bookings of the day that somebody is expected by: what a reading
// says, and what visits had to do with and no reading tells of any more.
func (d *siteDay) booked(read []Booking, visits []*Visit) (all []Booking) {
	for _, b := range read {
		_, c := latestClaim(visits, b.ID)
		ours := c != nil && !c.In.IsZero()
		if wanted := b.Status != Cancelled || b.Taken || !b.Released.IsZero() || ours; wanted && b.Eligible && !b.Guest && d.holds(b.Begin, b.End) {
			all = append(all, b)
		}
	}
	for _, v := range visits {
		for _, c := range v.Claims {
			known := func(b Booking) bool { return b.ID == c.Booking }
			if told := d.read && c.In.IsZero(); !told && d.holds(c.Begin, c.End) && !slices.ContainsFunc(read, known) && !slices.ContainsFunc(all, known) {
				all = append(all, Booking{ID: c.Booking, Begin: c.Begin, End: c.End})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Booking) int { return cmp.Or(a.Begin.Compare(b.Begin), cmp.Compare(a.ID, b.ID)) })
	return all
}

func (d *siteDay) holds(begin, end time.Time) bool {
	return begin.Before(d.end) && (end.After(d.begin) || end.IsZero() && !begin.Before(d.begin))
}

// latestClaim returns the latest visit, and the claim on the booking of the latest that
// checked it in, or else of the latest that has one.
func latestClaim(visits []*Visit, booking string) (latest *Visit, claim *Claim) {
	for _, v := range slices.Backward(visits) {
		if latest == nil {
			latest = v
		}
		if c := v.claim(booking); c != nil && (claim == nil || claim.In.IsZero() && !c.In.IsZero()) {
			claim = c
		}
	}
	return latest, claim
}

// fate returns what became of the booking, whose latest visit is v with the claim c.
func (d *siteDay) fate(b *Booking, v *Visit, c *Claim, visits []*Visit) (Fate, string) {
	lost := slices.IndexFunc(visits, func(v *Visit) bool { return v.lost(b) })
	switch {
	case c != nil && !c.In.IsZero() && c.DryRun:
		return FateDryRun, "would have been " + d.did(c)
	case c != nil && !c.In.IsZero():
		return FateByUs, d.did(c)
	case b.Method == "wifi" && b.Status != Booked && b.Status != Cancelled: // at another site, or by who has been forgotten
		return FateByUs, "checked in"
	case lost >= 0:
		return FateReleased, b.releasedHere(visits[lost], d.site)
	case b.othersDid(c), b.Status == CheckedOut, b.Status == Completed:
		return FateByOthers, d.others(b)
	case c != nil && c.Refused != "":
		return FateRefused, d.refused(c)
	case v == nil && b.Status != Booked:
		return FateNotSeen, b.said()
	case v == nil:
		return FateNotSeen, ""
	case v.State != Over && b.Status == Booked:
		return FateWaiting, v.CheckIn.Reason
	case v.State == Over:
		return FateWaiting, "left at " + d.clock(v.Departed)
	}
	return FateWaiting, b.said()
}

// did says when the booking was checked in and out by us.
func (d *siteDay) did(c *Claim) string {
	text := "checked in at " + d.clock(c.In)
	if !c.Out.IsZero() {
		text += ", checked out at " + d.clock(c.Out)
	}
	return text
}

// others says who else did what there was to do.
func (d *siteDay) others(b *Booking) string {
	text := "checked in " + b.checkedInBy(d.site)
	if b.Status == CheckedOut {
		text += ", and checked out"
	}
	return text
}

// refused says why the check-in was refused, and when it is tried again.
func (d *siteDay) refused(c *Claim) string {
	if c.final() {
		return c.Refused
	}
	return c.Refused + ": tried again at " + d.clock(c.Next)
}

func (d *siteDay) clock(t time.Time) string { return t.In(d.site.zone()).Format("15:04") }
