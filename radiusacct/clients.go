package radiusacct

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Client is who may send accounting: an address or a prefix with a shared
// secret.
type Client struct {
	Name    string       // unique; what logs, statistics and records call it
	Prefix  netip.Prefix // where it sends from; a single address is a prefix of full length
	Secrets [][]byte     // any of them authenticates, as bytes; several while they are being changed
	Site    string       // what its records belong to when nothing matches better; may be empty

	MirrorMessageAuthenticator  Mirror // whether answers carry a Message-Authenticator
	RequireMessageAuthenticator bool   // refuse requests without one, which RFC 2866 allows
}

// Mirror says whether an Accounting-Response carries a Message-Authenticator
// (RFC 3579 3.2). No RFC asks for one; a peer that enforces it may.
type Mirror string

// The ways to mirror a Message-Authenticator.
const (
	MirrorAuto   Mirror = ""       // if the Accounting-Request had one
	MirrorAlways Mirror = "always" // always, Status-Server included
	MirrorNever  Mirror = "never"
)

// Clients is an immutable set of clients in which the longest prefix that
// holds an address is found.
type Clients struct {
	all      []Client
	byPrefix map[netip.Prefix]int // index into all
	lengths  []int                // prefix lengths that occur, the longest first
}

// NewClients returns the set of these clients. It names every fault: a client
// without name, prefix or secret, a name or a prefix that occurs twice.
func NewClients(all []Client) (Clients, error) {
	set := Clients{all: slices.Clone(all), byPrefix: map[netip.Prefix]int{}}
	var faults []error
	fault := func(c Client, text string) {
		faults = append(faults, fmt.Errorf("radius client %q: %s", c.Name, text))
	}
	names := map[string]bool{}
	for i, c := range set.all {
		p := unmapPrefix(c.Prefix)
		set.all[i].Prefix = p
		set.all[i].Secrets = nil
		for _, secret := range c.Secrets {
			set.all[i].Secrets = append(set.all[i].Secrets, bytes.Clone(secret))
		}
		switch {
		case c.Name == "":
			fault(c, "no name")
		case names[c.Name]:
			fault(c, "another client has this name")
		}
		names[c.Name] = true
		if len(c.Secrets) == 0 || slices.ContainsFunc(c.Secrets, func(s []byte) bool { return len(s) == 0 }) {
			fault(c, "no secret, or an empty one")
		}
		if !slices.Contains([]Mirror{MirrorAuto, MirrorAlways, MirrorNever}, c.MirrorMessageAuthenticator) {
			fault(c, fmt.Sprintf("mirror Message-Authenticator %q: unknown", c.MirrorMessageAuthenticator))
		}
		if !p.IsValid() {
			fault(c, "no address")
			continue
		}
		if other, taken := set.byPrefix[p]; taken {
			fault(c, fmt.Sprintf("%s is the address of client %q", p, set.all[other].Name))
		}
		set.byPrefix[p] = i
		if !slices.Contains(set.lengths, p.Bits()) {
			set.lengths = append(set.lengths, p.Bits())
		}
	}
	if faults != nil {
		return Clients{}, errors.Join(faults...)
	}
	slices.SortFunc(set.lengths, func(a, b int) int { return cmp.Compare(b, a) })
	return set, nil
}

// Find returns the client that addr belongs to. An IPv4 address that came
// through an IPv6 socket is the IPv4 address.
func (set Clients) Find(addr netip.Addr) (Client, bool) {
	i, ok := set.find(addr)
	if !ok {
		return Client{}, false
	}
	return set.all[i], true
}

func (set Clients) find(addr netip.Addr) (index int, ok bool) {
	addr = addr.Unmap().WithZone("")
	for _, bits := range set.lengths {
		p, err := addr.Prefix(bits)
		if err != nil {
			continue // longer than an IPv4 address
		}
		if i, ok := set.byPrefix[p]; ok {
			return i, true
		}
	}
	return 0, false
}

// unmapPrefix writes a prefix of IPv4-mapped addresses as the IPv4 prefix that
// it is, and without the bits beyond its length.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// roster is a set of clients with what is counted of each.
type roster struct {
	Clients
	tallies []*tally // as Clients.all
}

// with returns the roster of other clients, in which names keep their counts.
func (r *roster) with(clients Clients) *roster {
	next := &roster{Clients: clients}
	for _, c := range clients.all {
		t := &tally{}
		if i := slices.IndexFunc(r.all, func(old Client) bool { return old.Name == c.Name }); i >= 0 {
			t = r.tallies[i]
		}
		next.tallies = append(next.tallies, t)
	}
	return next
}
