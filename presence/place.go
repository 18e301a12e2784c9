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
	name    string
	answers func(*Record) []string
	key     string // where the site has its patterns
	matches func(s *Site, answer string) (pattern string, ok bool)
}

var clues = []clue{
	{"AP name", func(r *Record) []string { return []string{r.AP} }, "nas", (*Site).namesNAS},
	{"AP address", func(r *Record) []string { return []string{r.BSSID} }, "nas", (*Site).namesMAC},
	{"location", func(r *Record) []string { return []string{r.Location} }, "locations", (*Site).namesLocation},
	{"NAS-Identifier", func(r *Record) []string { return []string{r.NASID} }, "nas", (*Site).namesNAS},
	{"NAS address", nasAddress, "nas", (*Site).namesAddress},
}

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
	open := func(s *Site) bool { return s.counts(r.SSID) }
	if s, rule := m.claim(r, open); s != nil {
		g.Site = s.Name
		if g.explained {
			g.step("site", s.Name, rule())
		}
		return Nobody{}
	}
	nobody := m.nowhere(r)
	g.step("site", "", nobody.Reason)
	return nobody
}

// claim returns the first of the sites in question that claims the record, and
// what tells the rule by which it does.
func (m *Mapping) claim(r *Record, inQuestion func(*Site) bool) (_ *Site, rule func() string) {
	for _, c := range clues {
		for _, answer := range c.answers(r) {
			if answer == "" {
				continue
			}
			for i := range m.Sites {
				s := &m.Sites[i]
				if pattern, ok := c.matches(s, answer); ok && inQuestion(s) {
					return s, func() string { return fmt.Sprintf("%s %s by %s %s", c.name, quote(answer), c.key, quote(pattern)) }
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
			return s, func() string { return "the site of client " + quote(r.Client) }
		}
		if r.SSID != "" && slices.Contains(s.SSIDs, r.SSID) && len(s.NAS)+len(s.Locations) == 0 {
			several = only != nil
			only = s
		}
	}
	if only == nil || several {
		return nil, nil
	}
	return only, func() string { return "the only site with network " + quote(r.SSID) + " in its ssids" }
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

func (s *Site) namesNAS(name string) (pattern string, ok bool) {
	return first(s.NAS, func(pattern string) bool { return Match(pattern, name) })
}

// namesMAC matches pairs of hex digits that begin the address: "02:00:5e",
// "02-00-5E-*".
func (s *Site) namesMAC(mac string) (pattern string, ok bool) {
	return first(s.NAS, func(pattern string) bool {
		pattern = strings.ReplaceAll(pattern, "-", ":")
		start := strings.TrimRight(pattern, ":*")
		if len(start) < len("02:00") || strings.Trim(start, "0123456789abcdefABCDEF:") != "" || start[2] != ':' {
			return false
		}
		return Match(start+"*", mac)
	})
}

func (s *Site) namesAddress(answer string) (pattern string, ok bool) {
	addr, err := netip.ParseAddr(answer)
	if err != nil {
		return "", false
	}
	return first(s.NAS, func(pattern string) bool {
		if prefix, err := netip.ParsePrefix(pattern); err == nil {
			return prefix.Contains(addr)
		}
		one, err := netip.ParseAddr(pattern)
		return err == nil && one.Unmap() == addr
	})
}

func (s *Site) namesLocation(name string) (pattern string, ok bool) {
	return first(s.Locations, func(pattern string) bool { return Match(pattern, name) })
}

// first returns the first pattern that matches.
func first(patterns []string, matches func(string) bool) (pattern string, ok bool) {
	i := slices.IndexFunc(patterns, matches)
	if i < 0 {
		return "", false
	}
	return patterns[i], true
}

// nasAddress is what the NAS calls its address, and where the record came from
// if it calls itself nothing.
func nasAddress(r *Record) []string {
	addr := r.NASAddr.Unmap()
	if !addr.IsValid() || addr.IsUnspecified() {
		addr = r.Source.Addr().Unmap()
	}
	if !addr.IsValid() {
		return nil
	}
	return []string{addr.WithZone("").String()}
}

// quote makes what a packet holds fit to be shown.
func quote(s string) string { return fmt.Sprintf("%q", s) }
