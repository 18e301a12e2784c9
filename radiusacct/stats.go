package radiusacct

import (
	"sync/atomic"
	"time"
)

// ClientStats holds the counters of one client since the daemon began or the
// client was configured: those of the RADIUS accounting server MIB (RFC 4671), and
// some more.
type ClientStats struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Site    string `json:"site,omitempty"`

	Requests          uint64 `json:"requests"`           // datagrams, of whatever kind
	DupRequests       uint64 `json:"dup_requests"`       // the same datagram again, or the same event in another
	Responses         uint64 `json:"responses"`          // answers sent
	MalformedRequests uint64 `json:"malformed_requests"` // met with silence
	BadAuthenticators uint64 `json:"bad_authenticators"` // met with silence; a Message-Authenticator counts
	PacketsDropped    uint64 `json:"packets_dropped"`    // met with silence: not recorded, or beyond its share
	NoRecords         uint64 `json:"no_records"`         // answered, but nothing follows from such an Acct-Status-Type
	UnknownTypes      uint64 `json:"unknown_types"`      // met with silence: a code that is not accounting's

	NoSessionID uint64        `json:"no_session_id"` // Start, Interim and Stop without Acct-Session-Id
	BadDelays   uint64        `json:"bad_delays"`    // Acct-Delay-Time beyond belief
	BadStamps   uint64        `json:"bad_stamps"`    // Event-Timestamp beyond belief
	LastHeard   time.Time     `json:"last_heard,omitzero"`
	Skew        time.Duration `json:"skew"` // of the latest Event-Timestamp against our clock, in nanoseconds; ahead is positive

	OverTLS     bool      `json:"over_tls"`
	Connections int       `json:"connections"`      // over TLS, now
	Expires     time.Time `json:"expires,omitzero"` // the first of their certificates
}

// tally holds the counters of one client, for any number of goroutines.
type tally struct {
	requests, dups, responses, noRecords, noSessionID, badDelays, badStamps atomic.Uint64
	faults                                                                  [faults]atomic.Uint64
	heard, skew                                                             atomic.Int64 // nanoseconds, of the Unix epoch and as such
}

// Stats returns the counters of each client, in the order in which the clients
// are configured.
func (s *Server) Stats() []ClientStats {
	r := s.clients.Load()
	all := make([]ClientStats, len(r.all))
	connections, expires := s.connected()
	for i, c := range r.all {
		t := r.tallies[i]
		all[i] = ClientStats{
			Name: c.Name, Address: address(c), Site: c.Site,
			Requests:          t.requests.Load(),
			DupRequests:       t.dups.Load(),
			Responses:         t.responses.Load(),
			MalformedRequests: t.sum(malformed, undecodable),
			BadAuthenticators: t.sum(badAuthenticator, badSignature, unsigned),
			PacketsDropped:    t.sum(overShare, unrecorded),
			NoRecords:         t.noRecords.Load(),
			UnknownTypes:      t.sum(unknownType),
			NoSessionID:       t.noSessionID.Load(),
			BadDelays:         t.badDelays.Load(),
			BadStamps:         t.badStamps.Load(),
			Skew:              time.Duration(t.skew.Load()),
			OverTLS:           c.Trust != nil, Connections: connections[t], Expires: expires[t],
		}
		if heard := t.heard.Load(); heard != 0 {
			all[i].LastHeard = time.Unix(0, heard)
		}
	}
	return all
}

// Certificate is a certificate or revocation list without which clients are not
// let in once it has expired.
type Certificate struct {
	Kind    string    `json:"kind"`   // "server": ours; "ca": a client's CA; "client": of a connection there is; "crl": a list
	Client  string    `json:"client"` // whose; "" for ours
	Subject string    `json:"subject"`
	Expires time.Time `json:"expires"` // of a list, when it was to be replaced
}

// Certificates returns the certificates and lists that expire: ours first, then of
// each client its CAs and lists, and of the certificates that it has connected
// with the first to expire.
func (s *Server) Certificates() (all []Certificate) {
	s.mu.Lock()
	ours := s.certificate
	s.mu.Unlock()
	if ours != nil && ours.Leaf != nil {
		all = append(all, Certificate{"server", "", ours.Leaf.Subject.String(), ours.Leaf.NotAfter})
	}
	r := s.clients.Load()
	_, expires := s.connected()
	for i, c := range r.all {
		if c.Trust == nil {
			continue
		}
		for _, ca := range c.Trust.CAs {
			all = append(all, Certificate{"ca", c.Name, ca.Subject.String(), ca.NotAfter})
		}
		for _, list := range c.Trust.CRLs {
			if !list.NextUpdate.IsZero() {
				all = append(all, Certificate{"crl", c.Name, list.Issuer.String(), list.NextUpdate})
			}
		}
		if at, ok := expires[r.tallies[i]]; ok {
			all = append(all, Certificate{"client", c.Name, "", at})
		}
	}
	return all
}

// connected returns how many connections each client has, and when the first of
// their certificates expires.
func (s *Server) connected() (connections map[*tally]int, expires map[*tally]time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	connections, expires = map[*tally]int{}, map[*tally]time.Time{}
	for c := range s.connections {
		t, at := c.member.Load().tally, time.Unix(c.expires.Load(), 0)
		connections[t]++
		if first, ok := expires[t]; !ok || at.Before(first) {
			expires[t] = at
		}
	}
	return connections, expires
}

// sum returns how often the faults occurred.
func (t *tally) sum(of ...fault) (n uint64) {
	for _, f := range of {
		n += t.faults[f].Load()
	}
	return n
}

// address tells where the client sends from: a prefix, a single address, or TLS.
func address(c Client) string {
	if c.Trust != nil {
		where := "TLS"
		if c.Prefix.IsValid() {
			where += " from " + c.Prefix.String()
		}
		return where
	}
	if c.Prefix.IsSingleIP() {
		return c.Prefix.Addr().String()
	}
	return c.Prefix.String()
}

// Totals holds the counters that are of no one client.
type Totals struct {
	InvalidRequests uint64 `json:"invalid_requests"` // datagrams from sources that are no client (RFC 4671)
	KernelDrops     uint64 `json:"kernel_drops"`     // datagrams that the kernel had no room for, on the sockets being served
	Refused         uint64 `json:"refused"`          // certificates and handshakes that let nobody in
	Batches         uint64 `json:"batches"`          // given to the recorder
	Recorded        uint64 `json:"recorded"`         // records in them
	LargestBatch    uint64 `json:"largest_batch"`
}

type totals struct{ invalid, refused, batches, recorded, largest atomic.Uint64 }

// batch counts a batch of n records.
func (t *totals) batch(n uint64) {
	t.batches.Add(1)
	t.recorded.Add(n)
	for old := t.largest.Load(); old < n && !t.largest.CompareAndSwap(old, n); old = t.largest.Load() {
	}
}

// Totals returns the counters that are of no one client. It asks the kernel for
// its drops.
func (s *Server) Totals() Totals {
	t := Totals{
		InvalidRequests: s.totals.invalid.Load(), Refused: s.totals.refused.Load(), Batches: s.totals.batches.Load(),
		Recorded: s.totals.recorded.Load(), LargestBatch: s.totals.largest.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, drops := range s.serving {
		t.KernelDrops += drops()
	}
	return t
}
