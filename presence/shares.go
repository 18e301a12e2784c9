package presence

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// People, devices, NASes and ids of all clients are kept in the same tables. Each
// client has a share of each table: a client that makes names up fills its own share,
// and loses the least useful of its own entries, and no other client notices.

// Share is how many entries of one kind a client has, and how many it may have.
type Share struct {
	Client  string
	Of      ShareOf
	Held    int
	Most    int
	Refused uint64    // entries that were not taken in, or dropped for others, since the start
	Last    time.Time // when one last was
}

// ShareOf says which entries a share is of.
type ShareOf string

// What there are shares of.
const (
	ShareOfPeople  ShareOf = "people"  // remembered people: beyond the share nobody new is taken in
	ShareOfDevices ShareOf = "devices" // devices with stored names: beyond the share none is stored
	ShareOfNASes   ShareOf = "NASes"   // NASes: beyond the share the less useful half is forgotten
)

// Near reports whether more than half of the share is used, or the client was over
// it lately: operators should know long before anybody loses by it.
func (s *Share) Near(now time.Time) bool {
	return s.Held > s.Most/2 || s.Over(now)
}

// Over reports whether the client was over the share lately.
func (s *Share) Over(now time.Time) bool { return !s.Last.IsZero() && now.Sub(s.Last) < shareTold }

const (
	maxNASes     = 1 << 16 // of one client
	devicesOfOne = 4       // devices that a client may bring for each of the people that it may bring
	shareTold    = time.Hour
	maxIDs       = 1 << 16 // session ids of one client in each of two generations
)

// shares are the shares of all clients.
type shares map[shareKey]*Share

type shareKey struct {
	client string
	of     ShareOf
}

func (s shares) at(client string, of ShareOf) *Share {
	is := s[shareKey{client, of}]
	if is == nil {
		client = strings.Clone(client)
		is = &Share{Client: client, Of: of}
		s[shareKey{client, of}] = is
	}
	return is
}

// holdings counts the entries of each share on a walk over all people.
type holdings map[shareKey]int

// count adds a person and their devices to the shares of their client.
func (h holdings) count(p *Person) {
	h[shareKey{p.Client, ShareOfPeople}]++
	for i := range p.Facts {
		if i == 0 || p.Facts[i].Device != p.Facts[i-1].Device {
			h[shareKey{p.Client, ShareOfDevices}]++
		}
	}
}

// count counts the people and devices of every client anew.
func (t *Tracker) count(ctx context.Context) error {
	held, present := holdings{}, map[string]int{}
	for people, err := range Everybody(ctx, t.store, "") {
		if err != nil {
			return err
		}
		for i := range people {
			held.count(&people[i])
			for _, s := range people[i].stand(nil) {
				present[s.site]++
			}
		}
	}
	t.counts.stand(present)
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, s := range t.shares {
		if k.of != ShareOfNASes { // they are counted as they come and go
			s.Held = held[k]
		}
	}
	for k, n := range held {
		t.shares.at(k.client, k.of).Held = n
	}
	return nil
}

// most returns how many entries one client may have.
func (r *Rules) most(of ShareOf) int {
	switch of {
	case ShareOfNASes:
		return maxNASes
	case ShareOfDevices:
		return devicesOfOne * r.MaxPeople
	}
	return r.MaxPeople
}

// Shares returns the shares of all clients, by client.
func (t *Tracker) Shares() []Share {
	rules := &t.policy.Load().rules
	t.mu.Lock()
	all := make([]Share, 0, len(t.shares))
	for _, s := range t.shares {
		is := *s
		is.Most = rules.most(s.Of)
		all = append(all, is)
	}
	t.mu.Unlock()
	slices.SortFunc(all, func(a, b Share) int { return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Of, b.Of)) })
	return all
}

// full reports whether the client has as many as it may have.
func (t *Tracker) full(client string, of ShareOf) bool {
	most := t.policy.Load().rules.most(of)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.shares[shareKey{client, of}]
	return s != nil && s.Held >= most
}

// brought adds n entries to the client's share.
func (t *Tracker) brought(client string, of ShareOf, n int) {
	if n == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shares.at(client, of).Held += n
}

// beyond notes that n entries were over the client's share, and logs it once an
// hour.
func (t *Tracker) beyond(client string, of ShareOf, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exceeded(client, of, n)
}

// exceeded is beyond for a caller that holds t.mu.
func (t *Tracker) exceeded(client string, of ShareOf, n int) {
	now, s := t.looked, t.shares.at(client, of)
	s.Refused += uint64(n)
	if now.Sub(t.told[shareKey{client, of}]) >= shareTold {
		t.told[shareKey{s.Client, of}] = now
		t.log.Warn("a client brings more than its share: are names made up?", "client", s.Client, "of", string(of), "share", t.policy.Load().rules.most(of))
	}
	s.Last = now
}

// strangers returns why a record of a new user leads to nobody when its client is
// over its share of people.
func strangers(client string) Nobody {
	return Nobody{
		Kind: KindIdentity, Key: client, Reason: "somebody new, of a client that has brought as many people as it may",
		Remedy: "look for made-up names in presenced people; or raise [presence] max_people, and MemoryMax= of the service with it",
	}
}

// Of NASes.

// addNAS adds a new NAS. If its client is over its share, addNAS first forgets the
// less useful half of the client's NASes. The caller holds t.mu.
func (t *Tracker) addNAS(name NASName, n *nas) {
	client := name.Client()
	s := t.shares.at(client, ShareOfNASes)
	if s.Held >= maxNASes {
		t.halveNASes(s)
	}
	s.Held++
	t.put(name, n)
}

// put enters the NAS under its name, and under the name's hash unless another has
// it: a made-up name with the same hash takes nobody's place.
func (t *Tracker) put(name NASName, n *nas) {
	n.name = clone(name)
	t.nases[n.name] = n
	if hash := hash32(name); t.hashes[hash] == nil {
		t.hashes[hash] = n
	}
}

// removeNAS forgets a NAS; the next flush erases its note. The caller holds t.mu.
func (t *Tracker) removeNAS(name NASName) {
	n := t.nases[name]
	for device := range n.live {
		t.left(device, n)
	}
	delete(t.nases, name)
	if hash := hash32(name); t.hashes[hash] == n {
		delete(t.hashes, hash)
	}
	delete(t.spoke, n)
	t.shares.at(name.Client(), ShareOfNASes).Held--
	if n.stored {
		t.unnoted = append(t.unnoted, name)
	}
}

// halveNASes forgets the less useful half of a client's NASes: those with the fewest
// devices, and of these the ones that have been heard for the shortest time.
func (t *Tracker) halveNASes(s *Share) {
	type known struct {
		name NASName
		*nas
	}
	var all []known
	for name, n := range t.nases {
		if name.Client() == s.Client {
			all = append(all, known{name, n})
		}
	}
	slices.SortFunc(all, func(a, b known) int {
		return cmp.Or(
			cmp.Compare(len(a.live)+len(a.ends.of), len(b.live)+len(b.ends.of)),
			cmp.Compare(a.Heard.Sub(a.Since), b.Heard.Sub(b.Since)),
			a.Heard.Compare(b.Heard),
		)
	})
	for _, n := range all[:len(all)/2] {
		t.removeNAS(n.name)
	}
	t.exceeded(s.Client, s.Of, len(all)/2)
}

// Of session ids.

// sessionIDs holds the devices of a client's session ids, by a hash of NAS and id, in
// two generations of which the older is forgotten as a whole.
type sessionIDs struct{ young, old map[uint64]string }

func (i *sessionIDs) get(key uint64) (device string, known bool) {
	if device, known = i.young[key]; !known {
		device, known = i.old[key]
	}
	return device, known
}

func (i *sessionIDs) put(key uint64, device string) {
	if i.young == nil || len(i.young) >= maxIDs {
		i.young, i.old = map[uint64]string{}, i.young
	}
	i.young[key] = strings.Clone(device)
}

// idsOf returns the session ids of the NAS's client. The caller holds t.mu.
func (t *Tracker) idsOf(nas NASName) *sessionIDs {
	client := nas.Client()
	i := t.named[client]
	if i == nil {
		i = &sessionIDs{}
		t.named[strings.Clone(client)] = i
	}
	return i
}

// Of shared accounts.

// crowded reports whether the user is a shared account at now, of whose devices
// nothing is kept.
func (t *Tracker) crowded(user string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Before(t.crowds[user])
}

// isCrowd reports whether the user was known to be a shared account, be it until now.
func (t *Tracker) isCrowd(user string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, is := t.crowds[user]
	return is
}

// crowd notes until when the users are shared accounts; zero for those that are none.
func (t *Tracker) crowd(users map[string]time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for user, until := range users {
		if until.IsZero() {
			delete(t.crowds, user)
		} else {
			t.crowds[strings.Clone(user)] = until
		}
	}
}

// uncrowd forgets the shared accounts whose day has turned.
func (t *Tracker) uncrowd(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.crowds, func(_ string, until time.Time) bool { return !now.Before(until) })
}

// ofNAS returns the NAS of that name and marks it as heard. The caller holds t.mu.
func (t *Tracker) ofNAS(name NASName) *nas {
	n := t.nases[name]
	if n == nil {
		n = newNAS(NAS{})
		t.addNAS(name, n)
	}
	t.spoke[n] = struct{}{}
	return n
}

// ofRecord is ofNAS for the record's.
func (t *Tracker) ofRecord(r *Record) *nas {
	var room nasRoom
	name := nameNAS(room[:0], r.Client, r.NASID, r.NASAddr)
	if n := t.nases[NASName(name)]; n != nil { // without a copy of the name
		t.spoke[n] = struct{}{}
		return n
	}
	return t.ofNAS(NASName(name))
}
