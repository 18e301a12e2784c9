package mapping

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/presence"
)

// reading reads a Wi-Fi record of an office with one site, sent for the
// identity.
func reading(rules Identity, alter func(*presence.Record)) presence.Reading {
	m := Rules{Sites: []presence.Site{{Name: "london"}}, Identity: rules}
	r := presence.Record{
		Client: "hq", Site: "london", Status: presence.Start, Session: "17",
		PortType: wifi, HasPortType: true, Device: "02:00:5e:00:00:01",
	}
	alter(&r)
	return *m.Explain(&r)
}

func spelled(rules Identity, id string) presence.Reading {
	return reading(rules, func(r *presence.Record) { r.UserName = id })
}

// example are the rules of an ordinary office.
func example() Identity {
	return Identity{
		Domain: "example.com",
		Realms: map[string]string{"corp": "example.com", "corp.example.com": "example.com"},
	}
}

func TestCase90EverySpellingIsOneUser(t *testing.T) {
	for _, id := range []string{
		"alice", "ALICE", " alice ", "alice\x00", `CORP\alice`, `corp\Alice`, `corp.example.com\alice`, "alice@CORP",
		"alice@corp.example.com", "Alice@Example.COM", "alice@example.com", `example.com\alice`,
	} {
		if g := spelled(example(), id); g.Nobody.Kind != "" || g.User != "alice@example.com" {
			t.Errorf("%q is %q, %+v", id, g.User, g.Nobody)
		}
	}
}

// TestCase66SpellingChangesWithinASession: a Start says alice, an Interim says
// CORP\alice.
func TestCase66SpellingChangesWithinASession(t *testing.T) {
	start, interim := spelled(example(), "alice"), spelled(example(), `CORP\alice`)
	if start.User == "" || start.User != interim.User || start.Device != interim.Device {
		t.Errorf("Start is %q, Interim is %q", start.User, interim.User)
	}
}

// TestCase65MachineThenUser: the machine signs in, then its user does, on the
// same device.
func TestCase65MachineThenUser(t *testing.T) {
	if g := spelled(example(), "host/pc-17.corp.example.com"); g.Nobody.Reason != "a machine" || g.User != "" {
		t.Errorf("the machine is %q, %+v", g.User, g.Nobody)
	}
	if g := spelled(example(), `CORP\alice`); g.User != "alice@example.com" {
		t.Errorf("its user is %q, %+v", g.User, g.Nobody)
	}
}

func TestNoRealmIsGuessed(t *testing.T) {
	lists := example()
	none := Identity{Domain: "example.com"}
	for _, test := range []struct {
		about  string
		rules  Identity
		id     string
		user   string
		reason string
	}{
		{"an address already", lists, "alice@other.com", "alice@other.com", ""},
		{"short realms are listed, and this is not among them", lists, `PARTNER\alice`, "", `realm "partner" is not mapped`},
		{"… behind an @ neither", lists, "alice@partner", "", `realm "partner" is not mapped`},
		{"no short realm is listed: the house's Windows domain", none, `CORP\alice`, "alice@example.com", ""},
		{"… behind an @ too", none, "alice@CORP", "alice@example.com", ""},
		{"a forest's name is no e-mail domain", none, `ad.other.com\alice`, "", `realm "ad.other.com" is not mapped`},
		{"a local account", none, `.\alice`, "", `realm "." is not mapped`},
		{"no domain", Identity{}, "alice", "", "no realm, and no domain for such names"},
		{"no domain for a Windows domain", Identity{}, `CORP\alice`, "", `realm "corp" is not mapped`},
		{"an address needs no domain", Identity{}, "Alice@Example.com", "alice@example.com", ""},
		{"two realms", lists, "alice@corp@proxy", "", "more than one realm"},
		{"two realms, both forms", lists, `CORP\alice@example.com`, "", "more than one realm"},
		{"an empty realm", lists, "alice@", "", "an empty realm"},
		{"an empty Windows domain", lists, `\alice`, "", "an empty realm"},
	} {
		g := spelled(test.rules, test.id)
		if g.User != test.user || g.Nobody.Reason != test.reason {
			t.Errorf("%s: %q is %q, %q; want %q, %q", test.about, test.id, g.User, g.Nobody.Reason, test.user, test.reason)
		}
		if g.User == "" && (g.Nobody.Remedy == "" || g.Nobody.Kind != "identity") {
			t.Errorf("%s: no remedy in %+v", test.about, g.Nobody)
		}
	}
}

func TestUnmappedRealmSaysHowToMapIt(t *testing.T) {
	g := spelled(example(), `PARTNER\alice`)
	if want := `map the realm: [identity] realms = { "partner" = "example.com" }`; g.Nobody.Remedy != want {
		t.Errorf("the remedy is %q, want %q", g.Nobody.Remedy, want)
	}
}

func TestCase91AnonymousIsNobody(t *testing.T) {
	for _, id := range []string{"anonymous", "Anonymous@example.com", "@example.com", "anonymous@or4iot-test.org", `CORP\anonymous`, "  ", "\x00"} {
		g := spelled(example(), id)
		if g.User != "" || g.Nobody.Reason != "anonymous outer identity" || g.Nobody.Kind != "identity" {
			t.Errorf("%q is %q, %+v", id, g.User, g.Nobody)
		}
		for _, word := range []string{"User-Name", "Access-Accept", "CUI"} {
			if !strings.Contains(g.Nobody.Remedy, word) {
				t.Errorf("%q: the remedy does not speak of %s: %q", id, word, g.Nobody.Remedy)
			}
		}
	}
}

func TestCase92AnotherIdentityIsUsedIfConfigured(t *testing.T) {
	hidden := func(r *presence.Record) {
		r.UserName, r.CUI, r.PeerID = "anonymous@example.com", "alice", "bob@example.com"
	}
	all := []string{"user_name", "cui", "eap_peer_id"}
	for _, test := range []struct {
		about string
		order []string
		send  func(*presence.Record)
		user  string
		from  string
	}{
		{"nothing configured", nil, hidden, "", ""},
		{"CUI after User-Name", all, hidden, "alice@example.com", "Chargeable-User-Identity"},
		{"EAP-Peer-Id first", []string{"eap_peer_id", "user_name"}, hidden, "bob@example.com", "EAP-Peer-Id"},
		{"only User-Name", all, func(r *presence.Record) { r.UserName = "carol" }, "carol@example.com", "User-Name"},
		{"a name is not second to CUI", all, func(r *presence.Record) { r.UserName, r.CUI = "carol", "alice" }, "carol@example.com", "User-Name"},
		{"no User-Name at all", all, func(r *presence.Record) { r.PeerID = "dan" }, "dan@example.com", "EAP-Peer-Id"},
		{"anonymous everywhere", all, func(r *presence.Record) { r.UserName, r.CUI = "anonymous", "@example.com" }, "", ""},
		{"a machine stays one", all, func(r *presence.Record) { r.UserName, r.CUI = "host/pc", "alice" }, "", ""},
	} {
		rules := example()
		rules.Order = test.order
		g := reading(rules, test.send)
		if g.User != test.user {
			t.Errorf("%s: it is %q, %+v; want %q", test.about, g.User, g.Nobody, test.user)
		}
		if test.user != "" && answered(g, "identity").Attribute != test.from {
			t.Errorf("%s: taken from %+v, want %s", test.about, answered(g, "identity"), test.from)
		}
	}
}

// TestUnusedIdentityIsPointedOut: the remedy for an anonymous name is at hand
// when the record carries another.
func TestUnusedIdentityIsPointedOut(t *testing.T) {
	g := reading(example(), func(r *presence.Record) { r.UserName, r.CUI = "anonymous", "alice" })
	if want := `add "cui" to [identity] order: the record carries Chargeable-User-Identity`; g.Nobody.Remedy != want {
		t.Errorf("the remedy is %q, want %q", g.Nobody.Remedy, want)
	}
}

func TestCase93WhatIsNoPersonIsIgnored(t *testing.T) {
	for _, test := range []struct{ id, reason, key string }{
		{"host/pc.corp.example.com", "a machine", "host/pc.corp.example.com"},
		{"HOST/pc", "a machine", "HOST/pc"},
		{"PC042$", "a machine", "PC042$"},
		{`CORP\PC042$`, "a machine", `CORP\PC042$`},
		{"PC042$@corp", "a machine", "PC042$@corp"},
		{"02005e000001", "a MAC address for a name", "MAC address"},
		{"02-00-5E-00-00-01", "a MAC address for a name", "MAC address"},
		{"02:00:5e:00:00:01", "a MAC address for a name", "MAC address"},
		{"0200.5e00.0001", "a MAC address for a name", "MAC address"},
		{"02005E-000001", "a MAC address for a name", "MAC address"},
		{"mac:2a:22:3a:66:f9:95", "a MAC address for a name", "MAC address"},
		{"2a223a66f995", "a MAC address for a name", "MAC address"},
		{"2a223a66f995@example.com", "a MAC address for a name", "MAC address"},
		{"0525991234567890@wlan.mnc003.mcc525.3gppnetwork.org", "a SIM card", "@wlan.mnc003.mcc525.3gppnetwork.org"},
		{"meraki_8021x_test", "a probe", "meraki_8021x_test"},
		{"test_user_status_check", "a probe", "test_user_status_check"},
		{"radius-probe", "a probe", "radius-probe"},
		{"!root", "a probe", "!root"},
		{"!root@example.com", "a probe", "!root@example.com"},
		{"svc-printer", `[identity] ignore "svc-*"`, "svc-printer"},
		{`CORP\SVC-scanner`, `[identity] ignore "corp\\svc-*"`, `CORP\SVC-scanner`},
	} {
		rules := example()
		rules.Ignore = []string{"svc-*", `corp\svc-*`}
		g := spelled(rules, test.id)
		if g.User != "" || g.Nobody.Kind != "identity" || g.Nobody.Reason != test.reason || g.Nobody.Key != test.key {
			t.Errorf("%q is %q, %+v; want %q, %q", test.id, g.User, g.Nobody, test.key, test.reason)
		}
	}
	for _, id := range []string{"hosta", "facade", "deadbeef", "root", "money$bags", "alice@3gppnetwork.org.example.com"} {
		if g := spelled(example(), id); g.User == "" {
			t.Errorf("%q is a person, not %+v", id, g.Nobody)
		}
	}
}

func TestCase94OnlyWiFiCounts(t *testing.T) {
	port := func(n uint32) func(*presence.Record) {
		return func(r *presence.Record) { r.PortType, r.HasPortType = n, true }
	}
	service := func(n uint32, wireless bool) func(*presence.Record) {
		return func(r *presence.Record) {
			r.ServiceType = n
			if !wireless {
				r.PortType, r.HasPortType = 0, false
			}
		}
	}
	absent := func(r *presence.Record) { r.PortType, r.HasPortType = 0, false }
	for _, test := range []struct {
		about string
		types []uint32
		alter func(*presence.Record)
		kind  string
	}{
		{"Wi-Fi", nil, port(19), ""},
		{"absent", nil, absent, ""},
		{"Virtual", nil, port(5), "port_type"},
		{"Ethernet", nil, port(15), "port_type"},
		{"Async, which is 0", nil, port(0), "port_type"},
		{"Ethernet where wired counts", []uint32{15, 19}, port(15), ""},
		{"Virtual where wired counts", []uint32{15, 19}, port(5), "port_type"},
		{"absent where wired counts", []uint32{15}, absent, ""},
		{"Framed", nil, service(2, true), ""},
		{"NAS-Prompt", nil, service(7, true), "service_type"},
		{"Administrative", nil, service(6, false), "service_type"},
		{"Login on a console", nil, service(1, false), "service_type"},
		{"Login at a hotspot", nil, service(1, true), ""},
	} {
		g := reading(Identity{Domain: "example.com", PortTypes: test.types}, func(r *presence.Record) {
			r.UserName = "alice"
			test.alter(r)
		})
		if g.Nobody.Kind != test.kind {
			t.Errorf("%s: %q, %+v; want kind %q", test.about, g.User, g.Nobody, test.kind)
		}
		if test.kind != "" && g.Nobody.Remedy == "" {
			t.Errorf("%s: no remedy in %+v", test.about, g.Nobody)
		}
	}
}

func TestRecordWithoutIdentityIsNobody(t *testing.T) {
	for _, status := range []presence.Status{presence.Start, presence.Interim, presence.Stop} {
		g := reading(example(), func(r *presence.Record) { r.Status = status })
		if g.Nobody.Kind != "identity" || g.Nobody.Reason != "no User-Name" || g.User != "" {
			t.Errorf("%v: %q, %+v", status, g.User, g.Nobody)
		}
	}
}

func TestRewriteMakesUsersOfCertificateNames(t *testing.T) {
	rules := example()
	rules.Rewrite = []Rewrite{
		{regexp.MustCompile(`^CN=([^,]+),.*$`), "$1@example.com"},
		{regexp.MustCompile(`^CN=`), "never reached"},
		{regexp.MustCompile(`^emp-(\d+)$`), `CORP\u$1`},
		{regexp.MustCompile(`^drop-`), ""},
	}
	for id, want := range map[string]string{
		"CN=Alice,OU=People":    "alice@example.com",
		"emp-17":                "u17@example.com", // what comes out goes through the realms
		"bob":                   "bob@example.com",
		"CN=a@evil.example,OU=": "", // two @
		"CN=,OU=":               "",
		"drop-it":               "",
	} {
		if g := spelled(rules, id); g.User != want || (want == "") != (g.Nobody.Kind == "identity") {
			t.Errorf("%q is %q, %+v; want %q", id, g.User, g.Nobody, want)
		}
	}
}

func TestAliasesWinOverEverythingElse(t *testing.T) {
	rules := example()
	rules.Ignore = []string{"kiosk*"}
	rules.Aliases = map[string]string{
		"alice":                  "alice.smith@example.com",
		"bob@example.com":        "robert@example.com",
		"kiosk-17":               "carol@example.com",
		"host/pc-4.example.com":  "dan@example.com",
		"2a223a66f995":           "eve@example.com",
		"robert@example.com":     "nobody-twice@example.com",
		"anonymous@branch.local": "frank@example.com",
	}
	for id, want := range map[string]string{
		"ALICE":                  "alice.smith@example.com",
		`CORP\bob`:               "robert@example.com", // by the address, and only once
		"kiosk-17":               "carol@example.com",
		"host/PC-4.example.com":  "dan@example.com",
		"2A223A66F995":           "eve@example.com",
		"anonymous@branch.local": "frank@example.com",
		`CORP\alice`:             "alice@example.com", // another identity than alice
	} {
		if g := spelled(rules, id); g.User != want {
			t.Errorf("%q is %q, %+v; want %q", id, g.User, g.Nobody, want)
		}
	}
}

// TestOptedOutLeaveNoTrace: neither the user nor the identity is in what
// becomes of the record, whichever name they opted out under.
func TestOptedOutLeaveNoTrace(t *testing.T) {
	aliased := example()
	aliased.Aliases = map[string]string{"gus@example.com": "august@example.com"}
	for _, test := range []struct {
		about  string
		out    map[string]bool
		in     map[string]bool
		rules  Identity
		opted  bool
		reason string
	}{
		{"nobody opted out", nil, nil, example(), false, ""},
		{"gus did", map[string]bool{"gus@example.com": true}, nil, example(), true, "opted out"},
		{"somebody else did", map[string]bool{"ann@example.com": true}, nil, example(), false, ""},
		{"gus did, as he is called without aliases", map[string]bool{"gus@example.com": true}, nil, aliased, true, "opted out"},
		{"gus did, as he is called by alias", map[string]bool{"august@example.com": true}, nil, aliased, true, "opted out"},
		{"gus opted in", nil, map[string]bool{"gus@example.com": true}, example(), false, ""},
		{"somebody else opted in", nil, map[string]bool{"ann@example.com": true}, example(), true, "not opted in"},
		{"nobody opted in", nil, map[string]bool{}, example(), true, "not opted in"},
		{"gus opted in and out", map[string]bool{"gus@example.com": true}, map[string]bool{"gus@example.com": true}, example(), true, "opted out"},
	} {
		test.rules.OptOut, test.rules.OptIn = test.out, test.in
		g := spelled(test.rules, `CORP\Gus`)
		if (g.Nobody.Kind == "opted_out") != test.opted || g.Nobody.Reason != test.reason || (g.User == "") != test.opted {
			t.Errorf("%s: %q, %+v", test.about, g.User, g.Nobody)
		}
		if !test.opted {
			continue
		}
		if g.Nobody.Key != "" {
			t.Errorf("%s: the key is %q", test.about, g.Nobody.Key)
		}
		for _, step := range g.Steps {
			if text := strings.ToLower(step.Answer + step.Attribute); strings.Contains(text, "gus") {
				t.Errorf("%s: a step tells the name: %+v", test.about, step)
			}
		}
	}
}

// TestAnyNameOptsAPersonOutAndIn: what is decided for a record of somebody is
// decided for what is stored of them, whichever of their names is on the list.
func TestAnyNameOptsAPersonOutAndIn(t *testing.T) {
	rules := example()
	rules.Aliases = map[string]string{
		"ann@corp.example.com": "anna@example.com", // by the identity
		"bob@example.com":      "robert@example.com",
		"bobby":                "robert@example.com",
	}
	for _, test := range []struct{ listed, sent, stored string }{
		{"ann@corp.example.com", "Ann@corp.example.com", "anna@example.com"}, // as sent
		{"ann@corp.example.com", "anna@example.com", "anna@example.com"},
		{"anna@example.com", "Ann@corp.example.com", "anna@example.com"},
		{"anna@example.com", "", "ann@corp.example.com"}, // stored before there was the alias
		{"bob@example.com", `CORP\bob`, "robert@example.com"},
		{"bob@example.com", "bobby", "robert@example.com"}, // another alias of the same person
		{"bob@example.com", "", "bob@example.com"},
		{"robert@example.com", `CORP\bob`, "robert@example.com"},
		{"cleo@corp.example.com", `CORP\cleo`, "cleo@example.com"}, // by the realm
		{"cleo@corp.example.com", "cleo", "cleo@example.com"},
	} {
		out, in := rules, rules
		out.OptOut = out.Led(map[string]bool{test.listed: true})
		in.OptIn = in.Led(map[string]bool{test.listed: true})
		if why := out.Barred(test.stored); why != "opted out" {
			t.Errorf("%s opted out: %s is %q", test.listed, test.stored, why)
		}
		if why := in.Barred(test.stored); why != "" {
			t.Errorf("%s opted in: %s is %q", test.listed, test.stored, why)
		}
		if test.sent == "" {
			continue
		}
		if g := spelled(out, test.sent); g.Nobody.Reason != "opted out" {
			t.Errorf("%s opted out: %s is %q, %+v", test.listed, test.sent, g.User, g.Nobody)
		}
		if g := spelled(in, test.sent); g.User != test.stored {
			t.Errorf("%s opted in: %s is %q, %+v", test.listed, test.sent, g.User, g.Nobody)
		}
	}
	rules.OptOut = rules.Led(map[string]bool{"ann@corp.example.com": true})
	for _, other := range []string{"dan@example.com", "ann@example.com"} { // the alias is of another name than the latter
		if why := rules.Barred(other); why != "" || spelled(rules, other).User != other {
			t.Errorf("%s is %q", other, why)
		}
	}
	if rules.Led(nil) != nil {
		t.Error("no list becomes an empty one")
	}
}

// TestCaseNeverMakesSomebodyElse: the Kelvin sign is a K to Unicode's folding.
func TestCaseNeverMakesSomebodyElse(t *testing.T) {
	if g := spelled(example(), "\u212Aim"); g.User == "kim@example.com" {
		t.Error("a Kelvin sign is taken for kim's k")
	}
	if g := spelled(example(), "JÜRGEN"); g.User != "jürgen@example.com" {
		t.Errorf("JÜRGEN is %q, %+v", g.User, g.Nobody)
	}
}

func TestOnlyWholeAddressesAreUsers(t *testing.T) {
	for _, id := range []string{
		"al ice", "alice\tb", "alice\n2026 ERROR", "al\x00ice", "alice@example..com", "alice@.example.com", "alice@example.com.",
		"\xff\xfe", "al\u200bice", "alice\u202e", strings.Repeat("a", 243),
	} {
		if g := spelled(example(), id); g.User != "" || g.Nobody.Kind != "identity" || g.Nobody.Remedy == "" {
			t.Errorf("%q is %q, %+v", id, g.User, g.Nobody)
		}
	}
	if g := spelled(example(), strings.Repeat("a", 242)); len(g.User) != 254 {
		t.Errorf("an address of 254 octets is %q, %+v", g.User, g.Nobody)
	}
}

// FuzzIdentity: no identity panics or costs more than its length, and without
// rewrites and aliases the user is the one that was sent, but for case and realm.
func FuzzIdentity(f *testing.F) {
	for _, id := range []string{
		"alice", `CORP\alice`, "alice@corp", "ALICE@Example.com", `corp.example.com\alice`, "anonymous@x", "@x", "host/pc", "PC$",
		"2a-22-3a-66-f9-95", "CN=Alice,OU=x", "a@b@c", "\x00", "\xff", "\u212Aim", "İ@example.com", `\`, "@", ".\\a", "alice@",
	} {
		f.Add(id)
	}
	for _, part := range []string{"@", `\`, "a.", "%40", "CN=,", "\u212A"} {
		f.Add(strings.Repeat(part, 1000))
	}
	f.Fuzz(func(t *testing.T, id string) {
		var g presence.Reading
		rules := example()
		budget.Budget{Time: 50 * time.Millisecond, Each: 20 * time.Microsecond, Octets: 256 << 10, More: 200}.Hold(t, len(id), func() { g = spelled(rules, id) })
		if (g.User == "") != (g.Nobody.Kind != "") {
			t.Fatalf("%q is both or neither of %q and %+v", id, g.User, g.Nobody)
		}
		if g.User == "" {
			return
		}
		if err := IsAddress(g.User); err != nil || !utf8.ValidString(g.User) {
			t.Errorf("%q became %q: %v", id, g.User, err)
		}
		local, domain, _ := strings.Cut(g.User, "@")
		sent := strings.TrimSpace(strings.Trim(id, "\x00"))
		realm := ""
		if r, user, ok := strings.Cut(sent, `\`); ok {
			realm, sent = r, user
		} else if user, r, ok := strings.Cut(sent, "@"); ok {
			realm, sent = r, user
		}
		if !strings.EqualFold(local, sent) || presence.Fold(sent) != local {
			t.Errorf("%q became the user %q", id, g.User)
		}
		if domain != "example.com" && domain != presence.Fold(realm) {
			t.Errorf("%q became an address at %q", id, domain)
		}
		if again := spelled(example(), g.User); again.User != g.User {
			t.Errorf("%q became %q, and that %q", id, g.User, again.User)
		}
	})
}

// answered returns the step that answered the question.
func answered(g presence.Reading, question string) presence.Source {
	for _, s := range g.Steps {
		if s.Question == question {
			return s
		}
	}
	return presence.Source{}
}
