package presence

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Unmatched is what led to no person: how often, why, and what to change.
type Unmatched struct {
	Nobody
	Count int       `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Reason is why records led to nobody, without what was in them.
type Reason struct{ Kind, Reason string }

const maxReasons = 64 // there are fewer

// Reasons returns how often each led to nobody since the daemon started. These
// counts only grow, whatever [Tracker.Unmatched] has to drop.
func (t *Tracker) Reasons() map[Reason]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.reasons)
}

// because is the reason of n, without what is quoted from the record.
func because(n Nobody) Reason {
	reason := n.Reason
	if from, to := strings.IndexByte(reason, '"'), strings.LastIndexByte(reason, '"'); from < to {
		reason = reason[:from] + "…" + reason[to+1:]
	}
	reason, _, _ = strings.Cut(reason, ":")
	return Reason{n.Kind, reason}
}

// unmatched counts by what it was, in bounded memory.
type unmatched map[Nobody]*Unmatched

const maxUnmatched = 4096

// Unmatched returns what led to nobody since the daemon started, the most
// frequent first.
func (t *Tracker) Unmatched() []Unmatched {
	t.mu.Lock()
	all := make([]Unmatched, 0, len(t.unmatched))
	for _, u := range t.unmatched {
		all = append(all, *u)
	}
	t.mu.Unlock() // records do not wait for what follows
	slices.SortFunc(all, func(a, b Unmatched) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
	})
	return all
}

// Stranger counts a datagram from a source that is no client.
func (t *Tracker) Stranger(source netip.Addr, heard time.Time) {
	t.nobody(Nobody{
		Kind: kindSource, Key: source.String(), Reason: "not a client",
		Remedy: "add a [[radius.client]] for it, or have it stop",
	}, heard)
}

// Identities is what the identities of one client's records were like.
type Identities struct {
	Named     uint64 `json:"named"`     // led to a person
	Anonymous uint64 `json:"anonymous"` // anonymous outer identities
}

// Identities returns what the identities were like since the daemon started,
// by client.
func (t *Tracker) Identities() map[string]Identities {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.identities)
}

// identity counts what a record of the client's led to.
func (t *Tracker) identity(client string, n Nobody) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.identities[client]
	switch {
	case n.Kind == "":
		i.Named++
	case n.Reason == isAnonymous:
		i.Anonymous++
	}
	t.identities[client] = i
}

// nobody counts a record that led to no person. When the table is full, what
// was unheard for longest makes room.
func (t *Tracker) nobody(n Nobody, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.unmatched[n]
	if u == nil {
		if len(t.unmatched) >= maxUnmatched {
			t.unmatched.halve()
		}
		n.Key = kept("", n.Key)
		u = &Unmatched{Nobody: n, First: now}
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

// halve drops the half that was unheard for longest.
func (m unmatched) halve() {
	oldest := make([]Nobody, 0, len(m))
	for k := range m {
		oldest = append(oldest, k)
	}
	slices.SortFunc(oldest, func(a, b Nobody) int { return m[a].Last.Compare(m[b].Last) })
	for _, k := range oldest[:len(oldest)/2] {
		delete(m, k)
	}
}

func (m unmatched) forget(key string) {
	for k := range m {
		if k.Key == key {
			delete(m, k)
		}
	}
}
