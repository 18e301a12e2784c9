package mapping

import (
	"regexp"
	"strings"
	"testing"

	"github.com/presenced/presenced/presence"
)

// formed are identities that are no person, by what their form tells.
var formed = map[string][]string{
	isAnonymous: {
		"anonymous123@example.com", "anonymous-cat_v2.1@example.com", "Anonymous_TTLS", "eap-anonymous", `CORP\anonymous`, `"anonymous"`,
		"Anonymous Identity", "anonymousidentity", "user_anonymous@example.com", "anon", "anon1337", "anon-42@example.com", "anon_1.2", "ANON.peap",
		"anonym", "anonyme@example.com", "anónimo", "anonimo7", "anoniem", "anonimowy", "eduroam@example.com", "openroaming", "outer-identity", "hidden1",
		"@example.com", " ",
	},
	isPlaceholder: {
		"-", "--", "?", "*", "…", "...", `""`, "''", "“”", `" "`, "-@example.com", `CORP\-`, "(null)", "<none>", "[unknown]", "<nil>", "{user}",
		"NULL", "null@example.com", `"null"`, "'none'", "undefined", "N/A", "none", "nobody", "unknown", "unknown-user", "unknown7",
		"unauthenticated", "unauthenticated_client_3", "Unidentified", "unspecified", "not-available", "not set", "no-name", "nouser", "username", "user name", "user@example.com",
		"%username%", `%domain%\%username%`, "%{User-Name}", "${user}", "$(whoami)", "{{user.email}}", "{{ name }}", "<%= name %>", "%u", "%s", "$user",
		"__user__", "(null)@(null)",
	},
	isID: {
		"7f2b1c7e-0d3a-4f6e-9a52-1f1f6d1c9e11", "7F2B1C7E-0D3A-4F6E-9A52-1F1F6D1C9E11@example.com", "{7f2b1c7e-0d3a-4f6e-9a52-1f1f6d1c9e11}",
		"urn:uuid:7f2b1c7e-0d3a-4f6e-9a52-1f1f6d1c9e11", "device_7f2b1c7e-0d3a-4f6e-9a52-1f1f6d1c9e11", "7f2b1c7e0d3a4f6e9a521f1f6d1c9e11", `CORP\7f2b1c7e0d3a4f6e9a521f1f6d1c9e11`,
		"S-1-5-21-3623811015-3361044348-30300820-1013", "0x616e6e", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "20261129081500",
		"10.20.30.40", "2001:db8::1", "10.20.30.40@example.com", "k3q9v8s7d6f5g4h3", "t0Ks9XwM4-bQ2fL7u_1zE",
	},
	"a MAC address for a name": {
		"mac-02005e100001", "mac-02005e", "MAC:02-00-5E-10-00-01", "mac_0200.5e10.0001", "wifi-02005e100001", "02_00_5e_10_00_01", "02-00-5E-10-00-01:Corp",
		"02:00:5e:ff:fe:10:00:01", `"02005e100001"`, "device-02005e100001@example.com", "aabbccddeeff",
	},
	"a machine": {
		"DESKTOP-4F7Q2KD", "laptop-9xk2m4p1@example.com", "android-1a2b3c4d5e6f7a8b", "pc1.corp.local", "host/pc1", "PC1$", `"PC1$"`,
	},
	"a SIM card": {
		"0262011234567890", "262011234567890", "1262011234567890@example.com", "pseudonym@wlan.mnc001.mcc262.3gppnetwork.org",
	},
	"quotes around the name": {`"ann"`, "'ann'", "“ann”", "`ann`", `ann"`, `"ann"@example.com`, `"ann@example.com"`},
	"a path":                 {"ISP/ann@example.com", "isp.net!ann@example.com", "users/ann", "/ann", "a/b/ann@example.com", `CORP\staff/ann`},
	"a certificate's name":   {"/C=DE/CN=ann", "CN=ann", "uid=ann,ou=people,dc=example,dc=com", "CN=Ann Smith,OU=Staff,DC=example,DC=com", "/CN=ann/emailAddress=ann@example.com"},
	"an escaped sign":        {"ann%40example.com", "ann=40example.com", "j=C3=B6rg", "ann%20smith", "ann&#64;example.com", "r&amp;d"},
	"no name has":            {"ann:secret", "ann,bob", "ann;bob", "ann|bob", "ann<ann", "ann*", "ann?", "ann=bob", "50%ann"},
}

// TestWhatIsNoPersonIsToldByItsForm: whoever made the name up.
func TestWhatIsNoPersonIsToldByItsForm(t *testing.T) {
	for reason, ids := range formed {
		for _, id := range ids {
			g := spelled(example(), id)
			if g.User != "" || g.Nobody.Kind != "identity" || !strings.HasPrefix(g.Nobody.Reason, reason) || g.Nobody.Remedy == "" {
				t.Errorf("%q is %q, %+v; want %q", id, g.User, g.Nobody, reason)
			}
			silent := reason == isAnonymous || reason == isPlaceholder || reason == isID || strings.Contains(reason, "MAC") || strings.Contains(reason, "SIM")
			if silent != (g.Who == presence.Unnamed) || (reason == "a machine") != (g.Who == presence.NamesMachine) {
				t.Errorf("%q says %d of whose the session is", id, g.Who)
			}
			number := reason == isID || strings.Contains(reason, "MAC") || strings.Contains(reason, "SIM")
			if number && strings.Contains(g.Nobody.Key, bare(id)) {
				t.Errorf("%q: the number is kept in %+v", id, g.Nobody)
			}
		}
	}
}

// TestPeopleAreCalledLikeThat: names that look like what is no person.
func TestPeopleAreCalledLikeThat(t *testing.T) {
	for _, id := range []string{
		"anon.s", "anona", "anonuevo", "anan", "na", "nan", "nil", "noname.lee", "noname", "nonem", "nullmann", "unger", "una", "unknowles", "userling", "users", "eduroamer",
		"mac", "macabee", "mac.donald", "mac-fadden", "macdeadb", "hosta", "deviceful", "phoebe", "facade", "deadbeef", "s-1", "s.1.5", "sid-1-2", "mai.thi.lan", "alec.home",
		"o'brien", "o’brien", "ann+phone", "ann_smith", "ann-marie", "r&d", "ann#1", "x12345", "u1234567", "123456", "1234567890123", "ann.smith42",
		"ann2bob3", "jörg", "李雷", "anna.local", "laptop-dealer", "desktop-team", "android-dev", "money$bags", "outerbridge", "hiddenburg", "guest", "test", "nagios",
		"christopher-montgomery2", "2pac", "x", "a1", "7of9", "r2d2c3po",
	} {
		if g := spelled(example(), id); g.User != presence.Fold(id)+"@example.com" || g.Who != presence.NamesUser {
			t.Errorf("%q is %q, %+v", id, g.User, g.Nobody)
		}
		if g := spelled(example(), `CORP\`+id); g.User != presence.Fold(id)+"@example.com" {
			t.Errorf("CORP\\%s is %q, %+v", id, g.User, g.Nobody)
		}
	}
}

// TestRewriteLeadsToNoIdEither: a certificate's name can be a number too.
func TestRewriteLeadsToNoIdEither(t *testing.T) {
	rules := example()
	rules.Rewrite = []Rewrite{{regexp.MustCompile(`^CN=([^,]+),.*$`), "$1"}}
	for id, want := range map[string]string{
		"CN=ann,OU=x": "", "CN=7f2b1c7e-0d3a-4f6e-9a52-1f1f6d1c9e11,OU=x": isID, "CN=anonymous,OU=x": isAnonymous, "CN=%USER%,OU=x": isPlaceholder,
		"CN=PC1$,OU=x": "a machine",
	} {
		if g := spelled(rules, id); g.Nobody.Reason != want || (g.User == "") != (want != "") {
			t.Errorf("%q is %q, %+v; want %q", id, g.User, g.Nobody, want)
		}
	}
}

// TestNoDomainForWhatIsNoRealm: what stands before the backslash or behind the
// @ is a Windows domain only if it can be one.
func TestNoDomainForWhatIsNoRealm(t *testing.T) {
	for _, id := range []string{"ann@-", "ann@(null)", `%domain%\ann`, `"CORP\ann`, "ann@?", `..\ann`, `{domain}\ann`} {
		if g := spelled(Identity{Domain: "example.com"}, id); g.User != "" || g.Nobody.Remedy == "" {
			t.Errorf("%q is %q, %+v", id, g.User, g.Nobody)
		}
	}
	if g := spelled(Identity{Domain: "example.com"}, `R&D_1\ann`); g.User != "ann@example.com" {
		t.Errorf("a Windows domain with signs in it: %q, %+v", g.User, g.Nobody)
	}
}
