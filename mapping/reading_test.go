package mapping

import (
	"testing"

	"github.com/presenced/presenced/presence"
)

// TestSilenceIsNotTheContrary: a record that lacks a name, a network, a place
// or the right port says nothing against what is known of its session; one
// that names another does.
func TestSilenceIsNotTheContrary(t *testing.T) {
	m := Rules{
		Sites: []presence.Site{
			{Name: "london", SSIDs: []string{"Corp"}, NAS: []string{"ap-ldn-*"}},
			{Name: "paris", SSIDs: []string{"Corp-PAR"}, NAS: []string{"ap-par-*"}},
		},
		Elsewhere: []Elsewhere{{NAS: []string{"rap-*"}}},
		Identity: Identity{
			Domain: "example.com", Realms: map[string]string{"corp": "example.com"}, Ignore: []string{"kiosk*"},
			OptOut: map[string]bool{"gus@example.com": true}, IgnoreDevices: []string{"02:00:5e:99:*"},
		},
	}
	for _, test := range []struct {
		about string
		alter func(*presence.Record)
		who   presence.Who
		where presence.Where
		user  string
		site  string
		kind  string
	}{
		{"everything is there", func(*presence.Record) {}, presence.NamesUser, presence.AtSite, "ann", "london", ""},
		{"no name", func(r *presence.Record) { r.UserName = "" }, presence.Unnamed, presence.AtSite, "", "london", "identity"},
		{"an outer name", func(r *presence.Record) { r.UserName = "anonymous@example.com" }, presence.Unnamed, presence.AtSite, "", "london", "identity"},
		{"the MAC address", func(r *presence.Record) { r.UserName = "02005e100001" }, presence.Unnamed, presence.AtSite, "", "london", "identity"},
		{"a machine", func(r *presence.Record) { r.UserName = "host/pc-1.example.com" }, presence.NamesMachine, presence.AtSite, "", "london", "identity"},
		{"another user", func(r *presence.Record) { r.UserName = "bob" }, presence.NamesUser, presence.AtSite, "bob", "london", ""},
		{"a name that is not mapped", func(r *presence.Record) { r.UserName = `PARTNER\ann` }, presence.NamesNobody, presence.AtSite, "", "london", "identity"},
		{"a name that is ignored", func(r *presence.Record) { r.UserName = "kiosk-4" }, presence.NamesNobody, presence.AtSite, "", "london", "identity"},
		{"somebody who opted out", func(r *presence.Record) { r.UserName = "gus" }, presence.NamesNobody, presence.AtSite, "", "london", "opted_out"},
		{"an ignored device", func(r *presence.Record) { r.Device = "02:00:5e:99:00:01" }, presence.NamesNobody, presence.Unplaced, "", "", "device"},
		{"another port", func(r *presence.Record) { r.PortType, r.HasPortType = 5, true }, presence.NamesUser, presence.AtSite, "ann", "london", "port_type"},
		{"a console", func(r *presence.Record) { r.ServiceType = 7 }, presence.NamesUser, presence.AtSite, "ann", "london", "service_type"},
		{"no network", func(r *presence.Record) { r.SSID = "" }, presence.NamesUser, presence.AtSite, "ann", "london", "nas"},
		{"no network, nor a name", func(r *presence.Record) { r.SSID, r.UserName = "", "" }, presence.Unnamed, presence.AtSite, "", "london", "nas"},
		{"no access point", func(r *presence.Record) { r.AP = "" }, presence.NamesUser, presence.Unplaced, "ann", "", "nas"},
		{"no access point, but the client's site", func(r *presence.Record) { r.AP, r.Site = "", "london" }, presence.NamesUser, presence.AtClientsSite, "ann", "london", ""},
		{"neither network nor access point", func(r *presence.Record) { r.SSID, r.AP = "", "" }, presence.NamesUser, presence.Unplaced, "ann", "", "nas"},
		{"an access point that is not listed", func(r *presence.Record) { r.AP = "ap-new" }, presence.NamesUser, presence.Unplaced, "ann", "", "nas"},
		{"guests", func(r *presence.Record) { r.SSID = "Guests" }, presence.Unnamed, presence.OnOtherNetwork, "", "", "ssid"},
		{"guests at an access point that is not listed", func(r *presence.Record) { r.SSID, r.AP = "Guests", "ap-new" }, presence.Unnamed, presence.OnOtherNetwork, "", "", "nas"},
		{"a network of another site", func(r *presence.Record) { r.SSID = "Corp-PAR" }, presence.Unnamed, presence.OnOtherNetwork, "", "", "ssid"},
		{"another site", func(r *presence.Record) { r.SSID, r.AP = "Corp-PAR", "ap-par-1" }, presence.NamesUser, presence.AtSite, "ann", "paris", ""},
		{"another site, no network", func(r *presence.Record) { r.SSID, r.AP = "", "ap-par-1" }, presence.NamesUser, presence.AtSite, "ann", "paris", "nas"},
		{"elsewhere", func(r *presence.Record) { r.AP = "rap-17" }, presence.Unnamed, presence.IsElsewhere, "", "", "elsewhere"},
	} {
		r := presence.Record{
			Client: "hq", Status: presence.Interim, Session: "17", UserName: "ann", Device: "02:00:5e:10:00:01", SSID: "Corp", AP: "ap-ldn-7",
		}
		test.alter(&r)
		g := m.Read(&r)
		user := test.user
		if user != "" {
			user += "@example.com"
		}
		if g.Who != test.who || g.Where != test.where || g.User != user || g.Site != test.site || g.Nobody.Kind != test.kind {
			t.Errorf("%s: who %d %q, where %d %q, %+v; want who %d %q, where %d %q, kind %q", test.about,
				g.Who, g.User, g.Where, g.Site, g.Nobody, test.who, user, test.where, test.site, test.kind)
		}
	}
}
