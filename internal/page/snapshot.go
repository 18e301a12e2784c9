package page

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

const (
	mostPeople = 100 // rows of people shown of a site, or found
	mostRows   = 200 // rows of anything else
)

// snapshot is what one walk over everybody tells.
type snapshot struct {
	daemon
	taken time.Time
	cost  time.Duration // of taking it

	people  map[string][]control.Person // by site, the first mostPeople
	pending []pendingVisit              // the next mostRows
	recent  []call                      // the latest mostRows, of archived visits only after settle

	archive     sync.Once
	archivedErr error
	since       time.Time // visits that arrived before may be missing from recent
}

// pendingVisit is a visit on which a call is to be made.
type pendingVisit struct {
	control.Visit
	Zone     *time.Location
	Verb     string
	Attempts int
	Next     time.Time
	Reason   string
}

// snapshot returns one that is recent, and takes it if there is none. The next
// is not taken before twenty times as long has passed as this one took: looking
// costs a twentieth of a processor at the most, however many look.
func (p *Page) snapshot(ctx context.Context) (*snapshot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.latest; s != nil && time.Since(s.taken) < max(time.Second, 20*s.cost) {
		return s, nil
	}
	began := time.Now()
	status, err := p.Status(ctx)
	if err != nil {
		return nil, err
	}
	status.Sites = slices.Clone(status.Sites)
	s := &snapshot{
		daemon: daemon{Status: status, Unmatched: status.Nobody}, taken: began,
		people: map[string][]control.Person{},
	}
	w := p.Listings.World()
	for person, err := range p.Listings.Everybody(ctx) {
		if err != nil {
			return nil, err
		}
		s.take(person.View(began, w), w.Rules)
	}
	s.trim()
	s.Status.Judge(began)
	s.cost = time.Since(began)
	p.latest = s
	return s, nil
}

func (s *snapshot) take(p presence.View, rules presence.Rules) {
	s.Status.Count(p)
	for _, row := range control.PersonRows(p) {
		if len(s.people[row.Site]) < mostPeople {
			s.people[row.Site] = append(s.people[row.Site], row)
		}
	}
	for _, v := range p.Visits {
		zone := rules.Sites[v.Site].Zone
		for _, c := range callsOf(v, zone) {
			if c.Result == pending {
				s.pending = append(s.pending, pendingVisit{control.VisitRow(v), zone, c.Verb, c.Attempts, c.At, c.Reason})
			} else {
				s.recent = append(s.recent, c)
			}
		}
	}
	if len(s.pending) > 10*mostRows || len(s.recent) > 10*mostRows {
		s.trim()
	}
}

// trim keeps what will be shown.
func (s *snapshot) trim() {
	slices.SortStableFunc(s.pending, func(a, b pendingVisit) int { return a.Next.Compare(b.Next) })
	s.pending = s.pending[:min(len(s.pending), mostRows)]
	s.recent = latest(s.recent)
}

// latest returns the latest calls, those first.
func latest(calls []call) []call {
	slices.SortStableFunc(calls, func(a, b call) int { return b.At.Compare(a.At) })
	return calls[:min(len(calls), mostRows)]
}
