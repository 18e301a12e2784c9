package mapping

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/presenced/presenced/presence"
)

// index says which sites may claim a record, so that one is not held against the
// patterns of ten thousand: only against those that begin as it does, or with a
// wildcard. It leaves none out, and whether one does claim it the patterns say. All
// lists of sites are in the configured order, with each once.
type index struct {
	nas, locations, macs starts
	addresses            map[netip.Prefix][]int
	bits                 []int            // the lengths of the prefixes in addresses
	named                map[string][]int // by name: the site
	open                 map[string][]int // by network: the sites with neither nas nor locations
	networks             map[string]bool  // that count at some site
	allCount             bool             // at one of them every network does
}

// starts are sites by what patterns of theirs begin with, before any wildcard.
type starts struct {
	sites   map[string][]int
	lengths []int // of what they begin with, the shortest first
}

// Index makes reading take no longer with many sites. The sites must not change from
// then on. Who has few, or reads once, need not call it.
func (m *Rules) Index() {
	x := &index{addresses: map[netip.Prefix][]int{}, named: map[string][]int{}, open: map[string][]int{}, networks: map[string]bool{}}
	for i, s := range m.Sites {
		if _, taken := x.named[s.Name]; !taken {
			x.named[s.Name] = []int{i}
		}
		x.allCount = x.allCount || len(s.SSIDs) == 0
		for _, ssid := range s.SSIDs {
			x.networks[ssid] = true
			if len(s.NAS)+len(s.Locations) == 0 {
				x.open[ssid] = with(x.open[ssid], i)
			}
		}
		for _, pattern := range s.Locations {
			x.locations.add(pattern, i)
		}
		for _, pattern := range s.NAS {
			x.nas.add(pattern, i)
			x.macs.add(startOfMAC(pattern), i)
			if p, ok := addresses(pattern); ok {
				x.addresses[p] = with(x.addresses[p], i)
				x.bits = with(x.bits, p.Bits())
			}
		}
	}
	m.index = x
}

func (p *starts) add(pattern string, site int) {
	if p.sites == nil {
		p.sites = map[string][]int{}
	}
	start, _, _ := strings.Cut(presence.Fold(pattern), "*")
	start, _, _ = strings.Cut(start, "?")
	p.sites[start], p.lengths = with(p.sites[start], site), with(p.lengths, len(start))
}

// of returns the sites of which a pattern may match the answer.
func (p *starts) of(answer string) (sites []int) {
	answer = presence.Fold(answer)
	for _, n := range p.lengths {
		if n > len(answer) {
			break
		}
		sites = merged(sites, p.sites[answer[:n]])
	}
	return sites
}

// at returns the sites of which a pattern holds the address.
func (x *index) at(address string) (sites []int) {
	if len(x.bits) == 0 {
		return nil
	}
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	for _, bits := range x.bits {
		if p, err := addr.Prefix(bits); err == nil { // else it is one of IPv6
			sites = merged(sites, x.addresses[p])
		}
	}
	return sites
}

// with puts n into the list, which is in order and has each once.
func with(list []int, n int) []int {
	at, is := slices.BinarySearch(list, n)
	if is {
		return list
	}
	return slices.Insert(list, at, n)
}

// merged returns what is in either list, as with does. It changes neither.
func merged(a, b []int) []int {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// near returns the sites that may claim a record by this answer to the clue, in order.
func (m *Rules) near(c *clue, answer string) []int {
	if m.index == nil {
		return m.everywhere()
	}
	return c.near(m.index, answer)
}

// otherwise returns the sites that may claim a record by none of the clues, in order.
func (m *Rules) otherwise(r *presence.Record) []int {
	if m.index == nil {
		return m.everywhere()
	}
	return merged(m.index.open[r.SSID], m.index.named[r.Site])
}

// everywhere returns all sites.
func (m *Rules) everywhere() []int {
	all := make([]int, len(m.Sites))
	for i := range all {
		all[i] = i
	}
	return all
}
