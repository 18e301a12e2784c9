package mapping

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/presenced/presenced/presence"
)

// index says which sites may claim a record, so that one is not held against the
// patterns of ten thousand: only against those that begin as it does, or with a
// wildcard. It leaves none out, and whether one does claim it the patterns say.
type index struct {
	nas, locations, macs prefixes
	addresses            map[netip.Prefix][]int
	named                map[string]int
	open                 map[string][]int // by network: the sites with neither nas nor locations
	networks             map[string]bool  // that count at some site
	allCount             bool             // at one of them every network does
}

// prefixes are sites by what patterns of theirs begin with, before any wildcard.
type prefixes map[string][]int

// Index makes reading take no longer with many sites. The sites must not change from
// then on. Who has few, or reads once, need not call it.
func (m *Rules) Index() {
	x := &index{nas: prefixes{}, locations: prefixes{}, macs: prefixes{}, addresses: map[netip.Prefix][]int{}, named: map[string]int{},
		open: map[string][]int{}, networks: map[string]bool{}}
	for i, s := range m.Sites {
		if _, taken := x.named[s.Name]; !taken {
			x.named[s.Name] = i
		}
		x.allCount = x.allCount || len(s.SSIDs) == 0
		for _, ssid := range s.SSIDs {
			x.networks[ssid] = true
			if len(s.NAS)+len(s.Locations) == 0 {
				x.open[ssid] = append(x.open[ssid], i)
			}
		}
		for _, pattern := range s.Locations {
			x.locations.add(pattern, i)
		}
		for _, pattern := range s.NAS {
			x.nas.add(pattern, i)
			x.macs.add(startOfMAC(pattern), i)
			if p, ok := addresses(pattern); ok {
				x.addresses[p] = append(x.addresses[p], i)
			}
		}
	}
	m.index = x
}

func (p prefixes) add(pattern string, site int) {
	start, _, _ := strings.Cut(presence.Fold(pattern), "*")
	start, _, _ = strings.Cut(start, "?")
	p[start] = append(p[start], site)
}

// of returns the sites of which a pattern may match the answer.
func (p prefixes) of(answer string) (sites []int) {
	answer = presence.Fold(answer)
	for n := range len(answer) + 1 {
		sites = append(sites, p[answer[:n]]...)
	}
	return sites
}

// at returns the sites of which a pattern holds the address.
func (x *index) at(address string) (sites []int) {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	for bits := range addr.BitLen() + 1 {
		p, _ := addr.Prefix(bits)
		sites = append(sites, x.addresses[p]...)
	}
	return sites
}

// inOrder yields the sites in the configured order, each once.
func inOrder(sites []int) iter.Seq[int] {
	slices.Sort(sites)
	return slices.Values(slices.Compact(sites))
}

// near yields the sites that may claim a record by this answer to the clue, in order.
func (m *Rules) near(c *clue, answer string) iter.Seq[int] {
	if m.index == nil {
		return m.everywhere()
	}
	return inOrder(c.near(m.index, answer))
}

// otherwise yields the sites that may claim a record by none of the clues, in order.
func (m *Rules) otherwise(r *presence.Record) iter.Seq[int] {
	if m.index == nil {
		return m.everywhere()
	}
	sites := slices.Clone(m.index.open[r.SSID])
	if own, is := m.index.named[r.Site]; is {
		sites = append(sites, own)
	}
	return inOrder(sites)
}

// everywhere yields all sites.
func (m *Rules) everywhere() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range m.Sites {
			if !yield(i) {
				return
			}
		}
	}
}
