package presence

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// day is one person's day as a test tells it: what is heard when, and what
// time it is. Times are written as on the site's clock, "9:00" or
// "9:00:30", with "+1 " before the next day's.
type day struct {
	t        *testing.T
	w        World
	p        Person
	nas      map[NASName]NAS
	alone    map[NASName]bool // NASes of which no other station is heard
	archived []Visit
}

const (
	laptop = "02:00:00:00:00:01"
	phone  = "02:00:00:00:00:02"
)

func london(t testing.TB) Site {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return Site{Name: "london", Zone: zone, Opens: 6 * time.Hour, Closes: 22 * time.Hour}
}

func newDay(t *testing.T) *day {
	d := &day{t: t, p: Person{User: "ann@example.com"}, nas: map[NASName]NAS{}, alone: map[NASName]bool{}}
	d.w = World{Rules: DefaultRules(), NAS: func(name NASName) NAS { return d.nas[name] }}
	d.w.NASByHash = func(hash uint32) NAS {
		for name, n := range d.nas {
			if hash32(name) == hash {
				return n
			}
		}
		return NAS{}
	}
	paris := london(t)
	paris.Name = "paris"
	d.w.Lunch = Span{} // most tests are of linger alone
	d.w.Sites = map[string]Site{"london": london(t), "paris": paris}
	return d
}

// clock is the moment that s names on Monday, 5 January 2026.
func (d *day) clock(s string) time.Time {
	days := 0
	if rest, ok := strings.CutPrefix(s, "+1 "); ok {
		s, days = rest, 1
	}
	if strings.Count(s, ":") == 1 {
		s += ":00"
	}
	c, err := time.Parse("15:04:05", s)
	if err != nil {
		d.t.Fatal(err)
	}
	return time.Date(2026, 1, 5+days, c.Hour(), c.Minute(), c.Second(), 0, d.w.Sites["london"].Zone)
}

// heard is a sighting that a test may still alter.
type heard func(*Sighting)

func cause(c Cause) heard       { return func(n *Sighting) { n.Cause = c } }
func age(a time.Duration) heard { return func(n *Sighting) { n.Age, n.HasAge = a, true } }
func nasIs(name NASName) heard  { return func(n *Sighting) { n.NAS = name } }
func bssIs(name string) heard   { return func(n *Sighting) { n.BSSID = name } }
func multi(id string) heard     { return func(n *Sighting) { n.Multi = id } }
func at(site string) heard      { return func(n *Sighting) { n.Site = site } }
func guessed(n *Sighting)       { n.Guess = true }
func stamp(at time.Time) heard  { return func(n *Sighting) { n.Stamp = at } }
func (d *day) arriving(clock string) heard {
	return func(n *Sighting) { n.Heard = d.clock(clock) }
}

// hear lets time pass to when the record arrives, and takes it in.
func (d *day) hear(clock string, status Status, device, session string, more ...heard) Sighting {
	n := Sighting{
		User: d.p.User, Device: device, Site: "london", Session: session, SSID: "Corp", NAS: "wlc",
		Status: status, At: d.clock(clock), Heard: d.clock(clock), Whose: Mine,
	}
	for _, f := range more {
		f(&n)
	}
	d.hearAgain(n)
	return n
}

func (d *day) hearAgain(n Sighting) {
	d.pass(n.Heard)
	nas := d.nas[n.NAS].hear(n.Heard)
	if nas.Others = 9; d.alone[n.NAS] {
		nas.Others = 0
	}
	d.nas[n.NAS] = nas
	d.archived = append(d.archived, d.p.Hear(n, d.w)...)
}

// is lets time pass to the given time.
func (d *day) is(clock string) { d.pass(d.clock(clock)) }

func (d *day) pass(now time.Time) {
	for !d.p.Wake.IsZero() && d.p.Wake.Before(now) {
		wake := d.p.Wake
		d.archived = append(d.archived, d.p.Advance(wake, d.w)...)
		if !d.p.Wake.IsZero() && !d.p.Wake.After(wake) {
			d.t.Fatalf("at %s the person wants to be woken at %s: time stands still", wake, d.p.Wake)
		}
	}
	d.archived = append(d.archived, d.p.Advance(now, d.w)...)
	d.w.Passed = now
}

// visits writes the visits so far, archived or not, in order of arrival.
func (d *day) visits() string {
	all := slices.Concat(d.archived, d.p.Visits)
	slices.SortFunc(all, func(a, b Visit) int { return a.Arrived.Compare(b.Arrived) })
	var s []string
	for _, v := range all {
		zone := d.w.Sites["london"].Zone
		line := fmt.Sprintf("%s %s %s", v.Site, v.State, v.Arrived.In(zone).Format("15:04:05"))
		if v.State == Over {
			line += "-" + v.Departed.In(zone).Format("15:04:05") + " " + string(v.End)
		}
		s = append(s, line)
	}
	return strings.Join(s, "; ")
}

func (d *day) want(visits string) {
	d.t.Helper()
	if got := d.visits(); got != visits {
		d.t.Errorf("visits: %s\n  want: %s\n%s", got, visits, d.story())
	}
}

// state returns the state of a session, "" if it is not remembered.
func (d *day) state(device, id string) SessionState {
	var state SessionState // of the latest that has the id
	for _, s := range d.sessions() {
		if s.Device == device && s.ID == id {
			state = s.State
		}
	}
	return state
}

func (d *day) wantState(device, id string, want SessionState) {
	d.t.Helper()
	if got := d.state(device, id); got != want {
		d.t.Errorf("session %s of %s is %q, want %q\n%s", id, device, got, want, d.story())
	}
}

func (d *day) story() string {
	var b strings.Builder
	for _, e := range d.p.Story {
		fmt.Fprintf(&b, "  %s %s: %s\n", e.At.Format("Mon 15:04:05"), e.Kind, e.Text)
	}
	return b.String()
}

// sessions returns the sessions as they stand after what was last let pass.
func (d *day) sessions() []Session { return d.p.Sessions(later(d.w.Passed, d.clock("0:00")), d.w) }

// reset has the NAS say that it was reset.
func (d *day) reset(r Reset) {
	d.pass(r.Heard)
	nas := d.nas[r.NAS].hear(r.Heard)
	nas.Resets = append(nas.Resets, r)
	d.nas[r.NAS] = nas
	d.archived = append(d.archived, d.p.Advance(r.Heard, d.w)...)
}
