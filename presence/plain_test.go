package presence

import (
	"slices"
	"strings"
)

// plain is the [Mapping] of these tests: a record is of the user whom its name
// says, at example.com, and at its client's site if its network counts there.
type plain struct {
	sites []Site
	hash  []byte
}

// Read implements [Mapping].
func (m plain) Read(r *Record) *Reading {
	g := &Reading{Sighting: r.Sighting()}
	if m.hash != nil {
		defer g.Hash(m.hash)
	}
	if r.Status == Other {
		g.Nobody = Nobody{Kind: KindStatus, Reason: "an Acct-Status-Type that is about no station"}
		return g
	}
	at := slices.IndexFunc(m.sites, func(s Site) bool { return s.Name == r.Site })
	switch {
	case at < 0:
		g.Nobody = Nobody{Kind: KindNAS, Key: string(r.NAS()), Reason: "no site claims it"}
	case len(m.sites[at].SSIDs) > 0 && !slices.Contains(m.sites[at].SSIDs, r.SSID):
		g.Where, g.Nobody = OnOtherNetwork, Nobody{Kind: KindSSID, Key: r.SSID, Reason: "it does not count this network"}
		return g
	default:
		g.Site, g.Where = r.Site, AtClientsSite
	}
	name, _, _ := strings.Cut(r.UserName, "@")
	switch {
	case g.Nobody.Kind != "": // the first reason is the reason
	case name == "":
		g.Nobody = Nobody{Kind: KindIdentity, Reason: "no User-Name"}
	case strings.Contains(name, ":"):
		g.Nobody = Nobody{Kind: KindIdentity, Key: "MAC address", Reason: "a MAC address for a name"}
	case name == "anonymous":
		g.Nobody, g.Hidden = Nobody{Kind: KindIdentity, Key: r.UserName, Reason: "anonymous outer identity"}, true
	case strings.HasPrefix(name, "host/"):
		g.Nobody, g.Who = Nobody{Kind: KindIdentity, Key: r.UserName, Reason: "a machine"}, NamesMachine
	default:
		g.User, g.Who = Fold(name)+"@example.com", NamesUser
	}
	return g
}
