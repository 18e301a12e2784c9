package control

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// Few is how many people are the fewest that are told by number: fewer could be
// somebody.
const Few = 5

// Number is how many people; nil stands for fewer than [Few].
type Number *int

func number(n int) Number {
	if n < Few {
		return nil
	}
	return &n
}

// Occupancy is one row of `presenced occupancy`: how many were at a site in a stretch of
// time, came and left. A number of fewer than [Few] is null.
type Occupancy struct {
	Site      string `json:"site"`
	Begin     Time   `json:"begin"`
	Present   Number `json:"present"` // at the most
	Arrived   Number `json:"arrived"`
	Left      Number `json:"left"`       // every device went and stayed away
	Unknown   Number `json:"unknown"`    // only max_session ended it
	DayTurned Number `json:"day_turned"` // devices were still there
	Withdrawn Number `json:"withdrawn"`  // it was a shared account
}

// OccupancyQuery chooses numbers; what is empty chooses all sites, and all times.
type OccupancyQuery struct {
	Site  string
	Since time.Time
	Every time.Duration // how long a row stands for; 0: an hour
}

// Occupancy yields the numbers that q chooses, by site and time. Where nothing was
// counted there is no row.
func (l Listings) Occupancy(ctx context.Context, q OccupancyQuery) iter.Seq2[Occupancy, error] {
	return func(yield func(Occupancy, error) bool) {
		sites, err := sitesOf(l.Rules(), q.Site)
		if err != nil {
			yield(Occupancy{}, err)
			return
		}
		for _, site := range sites {
			slots, err := l.Slots(ctx, site.Name, q.Since)
			if err != nil {
				yield(Occupancy{}, err)
				return
			}
			for _, sum := range sums(slots, max(q.Every, presence.OccupancySlot), site.Zone) {
				if !yield(occupancyRow(site.Name, sum), nil) {
					return
				}
			}
		}
	}
}

// Sorted returns the sites by name.
func Sorted(sites map[string]presence.Site) (all []presence.Site) {
	for _, name := range slices.Sorted(maps.Keys(sites)) {
		all = append(all, sites[name])
	}
	return all
}

// Slots returns what was counted at the site since then, slot by slot.
func (l Listings) Slots(ctx context.Context, site string, since time.Time) ([]presence.Slot, error) {
	now := time.Now()
	if first := now.AddDate(0, 0, -presence.OccupancyKept-1); since.Before(first) {
		since = first
	}
	return presence.Occupancy(ctx, l.Store, site, since, now)
}

// sums adds up what was counted in each stretch of time: those who came and left, and the
// most who were present. A day is the site's.
func sums(slots []presence.Slot, every time.Duration, zone *time.Location) (all []presence.Slot) {
	if zone == nil {
		zone = time.UTC
	}
	for _, s := range slots {
		if !s.Known {
			continue
		}
		begin := s.Begin.Truncate(every)
		if y, m, d := s.Begin.In(zone).Date(); every >= 24*time.Hour {
			begin = time.Date(y, m, d, 0, 0, 0, 0, zone)
		}
		if len(all) == 0 || !all[len(all)-1].Begin.Equal(begin) {
			all = append(all, presence.Slot{Begin: begin, Known: true})
		}
		sum := &all[len(all)-1]
		sum.Present, sum.Arrived = max(sum.Present, s.Present), sum.Arrived+s.Arrived
		for i := range s.Left {
			sum.Left[i] += s.Left[i]
		}
	}
	return all
}

func occupancyRow(site string, s presence.Slot) Occupancy {
	return Occupancy{
		Site: site, Begin: Time{s.Begin}, Present: number(s.Present), Arrived: number(s.Arrived),
		Left: number(s.Left[0]), Unknown: number(s.Left[1]), DayTurned: number(s.Left[2]), Withdrawn: number(s.Left[3]),
	}
}

func (s *Server) occupancy(w http.ResponseWriter, r *http.Request) {
	from, _, err := span(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	every := time.Hour
	if text := r.FormValue("every"); text != "" {
		if every, err = time.ParseDuration(text); err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
	}
	array(w, s.Listings.Occupancy(r.Context(), OccupancyQuery{r.FormValue("site"), from, every}))
}
