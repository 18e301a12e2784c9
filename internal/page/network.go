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

	Connections int // over TLS, of all clients
	More        int // clients that are not shown
	Rated       time.Duration
	NASes       []nasRow
	Number      int // of NASes
	Hidden      int // NASes that are not shown
}

type clientRow struct {
	control.Client
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
	body := networkBody{Rated: time.Duration(s.Status.Rated)}
	for _, c := range s.Status.Clients {
		body.Connections += c.Connections
		if len(body.Clients) == mostRows {
			body.More++
			continue
		}
		body.Clients = append(body.Clients, clientRow{c, clientHealth(&c, s.Status.Troubles)})
	}
	for name, n := range s.Status.NASes {
		live := s.Status.LiveOn(name)
		body.NASes = append(body.NASes, nasRow{string(name), n, live, nasHealth(n, live, now)})
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

// clientHealth is the client's trouble, and else what is worth a remark.
func clientHealth(c *control.Client, troubles []control.Trouble) health {
	words := map[control.Kind]string{control.WrongSecret: "wrong secret", control.NeverHeard: "never heard", control.Silent: "silent"}
	for _, t := range troubles {
		if word := words[t.Kind]; word != "" && t.Of == c.Name {
			return health{string(t.Grade), word}
		}
	}
	switch skew := time.Duration(c.Skew).Abs(); {
	case c.LastHeard.IsZero(): // it may yet come
		return health{"odd", "never heard"}
	case c.Rate.Malformed > 0:
		return health{"odd", "malformed"}
	case skew > skewed:
		return health{"odd", "clock off"}
	}
	return health{"good", "heard"}
}

func nasHealth(n presence.NAS, live int, now time.Time) health {
	switch quiet := now.Sub(n.Heard) > control.Hushed; {
	case quiet && live > 0:
		return health{"odd", "silent"}
	case now.Sub(n.Fell) < 30*time.Minute:
		return health{"odd", "mass end"}
	case quiet:
		return health{"good", "idle"}
	}
	return health{"good", "heard"}
}

// sharerIs is how bad it is what a daemon says of itself.
func sharerIs(d control.Sharer) string {
	if d.Unready != "" || len(d.Differs) > 0 {
		return "odd"
	}
	return "good"
}

// memberIs is how bad it is how a member of etcd is.
func memberIs(m control.StoreMember) string {
	switch {
	case m.Fault != "" || len(m.Alarms) > 0:
		return "bad"
	case m.Crowded():
		return "odd"
	}
	return "good"
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
