// Package office makes up an office: people, their devices, the Wi-Fi that
// they roam on and whatever goes wrong with it. It promises that a seed always
// gives the same office, that every record is one that the equipment it stands
// for would send at that moment, and that the [Truth] of who was there when is
// told from the people, never from the records. [Compare] holds what a daemon
// concluded against that truth.
package office

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
)

// Plan says what kind of office to make up.
type Plan struct {
	People int
	Days   int
	Begins time.Time       // anywhere in the first day; its zone is that of the days
	Sites  []presence.Site // where people work; nobody is anywhere else
	Calm   bool            // nothing is lost, delayed, cut off or rebooted

	// Makes are the sites' equipment, one make for each site. Without them each
	// site has three of [Makes], by chance.
	Makes  []string
	Closes time.Duration // since midnight: when everybody leaves within minutes; 0: as they please
}

// Week is the plan of a working week, Monday to Saturday morning, at two
// sites, with everything going wrong that does.
func Week(people int) Plan {
	zone := time.FixedZone("office", 0)
	site := func(name string) presence.Site {
		return presence.Site{Name: name, Building: name, Zone: zone, Opens: 6 * time.Hour, Closes: 22 * time.Hour}
	}
	return Plan{
		People: people, Days: 5, Begins: time.Date(2026, 3, 2, 0, 0, 0, 0, zone),
		Sites: []presence.Site{site("london"), site("leeds")},
	}
}

// Field is the plan of a working week of so many people at sites with one make
// of equipment each, of those that are met in the field.
func Field(people int, makes ...string) Plan {
	plan := Week(people)
	plan.Sites, plan.Makes = nil, makes
	for _, name := range makes {
		plan.Sites = append(plan.Sites, presence.Site{
			Name: name, Building: name, Zone: plan.Begins.Location(), Opens: 6 * time.Hour, Closes: 22 * time.Hour, SSIDs: []string{corporate},
		})
	}
	return plan
}

// Makes returns the names of all makes: those of [Week], and those that are
// met in the field.
func Makes() (week, met []string) {
	for _, m := range makes {
		week = append(week, m.name)
	}
	for _, m := range field {
		met = append(met, m.name)
	}
	return week, met
}

// Domain is the e-mail domain of everybody in the office.
const Domain = "example.com"

// Mapping returns the mapping under which the office's identities, spelled in
// as many ways as there are makes of equipment, are its people.
func (p Plan) Mapping() *mapping.Rules {
	return &mapping.Rules{Sites: p.Sites, Identity: mapping.Identity{
		Order: []string{"user_name"}, Domain: Domain, Realms: map[string]string{"corp": Domain}, Ignore: []string{"host/*"},
	}}
}

// Rules returns the default rules at the office's sites.
func (p Plan) Rules() presence.Rules {
	rules := presence.DefaultRules()
	if !judged {
		rules.Lunch = presence.Span{}
	}
	rules.Sites = map[string]presence.Site{}
	for _, s := range p.Sites {
		rules.Sites[s.Name] = s
	}
	return rules
}

// Event is the arrival of one accounting record.
type Event struct {
	Arrive time.Time
	Record presence.Record // with the event time that a daemon has to find for it
	Make   string          // the equipment that sent it
	AP     string          // the access point that it was sent from, or for
	Stamp  time.Time       // Event-Timestamp as sent (RFC 2869 5.3); zero if it sends none
	Delay  time.Duration   // Acct-Delay-Time as sent (RFC 2866 5.2), whole seconds
	Lost   bool            // its answer is: the NAS sends the record again, as often as it does

	moved bool          // it arrives at another time than it was sent for: what is sent does not tell of that
	box   string        // its NAS
	off   time.Duration // how far ahead the clock is that stamped it, if that is far
	names string        // the user whom it names, "-" if somebody else or a machine; "" if it tells neither that nor where it was
}

// Office is an office over its days.
type Office struct {
	Plan
	Seed   uint64
	Events []Event // in order of arrival
	Truth  Truth
	Faults []Fault // what went wrong with the network, in order

	downs []interval    // when the daemon does not run
	looks time.Duration // how often an engine is to look at everybody, due or not; 0: when they are due
}

// New makes up the office of a seed.
func New(seed uint64, plan Plan) *Office {
	g := &generator{dice: dice{rand.New(rand.NewPCG(seed, 0x0ff1ce))}, plan: plan}
	y, m, d := plan.Begins.Date()
	g.first = time.Date(y, m, d, 0, 0, 0, 0, plan.Begins.Location())
	g.ends = g.midnight(plan.Days).Add(6 * time.Hour) // the last night's late workers are home
	g.build()
	if !plan.Calm {
		g.breakThings()
	}
	for i := range plan.People {
		g.person(i)
	}
	g.office.Seed = seed
	return g.finish()
}

// finish sends everything that people and devices gave cause to.
func (g *generator) finish() *Office {
	g.transmit()
	g.office.Events = inOrder(g.office.Events)
	g.office.Plan = g.plan
	g.office.Truth.Ends, g.office.Truth.strict = g.ends, g.ofOneMake()
	return &g.office
}

// inOrder returns the events in order of arrival. They are large, so that it
// pays to move each of them once.
func inOrder(events []Event) []Event {
	order := make([]int, len(events))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(events[i].Arrive.Compare(events[j].Arrive), i-j) })
	sorted := make([]Event, len(events))
	for i, j := range order {
		sorted[i] = events[j]
	}
	return sorted
}

// generator is an office in the making.
type generator struct {
	dice
	plan     Plan
	scripted bool      // nothing is left to chance
	first    time.Time // midnight before the first day
	ends     time.Time // nothing happens from here on
	networks []*network
	cuts     map[string][]interval // by site: when nothing gets through to the daemon
	sessions []*session
	office   Office
}

// ofOneMake is whether each site is equipped with a make of its own.
func (g *generator) ofOneMake() bool { return len(g.plan.Makes) > 0 }

// midnight returns when the given day begins, counted from the first.
func (g *generator) midnight(day int) time.Time { return g.first.AddDate(0, 0, day) }

// dayOf returns the day that holds t, counted from the first.
func (g *generator) dayOf(t time.Time) int {
	day := int(t.Sub(g.first) / (24 * time.Hour))
	for ; !t.Before(g.midnight(day + 1)); day++ {
	}
	for ; t.Before(g.midnight(day)); day-- {
	}
	return day
}

// clock returns the time of day h hours after that day's midnight.
func (g *generator) clock(day int, h float64) time.Time {
	return g.midnight(day).Add(time.Duration(h * float64(time.Hour)))
}

// interval is a stretch of time, without its end.
type interval struct{ from, to time.Time }

func (i interval) holds(t time.Time) bool { return !t.Before(i.from) && t.Before(i.to) }

// dice is where all chance comes from.
type dice struct{ *rand.Rand }

// chance is true with probability p.
func (d dice) chance(p float64) bool { return d.Float64() < p }

// between returns a duration in [a, b).
func (d dice) between(a, b time.Duration) time.Duration {
	return a + time.Duration(d.Int64N(int64(b-a)))
}

// minutes returns between a and b minutes.
func (d dice) minutes(a, b float64) time.Duration {
	return time.Duration((a + (b-a)*d.Float64()) * float64(time.Minute))
}

// pick returns one of all.
func pick[T any](d dice, all []T) T { return all[d.IntN(len(all))] }
