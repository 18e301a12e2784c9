package configs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"

	"github.com/presenced/presenced/presence"
)

// smallest is the shortest configuration that is complete.
const smallest = `
[[radius.client]]
name = "wlc"
address = "10.20.0.1"
secret = "testing123"
[[site]]
name = "london"
building = "HQ"
`

// withKadence has a booking side too.
const withKadence = smallest + `
[kadence]
client_id = "key"
client_secret = "hush"
`

func parseText(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("presenced.toml", []byte(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// credentials puts the secrets of the reference where systemd would.
func credentials(t *testing.T) {
	dir := t.TempDir()
	for name, secret := range map[string]string{"hq-wlc": "testing123\n", "hq-wlc-new": "next", "kadence": "hush\r\n", "control-token": "0123456789abcdef\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
}

// filled is the reference with an API key in it.
func filled() []byte {
	return bytes.Replace(Reference, []byte(`"…"         # yours`), []byte(`"key" # yours`), 1)
}

// TestReferenceIsAConfiguration: once an API key is filled in, and nothing
// else is wrong with it before.
func TestReferenceIsAConfiguration(t *testing.T) {
	credentials(t)
	_, err := Parse("presenced.toml", Reference, t.TempDir())
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Key != "kadence.client_id" || faults[0].Remedy == "" {
		t.Errorf("as it is printed: %v", err)
	}
	c, err := Parse("presenced.toml", filled(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("it warns: %q", c.Warnings)
	}
	if got := string(c.Radius.Clients[0].Secrets[0]); got != "testing123" {
		t.Errorf("the client's secret is %q", got)
	}
	if got, err := c.Kadence.Secret(); got != "hush" || err != nil {
		t.Errorf("Kadence's secret is %q, %v", got, err)
	}
}

// TestReferenceNamesEveryKeyWithItsDefault: and no default in it is another
// than the code's.
func TestReferenceNamesEveryKeyWithItsDefault(t *testing.T) {
	credentials(t)
	text := regexp.MustCompile(`(?m)^#rewrite`).ReplaceAllString(string(filled()), "rewrite")
	_, d, err := parse("presenced.toml", []byte(text), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]any{}
	if err := toml.Unmarshal(Reference, &written); err != nil {
		t.Fatal(err)
	}
	if len(d.known) < 55 {
		t.Errorf("only %d keys are known", len(d.known))
	}
	for path, otherwise := range d.known {
		key := path[strings.LastIndexByte(path, '.')+1:]
		if !regexp.MustCompile(`(?m)(^\[+|[.#{, ]|^)` + key + `(\s*=|\])`).Match(Reference) {
			t.Errorf("%s is not in it", path)
			continue
		}
		value, there := lookUp(written, path)
		required := slices.Contains([]string{"client_id", "client_secret_file", "secret_file", "building"}, key)
		switch {
		case otherwise == nil, required:
		case !there && !reflect.ValueOf(otherwise).IsZero():
			t.Errorf("%s: its default %v is not in it", path, otherwise)
		case there && plain(value) != plain(otherwise):
			t.Errorf("%s is %v in it, and %v by default", path, value, otherwise)
		}
	}
}

// lookUp finds the value of a path; of arrays of tables it takes the first.
func lookUp(table map[string]any, path string) (any, bool) {
	key, rest, below := strings.Cut(path, ".")
	value, ok := table[key]
	if !below {
		return value, ok
	}
	switch v := value.(type) {
	case map[string]any:
		return lookUp(v, rest)
	case []any:
		return lookUp(v[0].(map[string]any), rest)
	}
	return nil, false
}

// plain writes a value so that a decoded one and one of the code compare.
func plain(v any) string {
	text, err := toml.Marshal(map[string]any{"v": v})
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(strings.TrimSpace(string(text)), ".0")
}

// TestExamplesInTheReferenceAreGood: what stands behind a # can be used.
func TestExamplesInTheReferenceAreGood(t *testing.T) {
	credentials(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"aliases.csv": "identity,user\n", "opt-out.txt": "", "opt-in.txt": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	example := regexp.MustCompile(`(?m)^#(\w+)\s*= .*$`)
	tried, reference := 0, string(filled())
	for _, m := range example.FindAllStringSubmatchIndex(reference, -1) {
		key, line := reference[m[2]:m[3]], reference[m[0]+1:m[1]]
		instead := map[string]string{
			"secret": "secret_file", "secret_files": "secret_file", "secrets": "secret_file", "client_secret": "client_secret_file",
			"ssids": "ssids", "nas": "nas", "locations": "locations", "realms": "realms", "ignore": "ignore", "ignore_devices": "ignore_devices",
		}[key]
		text := reference[:m[0]] + line + reference[m[1]:]
		if instead != "" {
			text = regexp.MustCompile(`(?m)^`+instead+`\s*= .*$`).ReplaceAllString(reference[:m[0]], "") + line +
				regexp.MustCompile(`(?m)^`+instead+`\s*= .*$`).ReplaceAllString(reference[m[1]:], "")
		}
		if key == "secrets" {
			text = strings.Replace(text, `["…", "…"]`, `["…", "other"]`, 1)
		}
		if key == "token" {
			text = strings.Replace(text, line, `token = "0123456789abcdef"`, 1)
		}
		if _, err := Parse("presenced.toml", []byte(text), dir); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		tried++
	}
	if tried < 15 {
		t.Errorf("only %d examples are in it", tried)
	}
}

func TestDefaults(t *testing.T) {
	c := parseText(t, withKadence)
	want := &Config{
		Path: "presenced.toml",
		Radius: Radius{
			Listen: []string{":1813"}, MaxSkew: 10 * time.Minute,
			Clients: []Client{{Name: "wlc", Prefix: c.Radius.Clients[0].Prefix, Secrets: [][]byte{[]byte("testing123")}, Site: "london"}},
		},
		Rules: presence.DefaultRules(),
		Kadence: &Kadence{
			Region: "eu", ClientID: "key", ActingUser: "self", Types: []string{"desk", "private_office", "onsite"}, Rate: 5, DryRun: true,
		},
		Store:   Store{Path: "/var/lib/presenced/presenced.db", KeepVisits: 30 * 24 * time.Hour},
		Control: Control{Socket: "/run/presenced/presenced.sock", HTTP: "127.0.0.1:9813"},
		Log:     Log{Level: "info", Format: "text"},
		files:   []string{"presenced.toml"},
	}
	site := presence.Site{Name: "london", Building: "HQ", Closes: 24 * time.Hour, SSIDs: []string{}, NAS: []string{}, Locations: []string{}}
	want.Rules.Sites = map[string]presence.Site{"london": site}
	want.Mapping = presence.Mapping{Sites: []presence.Site{site}, Identity: presence.Identity{
		Order: []string{"user_name"}, Realms: map[string]string{}, Ignore: []string{}, IgnoreDevices: []string{}, PortTypes: []uint32{19},
	}}
	ignored := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Kadence.Secret" }, cmp.Ignore())
	same := cmp.Comparer(func(a, b Client) bool { return reflect.DeepEqual(a, b) })
	if diff := cmp.Diff(want, c, ignored, same, cmp.AllowUnexported(Config{})); diff != "" {
		t.Errorf("the defaults differ (-want +got):\n%s", diff)
	}
	if p := c.Radius.Clients[0].Prefix.String(); p != "10.20.0.1/32" {
		t.Errorf("an address is %s", p)
	}
}

func TestWithoutKadenceNothingIsToBeDone(t *testing.T) {
	c := parseText(t, strings.Replace(smallest, `building = "HQ"`, "", 1))
	if c.Kadence != nil {
		t.Errorf("Kadence is %+v", c.Kadence)
	}
}

func TestEveryKeyArrives(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"aliases.csv": "\xef\xbb\xbfidentity,user\n# left\nALICE, Alice.Smith@Example.com\n\"CN=Bob,OU=x\",bob@example.com\nCORP\\eve,eve@example.com\n",
		"out.txt":     "# these do not want to\nGus@Example.com # since May\n\n",
		"in.txt":      "",
		"old":         "old-secret\n", "new": "new-secret", "token": "0123456789abcdef\r\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PLACE", "places")
	c, err := Parse("presenced.toml", []byte(`
[radius]
listen = ["[::1]:1813", "127.0.0.1:0"]
max_skew = "12h"
[[radius.client]]
name = "one"
address = "::ffff:10.1.0.0/112"
secret_files = ["new", "old"]
message_authenticator = "always"
require_message_authenticator = true
[[radius.client]]
name = "two"
address = "2001:db8::/48"
secrets = ["a", "b"]
site = "paris"
[[site]]
name = "london"
building = "HQ"
time_zone = "Europe/London"
ssids = ["Corp", ""]
nas = ["wlc-*", "10.0.0.0/8", "02:00:5e", "2001:db8::1", "12ab"]
locations = ["London*"]
hours = "22:00-06:30"
[[site]]
name = "paris"
building = "Paris"
[identity]
order = ["eap_peer_id", "cui", "user_name"]
domain = "Example.COM"
realms = { CORP = "Example.com", "corp.example.com" = "example.com" }
ignore = ["svc-*", "*$"]
rewrite = [{ match = '^CN=(?P<who>[^,]+),.*$', user = '${who}@example.com' }]
aliases_file = "aliases.csv"
opt_out_file = "./out.txt"
opt_in_file = "in.txt"
ignore_devices = ["02-00-5E-*"]
port_types = [15, 19]
[presence]
settle = "90s"
linger = "2h"
day_starts = "5:00"
max_session = "1d"
outage_hold = "1h"
max_devices = 3
[kadence]
region = "us"
api_url = "http://127.0.0.1:8080/base"
auth_url = "https://login.example.com"
client_id = "key"
client_secret_file = "new"
acting_user = "01GTBV1CT3BM8A42SEJ2J5F4EG"
types = ["desk", "room"]
early = "15m"
check_out = "never"
rate = 0.5
dry_run = false
[store]
path = "${PLACE}/presenced.db"
keep_visits = "1d"
hash_devices = true
[control]
socket = "/tmp/presenced.sock"
http = "[::1]:9000"
token_file = "token"
[log]
level = "debug"
format = "json"
`), dir)
	if err != nil {
		t.Fatal(err)
	}
	one, two := c.Radius.Clients[0], c.Radius.Clients[1]
	id, rules, k := c.Mapping.Identity, c.Rules, c.Kadence
	secret, err := k.Secret()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what      string
		got, want any
	}{
		{"listen", c.Radius.Listen, []string{"[::1]:1813", "127.0.0.1:0"}},
		{"max_skew", c.Radius.MaxSkew, 12 * time.Hour},
		{"address", one.Prefix.String(), "10.1.0.0/16"},
		{"secret_files", one.Secrets, [][]byte{[]byte("new-secret"), []byte("old-secret")}},
		{"message_authenticator", one.MirrorMessageAuthenticator, "always"},
		{"require_message_authenticator", one.RequireMessageAuthenticator, true},
		{"site by default, with two sites", one.Site, ""},
		{"secrets", two.Secrets, [][]byte{[]byte("a"), []byte("b")}},
		{"site", two.Site, "paris"},
		{"sites", siteNames(c.Mapping.Sites), []string{"london", "paris"}},
		{"time_zone", rules.Sites["london"].Zone.String(), "Europe/London"},
		{"ssids", rules.Sites["london"].SSIDs, []string{"Corp", ""}},
		{"nas", rules.Sites["london"].NAS, []string{"wlc-*", "10.0.0.0/8", "02:00:5e", "2001:db8::1", "12ab"}},
		{"locations", rules.Sites["london"].Locations, []string{"London*"}},
		{"opens", rules.Sites["london"].Opens, 22 * time.Hour},
		{"closes", rules.Sites["london"].Closes, 6*time.Hour + 30*time.Minute},
		{"order", id.Order, []string{"eap_peer_id", "cui", "user_name"}},
		{"domain", id.Domain, "example.com"},
		{"realms", id.Realms, map[string]string{"corp": "example.com", "corp.example.com": "example.com"}},
		{"ignore", id.Ignore, []string{"svc-*", "*$"}},
		{"rewrite", id.Rewrite[0].Match.ReplaceAllString("CN=Ann,OU=x", id.Rewrite[0].User), "Ann@example.com"},
		{"aliases", id.Aliases, map[string]string{"alice": "alice.smith@example.com", "cn=bob,ou=x": "bob@example.com", `corp\eve`: "eve@example.com"}},
		{"opt_out", id.OptOut, map[string]bool{"gus@example.com": true}},
		{"opt_in", id.OptIn, map[string]bool{}},
		{"ignore_devices", id.IgnoreDevices, []string{"02:00:5E:*"}},
		{"port_types", id.PortTypes, []uint32{15, 19}},
		{"settle", rules.Settle, 90 * time.Second},
		{"linger", rules.Linger, 2 * time.Hour},
		{"day_starts", rules.DayStarts, 5 * time.Hour},
		{"max_session", rules.MaxSession, 24 * time.Hour},
		{"outage_hold", rules.OutageHold, time.Hour},
		{"max_devices", rules.MaxDevices, 3},
		{"early", rules.Early, 15 * time.Minute},
		{"check_out", rules.CheckOut, presence.CheckOutNever},
		{"region", k.Region, "us"},
		{"api_url", k.APIURL, "http://127.0.0.1:8080/base"},
		{"auth_url", k.AuthURL, "https://login.example.com"},
		{"client_id", k.ClientID, "key"},
		{"client_secret_file", secret, "new-secret"},
		{"acting_user", k.ActingUser, "01GTBV1CT3BM8A42SEJ2J5F4EG"},
		{"types", k.Types, []string{"desk", "room"}},
		{"rate", k.Rate, 0.5},
		{"dry_run", k.DryRun, false},
		{"store", c.Store, Store{Path: filepath.Join(dir, "places", "presenced.db"), KeepVisits: 24 * time.Hour, HashDevices: true}},
		{"control", c.Control, Control{Socket: "/tmp/presenced.sock", HTTP: "[::1]:9000", Token: "0123456789abcdef"}},
		{"log", c.Log, Log{Level: "debug", Format: "json"}},
		{"files", c.Files(), []string{
			"presenced.toml", filepath.Join(dir, "new"), filepath.Join(dir, "old"), filepath.Join(dir, "aliases.csv"),
			filepath.Join(dir, "out.txt"), filepath.Join(dir, "in.txt"), filepath.Join(dir, "new"),
			filepath.Join(dir, "token"),
		}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.what, diff)
		}
	}
}

// TestKadenceSecretIsReadAnew: a rotated secret counts without a reload.
func TestKadenceSecretIsReadAnew(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "kadence")
	if err := os.WriteFile(file, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Parse("presenced.toml", []byte(strings.Replace(withKadence, `client_secret = "hush"`, `client_secret_file = "kadence"`, 1)), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Kadence.Secret(); got != "new" || err != nil {
		t.Errorf("it is %q, %v", got, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Kadence.Secret(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a missing file is %v", err)
	}
}

// TestOnlySiteIsTheClientsSite: unless the site says which NASes are its own.
func TestOnlySiteIsTheClientsSite(t *testing.T) {
	if c := parseText(t, smallest); c.Radius.Clients[0].Site != "london" {
		t.Errorf("the only site is not the client's: %+v", c.Radius.Clients)
	}
	if c := parseText(t, smallest+`nas = ["wlc-ldn-*"]`); c.Radius.Clients[0].Site != "" {
		t.Errorf("a site with NASes of its own is the client's: %+v", c.Radius.Clients)
	}
}

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	for name, secret := range map[string]string{"open": "secret", "token": "0123456789abcdef"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ text, warning string }{
		{smallest + "[presence]\nlinger = \"30s\"", "presence.linger: 30s is shorter"},
		{strings.Replace(smallest, "10.20.0.1", "0.0.0.0/0", 1), `client "wlc": 0.0.0.0/0 is everybody`},
		{smallest + "[[site]]\nname = \"barn\"", `site "barn": nothing leads to it`},
		{smallest + "[control]\nhttp = \":9813\"\ntoken = \"0123456789abcdef\"", "control.http: to :9813 the token and who is here travel in the clear"},
		{smallest + "[control]\ntoken_file = \"token\"", "everybody may read the secret in " + filepath.Join(dir, "token")},
		{withKadence + `api_url = "http://api.example.com"`, "kadence: to api.example.com the secret"},
		{strings.Replace(smallest, `secret = "testing123"`, `secret_file = "open"`, 1), "everybody may read the secret in " + filepath.Join(dir, "open")},
	} {
		c, err := Parse("presenced.toml", []byte(strings.Replace(test.text, `site = ""`, "", 1)), dir)
		if err != nil {
			t.Errorf("%s: %v", test.warning, err)
			continue
		}
		if len(c.Warnings) == 0 || !strings.HasPrefix(c.Warnings[len(c.Warnings)-1], "presenced.toml: "+test.warning) {
			t.Errorf("the warnings are %q, want %q", c.Warnings, test.warning)
		}
	}
}

func TestHostAskedInTheClearIsWarnedOfOnce(t *testing.T) {
	c := parseText(t, withKadence+"api_url = \"http://k.example.com\"\nauth_url = \"http://k.example.com\"")
	if len(c.Warnings) != 1 {
		t.Errorf("the warnings are %q", c.Warnings)
	}
}

func TestLoadWarnsOfSecretsThatEverybodyMayRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	for _, test := range []struct {
		mode     os.FileMode
		text     string
		warnings int
	}{
		{0o644, smallest, 1},
		{0o640, smallest, 0},
		{0o644, strings.Replace(smallest, `secret = "testing123"`, `secret_file = "/dev/null/../secret"`, 1), 0},
	} {
		text := test.text
		if strings.Contains(text, "secret_file") {
			secret := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			text = strings.Replace(text, "/dev/null/../secret", secret, 1)
		}
		if err := os.WriteFile(file, []byte(text), test.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, test.mode); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != test.warnings || c.Path != file {
			t.Errorf("%v: %s warns %q", test.mode, c.Path, c.Warnings)
		}
	}
}
