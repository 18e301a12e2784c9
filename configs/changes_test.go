package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestChangesAreToldByKey: what is left out is its default, of secrets only that they are
// others is told, and a file that is read again says that it has changed.
func TestChangesAreToldByKey(t *testing.T) {
	dir := t.TempDir()
	const base = `
[[radius.client]]
name = "hq-wlc"
address = "10.20.0.0/24"
secret = "first"

[[site]]
name = "london"
building = "HQ"

[identity]
aliases_file = "aliases.csv"
realms = { corp = "example.com" }
`
	parsed := func(text, aliases string) *Config {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "aliases.csv"), []byte(aliases), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Parse("presenced.toml", []byte(text), dir)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	was := parsed(base, "")
	for name, c := range map[string]struct{ text, aliases, want string }{
		"nothing":              {base + "\n[presence]\nlinger = \"60m\"\n", "", ""},
		"a default":            {base + "\n[presence]\nlinger = \"45m\"\n", "", "presence.linger 60m → 45m"},
		"a secret":             {strings.Replace(base, "first", "second", 1), "", `radius.client "hq-wlc" secret has changed`},
		"an address":           {strings.Replace(base, "10.20.0.0/24", "10.20.0.5", 1), "", `radius.client "hq-wlc" address 10.20.0.0/24 → 10.20.0.5`},
		"what was not there":   {strings.Replace(base, `building = "HQ"`, "building = \"HQ\"\ntime_zone = \"UTC\"\nssids = [\"Corp\"]", 1), "", `site "london" ssids [] → [Corp]; site "london" time_zone none → UTC`},
		"a table of texts":     {strings.Replace(base, "corp =", "old =", 1), "", "identity.realms {corp = example.com} → {old = example.com}"},
		"what is in a file":    {base, "ann,ann@example.com\n", filepath.Join(dir, "aliases.csv") + " has changed"},
		"a file no more":       {strings.Replace(base, "aliases_file = \"aliases.csv\"\n", "", 1), "", "identity.aliases_file aliases.csv → none"},
		"a site by its name":   {strings.Replace(base, "[identity]", "[[site]]\nname = \"paris\"\nbuilding = \"P\"\nssids = [\"P\"]\n[identity]", 1), "", `site "paris" is new`},
		"another in its place": {strings.Replace(base, `"hq-wlc"`, `"wlc"`, 1), "", `radius.client "hq-wlc" is gone; radius.client "wlc" is new`},
	} {
		var told []string
		for _, change := range was.Changes(parsed(c.text, c.aliases)) {
			told = append(told, change.String())
		}
		got := strings.Join(told, "; ")
		if got != c.want && (c.want == "" || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if strings.Contains(got, "first") || strings.Contains(got, "second") {
			t.Errorf("%s: a secret is told: %s", name, got)
		}
	}
}
