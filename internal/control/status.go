package control

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// Status is one screen about the daemon. What only a running daemon knows is
// filled in by it, [Listings.Count] counts people, and [Status.Judge] says what
// is amiss.
type Status struct {
	Version   string   `json:"version"`
	Running   bool     `json:"running"` // false: read from the file, without a daemon
	Ready     bool     `json:"ready"`   // records are being kept and answered
	Failing   string   `json:"failing"` // why the latest could not be kept; "" if it could
	PID       int      `json:"pid"`
	Started   Time     `json:"started"`
	Config    string   `json:"config"`   // the file that is in force
	Reloaded  Time     `json:"reloaded"` // when it was last read
	Listening []string `json:"listening"`
	HTTP      string   `json:"http"` // where the status page is; "" for nowhere

	Clients []Client  `json:"clients"`
	Unknown uint64    `json:"unknown_clients"` // datagrams from sources that are no client
	Drops   uint64    `json:"kernel_drops"`    // datagrams that the kernel had no room for
	Refused uint64    `json:"refused"`         // certificates and TLS handshakes that let nobody in
	Sites   []Site    `json:"sites"`
	People  int       `json:"people"`   // present, arriving or leaving
	Live    int       `json:"sessions"` // open or suspect
	Pending int       `json:"pending"`  // visits with a check-in or check-out pending
	Nobody  int       `json:"unmatched"`
	Desk    Desk      `json:"desk"`
	Store   StoreInfo `json:"store"`
	Cluster *Cluster  `json:"cluster"` // null: the store is this daemon's alone

	Certificates []Certificate `json:"certificates"` // that accounting over TLS depends on

	Troubles     []Trouble `json:"troubles"` // what is amiss, the worst first
	FailingSince Time      `json:"failing_since"`
	Turned       Time      `json:"turned"`         // when that loop turned which has not for longest; null: one does not run
	Recalling    bool      `json:"recalling"`      // what is stored of the NASes is being read
	Refusing     Time      `json:"config_refused"` // since when the configuration file is no good; null: it is in force
	RefusedFor   string    `json:"config_fault"`   // why it is no good; "" if it is in force
	Rated        Duration  `json:"rated"`          // over how long the clients' rates are

	NASes map[presence.NASName]presence.NAS `json:"-"` // by name
	live  map[presence.NASName]int          // sessions by NAS, of the people who were counted
	at    map[string]int                    // sites by name: where they are listed

	Waits  Duration `json:"waits"`  // how long records wait for their answer, whoever sends them
	Shares []Share  `json:"shares"` // of what clients bring, those that are near their end
}

// Certificate is one that runs out, or a list of revoked ones that does.
type Certificate struct {
	Kind    string `json:"kind"`   // "server": ours; "ca": a client's CA; "client": of a connection there is; "crl": a list
	Client  string `json:"client"` // whose; "" for ours
	Subject string `json:"subject"`
	Expires Time   `json:"expires"`
}

// Share is how much a client has brought of what it may bring.
type Share struct {
	Client  string `json:"client"`
	Of      string `json:"of"` // "people", "devices" or "NASes"
	Held    int    `json:"held"`
	Most    int    `json:"most"`
	Refused uint64 `json:"refused"`      // since the start
	Last    Time   `json:"last_refused"` // null: none was
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
	OverTLS      bool     `json:"over_tls"`
	Connections  int      `json:"connections"` // over TLS, now
	Rate         Rate     `json:"per_minute"`
	Named        uint64   `json:"named"`     // records whose identity led to a person
	Anonymous    uint64   `json:"anonymous"` // records with an anonymous outer identity
}

// Site is one site and who is there.
type Site struct {
	Name     string `json:"name"`
	Building string `json:"building"`
	Doubt    string `json:"doubt"` // why Kadence may not have that building any longer; "" if it has
	Zone     string `json:"time_zone"`
	Arriving int    `json:"arriving"`
	Present  int    `json:"present"`
	Leaving  int    `json:"leaving"`
	Sessions int    `json:"sessions"`
	WalkIns  int    `json:"walk_ins"`         // passes asked for today, for who came without a booking
	Stopped  string `json:"walk_ins_stopped"` // why no more are today; "" if they may be
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
	Doubts    []string `json:"doubts"` // what is odd about it: that it is a backup, say
	Size      int64    `json:"size"`   // bytes of the file
	People    int      `json:"people"`
	Commit    Duration `json:"last_commit"` // how long the latest commit took; "" if there was none
	FreePages int      `json:"free_pages"`  // of the file, to be used again
}

// Count fills in who is where and what is pending, and judges. A site that has people but
// is not listed in s, because it is no longer configured, is added.
func (l Listings) Count(ctx context.Context, s *Status) error {
	for p, err := range l.people(ctx, "") {
		if err != nil {
			return err
		}
		s.Count(l.View(&p))
	}
	s.Judge(time.Now())
	return nil
}

// LiveOn returns how many live sessions of the people counted are on a NAS.
func (s *Status) LiveOn(nas presence.NASName) int { return s.live[nas] }

// SoFar returns a copy, which counts nobody more.
func (s *Status) SoFar() Status {
	c := *s
	c.Sites, c.at, c.live = slices.Clone(s.Sites), nil, maps.Clone(s.live)
	return c
}

// Count counts one person more.
func (s *Status) Count(p presence.View) {
	s.Store.People++
	for i := range p.Sessions {
		if p.Sessions[i].Live() {
			s.site(p.Sessions[i].Site).Sessions++
			s.Live++
			if s.live == nil {
				s.live = map[presence.NASName]int{}
			}
			s.live[p.Sessions[i].NAS]++
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
	if s.at == nil || len(s.at) != len(s.Sites) {
		s.at = make(map[string]int, len(s.Sites))
		for i := range s.Sites {
			s.at[s.Sites[i].Name] = i
		}
	}
	i, listed := s.at[name]
	if !listed {
		i = len(s.Sites)
		s.at[name], s.Sites = i, append(s.Sites, Site{Name: name})
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
