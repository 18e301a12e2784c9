package presence

// Where people who are due wait for the courier. A site's people wait apart from other
// sites', so that a choice costs the same beside ten thousand sites that do not answer,
// and whoever waits there.

// These say how many are looked at together: see [Courier.together].
const (
	fewTogether  = 8   // fewer have a look each
	mostTogether = 250 // … and so many are in one change: whatever else is recorded waits for it
)

// passesMost is how often in a row one of the two kinds of sites is chosen from before the
// other.
const passesMost = 3

// line is everybody who is due and was read, and whoever is still to be read.
type line struct {
	how    sounder
	places map[string]*waiter   // by user
	unread map[string]bool      // they may be due, and not as they stand here
	sites  map[string]*siteLine // none without people
	sound  ranked[*siteLine]    // of sites for which the desk answers
	others ranked[*siteLine]
	rising ranked[*waiter] // by when they may be more urgent
	last   int             // number of the latest who came
	passed int             // how often in a row one of sound and others had to wait for the other
}

// waiter is somebody who waits.
type waiter struct {
	due
	number int // who came sooner has a lower one
	of     *siteLine

	inQueue, inRising int // where they stand there
}

// siteLine is those who wait at one site.
type siteLine struct {
	site  string
	sound bool // it is in line.sound
	place int  // and where it stands in there
	alone ranked[*waiter]
	many  ranked[*waiter]
}

func newLine(how sounder) *line {
	index := func(q *siteLine) *int { return &q.place }
	before := func(a, b *siteLine) bool { return a.first().before(b.first()) }
	return &line{
		how: how, places: map[string]*waiter{}, unread: map[string]bool{}, sites: map[string]*siteLine{},
		sound: ranked[*siteLine]{before: before, index: index}, others: ranked[*siteLine]{before: before, index: index},
		rising: ranked[*waiter]{before: func(a, b *waiter) bool { return a.rises.Before(b.rises) }, index: func(p *waiter) *int { return &p.inRising }},
	}
}

func newSiteLine(site string) *siteLine {
	r := ranked[*waiter]{before: (*waiter).before, index: func(p *waiter) *int { return &p.inQueue }}
	return &siteLine{site: site, alone: r, many: r}
}

// before reports whether p comes before o at one site.
func (p *waiter) before(o *waiter) bool {
	return p.urgency < o.urgency || p.urgency == o.urgency && p.number < o.number
}

// first returns who comes first; nil if nobody waits. Of those who are as urgent, who is to
// be looked at alone does: one of them has a booking, or finds out what is wrong for all.
func (q *siteLine) first() *waiter {
	a, _ := q.alone.first()
	b, _ := q.many.first()
	if a == nil || b != nil && b.urgency < a.urgency {
		return b
	}
	return a
}

// len is how many are known to be due, or may be.
func (l *line) len() int { return len(l.places) + len(l.unread) }

// idle reports whether nobody waits who was read.
func (l *line) idle() bool { return len(l.places) == 0 }

// put has somebody wait. Who waits already and is as urgent as before keeps their place.
func (l *line) put(d due) {
	p := l.places[d.user]
	if p == nil || p.site != d.site || p.urgency != d.urgency || p.many != d.many {
		l.remove(d.user)
		l.last++
		p = &waiter{due: d, number: l.last}
		l.places[d.user] = p
		if p.of = l.sites[d.site]; p.of == nil {
			p.of = newSiteLine(d.site)
			p.of.sound, _ = l.how(d.site)
			l.sites[d.site] = p.of
		}
		p.of.list(p).put(p)
		l.settle(p.of)
	}
	l.rising.remove(p)
	if p.rises = d.rises; !d.rises.IsZero() {
		l.rising.put(p)
	}
}

// remove takes the user out, if they wait.
func (l *line) remove(user string) {
	p := l.places[user]
	if p == nil {
		return
	}
	delete(l.places, user)
	l.rising.remove(p)
	p.of.list(p).remove(p)
	l.settle(p.of)
}

func (q *siteLine) list(p *waiter) *ranked[*waiter] {
	if p.many {
		return &q.many
	}
	return &q.alone
}

// among returns where the site stands.
func (l *line) among(q *siteLine) *ranked[*siteLine] {
	if q.sound {
		return &l.sound
	}
	return &l.others
}

// settle has the site stand where it belongs, after somebody came or went.
func (l *line) settle(q *siteLine) {
	if q.first() == nil {
		l.among(q).remove(q)
		delete(l.sites, q.site)
		return
	}
	l.among(q).put(q)
}

// stop is one person whose errands are to be run, or a crowd: see [Courier.together].
type stop struct {
	user    string
	site    string
	urgency urgency
	sound   bool     // the desk answers for the site
	others  []string // who is looked at together with the user
}

// busyPeople are those whose errands are being run.
type busyPeople struct {
	stops map[string]stop // by the user of each
	users map[string]bool // all who are in one
}

func newBusyPeople() busyPeople { return busyPeople{map[string]stop{}, map[string]bool{}} }

// count returns how many stops are such.
func (e busyPeople) count(such func(stop) bool) (n int) {
	for _, s := range e.stops {
		if such(s) {
			n++
		}
	}
	return n
}

// begin makes the people of the stop busy.
func (e busyPeople) begin(s stop) {
	e.stops[s.user], e.users[s.user] = s, true
	for _, user := range s.others {
		e.users[user] = true
	}
}

// end makes them idle.
func (e busyPeople) end(s stop) {
	delete(e.stops, s.user)
	delete(e.users, s.user)
	for _, user := range s.others {
		delete(e.users, user)
	}
}

// sounder tells of a site whether the desk answers for it, and whether nobody asks it for
// the moment.
type sounder func(site string) (sound, rests bool)

// choose takes out of the line who comes next. Who is at a site for which the desk
// answers does not wait for a thousand who are where it does not: their
// check-ins and check-outs go before all of those. Calls for those, which may
// hang, and questions about single users are at most half of the calls at once, so
// that people who arrive with a booking find room. Each of the two has a fourth of the
// turns at the least. Who waits where the desk rests is to be read again.
func (l *line) choose(busy busyPeople) (next stop, ok bool) {
	lesser := func(u urgency, sound bool) bool { return u == lookUps || !sound }
	room := busy.count(func(s stop) bool { return lesser(s.urgency, s.sound) }) < callsAtOnce/2
	for changed := true; changed; {
		changed = false
		for _, list := range []*ranked[*siteLine]{&l.sound, &l.others} {
			q, is := list.first()
			changed = is && l.judge(q) || changed
		}
	}
	first := func(list *ranked[*siteLine]) *siteLine {
		q, is := list.first()
		if !is || !room && lesser(q.first().urgency, q.sound) {
			return nil
		}
		return q
	}
	a, b := first(&l.sound), first(&l.others)
	switch {
	case a == nil && b == nil:
		return stop{}, false
	case a == nil || b == nil:
		l.passed = 0
	default:
		u := a.first().urgency
		before := u <= checkOuts || u <= b.first().urgency // a before b
		if l.passed++; l.passed > passesMost {
			before, l.passed = !before, 0
		}
		if !before {
			a = nil
		}
	}
	if a == nil {
		a = b
	}
	next = l.take(a)
	busy.begin(next)
	return next, true
}

// back ends the stop. Something may still be due of its people.
func (l *line) back(s stop, busy busyPeople) {
	busy.end(s)
	l.unread[s.user] = true
	for _, user := range s.others {
		l.unread[user] = true
	}
	if q := l.sites[s.site]; q != nil {
		l.judge(q)
	}
}

// judge finds out how it stands with the site, and reports whether that has changed.
func (l *line) judge(q *siteLine) (changed bool) {
	switch sound, rests := l.how(q.site); {
	case rests:
		for p := q.first(); p != nil; p = q.first() {
			l.unread[p.user] = true
			l.remove(p.user)
		}
	case sound != q.sound:
		l.among(q).remove(q)
		q.sound = sound
		l.settle(q)
	default:
		return false
	}
	return true
}

// take takes out who comes first at the site, and whoever is looked at together with them.
func (l *line) take(q *siteLine) stop {
	p := q.first()
	s := stop{user: p.user, site: q.site, urgency: p.urgency, sound: q.sound}
	l.remove(p.user)
	for p.many && len(s.others)+1 < mostTogether && (len(s.others) > 0 || q.many.len()+1 >= fewTogether) {
		o, is := q.many.first()
		if !is {
			break
		}
		s.others = append(s.others, o.user)
		l.remove(o.user)
	}
	return s
}
