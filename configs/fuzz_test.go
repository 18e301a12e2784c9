package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
)

// FuzzParse: no text panics, and what is wrong with it is told with lines that
// it has; what is good is complete. What it costs is bounded by its length.
func FuzzParse(f *testing.F) {
	f.Add(string(Reference))
	f.Add(withKadence)
	f.Add("\"a\\nb\" = 1\n[store]\npath = \"a\\nb\"\n[identity]\nrewrite = [{match = \"(\\n\", user = \"\"}]\naliases_file = \"a\\nb\"")
	f.Add("[a]\n[[a.b]]\n[a.b.c]\n[[a.b.d]]\nx = [[{y.z = 1}]]\n")
	files, err := filepath.Glob("testdata/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		var c *Config
		var err error
		b := budget.Budget{Time: time.Second, Each: 200 * time.Microsecond, Octets: 4 << 20, More: 10_000}
		b.Hold(t, len(text), func() { c, err = Parse("presenced.toml", []byte(text), dir) })
		if err == nil {
			if len(c.Radius.Clients) == 0 || len(c.Mapping.Sites) == 0 || len(c.Rules.Sites) != len(c.Mapping.Sites) {
				t.Errorf("it is incomplete: %+v", c)
			}
			return
		}
		var faults Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("it is %v", err)
		}
		if lines := strings.Count(err.Error(), "\n") + 1; lines != len(faults) {
			t.Errorf("%d faults are %d lines: %q", len(faults), lines, err)
		}
		for _, fault := range faults {
			if fault.File == "presenced.toml" && fault.Line > strings.Count(text, "\n")+1 {
				t.Errorf("there is no such line: %v", fault)
			}
		}
	})
}

// FuzzLists: neither does any list.
func FuzzLists(f *testing.F) {
	f.Add("identity,user\nalice,alice@example.com\n\"a,b\",c@example.com\n")
	f.Add("# comment\nann@example.com # why\n\n")
	f.Add("\xef\xbb\xbf\"unclosed\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "list"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var c *Config
		var err error
		budget.Budget{Time: time.Second, Each: 50 * time.Microsecond, Octets: 4 << 20, More: 1000}.Hold(t, len(text), func() {
			c, err = Parse("presenced.toml", []byte(smallest+"[identity]\naliases_file = \"list\"\nopt_out_file = \"list\"\n"), dir)
		})
		var faults Faults
		switch {
		case err == nil && c.Mapping.Identity.OptOut == nil:
			t.Error("the list is lost")
		case err != nil && !errors.As(err, &faults):
			t.Errorf("it is %v", err)
		}
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 {
				t.Errorf("there is no such line: %v", fault)
			}
		}
	})
}
