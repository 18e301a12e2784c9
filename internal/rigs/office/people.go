package office

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

var (
	firstNames = []string{
		"ann", "bob", "carla", "dev", "emma", "femi", "grace", "hugo", "ines", "jack", "kim", "lena", "milan", "nora",
		"omar", "priya", "quinn", "rosa", "sven", "tara",
	}
	lastNames = []string{
		"adams", "blake", "costa", "dietz", "evans", "fox", "garcia", "hall", "ito", "jones", "khan", "lind", "moss",
		"novak", "okoye", "park", "reed", "singh", "tran", "weber",
	}
)

// person is somebody who works at the office.
type person struct {
	name    string // local part of the e-mail address
	site    string
	desk    *ap
	devices []*device

	comes float64 // how often, on a working day
	late  bool    // works into the night
	docks float64 // how often the laptop stays behind, docked and awake
	lid   bool    // takes the laptop along to meetings
	wakes bool    // leaves the laptop behind asleep, and it wakes for a moment before anybody is there
}

// user returns the e-mail address; "" of an identity that is nobody's.
func (p *person) user() string {
	if strings.ContainsAny(p.name, "/@") {
		return ""
	}
	return mail(p.name)
}

// device is a laptop or a phone.
type device struct {
	index   int
	laptop  bool
	private privacy
	sleeps  float64       // how often an hour it goes off the air …
	naps    time.Duration // … for up to this long
	machine bool          // signs in as the machine before its user does
	docked  time.Time     // since when it has been left at the desk; zero: not left
	signed  []naming      // who is signed in on it, where that shows
	uses    []use
}

// naming is somebody's signing in on a machine, or that of the machine itself.
type naming struct {
	at         time.Time
	name, user string // as in session
}

// privacy says when a device changes its MAC address.
type privacy uint8

const (
	fixed privacy = iota
	daily         // every day has another one
	noon          // … and at noon it is changed once more
)

// use is a stretch of time that a device spends on one access point.
type use struct {
	ap       *ap
	mac      string
	ssid     string
	from, to time.Time
	bye      bool    // it says that it leaves
	boots    bool    // it begins with a boot
	fell     *outage // the access point fell, and that ended it
	lost     bool    // the answer to its Start is
	back     bool    // it goes on after its access point was down
}

// place is where a person is for a while, and the access point there.
type place struct {
	ap *ap
	interval
}

// person makes up somebody, their days, and what their devices do on them.
func (g *generator) person(i int) {
	p := &person{name: firstNames[i%20] + "." + lastNames[(i/20+i)%20]}
	if i >= 400 {
		p.name += fmt.Sprint(i / 400)
	}
	p.site = pick(g.dice, g.plan.Sites).Name
	if g.ofOneMake() {
		p.site = g.plan.Sites[i%len(g.plan.Sites)].Name
	}
	p.desk = g.somewhere(p.site)
	p.comes = pick(g.dice, []float64{0.95, 0.95, 0.6, 0.6, 0.3})
	p.late = g.chance(0.06)
	p.lid = g.chance(0.6)
	if g.chance(0.25) {
		p.docks = 0.6
	}
	switch {
	case g.chance(0.85):
		p.devices = append(p.devices, g.laptop(i), g.phone(i))
	case g.chance(0.5):
		p.devices = append(p.devices, g.laptop(i))
		p.docks = 0
	default:
		p.devices = append(p.devices, g.phone(i))
		if d := p.devices[0]; g.ofOneMake() && g.chance(0.5) {
			d.private, d.sleeps, d.naps = fixed, 0.5, 110*time.Minute // it saves its battery, and shows that
		}
	}
	p.wakes = g.ofOneMake() && p.docks == 0 && p.devices[0].laptop && g.chance(0.1)
	for day := range g.plan.Days {
		g.day(p, day)
	}
	for _, d := range p.devices {
		if !d.docked.IsZero() {
			d.use(g.dice, []place{{p.desk, interval{d.docked, g.ends}}}, d.docked, g.ends, false)
		}
		uses := g.flap(g.cut(g.change(d)))
		if g.ofOneMake() && !d.laptop {
			uses = g.glance(uses)
		}
		g.associate(p, d, uses)
	}
}

func (g *generator) somewhere(site string) *ap { return pick(g.dice, pick(g.dice, g.at(site)).aps) }

func (g *generator) laptop(i int) *device {
	d := &device{index: 2 * i, laptop: true, machine: g.chance(0.3), naps: 40 * time.Minute, sleeps: 0.05}
	if g.chance(0.2) {
		d.private = daily
	}
	return d
}

func (g *generator) phone(i int) *device {
	d := &device{index: 2*i + 1, private: pick(g.dice, []privacy{fixed, daily, noon})}
	switch { // some phones save their battery
	case g.chance(0.05):
		d.sleeps, d.naps = 0.8, 110*time.Minute
	case g.chance(0.3):
		d.sleeps, d.naps = 0.6, 25*time.Minute
	default:
		d.sleeps, d.naps = 0.1, 5*time.Minute
	}
	return d
}

// mac returns the device's address at t.
func (g *generator) mac(d *device, t time.Time) string {
	turn := 0
	if d.private != fixed {
		day := g.dayOf(t)
		turn = 1 + 2*day
		if d.private == noon && !t.Before(g.clock(day, 12)) {
			turn++
		}
	}
	first := 0x00 // as its maker gave it
	if turn > 0 {
		first = 0x02 // locally administered (RFC 7042 2.1)
	}
	return fmt.Sprintf("%02x:00:5e:%02x:%02x:%02x", first, turn, d.index>>8, d.index&0xff)
}

// day makes up one day of a person: when they are where, and what their
// devices do then.
func (g *generator) day(p *person, day int) {
	comes := p.comes
	if wd := g.midnight(day).Weekday(); wd == time.Saturday || wd == time.Sunday {
		comes = 0.03
	}
	if !g.chance(comes) {
		return
	}
	sites := []string{p.site}
	if len(g.plan.Sites) > 1 && g.chance(0.05) {
		for other := p.site; other == p.site; {
			other = pick(g.dice, g.plan.Sites).Name
			sites = []string{p.site, other}
		}
	}
	stays := g.stays(p, day, sites)
	var path []place
	for _, s := range stays {
		g.office.Truth.Stays = append(g.office.Truth.Stays, s)
		path = append(path, g.wander(p, s)...)
	}
	last := stays[len(stays)-1]
	for _, d := range p.devices {
		if d.laptop {
			if p.wakes && d.docked.IsZero() {
				at := g.clock(day, 6.05+0.2*g.Float64())
				d.uses = append(d.uses, use{ap: p.desk, ssid: corporate, from: at, to: at.Add(g.minutes(0.5, 1.5)), bye: g.chance(0.5)})
			}
			g.carry(p, d, stays, path, last)
			continue
		}
		for _, s := range stays {
			d.use(g.dice, path, s.From.Add(g.between(5*time.Second, 2*time.Minute)), s.To, false)
		}
	}
}

// stays makes up when a person is there: from the morning to the evening, or
// into the night, less lunches, errands and appointments.
func (g *generator) stays(p *person, day int, sites []string) []Stay {
	from, to := g.clock(day, 8.7+g.NormFloat64()*0.8), g.clock(day, 17.5+g.NormFloat64())
	lunch := 11.75 + 1.5*g.Float64()
	if p.late && g.plan.Closes == 0 {
		from, to, lunch = g.clock(day, 13+3*g.Float64()), g.clock(day, 23+3*g.Float64()), 18+2*g.Float64()
	}
	from = later(from, g.clock(day, 6.2))
	if g.plan.Closes > 0 {
		from, to = earlier(from, g.clock(day, 13)), g.midnight(day).Add(g.plan.Closes+g.minutes(0, 6))
		lunch = min(lunch, 13)
	}
	to = later(to, from.Add(90*time.Minute))
	var away []interval
	leave := func(at time.Time, lasts time.Duration) {
		away = append(away, interval{at, at.Add(lasts)})
	}
	if g.chance(0.75) {
		leave(g.clock(day, lunch), pick(g.dice, []time.Duration{g.minutes(12, 40), g.minutes(20, 58), g.minutes(45, 110)}))
	}
	for range 2 {
		if g.chance(0.25) {
			leave(from.Add(g.between(20*time.Minute, 8*time.Hour)), g.minutes(5, 25))
		}
	}
	if g.chance(0.06) || len(sites) > 1 {
		leave(from.Add(g.between(time.Hour, 6*time.Hour)), g.minutes(75, 200))
	}
	slices.SortFunc(away, func(a, b interval) int { return a.from.Compare(b.from) })
	user, site := mail(p.name), sites[0]
	var stays []Stay
	for _, a := range away {
		if a.from.Sub(from) < 15*time.Minute || to.Sub(a.to) < 15*time.Minute {
			continue
		}
		stays = append(stays, Stay{user, site, from, a.from})
		from = a.to
		if len(sites) > 1 && a.to.Sub(a.from) > 70*time.Minute {
			site, sites = sites[1], sites[:1]
		}
	}
	return append(stays, Stay{user, site, from, to})
}

// wander makes up where a person goes during a stay: the desk, and meetings
// and coffee elsewhere.
func (g *generator) wander(p *person, s Stay) (path []place) {
	desk := p.desk
	if s.Site != p.site {
		desk = g.somewhere(s.Site)
	}
	for at := s.From; at.Before(s.To); {
		lasts, where := g.minutes(30, 160), desk
		if len(path)%2 == 1 {
			for where == desk {
				where = g.somewhere(s.Site)
			}
			lasts = pick(g.dice, []time.Duration{g.minutes(2, 10), g.minutes(15, 70)})
		}
		to := earlier(at.Add(lasts), s.To)
		path = append(path, place{where, interval{at, to}})
		at = to
	}
	return path
}

// carry makes up what a laptop does on a day of its owner's.
func (g *generator) carry(p *person, d *device, stays []Stay, path []place, last Stay) {
	desk := func(from, to time.Time, boots bool) {
		d.use(g.dice, []place{{p.desk, interval{from, to}}}, from, to, boots)
	}
	first := stays[0]
	shows := d.machine && g.at(p.site)[0].make.signsIn // who is signed in does
	machine := "host/pc" + fmt.Sprint(d.index) + ".corp." + Domain
	signs := func(at time.Time, in bool) {
		if in {
			d.signed = append(d.signed, naming{at, p.name, p.user()})
		} else {
			d.signed = append(d.signed, naming{at, machine, ""})
		}
	}
	switch stay := last.Site == p.site && d.private == fixed && g.chance(p.docks); {
	case stay && d.docked.IsZero():
		d.docked = first.From.Add(g.minutes(1, 12)) // it stays on, over lunch and over night
		if shows {
			signs(d.docked, false)
			signs(d.docked.Add(g.between(10*time.Second, 50*time.Second)), true)
			signs(last.To.Add(-g.minutes(0.5, 3)), false)
		}
		return
	case stay:
		if shows {
			signs(first.From.Add(g.minutes(1, 12)), true)
			signs(last.To.Add(-g.minutes(0.5, 3)), false)
		}
		return
	case !d.docked.IsZero():
		desk(d.docked, first.To, false)
		if shows {
			signs(first.From.Add(g.minutes(1, 12)), true)
		}
		d.docked = time.Time{}
		stays = stays[1:]
	}
	for _, s := range stays {
		from, to := s.From.Add(g.minutes(1, 12)), s.To.Add(-g.minutes(0.1, 5))
		if shows {
			signs(from, false)
			signs(from.Add(g.between(10*time.Second, 50*time.Second)), true)
		}
		switch {
		case p.lid || s.Site != p.site:
			d.use(g.dice, path, from, to, true)
		case g.chance(0.4):
			desk(from, s.To.Add(g.minutes(0, 12)), true) // left on the desk, it goes to sleep by itself
		default:
			desk(from, to, true)
		}
	}
}

// use takes the device along the path from one time to another, less the times
// in which it sleeps.
func (d *device) use(dice dice, path []place, from, to time.Time, boots bool) {
	for awake := from; awake.Before(to); boots = false {
		until := to
		if hours := to.Sub(from).Hours(); d.sleeps > 0 && d.docked.IsZero() && dice.Float64() < d.sleeps*hours {
			until = earlier(to, awake.Add(dice.between(0, 2*time.Hour)))
		}
		for _, at := range path {
			a, b := later(at.from, awake), earlier(at.to, until)
			if a.Before(b) {
				d.uses = append(d.uses, use{ap: at.ap, ssid: corporate, from: a, to: b, boots: boots && a.Equal(awake)})
			}
		}
		if n := len(d.uses); n > 0 {
			d.uses[n-1].bye = dice.chance(0.5)
		}
		awake = until.Add(30*time.Second + dice.between(0, d.naps))
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
