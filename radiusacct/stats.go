package radiusacct

import (
	"sync/atomic"
	"time"
)

// ClientStats is what was counted of one client since the daemon began or the
// client was configured. The counters are those of the RADIUS accounting
// server MIB (RFC 4671).
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
}

// tally is what is counted of one client, by any number of loops.
type tally struct {
	requests, dups, responses, noRecords, noSessionID, badDelays, badStamps atomic.Uint64
	faults                                                                  [faults]atomic.Uint64
	heard, skew                                                             atomic.Int64 // nanoseconds, of the Unix epoch and as such
}

// Stats returns what was counted of each client, in the order in which they
// are configured.
func (s *Server) Stats() []ClientStats {
	r := s.clients.Load()
	all := make([]ClientStats, len(r.all))
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
		}
		if heard := t.heard.Load(); heard != 0 {
			all[i].LastHeard = time.Unix(0, heard)
		}
	}
	return all
}

func (t *tally) sum(of ...fault) (n uint64) {
	for _, f := range of {
		n += t.faults[f].Load()
	}
	return n
}

// address is the client's prefix, and of a single address that alone.
func address(c Client) string {
	if c.Prefix.IsSingleIP() {
		return c.Prefix.Addr().String()
	}
	return c.Prefix.String()
}

// Totals is what was counted whatever the client.
type Totals struct {
	InvalidRequests uint64 `json:"invalid_requests"` // datagrams from sources that are no client (RFC 4671)
	KernelDrops     uint64 `json:"kernel_drops"`     // datagrams that the kernel had no room for, on the sockets being served
	Batches         uint64 `json:"batches"`          // given to the recorder
	Recorded        uint64 `json:"recorded"`         // records in them
	LargestBatch    uint64 `json:"largest_batch"`
}

type totals struct{ invalid, batches, recorded, largest atomic.Uint64 }

func (t *totals) batch(n uint64) {
	t.batches.Add(1)
	t.recorded.Add(n)
	for old := t.largest.Load(); old < n && !t.largest.CompareAndSwap(old, n); old = t.largest.Load() {
	}
}

// Totals returns what was counted whatever the client. Kernel drops are asked
// of the kernel at that moment.
func (s *Server) Totals() Totals {
	t := Totals{
		InvalidRequests: s.totals.invalid.Load(), Batches: s.totals.batches.Load(),
		Recorded: s.totals.recorded.Load(), LargestBatch: s.totals.largest.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.loops {
		if drops, err := kernelDrops(l.conn); err == nil {
			t.KernelDrops += drops
		}
	}
	return t
}
