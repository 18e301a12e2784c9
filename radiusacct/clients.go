package radiusacct

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Client may send accounting: over UDP from an address or a prefix, with a shared
// secret; over TLS with a certificate.
type Client struct {
	Name    string       // unique, without a "/"; what logs, statistics and records call it
	Prefix  netip.Prefix // where it sends from; a single address is a prefix of full length; with Trust it may be missing
	Secrets [][]byte     // any of them authenticates, as bytes; several while they are being changed; with Trust, [RadSecSecret] if there is none
	Trust   *Trust       // whose certificates are this client's; nil: it is known by its address and secret
	Site    string       // what its records belong to when nothing matches better; may be empty

	MaxConnections int // over TLS at once; 0: as many as there may be of all

	MirrorMessageAuthenticator  Mirror // whether answers carry a Message-Authenticator
	RequireMessageAuthenticator bool   // refuse requests without one, which RFC 2866 allows
}

// Mirror says whether an Accounting-Response carries a Message-Authenticator
// (RFC 3579 3.2). No RFC asks for one, nor says which authenticator it is made
// over: FreeRADIUS 3 takes zeros, as [parcel.answer] does, and radsecproxy from
// 1.11.2 on the request's, and each drops the other's answers. A peer that
// enforces it may ask for one.
type Mirror string

// The ways to mirror a Message-Authenticator.
const (
	MirrorNever  Mirror = ""
	MirrorAuto   Mirror = "auto"   // if the Accounting-Request had one
	MirrorAlways Mirror = "always" // always, Status-Server included
)

// Clients is an immutable set of clients. It finds the client of an address by
// the longest prefix that holds it, and the first client that a certificate
// belongs to.
type Clients struct {
	all      []Client
	byPrefix map[netip.Prefix]int // index into all
	lengths  []int                // prefix lengths that occur, the longest first
	cas      *x509.CertPool       // of all clients over TLS
}

// NewClients returns the set of these clients. It names every fault: a client
// without name, prefix or secret, or without a CA, a name that has a "/", and a
// name or a prefix that occurs twice.
func NewClients(all []Client) (Clients, error) {
	set := Clients{all: slices.Clone(all), byPrefix: map[netip.Prefix]int{}, cas: x509.NewCertPool()}
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
		case strings.Contains(c.Name, "/"): // see presence.NASName
			fault(c, "a / in its name")
		}
		names[c.Name] = true
		if c.Trust != nil {
			set.all[i] = set.all[i].overTLS()
			if len(c.Trust.CAs) == 0 {
				fault(c, "no CA")
			}
			for _, ca := range c.Trust.CAs {
				set.cas.AddCert(ca)
			}
			continue
		}
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

// overTLS returns c with the pool of its CAs, and with the settings that every
// client over TLS has.
func (c Client) overTLS() Client {
	trust := *c.Trust
	trust.pool = x509.NewCertPool()
	for _, ca := range trust.CAs {
		trust.pool.AddCert(ca)
	}
	c.Trust = &trust
	if len(c.Secrets) == 0 {
		c.Secrets = [][]byte{[]byte(RadSecSecret)}
	}
	// TLS protects the answer already. And peers disagree on what the
	// Message-Authenticator is made over: the one that one peer wants makes another
	// close the connection.
	c.MirrorMessageAuthenticator = MirrorNever
	return c
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

// find is Find that returns an index into set.all.
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

// talliedClients is a set of clients with the counters of each.
type talliedClients struct {
	Clients
	tallies []*tally // in the order of Clients.all
}

// replacedBy returns other clients with their counters: those of the client in r
// that has the same name, or new ones.
func (r *talliedClients) replacedBy(clients Clients) *talliedClients {
	next, tallies := &talliedClients{Clients: clients}, make(map[string]*tally, len(r.all))
	for i, c := range r.all {
		tallies[c.Name] = r.tallies[i]
	}
	for _, c := range clients.all {
		t := tallies[c.Name]
		if t == nil {
			t = &tally{}
		}
		next.tallies = append(next.tallies, t)
	}
	return next
}
