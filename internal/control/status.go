package control

import (
	"context"
	"slices"

	"github.com/presenced/presenced/presence"
)

// Status is one screen about the daemon. What only a running daemon knows is
// filled in by it; [Listings.Count] fills in the rest.
type Status struct {
	Version   string   `json:"version"`
	Running   bool     `json:"running"` // false: read from the file, without a daemon
	Ready     bool     `json:"ready"`   // records are being kept and answered
	Failing   string   `json:"failing"` // why they are not; "" if they are
	PID       int      `json:"pid"`
	Started   Time     `json:"started"`
	Config    string   `json:"config"`   // the file that is in force
	Reloaded  Time     `json:"reloaded"` // when it was last read
	Listening []string `json:"listening"`
	HTTP      string   `json:"http"` // where the status page is; "" for nowhere

	Clients []Client  `json:"clients"`
	Unknown uint64    `json:"unknown_clients"` // datagrams from sources that are no client
	Drops   uint64    `json:"kernel_drops"`    // datagrams that the kernel had no room for
	Sites   []Site    `json:"sites"`
	People  int       `json:"people"`   // present, arriving or leaving
	Live    int       `json:"sessions"` // open or suspect
	Pending int       `json:"pending"`  // visits with a check-in or check-out pending
	Nobody  int       `json:"unmatched"`
	Desk    Desk      `json:"desk"`
	Store   StoreInfo `json:"store"`
}

// Client is what was heard from one RADIUS client. The counters have the names
// of RFC 4671.
type Client struct {
	Name         string   `json:"name"`
	Address      string   `json:"address"`
	Site         string   `json:"site"`
	LastHeard    Time     `json:"last_heard"`
	Requests     uint64   `json:"requests"`
	Responses    uint64   `json:"responses"`
	Duplicates   uint64   `json:"dup_requests"`
	BadSecrets   uint64   `json:"bad_authenticators"`
	Malformed    uint64   `json:"malformed_requests"`
	Dropped      uint64   `json:"packets_dropped"`
	NoRecords    uint64   `json:"no_records"`
	UnknownTypes uint64   `json:"unknown_types"`
	NoSessionID  uint64   `json:"no_session_id"`
	BadDelays    uint64   `json:"bad_delays"` // Acct-Delay-Time beyond belief
	BadStamps    uint64   `json:"bad_stamps"` // Event-Timestamp beyond belief
	Skew         Duration `json:"skew"`       // of its clock against ours; ahead is positive
	Named        uint64   `json:"named"`      // records whose identity led to a person
	Anonymous    uint64   `json:"anonymous"`  // records with an anonymous outer identity
}

// Site is one site and who is there.
type Site struct {
	Name     string `json:"name"`
	Building string `json:"building"`
	Zone     string `json:"time_zone"`
	Arriving int    `json:"arriving"`
	Present  int    `json:"present"`
	Leaving  int    `json:"leaving"`
	Sessions int    `json:"sessions"`
}

// Desk is how the booking side has been answering.
type Desk struct {
	Mode     string `json:"mode"` // "live", "dry_run", or "none" without [kadence]
	Success  Time   `json:"last_success"`
	Failure  Time   `json:"last_failure"`
	Error    string `json:"error"`    // of the latest failure; "" after a success
	Failures int    `json:"failures"` // in a row
	Rests    Time   `json:"rests"`    // no call but a probe is made before
	Calls    []Call `json:"calls"`    // since the start, by route and result
}

// Call counts the calls of one route that had one result.
type Call struct {
	Route  string `json:"route"`  // "GET /v1/public/users"
	Result string `json:"result"` // a status such as "201", or "error" if there was no answer
	Count  int    `json:"count"`
}

// StoreInfo is the state of the store.
type StoreInfo struct {
	Path      string   `json:"path"`
	Size      int64    `json:"size"` // bytes of the file
	People    int      `json:"people"`
	Commit    Duration `json:"last_commit"` // how long the latest commit took; "" if there was none
	FreePages int      `json:"free_pages"`  // of the file, to be used again
}

// Count fills in who is where and what is pending. A site that has people but
// is not listed in s, because it is no longer configured, is added.
func (l Listings) Count(ctx context.Context, s *Status) error {
	for p, err := range l.Everybody(ctx) {
		if err != nil {
			return err
		}
		s.Count(&p)
	}
	return nil
}

// Count counts one person more.
func (s *Status) Count(p *presence.Person) {
	s.Store.People++
	for i := range p.Sessions {
		if p.Sessions[i].Live() {
			s.site(p.Sessions[i].Site).Sessions++
			s.Live++
		}
	}
	for _, v := range p.Visits {
		s.site(v.Site).count(v)
		if v.State != presence.Over {
			s.People++
		}
		if (VisitQuery{Pending: true}).matches(v) {
			s.Pending++
		}
	}
}

// site returns the site of that name, adding it if it is not listed.
func (s *Status) site(name string) *Site {
	i := slices.IndexFunc(s.Sites, func(site Site) bool { return site.Name == name })
	if i < 0 {
		i = len(s.Sites)
		s.Sites = append(s.Sites, Site{Name: name})
	}
	return &s.Sites[i]
}

func (s *Site) count(v presence.Visit) {
	switch v.State {
	case presence.Arriving:
		s.Arriving++
	case presence.Present:
		s.Present++
	case presence.Leaving:
		s.Leaving++
	}
}
