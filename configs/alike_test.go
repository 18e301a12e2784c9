package configs

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What daemons are to have in common tells the section that is otherwise, a list's contents
// too; and nothing else that differs from host to host, a default, nor a secret.
func TestFingerprintsTellWhichSectionDiffers(t *testing.T) {
	const base = `
[radius]
listen = [":1813"]
[[radius.client]]
name = "hq-wlc"
address = "10.20.0.0/24"
secret = "first"
[[site]]
name = "london"
building = "HQ"
[[site]]
name = "paris"
building = "P"
ssids = ["P"]
[identity]
aliases_file = "aliases.csv"
[store]
path = "/a.db"
`
	parsed := func(text, aliases string) *Config {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "aliases.csv"), []byte(aliases), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Parse("presenced.toml", []byte(text), dir)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	was := parsed(base, "").Fingerprints()
	for name, c := range map[string]struct{ text, aliases, want string }{
		"the same in another folder": {base, "", ""},
		"a default":                  {base + "[presence]\nlinger = \"60m\"\n", "", ""},
		"linger":                     {base + "[presence]\nlinger = \"45m\"\n", "", "presence"},
		"a secret":                   {strings.Replace(base, "first", "second", 1), "", ""},
		"a listener":                 {strings.Replace(base, ":1813", ":11813", 1), "", ""},
		"an address":                 {strings.Replace(base, "10.20.0.0/24", "10.20.0.5", 1), "", "radius.client"},
		"a list":                     {base, "ann,ann@example.com\n", "identity"},
		"a path":                     {strings.Replace(base, "/a.db", "/b.db", 1), "", ""},
		"how long visits are kept":   {base + "keep_visits = \"7d\"\n", "", "store"},
		"a site's name":              {strings.Replace(base, "london", "leeds", 1), "", "site"},
		"the log":                    {base + "[log]\nlevel = \"debug\"\n", "", ""},
		"no more of a section":       {strings.Replace(base, "[[site]]\nname = \"paris\"\nbuilding = \"P\"\nssids = [\"P\"]\n", "", 1), "", "site"},
	} {
		is := parsed(c.text, c.aliases).Fingerprints()
		var differ []string
		for _, section := range slices.Sorted(maps.Keys(was)) {
			if is[section] != was[section] {
				differ = append(differ, section)
			}
		}
		for _, section := range slices.Sorted(maps.Keys(is)) {
			if was[section] == "" {
				differ = append(differ, section)
			}
		}
		if got := strings.Join(differ, ", "); got != c.want {
			t.Errorf("%s: %q differs, want %q", name, got, c.want)
		}
	}
}

// Every section is either one that daemons have in common, or one that is each one's own.
func TestEverySectionIsAlikeOrOnesOwn(t *testing.T) {
	own := []string{"", "radsec", "store", "control", "control.token", "log"}
	credentials(t)
	_, d, err := parse("presenced.toml", filled(), t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	for path := range d.known {
		section := path[:max(0, strings.LastIndexByte(path, '.'))]
		if !slices.Contains(alike, section) && !slices.Contains(own, section) {
			t.Errorf("%s: is [%s] to be alike at every daemon?", path, section)
		}
	}
}
