package page

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// networkBody is what the network's side is like.
type networkBody struct {
	Clients []clientRow
	More    int // clients that are not shown
	Rated   time.Duration
	NASes   []nasRow
	Number  int // of NASes
	Hidden  int // NASes that are not shown
}

type clientRow struct {
	control.Client
	Rate   rate
	Health health
}

type nasRow struct {
	Name string
	presence.NAS
	Live   int
	Health health
}

// health is a word, and how bad it is: "good", "odd", "bad".
type health struct{ Is, Word string }

// network shows clients and NASes.
func (p *Page) network(_ *http.Request, s *snapshot) (string, any, error) {
	now := time.Now()
	body := networkBody{Rated: s.rated}
	for _, c := range s.Status.Clients {
		if len(body.Clients) == mostRows {
			body.More = len(s.Status.Clients) - mostRows
			break
		}
		body.Clients = append(body.Clients, clientRow{c, s.rates[c.Name], clientHealth(c, s.rates[c.Name], now)})
	}
	for name, n := range p.NASes() {
		body.NASes = append(body.NASes, nasRow{name, n, s.onNAS[name], nasHealth(n, s.onNAS[name], now)})
	}
	slices.SortFunc(body.NASes, func(a, b nasRow) int {
		return cmp.Or(cmp.Compare(a.Health.rank(), b.Health.rank()), cmp.Compare(b.Live, a.Live), cmp.Compare(a.Name, b.Name))
	})
	body.Number = len(body.NASes)
	body.Hidden = max(0, body.Number-mostRows)
	body.NASes = body.NASes[:body.Number-body.Hidden]
	return "Network", body, nil
}

func (h health) rank() int { return slices.Index([]string{"bad", "odd", "good"}, h.Is) }

const skewed = time.Minute // a clock that is off by more is worth a remark

func clientHealth(c control.Client, r rate, now time.Time) health {
	switch skew := time.Duration(c.Skew).Abs(); {
	case r.BadSecrets > 0:
		return health{"bad", "wrong secret"}
	case c.LastHeard.IsZero():
		return health{"odd", "never heard"}
	case now.Sub(c.LastHeard.Time) > silent:
		return health{"odd", "silent"}
	case r.Malformed > 0:
		return health{"odd", "malformed"}
	case skew > skewed:
		return health{"odd", "clock off"}
	}
	return health{"good", "heard"}
}

func nasHealth(n presence.NAS, live int, now time.Time) health {
	switch quiet := now.Sub(n.Heard) > silent; {
	case quiet && live > 0:
		return health{"odd", "silent"}
	case now.Sub(n.Fell) < 30*time.Minute:
		return health{"odd", "mass end"}
	case quiet:
		return health{"good", "idle"}
	}
	return health{"good", "heard"}
}

// unmatchedBody is what led to nobody.
type unmatchedBody struct {
	Rows   []control.Unmatched
	Hidden int
}

// nobodies shows what led to nobody, the most frequent first.
func (p *Page) nobodies(*http.Request, *snapshot) (string, any, error) {
	rows := p.Unmatched()
	hidden := max(0, len(rows)-mostRows)
	return "Unmatched", unmatchedBody{rows[:len(rows)-hidden], hidden}, nil
}
