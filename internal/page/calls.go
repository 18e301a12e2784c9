package page

import (
	"context"
	"net/http"
	"time"
)

// callsBody is what goes to Kadence.
type callsBody struct {
	Pending []pendingVisit
	Hidden  int // pending that are not shown
	Recent  []call
	Since   time.Time // of visits that arrived since
}

// calls shows what is to be called and what was.
func (p *Page) calls(r *http.Request, s *snapshot) (string, any, error) {
	s.archive.Do(func() { s.archivedErr = p.archived(context.WithoutCancel(r.Context()), s) })
	return "Calls", callsBody{s.pending, max(0, s.Status.Pending-len(s.pending)), s.recent, s.since}, s.archivedErr
}

// archived adds the calls of archived visits: of those that arrived in the last
// day, or, where they are many, since when it says.
func (p *Page) archived(ctx context.Context, s *snapshot) error {
	const most, window = 5_000, 5 * time.Minute
	rules := p.Listings.Rules()
	known := map[string]bool{} // a visit that was archived since is met again
	for _, c := range s.recent {
		known[c.Visit] = true
	}
	for read, until := 0, s.taken.Add(window); read < most && s.taken.Sub(until) < 24*time.Hour; until = s.since {
		s.since = until.Add(-window)
		visits, err := p.Listings.Store.History(ctx, "", s.since, until, most)
		if err != nil {
			return err
		}
		for _, v := range visits {
			if !known[v.ID] {
				s.recent = append(s.recent, callsOf(v, rules.Sites[v.Site].Zone)...)
			}
		}
		if read += len(visits); len(s.recent) > 10*mostRows {
			s.recent = latest(s.recent)
		}
	}
	s.recent = latest(s.recent)
	return nil
}
