package configs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
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

func TestDefaults(t *testing.T) {
	c := parseText(t, withKadence)
	want := &Config{
		Path: "presenced.toml",
		Radius: Radius{
			Listen: []string{":1813"}, MaxSkew: 10 * time.Minute,
			Clients: []radiusacct.Client{{Name: "wlc", Prefix: c.Radius.Clients[0].Prefix, Secrets: [][]byte{[]byte("testing123")}, Site: "london"}},
		},
		Rules: presence.DefaultRules(),
		Kadence: &Kadence{DryRun: true, Config: kadence.Config{
			Region: "eu", ClientID: "key", ActingUser: "self", Types: []string{"desk", "private_office", "onsite"}, Rate: 5,
			Buildings: map[string]string{"london": "HQ"}, Zones: map[string]*time.Location{"london": nil},
		}},
		Store:   Store{Path: "/var/lib/presenced/presenced.db", KeepVisits: 30 * 24 * time.Hour},
		Control: Control{Socket: "/run/presenced/presenced.sock", HTTP: "127.0.0.1:9813", Roster: true},
		Log:     Log{Level: "info", Format: "text"},
		files:   []string{"presenced.toml"},
	}
	site := presence.Site{Name: "london", Building: "HQ", Closes: 24 * time.Hour, SSIDs: []string{}, NAS: []string{}, Locations: []string{}}
	want.Rules.Sites = map[string]presence.Site{"london": site}
	want.Mapping = mapping.Rules{Sites: []presence.Site{site}, Identity: mapping.Identity{
		Order: []string{"user_name"}, Realms: map[string]string{}, Ignore: []string{}, IgnoreDevices: []string{}, PortTypes: []uint32{19},
	}}
	ignored := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Kadence.Config.Secret" }, cmp.Ignore())
	same := cmp.Comparer(func(a, b radiusacct.Client) bool { return reflect.DeepEqual(a, b) })
	c.settings = nil // TestChangesAreToldByKey has them
	if diff := cmp.Diff(want, c, ignored, same, cmp.AllowUnexported(Config{}), cmpopts.IgnoreUnexported(mapping.Identity{}, mapping.Rules{})); diff != "" {
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
message_authenticator = "auto"
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
lunch = "never"
lunch_linger = "90m"
[[elsewhere]]
nas = ["rap-*", "10.99.0.0/16"]
[[elsewhere]]
locations = ["Homes*"]
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
max_people = 500
lunch = "12:00-15:00"
lunch_linger = "3h"
brief = "0s"
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
check_out_elsewhere = true
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
		{"max_skew", c.Radius.MaxSkew, 12 * time.Hour}, {"max_skew of the rules", rules.MaxSkew, 12 * time.Hour},
		{"address", one.Prefix.String(), "10.1.0.0/16"},
		{"secret_files", one.Secrets, [][]byte{[]byte("new-secret"), []byte("old-secret")}},
		{"message_authenticator", one.MirrorMessageAuthenticator, radiusacct.MirrorAlways},
		{"message_authenticator of the other", two.MirrorMessageAuthenticator, radiusacct.MirrorAuto},
		{"require_message_authenticator", one.RequireMessageAuthenticator, true},
		{"site by default, with two sites", one.Site, ""},
		{"secrets", two.Secrets, [][]byte{[]byte("a"), []byte("b")}},
		{"site", two.Site, "paris"},
		{"sites", siteNames(c.Mapping.Sites), []string{"london", "paris"}},
		{"time_zone", rules.Sites["london"].Zone.String(), "Europe/London"},
		{"ssids", rules.Sites["london"].SSIDs, []string{"Corp", ""}},
		{"nas", rules.Sites["london"].NAS, []string{"wlc-*", "10.0.0.0/8", "02:00:5e", "2001:db8::1", "12ab"}},
		{"locations", rules.Sites["london"].Locations, []string{"London*"}},
		{"elsewhere", c.Mapping.Elsewhere, []mapping.Elsewhere{
			{NAS: []string{"rap-*", "10.99.0.0/16"}, Locations: []string{}}, {NAS: []string{}, Locations: []string{"Homes*"}},
		}},
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
		{"max_people", rules.MaxPeople, 500},
		{"lunch", rules.Lunch, presence.Span{From: 12 * time.Hour, To: 15 * time.Hour}},
		{"lunch_linger", rules.LunchLinger, 3 * time.Hour},
		{"brief", rules.Brief, time.Duration(0)},
		{"lunch of a site that has none of its own", rules.Sites["london"].Lunch, (*presence.Span)(nil)},
		{"lunch of a site", rules.Sites["paris"].Lunch, &presence.Span{}},
		{"lunch_linger of a site", *rules.Sites["paris"].LunchLinger, 90 * time.Minute},
		{"check_out_elsewhere", rules.CheckOutElsewhere, true},
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
		{"control", c.Control, Control{Socket: "/tmp/presenced.sock", HTTP: "[::1]:9000", Token: "0123456789abcdef", Roster: true}},
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

// A hundred times as many sites as the largest customer has are read one by one, and
// each is not held against all the others.
func TestManySitesAreEachReadOnce(t *testing.T) {
	const sites = 20_000
	text := bytes.NewBufferString(smallest)
	for i := range sites {
		fmt.Fprintf(text, "[[site]]\nname = \"site-%d\"\nbuilding = \"Building %d\"\nnas = [\"site-%[1]d-*\"]\n", i, i)
	}
	fmt.Fprintf(text, "[[site]]\nname = \"site-17\"\nbuilding = \"BUILDING 18\"\nnas = [\"x\"]\n")
	var err error
	budget.Budget{Time: time.Second, Each: 5 * time.Microsecond, Octets: 64 << 20, More: 1000}.Hold(t, text.Len(), func() {
		_, err = Parse("presenced.toml", text.Bytes(), t.TempDir())
	})
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 2 || !strings.Contains(faults[1].Error(), `site "site-18" has it too`) {
		t.Errorf("%v", err)
	}
}
