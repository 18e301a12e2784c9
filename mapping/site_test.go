package mapping

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/presenced/presenced/presence"
)

// located reads ann's record in an office of the sites.
func located(sites []presence.Site, r presence.Record) presence.Reading {
	m := Rules{Sites: sites, Identity: Identity{Domain: "example.com"}}
	r.UserName, r.Status = "ann", presence.Start
	if r.Client == "" {
		r.Client = "hq"
	}
	one := *m.Explain(&r)
	m.Index()
	if all := m.Explain(&r); !reflect.DeepEqual(*all, one) {
		panic(fmt.Sprintf("by the index it is %+v, and else %+v", all, one))
	}
	return one
}

func TestCase97SiteByEveryClue(t *testing.T) {
	sites := []presence.Site{
		{Name: "london", NAS: []string{"wlc-ldn-*", "10.1.0.0/16", "2001:db8:1::/48", "ap-ldn-?", "02:00:5e", "02-AA-BB-*"}, Locations: []string{"London*"}},
		{Name: "paris", NAS: []string{"wlc-par", "10.2.0.9", "02:00:5f:00:00:01", "AP-PAR-*"}, Locations: []string{"1.1.par"}},
		{Name: "home", SSIDs: []string{"Corp"}, NAS: []string{"wlc-home"}},
	}
	for _, test := range []struct {
		about string
		r     presence.Record
		site  string
		rule  string
	}{
		{"NAS-Identifier", presence.Record{NASID: "WLC-ldn-3"}, "london", `NAS-Identifier "WLC-ldn-3" by nas "wlc-ldn-*"`},
		{"NAS address in a prefix", presence.Record{NASAddr: netip.MustParseAddr("10.1.2.3")}, "london", `nas "10.1.0.0/16"`},
		{"NAS address, v4-mapped", presence.Record{NASAddr: netip.MustParseAddr("::ffff:10.2.0.9")}, "paris", `nas "10.2.0.9"`},
		{"NAS-IPv6-Address", presence.Record{NASAddr: netip.MustParseAddr("2001:db8:1::5")}, "london", `nas "2001:db8:1::/48"`},
		{"no NAS address: the datagram's", presence.Record{Source: netip.MustParseAddrPort("10.2.0.9:4711")}, "paris", `nas "10.2.0.9"`},
		{"the datagram's, where the NAS has 0.0.0.0", presence.Record{NASAddr: netip.IPv4Unspecified(), Source: netip.MustParseAddrPort("10.2.0.9:4711")}, "paris", `nas "10.2.0.9"`},
		{"AP name", presence.Record{AP: "ap-ldn-7"}, "london", `AP name "ap-ldn-7" by nas "ap-ldn-?"`},
		{"AP address", presence.Record{BSSID: "02:00:5e:77:00:01"}, "london", `AP address "02:00:5e:77:00:01" by nas "02:00:5e"`},
		{"AP address, other spelling", presence.Record{BSSID: "02:aa:bb:77:00:01"}, "london", `nas "02-AA-BB-*"`},
		{"whole AP address", presence.Record{BSSID: "02:00:5f:00:00:01"}, "paris", `nas "02:00:5f:00:00:01"`},
		{"location", presence.Record{Location: "LONDON-2nd floor"}, "london", `location "LONDON-2nd floor" by locations "London*"`},
		{"client", presence.Record{Site: "paris", NASID: "unheard-of"}, "paris", `the site of client "hq"`},
		{"anything wins over the client", presence.Record{Site: "paris", NASID: "wlc-ldn-1"}, "london", "NAS-Identifier"},
		{"the access point wins over the controller", presence.Record{NASID: "wlc-ldn-1", AP: "AP-PAR-4"}, "paris", "AP name"},
		{"the location wins over the controller", presence.Record{NASID: "wlc-ldn-1", Location: "1.1.par"}, "paris", "location"},
		{"the name wins over the address", presence.Record{NASID: "wlc-par", NASAddr: netip.MustParseAddr("10.1.2.3")}, "paris", "NAS-Identifier"},
		{"the first of two sites", presence.Record{BSSID: "02:00:5e:00:00:01", Site: "paris"}, "london", "AP address"},
		{"a network that counts", presence.Record{NASID: "wlc-home", SSID: "Corp"}, "home", "NAS-Identifier"},
	} {
		g := located(sites, test.r)
		if g.Site != test.site || g.Nobody.Kind != "" || g.User != "ann@example.com" {
			t.Errorf("%s: at %q, %+v; want %q", test.about, g.Site, g.Nobody, test.site)
		}
		if rule := answered(g, "site").Attribute; !strings.Contains(rule, test.rule) {
			t.Errorf("%s: by %s; want %s", test.about, rule, test.rule)
		}
	}
}

func TestCase97UnknownNASIsNobodyAndSaysWhatToDo(t *testing.T) {
	sites := []presence.Site{{Name: "london", NAS: []string{"wlc-ldn-*", "*", "02:00:5e"}}}
	g := located(sites[:1], presence.Record{Client: "proxy", BSSID: "02:11:22:33:44:55"})
	if g.Site != "" || g.Nobody.Kind != "nas" || g.Nobody.Key != "proxy/" {
		t.Errorf("a NAS without a name is at %q, %+v", g.Site, g.Nobody)
	}
	for _, word := range []string{"nas", "[[site]]", `client "proxy"`} {
		if !strings.Contains(g.Nobody.Remedy, word) {
			t.Errorf("the remedy does not speak of %s: %q", word, g.Nobody.Remedy)
		}
	}
	g = located([]presence.Site{{Name: "london"}}, presence.Record{Site: "atlantis"})
	if g.Nobody.Kind != "nas" {
		t.Errorf("a client of an unknown site is at %q, %+v", g.Site, g.Nobody)
	}
}

func TestCase95OnlyListedNetworksCount(t *testing.T) {
	sites := []presence.Site{
		{Name: "london", SSIDs: []string{"Corp", "t\x06e\x00st"}, NAS: []string{"wlc-*"}},
		{Name: "barn", SSIDs: []string{"Corp", ""}},
		{Name: "any"},
	}
	for _, test := range []struct {
		about, ssid, nas, client string
		site, kind               string
	}{
		{"listed", "Corp", "wlc-1", "", "london", ""},
		{"raw octets", "t\x06e\x00st", "wlc-1", "", "london", ""},
		{"guests", "Guests", "wlc-1", "", "", "ssid"},
		{"another case is another network", "CORP", "wlc-1", "", "", "ssid"},
		{"part of the name", "Corp2", "", "london", "", "ssid"},
		{"no SSID", "", "wlc-1", "", "", "nas"},
		{"no SSID where that is allowed", "", "", "barn", "barn", ""},
		{"any network", "Guests", "", "any", "any", ""},
		{"no network", "", "", "any", "any", ""},
	} {
		g := located(sites, presence.Record{SSID: test.ssid, NASID: test.nas, Site: test.client})
		if test.kind == "" && g.Site != test.site || g.Nobody.Kind != test.kind {
			t.Errorf("%s: at %q, %+v; want %q, %q", test.about, g.Site, g.Nobody, test.site, test.kind)
		}
		switch {
		case test.kind == "ssid" && (g.Nobody.Key != test.ssid || !strings.Contains(g.Nobody.Remedy, "ssids")):
			t.Errorf("%s: %+v", test.about, g.Nobody)
		case test.kind == "nas" && !strings.Contains(g.Nobody.Remedy, "Called-Station-Id"):
			t.Errorf("%s: the remedy names no attribute: %q", test.about, g.Nobody.Remedy)
		}
	}
}

// TestNamesOnForeignNetworksAreNotLookedAt: not even an opted-out or a guest's
// name is in what becomes of the record.
func TestNamesOnForeignNetworksAreNotLookedAt(t *testing.T) {
	g := located([]presence.Site{{Name: "london", SSIDs: []string{"Corp"}}}, presence.Record{Site: "london", SSID: "Guests"})
	for _, s := range append(g.Steps, presence.Source{Answer: g.User}, presence.Source{Answer: g.Nobody.Key}) {
		if strings.Contains(s.Answer, "ann") {
			t.Errorf("a guest's name is kept in %+v", s)
		}
	}
}

// TestElsewhereIsAtNoSite: whatever else would claim the access point in
// somebody's home, nobody is at the office there, and whose home it is stays
// out of what is counted.
func TestElsewhereIsAtNoSite(t *testing.T) {
	m := Rules{
		Sites:     []presence.Site{{Name: "london", NAS: []string{"ap-*", "wlc-*", "02:00:5e"}, Locations: []string{"London*"}}},
		Elsewhere: []Elsewhere{{NAS: []string{"rap-*", "10.99.0.0/16"}}, {NAS: []string{"02:00:5e:99"}, Locations: []string{"London homes"}}},
		Identity:  Identity{Domain: "example.com"},
	}
	for _, test := range []struct {
		about string
		r     presence.Record
		key   string // "" if it is at london
	}{
		{"its name", presence.Record{AP: "rap-ann", NASID: "wlc-1"}, "rap-*"},
		{"its address, though the name is a site's", presence.Record{AP: "ap-ann", BSSID: "02:00:5e:99:00:01"}, "02:00:5e:99"},
		{"its location", presence.Record{AP: "ap-ann", Location: "London homes"}, "London homes"},
		{"what it calls itself", presence.Record{NASID: "RAP-17", Site: "london"}, "rap-*"},
		{"the NAS's address", presence.Record{NASAddr: netip.MustParseAddr("10.99.3.4"), Site: "london"}, "10.99.0.0/16"},
		{"the datagram's", presence.Record{Source: netip.MustParseAddrPort("10.99.3.4:4711"), Site: "london"}, "10.99.0.0/16"},
		{"an access point of the office", presence.Record{AP: "ap-ldn-7", BSSID: "02:00:5e:98:00:01", Location: "London", NASID: "wlc-1"}, ""},
	} {
		test.r.UserName, test.r.Status = "ann", presence.Start
		g := m.Explain(&test.r)
		if test.key == "" {
			if g.Site != "london" || g.Nobody.Kind != "" {
				t.Errorf("%s: at %q, %+v", test.about, g.Site, g.Nobody)
			}
			continue
		}
		if g.Nobody.Kind != "elsewhere" || g.Nobody.Key != test.key || g.Site != "" || g.User != "" || g.Nobody.Remedy == "" {
			t.Errorf("%s: at %q, %+v; want elsewhere by %q", test.about, g.Site, g.Nobody, test.key)
		}
		if rule := answered(*g, "site").Attribute; !strings.Contains(rule, "[[elsewhere]]") || !strings.Contains(rule, test.key) {
			t.Errorf("%s: the rule is %s", test.about, rule)
		}
	}
}

func TestNetworkOfItsOwnTellsTheSite(t *testing.T) {
	sites := []presence.Site{
		{Name: "london", SSIDs: []string{"Corp-LDN", "Corp"}},
		{Name: "paris", SSIDs: []string{"Corp-PAR", "Corp"}},
		{Name: "rome", SSIDs: []string{"Corp-ROM"}, NAS: []string{"wlc-rom"}},
	}
	for _, test := range []struct{ about, ssid, client, site string }{
		{"only paris has it", "Corp-PAR", "", "paris"},
		{"whatever the client's site", "Corp-PAR", "london", "paris"},
		{"both have it", "Corp", "", ""},
		{"both have it, the client tells", "Corp", "paris", "paris"},
		{"rome says which NASes are its own", "Corp-ROM", "", ""},
	} {
		if g := located(sites, presence.Record{SSID: test.ssid, Site: test.client}); g.Site != test.site {
			t.Errorf("%s: at %q, %+v; want %q", test.about, g.Site, g.Nobody, test.site)
		}
	}
}

// TestCase98OneAddressBehindTwoClients: two branches use 10.0.0.1, and their
// proxies are different clients.
func TestCase98OneAddressBehindTwoClients(t *testing.T) {
	sites := []presence.Site{{Name: "london"}, {Name: "paris"}}
	addr := netip.MustParseAddr("10.0.0.1")
	a := located(sites, presence.Record{Client: "proxy-ldn", Site: "london", NASAddr: addr})
	b := located(sites, presence.Record{Client: "proxy-par", Site: "paris", NASAddr: addr})
	if a.Site != "london" || b.Site != "paris" || a.NAS == b.NAS {
		t.Errorf("%s is at %s, %s is at %s", a.NAS, a.Site, b.NAS, b.Site)
	}
}
