package office

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Booked is a booking of somebody in the office, and what became of it at other
// hands than a daemon's.
type Booked struct {
	ID, User string
	Versions []Version // in order of time
}

// Version is what a booking is from a moment on.
type Version struct {
	From       time.Time // when it was made, or made another one
	Site       string
	Begin, End time.Time
	Cancelled  bool
}

// at returns what the booking is at t, and whether it is.
func (b *Booked) at(t time.Time) (v Version, is bool) {
	for _, v := range b.Versions {
		if t.Before(v.From) {
			break
		}
		if is = !v.Cancelled; !is {
			return v, false
		}
	}
	if !is {
		return v, false
	}
	for _, w := range b.Versions {
		if !t.Before(w.From) {
			v = w
		}
	}
	return v, true
}

// Bookings makes up what the office's people have booked: for most of the days
// on which they come, and some on which they do not; for the whole of it, in
// two parts, or beyond midnight; long before, on the way in, in the middle of
// the day or at lunch. A few are moved, cancelled and made again.
func (o *Office) Bookings() (all []*Booked) {
	d := dice{rand.New(rand.NewPCG(o.Seed, 0xde5c))}
	type day struct {
		user, site string
		day        time.Time
	}
	var days []day
	first := map[day][]Stay{}
	for _, s := range o.Truth.Stays {
		y, m, date := s.From.Date()
		k := day{s.User, s.Site, time.Date(y, m, date, 0, 0, 0, 0, s.From.Location())}
		if first[k] == nil {
			days = append(days, k)
		}
		first[k] = append(first[k], s)
	}
	book := func(k day, begin, end, made time.Time) *Booked {
		b := &Booked{ID: fmt.Sprintf("b%05d", len(all)), User: k.user, Versions: []Version{{From: made, Site: k.site, Begin: begin, End: end}}}
		all = append(all, b)
		return b
	}
	for _, k := range days {
		if k.user == "" || d.chance(0.25) {
			continue
		}
		stays := first[k]
		came, left := stays[0].From, stays[len(stays)-1].To
		half := func(t time.Time) time.Time { return t.Truncate(30 * time.Minute) }
		begin, end := half(came.Add(d.minutes(-40, 60))), half(left.Add(d.minutes(-60, 150)))
		if end.Sub(begin) < time.Hour {
			end = begin.Add(time.Hour)
		}
		made := k.day.Add(-9 * time.Hour)
		switch n := d.Float64(); {
		case n < 0.05: // on the way in
			made = came.Add(-d.minutes(1, 20))
		case n < 0.12: // in the middle of it
			made = came.Add(d.minutes(5, 240))
			begin = half(made)
			end = later(end, begin.Add(time.Hour))
		case n < 0.16 && len(stays) > 1: // while away
			made = stays[0].To.Add(d.minutes(1, 15))
		}
		b := book(k, begin, end, made)
		switch n := d.Float64(); {
		case n < 0.2 && end.Sub(begin) > 4*time.Hour: // in two parts
			noon := half(begin.Add(end.Sub(begin) / 2))
			b.Versions[0].End = noon
			book(k, noon.Add(30*time.Minute), end, made)
		case n < 0.24: // cancelled
			b.Versions = append(b.Versions, Version{From: came.Add(d.minutes(-30, 300)), Cancelled: true})
		case n < 0.28: // and made again
			at := came.Add(d.minutes(-30, 200))
			b.Versions = append(b.Versions, Version{From: at, Cancelled: true})
			book(k, later(begin, half(at)), later(end, at.Add(time.Hour)), at.Add(2*time.Minute))
		case n < 0.33: // moved
			by := time.Duration(d.IntN(5)-2) * 30 * time.Minute
			b.Versions = append(b.Versions, Version{From: came.Add(d.minutes(-60, 200)), Site: k.site, Begin: begin.Add(by), End: end.Add(by)})
		case n < 0.35 && len(o.Sites) > 1: // to the other building
			for _, s := range o.Sites {
				if s.Name != k.site {
					b.Versions = append(b.Versions, Version{From: came.Add(d.minutes(-60, 200)), Site: s.Name, Begin: begin, End: end})
					break
				}
			}
		}
		if d.chance(0.1) { // for a day on which they may not come
			book(k, k.day.Add(33*time.Hour), k.day.Add(41*time.Hour), k.day)
		}
	}
	for _, b := range all { // nothing becomes of what is not there
		made := b.Versions[0].From
		b.Versions = slices.DeleteFunc(b.Versions, func(v Version) bool { return v.From.Before(made) })
	}
	return all
}
