package mapping

import (
	"net/netip"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

func TestReadingCarriesTheWholeSighting(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	m := Rules{Sites: []presence.Site{{Name: "london"}}, Identity: Identity{Domain: "example.com"}}
	r := presence.Record{
		Client: "hq", Site: "london", Heard: at.Add(time.Second), At: at, Status: presence.Stop, Cause: presence.IdleTimeout, Age: time.Hour, HasAge: true,
		Session: "80100014", Multi: "m1", UserName: "ann", Device: "02:00:5e:00:00:01", SSID: "Corp", BSSID: "02:00:5e:00:00:99",
		AP: "ap-7", NASID: "wlc-1", NASAddr: netip.MustParseAddr("10.0.0.1"),
	}
	want := presence.Sighting{
		User: "ann@example.com", Device: "02:00:5e:00:00:01", Site: "london", Session: "80100014", Multi: "m1", SSID: "Corp",
		NAS: "hq/wlc-1/10.0.0.1", AP: "ap-7", BSSID: "02:00:5e:00:00:99", Status: presence.Stop, At: at, Heard: at.Add(time.Second),
		Age: time.Hour, HasAge: true, Cause: presence.IdleTimeout,
	}
	if g := m.Read(&r); g.Sighting != want || g.Nobody != (presence.Nobody{}) {
		t.Errorf("it is %+v, %+v\nwant %+v", g.Sighting, g.Nobody, want)
	}
	r.AP = ""
	if g := m.Read(&r); g.AP != r.BSSID {
		t.Errorf("an access point without a name is %q", g.AP)
	}
}

// TestCase96SessionWithoutDeviceHasAKey: and it is another than that of the
// same session id from elsewhere, because short ids repeat.
func TestCase96SessionWithoutDeviceHasAKey(t *testing.T) {
	key := func(client, session, device string) string {
		return reading(example(), func(r *presence.Record) {
			r.UserName, r.Client, r.Session, r.Device = "ann", client, session, device
		}).Device
	}
	if got := key("hq", "17", "02:00:5e:00:00:01"); got != "02:00:5e:00:00:01" {
		t.Errorf("a device is %q", got)
	}
	if got := key("hq", "17", ""); got != "session 17 of NAS dbe1fb11" {
		t.Errorf("a session without device is %q", got)
	}
	if key("hq", "17", "") == key("branch", "17", "") || key("hq", "17", "") == key("hq", "18", "") {
		t.Error("two sessions without device have one key")
	}
}

// TestOnlyStationsAreAskedWhoTheyAre: Accounting-On and its like are about the
// NAS, whatever else they carry.
func TestOnlyStationsAreAskedWhoTheyAre(t *testing.T) {
	for _, status := range []presence.Status{presence.Other, presence.AccountingOn, presence.AccountingOff} {
		g := reading(example(), func(r *presence.Record) { r.Status, r.UserName = status, "ann" })
		if g.Nobody.Kind != "status" || g.User != "" {
			t.Errorf("%v: %q, %+v", status, g.User, g.Nobody)
		}
	}
}

func TestIgnoredDevicesAreNobodyAndNotNamed(t *testing.T) {
	rules := example()
	rules.IgnoreDevices = []string{"02:11:*", "02:00:5E:*"}
	g := spelled(rules, "ann")
	if g.Nobody.Kind != "device" || g.Nobody.Key != "02:00:5E:*" || g.User != "" {
		t.Errorf("it is %q, %+v", g.User, g.Nobody)
	}
	if g := reading(rules, func(r *presence.Record) { r.UserName, r.Device = "ann", "02:22:00:00:00:01" }); g.User != "ann@example.com" {
		t.Errorf("another device is %q, %+v", g.User, g.Nobody)
	}
	rules.IgnoreDevices = []string{"*"}
	if g := reading(rules, func(r *presence.Record) { r.UserName, r.Device = "ann", "" }); g.User != "ann@example.com" {
		t.Errorf("no device at all is %q, %+v", g.User, g.Nobody)
	}
}

// TestEveryAnswerHasItsRule: what explain shows.
func TestEveryAnswerHasItsRule(t *testing.T) {
	g := spelled(example(), `CORP\Ann`)
	want := []presence.Source{
		{Question: "port type", Answer: "19", Attribute: "NAS-Port-Type"},
		{Question: "site", Answer: "london", Attribute: `the site of client "hq"`},
		{Question: "identity", Answer: `CORP\Ann`, Attribute: "User-Name"},
		{Question: "user", Answer: "ann@example.com", Attribute: `[identity] realms "corp"`},
	}
	if len(g.Steps) != len(want) {
		t.Fatalf("the steps are %+v", g.Steps)
	}
	for i := range want {
		if g.Steps[i] != want[i] {
			t.Errorf("step %d is %+v, want %+v", i, g.Steps[i], want[i])
		}
	}
}

// BenchmarkRead is what it takes to read a record as the daemon does.
func BenchmarkRead(b *testing.B) {
	m := Rules{Identity: example(), Sites: []presence.Site{
		{Name: "london", SSIDs: []string{"Corp"}, NAS: []string{"wlc-ldn-*", "10.1.0.0/16"}},
		{Name: "paris", SSIDs: []string{"Corp"}, NAS: []string{"wlc-par-*", "10.2.0.0/16"}},
	}}
	r := presence.Record{
		Client: "hq", Status: presence.Interim, Session: "80100014", UserName: `CORP\ann`, Device: "02:00:5e:00:00:01", SSID: "Corp",
		BSSID: "02:00:5e:00:00:99", NASID: "hostapd", NASAddr: netip.MustParseAddr("10.2.0.1"), PortType: wifi, HasPortType: true,
	}
	m.Index()
	m.Remember()
	for b.Loop() {
		if g := m.Read(&r); g.Site != "paris" {
			b.Fatal(g.Nobody)
		}
	}
}
