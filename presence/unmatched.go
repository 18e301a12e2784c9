package presence

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Unmatched is a reason why records led to no person: how often it occurred, and
// what to change.
type Unmatched struct {
	Nobody
	Count int       `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`

	client string // the client that sent the first of the records; "" if none did
}

// Reason is why records led to nobody, without what was in them.
type Reason struct{ Kind, Reason string }

const maxReasons = 64 // a bound on memory: there are fewer

// Reasons returns how often records led to nobody for each reason, since the daemon
// started. These counts only grow, although [Tracker.Unmatched] drops entries.
func (t *Tracker) Reasons() map[Reason]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.reasons)
}

// because returns the reason of n, without the texts that it quotes from the record.
func because(n Nobody) Reason {
	reason := n.Reason
	if from, to := strings.IndexByte(reason, '"'), strings.LastIndexByte(reason, '"'); from < to {
		reason = reason[:from] + "…" + reason[to+1:]
	}
	reason, _, _ = strings.Cut(reason, ":")
	return Reason{n.Kind, reason}
}

// unmatched holds the entries of [Tracker.Unmatched], in bounded memory.
type unmatched map[Nobody]*Unmatched

const maxUnmatched = 4096

// Unmatched returns why records led to nobody since the daemon started, the most
// frequent reason first.
func (t *Tracker) Unmatched() []Unmatched {
	t.mu.Lock()
	all := make([]Unmatched, 0, len(t.unmatched))
	for _, u := range t.unmatched {
		all = append(all, *u)
	}
	t.mu.Unlock() // records need not wait for the sorting
	slices.SortFunc(all, func(a, b Unmatched) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
	})
	return all
}

// Stranger counts a datagram from a source that is no client.
func (t *Tracker) Stranger(source netip.Addr, heard time.Time) {
	t.nobody(Nobody{
		Kind: KindSource, Key: source.String(), Reason: "not a client",
		Remedy: "add a [[radius.client]] for it, or have it stop",
	}, "", heard)
}

// Refused counts a sender that was not let in, as by its certificate.
func (t *Tracker) Refused(n Nobody, heard time.Time) { t.nobody(n, "", heard) }

// Identities is what the identities of one client's records were like.
type Identities struct {
	Named     uint64 `json:"named"`     // led to a person
	Anonymous uint64 `json:"anonymous"` // did not say whose they are: anonymous outer identities, placeholders, ids
}

// Identities returns what the identities were like since the daemon started,
// by client.
func (t *Tracker) Identities() map[string]Identities {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.identities)
}

// identity counts a record of the client's by what its identity was like.
func (t *Tracker) identity(client string, g *Reading) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.identities[client]
	switch {
	case g.Nobody.Kind == "":
		i.Named++
	case g.Hidden:
		i.Anonymous++
	}
	t.identities[client] = i
}

// nobody counts a record of the client's that led to no person. When the table is
// full, it drops the older half of the entries of the client that has most of them.
func (t *Tracker) nobody(n Nobody, client string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.unmatched[n]
	if u == nil {
		if len(t.unmatched) >= maxUnmatched {
			t.unmatched.halve()
		}
		n.Key = kept("", n.Key)
		u = &Unmatched{Nobody: n, First: now, client: strings.Clone(client)}
		t.unmatched[n] = u
	}
	u.Count++
	u.Last = now
	r := because(n)
	if _, known := t.reasons[r]; !known && len(t.reasons) >= maxReasons {
		r = Reason{n.Kind, "another"}
	}
	t.reasons[r]++
}

// halve drops half of the entries of the client that has most of them: those whose
// latest record is oldest.
func (m unmatched) halve() {
	of := map[string][]Nobody{}
	var oldest []Nobody
	for k, u := range m {
		of[u.client] = append(of[u.client], k)
		if len(of[u.client]) > len(oldest) {
			oldest = of[u.client]
		}
	}
	slices.SortFunc(oldest, func(a, b Nobody) int { return m[a].Last.Compare(m[b].Last) })
	for _, k := range oldest[:(len(oldest)+1)/2] {
		delete(m, k)
	}
}

// forget drops the entries of the key, as a forgotten user's name.
func (m unmatched) forget(key string) {
	for k := range m {
		if k.Key == key {
			delete(m, k)
		}
	}
}
