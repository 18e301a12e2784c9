package page

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

const (
	mostPeople = 100 // rows of people shown, or found; sites, too
	mostRows   = 200 // rows of anything else

	// mostKept is how many people a snapshot remembers, so that they can be put into any
	// order at once: in some ten megabytes. Of more, what is asked for is looked for.
	mostKept    = 20_000
	mostDomains = 64
)

// snapshot is what one walk over everybody tells.
type snapshot struct {
	daemon
	taken time.Time

	rows    []control.Person // of everybody here, by name; none if they are more than mostKept
	whole   bool             // they are not more
	number  int              // of rows, all of them
	walked  int              // people who were looked at
	domains map[string]int   // how often a mail domain is in one, of the first mostDomains that were met
	pending []pendingVisit   // the next mostRows
	recent  []call           // the latest mostRows, of archived visits only after settle

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

// snapshot returns one that is recent.
func (p *Page) snapshot(ctx context.Context) (*snapshot, error) {
	s, _, err := p.latest.soFar(ctx, "", p.everybody)
	return s, err
}

// moment returns a snapshot of the daemon in which nobody is counted: how many people are
// remembered is as of the latest count, 0 if there is none.
func (p *Page) moment(ctx context.Context) (*snapshot, error) {
	now := time.Now()
	status, err := p.Status(ctx)
	if err != nil {
		return nil, err
	}
	if last, is := p.latest.last(); is {
		status.Store.People = last.Status.Store.People
	}
	return &snapshot{daemon: daemon{Status: status, Unmatched: status.Nobody}, taken: now}, nil
}

// everybody walks over everybody, and shows meanwhile how far it is.
func (p *Page) everybody(ctx context.Context, show func(*snapshot)) (*snapshot, error) {
	began := time.Now()
	status, err := p.Status(ctx)
	if err != nil {
		return nil, err
	}
	status.Sites = slices.Clone(status.Sites)
	s := &snapshot{
		daemon: daemon{Status: status, Unmatched: status.Nobody}, taken: began,
		whole: true, domains: map[string]int{},
	}
	w, shown := p.Listings.World(), began
	for people, err := range presence.Everybody(ctx, p.Listings.Store, "") {
		if err != nil {
			return nil, err
		}
		for i := range people {
			s.take(people[i].View(began, w), w.Rules)
		}
		if s.walked += len(people); time.Since(shown) >= patience/2 {
			shown = time.Now()
			show(s.soFar())
		}
	}
	s.trim()
	s.Status.Judge(began)
	return s, nil
}

// soFar returns what a walk that goes on has told.
func (s *snapshot) soFar() *snapshot {
	s.trim()
	part := &snapshot{
		daemon: daemon{Status: s.Status.SoFar(), Unmatched: s.Unmatched, Walking: s.walked}, taken: s.taken, number: s.number, domains: maps.Clone(s.domains),
		pending: slices.Clone(s.pending), recent: slices.Clone(s.recent),
	}
	part.Status.Judge(s.taken)
	return part
}

func (s *snapshot) take(p presence.View, rules presence.Rules) {
	s.Status.Count(p)
	for _, row := range control.PersonRows(p) {
		s.number++
		if s.whole = s.number <= mostKept; s.whole {
			s.rows = append(s.rows, row)
		} else {
			s.rows = nil
		}
		if _, domain, is := strings.Cut(row.User, "@"); is && (s.domains[domain] > 0 || len(s.domains) < mostDomains) {
			s.domains[domain]++
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

// domain is the mail domain of most addresses, "" if there is none.
func (s *snapshot) domain() string {
	for domain, n := range s.domains {
		if 2*n > s.number {
			return domain
		}
	}
	return ""
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
