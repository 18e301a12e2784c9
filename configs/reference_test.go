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

	"github.com/pelletier/go-toml/v2"
)

// credentials puts the secrets of the reference where systemd would.
func credentials(t *testing.T) {
	dir := t.TempDir()
	for name, secret := range map[string]string{"hq-wlc": "testing123\n", "hq-wlc-new": "next", "kadence": "hush\r\n", "control-token": "0123456789abcdef\n", "wallboard-token": "0123456789abcdef0"} {
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
	text := regexp.MustCompile(`(?m)^#rewrite`).ReplaceAllString(string(overTLSToo(filled())), "rewrite")
	_, d, err := parse("presenced.toml", []byte(text), newPapers(t).dir, false)
	if err != nil {
		t.Fatal(err)
	}
	reference := overTLSToo(Reference)
	written := map[string]any{}
	if err := toml.Unmarshal(reference, &written); err != nil {
		t.Fatal(err)
	}
	if len(d.known) < 55 {
		t.Errorf("only %d keys are known", len(d.known))
	}
	for path, otherwise := range d.known {
		key := path[strings.LastIndexByte(path, '.')+1:]
		if !regexp.MustCompile(`(?m)(^#?\[+|[.#{, ]|^)` + key + `(\s*=|\])`).Match(reference) {
			t.Errorf("%s is not in it", path)
			continue
		}
		value, there := lookUp(written, path)
		required := slices.Contains([]string{"client_id", "client_secret_file", "secret_file", "building", "ca_file"}, key)
		switch {
		case otherwise == nil, required:
		case !there && !reflect.ValueOf(otherwise).IsZero():
			t.Errorf("%s: its default %v is not in it", path, otherwise)
		case there && plain(value) != plain(otherwise):
			t.Errorf("%s is %v in it, and %v by default", path, value, otherwise)
		}
	}
}

// lookUp finds the value of a path; of arrays of tables it takes the first that
// has it.
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
		for _, element := range v {
			if value, ok := lookUp(element.(map[string]any), rest); ok {
				return value, true
			}
		}
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
		if key == "proxy" {
			text = strings.Replace(text, `#token_file`, `token_file`, 1)
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
