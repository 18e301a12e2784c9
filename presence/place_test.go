package presence

import (
	"net/netip"
	"strings"
	"testing"
)

// located reads ann's record in an office of the sites.
func located(sites []Site, r Record) Reading {
	m := Mapping{Sites: sites, Identity: Identity{Domain: "example.com"}}
	r.UserName, r.Status = "ann", Start
	if r.Client == "" {
		r.Client = "hq"
	}
	return m.Explain(r)
}

func TestCase97SiteByEveryClue(t *testing.T) {
	sites := []Site{
		{Name: "london", NAS: []string{"wlc-ldn-*", "10.1.0.0/16", "2001:db8:1::/48", "ap-ldn-?", "02:00:5e", "02-AA-BB-*"}, Locations: []string{"London*"}},
		{Name: "paris", NAS: []string{"wlc-par", "10.2.0.9", "02:00:5f:00:00:01", "AP-PAR-*"}, Locations: []string{"1.1.par"}},
		{Name: "home", SSIDs: []string{"Corp"}, NAS: []string{"wlc-home"}},
	}
	for _, test := range []struct {
		about string
		r     Record
		site  string
		rule  string
	}{
		{"NAS-Identifier", Record{NASID: "WLC-ldn-3"}, "london", `NAS-Identifier "WLC-ldn-3" by nas "wlc-ldn-*"`},
		{"NAS address in a prefix", Record{NASAddr: netip.MustParseAddr("10.1.2.3")}, "london", `nas "10.1.0.0/16"`},
		{"NAS address, v4-mapped", Record{NASAddr: netip.MustParseAddr("::ffff:10.2.0.9")}, "paris", `nas "10.2.0.9"`},
		{"NAS-IPv6-Address", Record{NASAddr: netip.MustParseAddr("2001:db8:1::5")}, "london", `nas "2001:db8:1::/48"`},
		{"no NAS address: the datagram's", Record{Source: netip.MustParseAddrPort("10.2.0.9:4711")}, "paris", `nas "10.2.0.9"`},
		{"the datagram's, where the NAS has 0.0.0.0", Record{NASAddr: netip.IPv4Unspecified(), Source: netip.MustParseAddrPort("10.2.0.9:4711")}, "paris", `nas "10.2.0.9"`},
		{"AP name", Record{AP: "ap-ldn-7"}, "london", `AP name "ap-ldn-7" by nas "ap-ldn-?"`},
		{"AP address", Record{BSSID: "02:00:5e:77:00:01"}, "london", `AP address "02:00:5e:77:00:01" by nas "02:00:5e"`},
		{"AP address, other spelling", Record{BSSID: "02:aa:bb:77:00:01"}, "london", `nas "02-AA-BB-*"`},
		{"whole AP address", Record{BSSID: "02:00:5f:00:00:01"}, "paris", `nas "02:00:5f:00:00:01"`},
		{"location", Record{Location: "LONDON-2nd floor"}, "london", `location "LONDON-2nd floor" by locations "London*"`},
		{"client", Record{Site: "paris", NASID: "unheard-of"}, "paris", `the site of client "hq"`},
		{"anything wins over the client", Record{Site: "paris", NASID: "wlc-ldn-1"}, "london", "NAS-Identifier"},
		{"the access point wins over the controller", Record{NASID: "wlc-ldn-1", AP: "AP-PAR-4"}, "paris", "AP name"},
		{"the location wins over the controller", Record{NASID: "wlc-ldn-1", Location: "1.1.par"}, "paris", "location"},
		{"the name wins over the address", Record{NASID: "wlc-par", NASAddr: netip.MustParseAddr("10.1.2.3")}, "paris", "NAS-Identifier"},
		{"the first of two sites", Record{BSSID: "02:00:5e:00:00:01", Site: "paris"}, "london", "AP address"},
		{"a network that counts", Record{NASID: "wlc-home", SSID: "Corp"}, "home", "NAS-Identifier"},
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
	sites := []Site{{Name: "london", NAS: []string{"wlc-ldn-*", "*", "02:00:5e"}}}
	g := located(sites[:1], Record{Client: "proxy", BSSID: "02:11:22:33:44:55"})
	if g.Site != "" || g.User != "" || g.Nobody.Kind != "nas" || g.Nobody.Key != "proxy/" {
		t.Errorf("a NAS without a name is at %q, %+v", g.Site, g.Nobody)
	}
	for _, word := range []string{"nas", "[[site]]", `client "proxy"`} {
		if !strings.Contains(g.Nobody.Remedy, word) {
			t.Errorf("the remedy does not speak of %s: %q", word, g.Nobody.Remedy)
		}
	}
	g = located([]Site{{Name: "london"}}, Record{Site: "atlantis"})
	if g.Nobody.Kind != "nas" {
		t.Errorf("a client of an unknown site is at %q, %+v", g.Site, g.Nobody)
	}
}

func TestCase95OnlyListedNetworksCount(t *testing.T) {
	sites := []Site{
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
		g := located(sites, Record{SSID: test.ssid, NASID: test.nas, Site: test.client})
		if g.Site != test.site || g.Nobody.Kind != test.kind {
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
	g := located([]Site{{Name: "london", SSIDs: []string{"Corp"}}}, Record{Site: "london", SSID: "Guests"})
	for _, s := range append(g.Steps, Source{Answer: g.User}, Source{Answer: g.Nobody.Key}) {
		if strings.Contains(s.Answer, "ann") {
			t.Errorf("a guest's name is kept in %+v", s)
		}
	}
}

func TestNetworkOfItsOwnTellsTheSite(t *testing.T) {
	sites := []Site{
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
		if g := located(sites, Record{SSID: test.ssid, Site: test.client}); g.Site != test.site {
			t.Errorf("%s: at %q, %+v; want %q", test.about, g.Site, g.Nobody, test.site)
		}
	}
}

// TestCase98OneAddressBehindTwoClients: two branches use 10.0.0.1, and their
// proxies are different clients.
func TestCase98OneAddressBehindTwoClients(t *testing.T) {
	sites := []Site{{Name: "london"}, {Name: "paris"}}
	addr := netip.MustParseAddr("10.0.0.1")
	a := located(sites, Record{Client: "proxy-ldn", Site: "london", NASAddr: addr})
	b := located(sites, Record{Client: "proxy-par", Site: "paris", NASAddr: addr})
	if a.Site != "london" || b.Site != "paris" || a.NAS == b.NAS {
		t.Errorf("%s is at %s, %s is at %s", a.NAS, a.Site, b.NAS, b.Site)
	}
}

func TestGlobs(t *testing.T) {
	for _, test := range []struct {
		glob, s string
		want    bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything/at\\all", true},
		{"host/*", "host/a/b", true},
		{"host/*", "ghost/a", false},
		{"*$", "PC$", true},
		{"*$", "PC$x", false},
		{`corp\*`, `CORP\alice`, true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"**a", "bba", true},
		{"?", "é", true},
		{"?", "", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*?", "", false},
		{"[a]", "a", false},
		{"\xff*", "\xffx", true},
		{"*\x80", "é\x80", true},
	} {
		if got := Match(test.glob, test.s); got != test.want {
			t.Errorf("Match(%q, %q) is %v", test.glob, test.s, got)
		}
	}
}

// FuzzGlob: a glob without wildcards matches its text alone, and stars change
// nothing where they can be empty.
func FuzzGlob(f *testing.F) {
	f.Add("a*b", "aXb")
	f.Add("ÄÖ?", "äöü")
	f.Add("\xff", "\xff\xfe")
	f.Fuzz(func(t *testing.T, glob, s string) {
		if !strings.ContainsAny(glob, "*?") && Match(glob, s) != (Fold(glob) == Fold(s)) {
			t.Errorf("Match(%q, %q) is not equality", glob, s)
		}
		if Match(glob, s) && (!Match("*"+glob, s) || !Match(glob+"*", s)) {
			t.Errorf("Match(%q, %q), but not with a star more", glob, s)
		}
	})
}
