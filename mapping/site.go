package mapping

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/presenced/presenced/presence"
)

// Elsewhere are access points that carry a network that counts and are at no
// site: in homes, in vehicles.
type Elsewhere struct {
	NAS       []string // as a Site's
	Locations []string // as a Site's
}

// clue is one way to tell where a record comes from. What is nearest to the
// station is asked first: a controller can have access points in many places.
type clue struct {
	name    string
	answer  func(*presence.Record) string // "" if the record has none
	key     string                        // which patterns it is held against, "nas" or "locations"
	matches func(pattern, answer string) bool
	near    func(x *index, answer string) []int // the sites of which a pattern may match it
}

var clues = []clue{
	{"AP name", func(r *presence.Record) string { return r.AP }, "nas", presence.Match, byName},
	{"AP address", func(r *presence.Record) string { return r.BSSID }, "nas", matchMAC, func(x *index, mac string) []int { return x.macs.of(mac) }},
	{"location", func(r *presence.Record) string { return r.Location }, "locations", presence.Match, func(x *index, l string) []int { return x.locations.of(l) }},
	{"NAS-Identifier", func(r *presence.Record) string { return r.NASID }, "nas", presence.Match, byName},
	{"NAS address", nasAddress, "nas", matchAddress, (*index).at},
}

func byName(x *index, name string) []int { return x.nas.of(name) }

// among returns the first of the patterns that matches the answer.
func (c *clue) among(nas, locations []string, answer string) (pattern string, ok bool) {
	patterns := nas
	if c.key == "locations" {
		patterns = locations
	}
	for _, pattern := range patterns {
		if c.matches(pattern, answer) {
			return pattern, true
		}
	}
	return "", false
}

// place asks for the site. What an [[elsewhere]] claims by any clue is at none.
// A site whose ssids do not have the record's network is out of the question.
// Of the others, the first that claims the record, by
//
//  1. the access point's name, in nas,
//  2. its MAC address (BSSID), in nas,
//  3. the vendor's location, in locations,
//  4. NAS-Identifier, in nas,
//  5. the NAS's address, in nas,
//  6. being the client's site,
//  7. being the only site that has the network in its ssids and names neither
//     nas nor locations,
//
// has it. A record without SSID counts at a site with ssids only if "" is
// among them.
func (m *Rules) place(r *presence.Record, g *draft) (nobody presence.Nobody, done bool) {
	if why := m.elsewhere(r); why.clue != nil {
		g.Where = presence.IsElsewhere
		g.step("site", "", "[[elsewhere]], "+why.rule(r))
		return presence.Nobody{
			Kind: presence.KindElsewhere, Key: why.pattern, Reason: "[[elsewhere]]: an access point that is at no site",
			Remedy: "none needed; if it is at a site, take it out of [[elsewhere]] " + why.clue.key,
		}, true
	}
	s, why := m.claim(r, false)
	if s == nil {
		s, why = m.claim(r, true)
		nobody = nowhere(r, s)
	}
	switch {
	case r.SSID != "" && (nobody.Kind == presence.KindSSID || !m.counts(r.SSID)):
		g.Where = presence.OnOtherNetwork
	case s != nil && why.clue != nil:
		g.Where, g.Site = presence.AtSite, s.Name
	case s != nil:
		g.Where, g.Site = presence.AtClientsSite, s.Name
	}
	switch {
	case nobody.Kind != "":
		g.step("site", "", nobody.Reason)
	case g.explained:
		g.step("site", s.Name, why.rule(r))
	}
	return nobody, g.Where == presence.OnOtherNetwork
}

// elsewhere returns why the record is at none of the sites, if it is.
func (m *Rules) elsewhere(r *presence.Record) ground {
	if len(m.Elsewhere) == 0 {
		return ground{}
	}
	for at := range clues {
		c := &clues[at]
		answer := c.answer(r)
		if answer == "" {
			continue
		}
		for _, e := range m.Elsewhere {
			if pattern, ok := c.among(e.NAS, e.Locations, answer); ok {
				return ground{clue: c, pattern: pattern}
			}
		}
	}
	return ground{}
}

// counts reports whether the network counts at any site.
func (m *Rules) counts(ssid string) bool {
	if m.index != nil {
		return m.index.allCount || m.index.networks[ssid]
	}
	return slices.ContainsFunc(m.Sites, func(s presence.Site) bool { return networkCounts(&s, ssid) })
}

// ground is the reason for which a site claims a record: a pattern that has the
// answer to a clue, or else that it is the client's site or the only one.
type ground struct {
	clue    *clue
	pattern string
	client  bool
}

func (g ground) rule(r *presence.Record) string {
	switch {
	case g.clue != nil:
		return fmt.Sprintf("%s %q by %s %q", g.clue.name, g.clue.answer(r), g.clue.key, g.pattern)
	case g.client:
		return fmt.Sprintf("the site of client %q", r.Client)
	}
	return fmt.Sprintf("the only site with network %q in its ssids", r.SSID)
}

// claim returns the first site that claims the record, and why it does: of those that
// count its network, or of all, whatever its network.
func (m *Rules) claim(r *presence.Record, all bool) (*presence.Site, ground) {
	for at := range clues {
		c := &clues[at]
		answer := c.answer(r)
		if answer == "" {
			continue
		}
		for _, i := range m.near(c, answer) {
			s := &m.Sites[i]
			if pattern, ok := c.among(s.NAS, s.Locations, answer); ok && (all || networkCounts(s, r.SSID)) {
				return s, ground{clue: c, pattern: pattern}
			}
		}
	}
	var only *presence.Site
	several := false
	for _, i := range m.otherwise(r) {
		s := &m.Sites[i]
		if !all && !networkCounts(s, r.SSID) {
			continue
		}
		if s.Name == r.Site {
			return s, ground{client: true}
		}
		if r.SSID != "" && slices.Contains(s.SSIDs, r.SSID) && len(s.NAS)+len(s.Locations) == 0 {
			several = only != nil
			only = s
		}
	}
	if several {
		only = nil
	}
	return only, ground{}
}

// nowhere says why no site has the record, not even s, which would have it
// whatever its network; nil if there is none.
func nowhere(r *presence.Record, s *presence.Site) presence.Nobody {
	switch {
	case s != nil && r.SSID == "":
		return presence.Nobody{
			Kind: presence.KindNAS, Key: string(r.NAS()), Reason: "no SSID, and site " + quote(s.Name) + " counts only some",
			Remedy: `have it send Called-Station-Id as MAC:SSID, or its vendor's SSID attribute; or add "" to the site's ssids`,
		}
	case s != nil:
		return presence.Nobody{
			Kind: presence.KindSSID, Key: r.SSID, Reason: "site " + quote(s.Name) + " does not count this network",
			Remedy: "if it should count, add it to the site's ssids",
		}
	}
	return presence.Nobody{
		Kind: presence.KindNAS, Key: string(r.NAS()), Reason: "no site claims it",
		Remedy: "add its NAS-Identifier, address or AP names to a [[site]] nas, or give client " + quote(r.Client) + " a site",
	}
}

// networkCounts reports whether the network counts at the site.
func networkCounts(s *presence.Site, ssid string) bool {
	return len(s.SSIDs) == 0 || slices.Contains(s.SSIDs, ssid)
}

// matchMAC matches pairs of hex digits that begin the address: "02:00:5e",
// "02-00-5E-*".
func matchMAC(pattern, mac string) bool {
	start := startOfMAC(pattern)
	if len(start) < len("02:00") || strings.Trim(start, "0123456789abcdefABCDEF:") != "" || start[2] != ':' {
		return false
	}
	return presence.Match(start+"*", mac)
}

// startOfMAC is what addresses begin with that the pattern matches, if it is one of
// addresses.
func startOfMAC(pattern string) string {
	return strings.TrimRight(strings.ReplaceAll(pattern, "-", ":"), ":*")
}

// matchAddress matches an address with itself and with a prefix that holds it.
func matchAddress(pattern, address string) bool {
	prefix, ok := addresses(pattern)
	if !ok {
		return false
	}
	addr, err := netip.ParseAddr(address)
	return err == nil && prefix.Contains(addr)
}

// addresses are those that the pattern matches, if it is one of addresses.
func addresses(pattern string) (netip.Prefix, bool) {
	if strings.Trim(pattern, "0123456789abcdefABCDEF:./") != "" {
		return netip.Prefix{}, false // spares most patterns, which are names, the making of two errors
	}
	if prefix, err := netip.ParsePrefix(pattern); err == nil {
		return prefix.Masked(), true
	}
	one, err := netip.ParseAddr(pattern)
	if err != nil {
		return netip.Prefix{}, false
	}
	one = one.Unmap()
	return netip.PrefixFrom(one, one.BitLen()), true
}

// nasAddress is what the NAS calls its address, and where the record came from
// if it calls itself nothing.
func nasAddress(r *presence.Record) string {
	addr := r.NASAddr.Unmap()
	if !addr.IsValid() || addr.IsUnspecified() {
		addr = r.Source.Addr().Unmap()
	}
	if !addr.IsValid() {
		return ""
	}
	return addr.WithZone("").String()
}

// quote makes what a packet holds fit to be shown.
func quote(s string) string { return fmt.Sprintf("%q", s) }
