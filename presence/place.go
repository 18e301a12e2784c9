package presence

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// clue is one way to tell where a record comes from. What is nearest to the
// station is asked first: a controller can have access points in many places.
type clue struct {
	name     string
	answer   func(*Record) string // "" if the record has none
	key      string               // where the site has its patterns
	patterns func(*Site) []string
	matches  func(pattern, answer string) bool
}

var clues = []clue{
	{"AP name", func(r *Record) string { return r.AP }, "nas", nasPatterns, Match},
	{"AP address", func(r *Record) string { return r.BSSID }, "nas", nasPatterns, matchMAC},
	{"location", func(r *Record) string { return r.Location }, "locations", func(s *Site) []string { return s.Locations }, Match},
	{"NAS-Identifier", func(r *Record) string { return r.NASID }, "nas", nasPatterns, Match},
	{"NAS address", nasAddress, "nas", nasPatterns, matchAddress},
}

func nasPatterns(s *Site) []string { return s.NAS }

// place asks for the site. A site whose ssids do not have the record's network
// is out of the question. Of the others, the first that claims the record, by
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
func (m *Mapping) place(r *Record, g *Reading) Nobody {
	s, why := m.claim(r, func(s *Site) bool { return s.counts(r.SSID) })
	if s == nil {
		nobody := m.nowhere(r)
		g.step("site", "", nobody.Reason)
		return nobody
	}
	g.Site = s.Name
	if g.explained {
		g.step("site", s.Name, why.rule(r))
	}
	return Nobody{}
}

// ground is the reason for which a site claims a record: a pattern that has the
// answer to a clue, or else that it is the client's site or the only one.
type ground struct {
	clue    *clue
	pattern string
	client  bool
}

func (g ground) rule(r *Record) string {
	switch {
	case g.clue != nil:
		return fmt.Sprintf("%s %q by %s %q", g.clue.name, g.clue.answer(r), g.clue.key, g.pattern)
	case g.client:
		return fmt.Sprintf("the site of client %q", r.Client)
	}
	return fmt.Sprintf("the only site with network %q in its ssids", r.SSID)
}

// claim returns the first of the sites in question that claims the record, and
// why it does.
func (m *Mapping) claim(r *Record, inQuestion func(*Site) bool) (*Site, ground) {
	for at := range clues {
		c := &clues[at]
		answer := c.answer(r)
		if answer == "" {
			continue
		}
		for i := range m.Sites {
			s := &m.Sites[i]
			for _, pattern := range c.patterns(s) {
				if c.matches(pattern, answer) && inQuestion(s) {
					return s, ground{clue: c, pattern: pattern}
				}
			}
		}
	}
	var only *Site
	several := false
	for i := range m.Sites {
		s := &m.Sites[i]
		if !inQuestion(s) {
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

// nowhere says why no site claims the record.
func (m *Mapping) nowhere(r *Record) Nobody {
	s, _ := m.claim(r, func(*Site) bool { return true })
	switch {
	case s != nil && r.SSID == "":
		return Nobody{
			Kind: kindNAS, Key: r.NAS(), Reason: "no SSID, and site " + quote(s.Name) + " counts only some",
			Remedy: `have it send Called-Station-Id as MAC:SSID, or its vendor's SSID attribute; or add "" to the site's ssids`,
		}
	case s != nil:
		return Nobody{
			Kind: kindSSID, Key: r.SSID, Reason: "site " + quote(s.Name) + " does not count this network",
			Remedy: "if it should count, add it to the site's ssids",
		}
	}
	return Nobody{
		Kind: kindNAS, Key: r.NAS(), Reason: "no site claims it",
		Remedy: "add its NAS-Identifier, address or AP names to a [[site]] nas, or give client " + quote(r.Client) + " a site",
	}
}

func (s *Site) counts(ssid string) bool {
	return len(s.SSIDs) == 0 || slices.Contains(s.SSIDs, ssid)
}

// matchMAC matches pairs of hex digits that begin the address: "02:00:5e",
// "02-00-5E-*".
func matchMAC(pattern, mac string) bool {
	pattern = strings.ReplaceAll(pattern, "-", ":")
	start := strings.TrimRight(pattern, ":*")
	if len(start) < len("02:00") || strings.Trim(start, "0123456789abcdefABCDEF:") != "" || start[2] != ':' {
		return false
	}
	return Match(start+"*", mac)
}

// matchAddress matches an address with itself and with a prefix that holds it.
func matchAddress(pattern, address string) bool {
	if strings.Trim(pattern, "0123456789abcdefABCDEF:./") != "" {
		return false // spares most patterns, which are names, the making of two errors
	}
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	if prefix, err := netip.ParsePrefix(pattern); err == nil {
		return prefix.Contains(addr)
	}
	one, err := netip.ParseAddr(pattern)
	return err == nil && one.Unmap() == addr
}

// nasAddress is what the NAS calls its address, and where the record came from
// if it calls itself nothing.
func nasAddress(r *Record) string {
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
