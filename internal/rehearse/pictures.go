package rehearse

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// pictures gather what only a picture shows.
type pictures struct {
	rules  presence.Rules
	bins   map[string]map[int64]int // by site and quarter of an hour: who came, less who left
	gaps   [gapBins]int             // between two stays of somebody at a site, in steps of gapStep
	longer int                      // gaps beyond these
	days   map[dayKey]*day          // of a few people
}

const (
	binSize   = 15 * time.Minute
	gapStep   = 5 * time.Minute
	gapBins   = 48 // four hours
	sampled   = 8  // people of whom days are kept
	daysKept  = 3  // of each
	daysShown = 12
)

type dayKey struct {
	person int
	day    string
}

// day is somebody's day at a site.
type day struct {
	key     dayKey
	site    string
	user    string
	from    time.Time // midnight
	visits  []span
	present []span // with the shortest linger
}

// span is a time of a day; open, if it was not over when the records ended.
type span struct {
	from, to time.Time
	believed time.Time
	open     bool
}

func newPictures(rules presence.Rules) *pictures {
	return &pictures{rules: rules, bins: map[string]map[int64]int{}, days: map[dayKey]*day{}}
}

// visit takes in a visit.
func (p *pictures) visit(who *person, v *Visit, last time.Time) {
	to := v.Departed
	open := to.IsZero()
	if open {
		to = last
	}
	of := p.bins[v.Site]
	if of == nil {
		of = map[int64]int{}
		p.bins[v.Site] = of
	}
	of[v.Arrived.Unix()/int64(binSize/time.Second)]++
	of[to.Unix()/int64(binSize/time.Second)+1]--
	if d := p.day(who, v.User, v.Site, v.Arrived); d != nil {
		d.visits = append(d.visits, span{v.Arrived, to, v.Believed, open})
	}
}

// present takes in when somebody was there, as the shortest linger has it.
func (p *pictures) present(who *person, v *presence.Visit) {
	if d := p.day(who, v.User, v.Site, v.Arrived); d != nil && !v.Departed.IsZero() {
		d.present = append(d.present, span{from: v.Arrived, to: v.Departed})
	}
}

// day returns the day of the person, if theirs are kept: of the first few, which are
// as good as any.
func (p *pictures) day(who *person, user, site string, at time.Time) *day {
	if who.number > 40*sampled || who.number%40 != 1 {
		return nil
	}
	s := p.rules.Sites[site]
	zone := cmp.Or(s.Zone, time.UTC)
	local := at.In(zone)
	key := dayKey{who.number, local.Format(time.DateOnly)}
	d := p.days[key]
	if d == nil {
		kept := 0
		for k := range p.days {
			kept += map[bool]int{true: 1}[k.person == who.number]
		}
		if kept >= daysKept {
			return nil
		}
		d = &day{key: key, site: site, user: user, from: time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)}
		p.days[key] = d
	}
	return d
}

// gap takes in a gap between two stays.
func (p *pictures) gap(d time.Duration) {
	switch at := int(d / gapStep); {
	case d < 0:
	case at < gapBins:
		p.gaps[at]++
	case d < 12*time.Hour:
		p.longer++
	}
}

func (p *pictures) finish() {}

// shown returns the days to be shown: those with the most stays first, in order of
// people and time.
func (p *pictures) shown() []*day {
	all := slices.Collect(maps.Values(p.days))
	slices.SortFunc(all, func(a, b *day) int {
		return cmp.Or(cmp.Compare(len(b.present), len(a.present)), cmp.Compare(a.key.person, b.key.person), cmp.Compare(a.key.day, b.key.day))
	})
	all = all[:min(len(all), daysShown)]
	slices.SortFunc(all, func(a, b *day) int {
		return cmp.Or(cmp.Compare(a.key.person, b.key.person), cmp.Compare(a.key.day, b.key.day))
	})
	return all
}

// occupancy returns how many were at the site in each quarter of an hour, from the
// first to the last in which anybody was.
func (p *pictures) occupancy(site string) (from int64, present []int) {
	of := p.bins[site]
	if len(of) == 0 {
		return 0, nil
	}
	at := slices.Sorted(maps.Keys(of))
	now := 0
	for bin := at[0]; bin <= at[len(at)-1]; bin++ {
		now += of[bin]
		present = append(present, now)
	}
	return at[0], present
}
