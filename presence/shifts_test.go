package presence

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// version is what a booking was from one moment to another.
type version struct {
	span
	site  string
	begin time.Time
	end   time.Time
}

// shift is a day, or a night, of one person: where they were when, and what they
// had booked.
type shift struct {
	r     *rand.Rand
	o     *office
	stays []struct {
		span
		site string
	}
	booked map[string][]version
	plan   []struct {
		at time.Time
		do func()
	}
}

func (s *shift) then(at time.Time, do func()) {
	s.plan = append(s.plan, struct {
		at time.Time
		do func()
	}{at, do})
}

func (s *shift) some(from, to time.Time) time.Time {
	if !to.After(from) {
		return from
	}
	return from.Add(time.Duration(s.r.Int64N(int64(to.Sub(from)))).Truncate(time.Second))
}

func (s *shift) chance(p float64) bool { return s.r.Float64() < p }

func (s *shift) stay(site string, from, to time.Time) {
	s.stays = append(s.stays, struct {
		span
		site string
	}{span{from, to}, site})
	id := fmt.Sprint("s", len(s.stays))
	s.then(from, func() { s.o.hearAt(site, Start, "ann", laptop, id) })
	s.then(to, func() { s.o.hearAt(site, Stop, "ann", laptop, id) })
}

// live makes the stays up: by day with lunches and walks to the other building,
// by night, or from before the turn of the day.
func (s *shift) live() (from, to time.Time) {
	switch s.r.IntN(4) {
	case 0:
		from, to = s.some(hour(20), o2330), s.some(hour(28), hour(31))
		s.stay("london", from, to)
		return from, to
	case 1:
		from, to = s.some(o2330.Add(4*time.Hour), hour(28).Add(-5*time.Minute)), s.some(hour(32), hour(35))
		s.stay("london", from, to)
		return from, to
	}
	from, to = s.some(hour(8).Add(time.Minute), hour(10)), s.some(hour(16), hour(18))
	at := from
	if s.chance(0.7) { // lunch
		out := s.some(hour(11).Add(30*time.Minute), hour(13))
		s.stay("london", at, out)
		at = out.Add(time.Duration(20+s.r.IntN(90)) * time.Minute)
	}
	if s.chance(0.4) { // to the other building, and perhaps back
		out := s.some(at.Add(20*time.Minute), to.Add(-time.Hour))
		s.stay("london", at, out)
		at = out.Add(12 * time.Minute)
		back := s.some(at.Add(20*time.Minute), to)
		s.stay("paris", at, back)
		if at = back.Add(12 * time.Minute); s.chance(0.5) || !at.Before(to.Add(-10*time.Minute)) {
			return from, back
		}
	}
	s.stay("london", at, to)
	return from, to
}

var o2330 = hour(23).Add(30 * time.Minute)

// books makes the bookings up, and what becomes of them.
func (s *shift) books(from, to time.Time) {
	for n := range 1 + s.r.IntN(4) {
		id := fmt.Sprintf("b%d", n)
		v := version{site: "london", begin: s.some(from.Add(-time.Hour), to.Add(-20*time.Minute)).Truncate(15 * time.Minute)}
		v.end = v.begin.Add(time.Duration(2+s.r.IntN(30)) * 15 * time.Minute)
		if s.chance(0.25) {
			v.site = "paris"
		}
		v.from = hour(8)
		if s.chance(0.3) {
			v.from = s.some(later(hour(8), v.begin.Add(-2*time.Hour)), v.begin.Add(time.Hour)) // in the middle of it
		}
		v.to = hour(48)
		s.then(v.from, func() {
			s.o.desk.book("ann@example.com", id, v.begin, v.end)
			s.o.desk.change(id, func(_ *Booking, site *string) { *site = v.site })
		})
		all := []version{v}
		if s.chance(0.35) {
			at, w := s.some(v.from.Add(time.Minute), v.end), v
			all[0].to, w.from = at, at
			kind := s.r.IntN(4)
			switch kind {
			case 0: // cancelled
			case 1: // moved in time
				by := time.Duration(s.r.IntN(9)-4) * 15 * time.Minute
				w.begin, w.end = w.begin.Add(by), w.end.Add(by)
			case 2: // to the other building
				w.site = map[string]string{"london": "paris", "paris": "london"}[w.site]
			case 3: // cancelled, and made again
				again := w
				again.from = at.Add(2 * time.Minute)
				s.booked[id+"again"] = []version{again}
				s.then(again.from, func() {
					s.o.desk.book("ann@example.com", id+"again", w.begin, w.end)
					s.o.desk.change(id+"again", func(_ *Booking, site *string) { *site = w.site })
				})
			}
			if kind == 1 || kind == 2 {
				all = append(all, w)
			}
			s.then(at, func() {
				s.o.desk.change(id, func(b *Booking, site *string) {
					if b.Begin, b.End, *site = w.begin, w.end, w.site; kind == 0 || kind == 3 {
						b.Status = Cancelled
					}
				})
			})
		}
		s.booked[id] = all
	}
}

// A perfect receptionist at each of two buildings, over day and night, with
// bookings that are made, moved, cancelled and made again while their owner is
// there or is not, and that are released if nobody comes: whoever is there is
// checked in to what is due, nobody is who is not, and whoever has left is
// checked out, but not of what they may come back to.
func TestTheDeskIsAsAReceptionistWouldHaveIt(t *testing.T) {
	for seed := range (*seeds + 1) / 2 {
		allDay(t, func(o *office) {
			o.stop()
			o.store.InTrouble(seed, early)
			paris := o.rules.Sites["london"]
			paris.Name = "paris"
			o.rules.Sites["paris"] = paris
			if seed%2 == 1 {
				o.desk.release = 15 * time.Minute
			}
			o.start()
			s := &shift{r: rand.New(rand.NewPCG(seed, 7)), o: o, booked: map[string][]version{}}
			s.books(s.live())
			slices.SortStableFunc(s.plan, func(a, b struct {
				at time.Time
				do func()
			}) int {
				return cmp.Compare(a.at.UnixNano(), b.at.UnixNano())
			})
			for _, e := range s.plan {
				time.Sleep(time.Until(e.at))
				synctest.Wait()
				e.do()
			}
			time.Sleep(time.Until(hour(46)))
			synctest.Wait()
			for _, bad := range s.faults() {
				t.Errorf("seed %d: %s\n stays %v\n booked %v\n took %v\n%s", seed, bad, s.stays, s.booked, o.desk.took, o.story())
			}
		})
		if t.Failed() {
			return
		}
	}
}

// during returns what the booking was at t.
func (s *shift) during(id string, t time.Time) (v version, is bool) {
	for _, v := range s.booked[id] {
		if !t.Before(v.from) && t.Before(v.to) {
			return v, true
		}
	}
	return v, false
}

// here reports whether the person is at the site at t; "": at any.
func (s *shift) here(site string, t time.Time) bool {
	for _, y := range s.stays {
		if (site == "" || y.site == site) && !t.Before(y.from) && !t.After(y.to) {
			return true
		}
	}
	return false
}

// last returns when the person was last at the site before t; zero if never.
func (s *shift) last(site string, t time.Time) (at time.Time) {
	for _, y := range s.stays {
		if y.site == site && !y.to.After(t) {
			at = later(at, y.to)
		}
	}
	return at
}

// arrived returns when the visit to the site began that goes on at t.
func (s *shift) arrived(site string, t time.Time) (at time.Time) {
	var left time.Time
	for _, y := range s.stays {
		if y.site != site || y.from.After(t) {
			continue
		}
		if at.IsZero() || y.from.After(left.Add(s.o.rules.LingerAfter(left, site))) {
			at = y.from
		}
		left = y.to
	}
	return at
}

func (s *shift) effect(call, id string) time.Time {
	for _, e := range s.o.desk.took {
		if e.call == call && e.id == id {
			return e.at
		}
	}
	return time.Time{}
}

// faults says what a receptionist would have done otherwise.
func (s *shift) faults() (bad []string) {
	const soon, reading = 2 * time.Minute, 5 * time.Minute
	say := func(id, format string, args ...any) {
		bad = append(bad, "booking "+id+" "+fmt.Sprintf(format, args...))
	}
	for _, e := range s.o.desk.took {
		v, is := s.during(e.id, e.at)
		switch {
		case !is:
			say(e.id, "is not there at %s: %s", e.at.Format("15:04:05"), e.call)
		case e.call == "in" && (!s.here(v.site, e.at) || e.at.Before(v.begin.Add(-s.o.rules.Early)) || !e.at.Before(v.end)):
			say(e.id, "was checked in at %s for nothing", e.at.Format("15:04:05"))
		case e.call == "out" && (s.here("", e.at) || e.at.Before(s.last(v.site, e.at).Add(s.o.rules.LingerAfter(s.last(v.site, e.at), v.site))) || !e.at.Before(v.end)):
			say(e.id, "was checked out too soon, at %s", e.at.Format("15:04:05"))
		}
	}
	for id, versions := range s.booked {
		in, out := s.effect("in", id), s.effect("out", id)
		var released time.Time
		if r := s.o.desk.release; r > 0 {
			released = hour(48)
			for _, v := range versions {
				if at := later(v.begin, versions[0].from).Add(r); at.Before(v.to) {
					released = earlier(released, later(at, v.from))
				}
			}
		}
		for _, v := range versions {
			for _, y := range s.stays {
				arrived := s.arrived(v.site, y.from)
				turn := s.o.rules.Sites[v.site].NextDay(arrived, s.o.rules.DayStarts)
				at := later(later(y.from, v.from), v.begin.Add(-s.o.rules.Early))
				late := soon
				if !v.from.Before(y.from) {
					late += reading
				}
				tomorrow := v.begin.After(arrived.Add(ahead)) && !v.begin.Before(s.o.rules.Sites[v.site].midnight(arrived))
				switch by := at.Add(late); {
				case y.site != v.site, !by.Before(y.to), !by.Before(v.to), !by.Before(v.end), tomorrow:
				case !at.Before(turn) && (v.begin.After(arrived.Add(ahead)) || v.from.After(turn.Add(-2*reading))):
				case !released.IsZero() && by.After(released):
				case in.IsZero() || in.After(by):
					say(id, "was not checked in by %s", by.Format("15:04:05"))
				}
			}
		}
		if in.IsZero() || !out.IsZero() {
			continue
		}
		v, is := s.during(id, hour(46))
		left := s.last(v.site, hour(46))
		by := left.Add(s.o.rules.LingerAfter(left, v.site))
		for _, y := range s.stays {
			by = later(by, y.to.Add(s.o.rules.LingerAfter(y.to, y.site)))
		}
		if was, _ := s.during(id, in); is && was.site == v.site && by.Add(soon).Before(v.end) && left.Sub(s.arrived(v.site, left)) > s.o.rules.Brief {
			say(id, "was not checked out by %s", by.Add(soon).Format("15:04:05"))
		}
	}
	return bad
}

func (v version) String() string {
	return strings.Join([]string{v.site, span{v.begin, v.end}.String(), "as of", v.span.String()}, " ")
}
