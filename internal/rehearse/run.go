package rehearse

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// Visit is a visit that would have been.
type Visit struct {
	User     string           `json:"user"`
	Site     string           `json:"site"`
	Arrived  time.Time        `json:"arrived"`
	Noticed  time.Time        `json:"noticed,omitzero"` // when the arrival was believed, and the check-in due
	Departed time.Time        `json:"departed,omitzero"`
	Believed time.Time        `json:"believed,omitzero"` // when the departure was, and the check-out due
	State    string           `json:"state"`             // "over", or as it stood when the records ended
	End      presence.End     `json:"end,omitempty"`
	CheckIn  *time.Time       `json:"check_in,omitempty"` // of its bookings, the first
	CheckOut *time.Time       `json:"check_out,omitempty"`
	Bookings []string         `json:"bookings,omitempty"`
	Story    []presence.Entry `json:"story,omitempty"` // of the user who was asked about
}

// run is a rehearsal on its way.
type run struct {
	plan      Plan
	rehearsal *presence.Rehearsal
	report    *Report
	quality   quality
	people    map[string]*person
	sites     map[string]bool
	desk      *desk
	pictures  *pictures
	together  []presence.Record   // scratch
	ahead     []*presence.Reading // scratch
	gaps      int                 // the index of the rules by which gaps are measured; 0: they are not
}

// person is what is remembered of somebody's visits under each linger.
type person struct {
	number   int
	departed int64  // by the rules by which gaps are measured: when they left last, in seconds
	left     string // … and which site
	lingers  [mostLingers]struct {
		believed int64  // when the latest departure was believed, in seconds; 0: none was since the latest arrival
		site     string // of the latest visit
	}
}

// mostLingers bounds len(Lingers).
const mostLingers = 7

// shortest is the linger by which gaps are measured.
const shortest = 2 * time.Minute

func alone(rules presence.Rules, linger time.Duration) presence.Rules {
	rules.Linger, rules.LunchLinger, rules.Lunch, rules.NoDozes = linger, 0, presence.Span{}, true
	sites := make(map[string]presence.Site, len(rules.Sites))
	for name, s := range rules.Sites {
		s.Lunch, s.LunchLinger = nil, nil
		sites[name] = s
	}
	rules.Sites = sites
	return rules
}

func newRun(plan Plan) *run {
	rules := plan.Config.Rules
	if plan.Alone > 0 {
		rules = alone(rules, plan.Alone)
	}
	r := &run{
		plan: plan, people: map[string]*person{}, sites: map[string]bool{},
		report: &Report{Under: Duration(rules.Linger), Alone: plan.Alone > 0, lunch: rules.Lunch != presence.Span{}},
	}
	others := make([]presence.Rules, 0, len(Lingers)+1)
	for _, linger := range Lingers {
		others = append(others, alone(rules, linger))
		r.report.Lingers = append(r.report.Lingers, LingerRow{Of: Duration(linger)})
	}
	if plan.Pictures {
		others = append(others, alone(rules, shortest))
		r.gaps = len(others)
		r.pictures = newPictures(rules)
	}
	r.quality.init(plan.Config)
	r.rehearsal = presence.NewRehearsal(&r.quality, &store.Codec{}, rules, others...)
	r.rehearsal.Story = plan.User
	r.rehearsal.Over, r.rehearsal.On = r.over, r.over
	if plan.Bookings != nil {
		r.desk = newDesk(plan.Bookings, rules)
	}
	return r
}

// hear hears records in order.
func (r *run) hear(all []item) {
	rep := r.report
	for from := 0; from < len(all); {
		first := &all[from].record
		if rep.From.IsZero() {
			rep.From = first.Heard
		}
		if first.Heard.After(rep.To) {
			rep.To = first.Heard
		}
		to := from
		together, ahead := r.together[:0], r.ahead[:0]
		for ; to < len(all) && all[to].record.Heard.Equal(first.Heard); to++ {
			rep.Records++
			i := &all[to]
			if i.again {
				rep.Repeats++
				r.quality.repeat(&i.record)
				continue
			}
			together = append(together, i.record)
			if i.mapped {
				ahead = append(ahead, &i.reading)
			}
		}
		r.together, r.ahead, r.quality.ahead = together, ahead, ahead
		r.quality.scant = all[from].sparse
		r.rehearsal.Hear(together...)
		from = to
	}
}

// over takes in a visit that is over under the rules of that index, or still on when
// the records have ended.
func (r *run) over(rules int, v presence.Visit, noticed time.Time) {
	p := r.people[v.User]
	if p == nil {
		p = &person{number: len(r.people) + 1}
		r.people[v.User] = p
	}
	over, user := v.State == presence.Over, v.User
	if r.plan.Anonymous {
		v.User = fmt.Sprintf("person %d", p.number)
	}
	switch {
	case rules == r.gaps && rules > 0:
		if p.departed > 0 && p.left == v.Site {
			r.pictures.gap(v.Arrived.Sub(time.Unix(p.departed, 0)))
		}
		p.departed = 0
		if over && v.End == presence.Left {
			p.departed, p.left = v.Departed.Unix(), v.Site
		}
		r.pictures.present(p, &v)
		return
	case rules > 0:
		r.report.Lingers[rules-1].count(p, rules-1, &v)
		return
	}
	r.sites[v.Site] = true
	r.report.Visits++
	is := Visit{
		User: v.User, Site: v.Site, Arrived: v.Arrived, Noticed: noticed, Departed: v.Departed, Believed: v.Believed, State: string(v.State), End: v.End,
	}
	if user == r.plan.User {
		is.Story = v.Story
		r.report.Days = append(r.report.Days, is)
	}
	if r.desk != nil {
		r.desk.visit(user, &is)
	}
	if r.pictures != nil {
		r.pictures.visit(p, &is, r.report.To)
	}
	if r.plan.Visit != nil {
		r.plan.Visit(is)
	}
}

// count takes in a visit under the row's linger, which is that of the index.
func (l *LingerRow) count(p *person, index int, v *presence.Visit) {
	l.Arrivals++
	last := &p.lingers[index]
	if was := last.believed; was > 0 && last.site == v.Site {
		for i, within := range Returns {
			if gap := v.Arrived.Unix() - was; gap >= 0 && gap <= int64(within/time.Second) {
				l.Returns[i]++
			}
		}
	}
	last.believed, last.site = 0, v.Site
	if v.State != presence.Over {
		return
	}
	switch v.End {
	case presence.Left:
		l.Departures++
		last.believed = v.Believed.Unix()
		l.waited += v.Believed.Sub(v.Departed)
	case presence.Unknown:
		l.Unknown++
		l.unknown += v.Believed.Sub(v.Departed)
	case presence.DayTurned:
		l.DayTurned++
	}
}

// finish ends the rehearsal, and makes the report.
func (r *run) finish() {
	r.rehearsal.Finish()
	rep := r.report
	for i := range rep.Lingers {
		rep.Lingers[i].finish()
	}
	rep.People, rep.Devices, rep.Sites = len(r.people), len(r.quality.devices), len(r.sites)
	if r.quality.sparse && !r.quality.whole {
		rep.Sparse = true
	}
	rep.Accounting = r.quality.rows(r.rehearsal.NASes())
	for _, u := range r.rehearsal.Unmatched() {
		if r.plan.Anonymous && (u.Kind == presence.KindIdentity || u.Kind == presence.KindDevice) {
			u.Key = ""
		}
		rep.Nowhere = append(rep.Nowhere, Nowhere{Kind: u.Kind, Key: u.Key, Records: uint64(u.Count), Reason: u.Reason, Remedy: u.Remedy})
	}
	slices.SortStableFunc(rep.Nowhere, func(a, b Nowhere) int { return cmp.Compare(b.Records, a.Records) })
	rep.recommend()
	if r.desk != nil {
		rep.Bookings = r.desk.outcome(rep.To)
	}
	rep.pictures = r.pictures
	if r.pictures != nil {
		r.pictures.finish()
	}
}
