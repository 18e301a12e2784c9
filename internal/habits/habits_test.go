package habits

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/presenced/presenced"

// mayImport says which packages of ours a package may import, whatever its
// tests do. It is the star: presence in the middle, adapters around it that do
// not know each other, and the program that ties. What is not listed stands
// outside, as rehearsals and benchmarks do: it may import any, and only the
// program may import it.
var mayImport = map[string][]string{
	"presence":         nil,
	"radiusacct":       {"presence"},
	"store":            {"presence"},
	"kadence":          {"presence"},
	"kadence/sandbox":  nil,
	"configs":          {"presence", "radiusacct", "kadence"}, // checks into what they take
	"internal/control": {"presence"},
	"internal/page":    {"presence", "internal/control"},
	"internal/web":     nil,
	"internal/metrics": {"presence", "radiusacct", "store", "kadence"}, // tells of what they count
	"cmd/presenced": {
		"presence", "radiusacct", "store", "kadence", "kadence/sandbox", "configs", "internal/control",
		"internal/page", "internal/web", "internal/metrics",
	},
}

func TestImportsFormAStar(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		rays, inside := mayImport[name]
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module+"/")
			if _, known := mayImport[other]; name == "cmd/presenced" && !known {
				ours = false
			}
			if ours && inside && !slices.Contains(rays, other) {
				t.Errorf("%s imports %s, which is no ray of the star", name, other)
			}
			if name == "presence" && strings.Contains(strings.Split(imported, "/")[0], ".") {
				t.Errorf("presence imports %s: it decides with the standard library alone", imported)
			}
		}
	}
}

func TestEveryPackageStatesItsPromise(t *testing.T) {
	for _, p := range packages(t) {
		doc := ""
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles) {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc == nil {
				continue
			}
			if doc != "" {
				t.Errorf("%s has two package comments", p.ImportPath)
			}
			doc = file.Doc.Text()
		}
		begins := "Package " + p.Name + " "
		if p.Name == "main" {
			begins = "Command " + filepath.Base(p.Dir) + " "
			if strings.HasPrefix(doc, "Presenced ") { // either is usual for a program
				begins = "Presenced "
			}
		}
		if !strings.HasPrefix(doc, begins) {
			t.Errorf("%s: its package comment does not begin with %q: %q", p.ImportPath, begins, firstLine(doc))
		}
	}
}

func TestNoPackageIsNamedForNothing(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains([]string{"util", "utils", "common", "types", "helpers", "misc"}, p.Name) {
			t.Errorf("%s: its name does not say what it is for", p.ImportPath)
		}
	}
}

// TestModuleBuildsAsPublished: what is tested here is what `go install` gives
// somebody else, and with the toolchain that is pinned.
func TestModuleBuildsAsPublished(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Go        string
		Toolchain string
		Replace   []struct{ Old struct{ Path string } }
	}
	goJSON(t, func(d *json.Decoder) error { return d.Decode(&mod) }, "mod", "edit", "-json")
	for _, r := range mod.Replace {
		t.Errorf("go.mod replaces %s", r.Old.Path)
	}
	if mod.Toolchain == "" {
		t.Errorf("go.mod pins no toolchain:\n%s", text)
	}
}

// TestFilesHoldOneIdea: nobody enjoys a longer one. Tests may go on; they are
// read one at a time.
func TestFilesHoldOneIdea(t *testing.T) {
	const most = 500
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if lines := bytes.Count(text, []byte("\n")); lines > most {
				t.Errorf("%s/%s has %d lines, more than %d", strings.TrimPrefix(p.ImportPath, module+"/"), name, lines, most)
			}
		}
	}
}

// TestErrorsReadVerbObjectCause: `open store /var/…: timeout`.
func TestErrorsReadVerbObjectCause(t *testing.T) {
	failed := regexp.MustCompile(`(?:Errorf|errors\.New)\((?:"|` + "`)" + `(?:failed to|unable to|could not|error while|[A-Z][a-z]+ )`)
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.Split(string(text), "\n") {
				if failed.MatchString(line) {
					t.Errorf("%s/%s:%d: %s", strings.TrimPrefix(p.ImportPath, module+"/"), name, i+1, strings.TrimSpace(line))
				}
			}
		}
	}
}

func TestShellScriptsStopAtTheFirstFault(t *testing.T) {
	err := filepath.WalkDir(root(t), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == ".git" {
				return filepath.SkipDir
			}
			return err
		}
		if filepath.Ext(path) != ".sh" && filepath.Base(filepath.Dir(path)) != ".ci" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && bytes.HasPrefix(text, []byte("#!")) && !bytes.Contains(text, []byte("\nset -euo pipefail\n")) {
			t.Errorf("%s does not set -euo pipefail", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// listed is what `go list -json` says of a package, as far as it matters here.
type listed struct {
	ImportPath, Name, Dir string
	GoFiles, TestGoFiles  []string
	Imports               []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	var all []listed
	goJSON(t, func(d *json.Decoder) error {
		for {
			var p listed
			if err := d.Decode(&p); err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				return err
			}
			all = append(all, p)
		}
	}, "list", "-e", "-json=ImportPath,Name,Dir,GoFiles,TestGoFiles,Imports", module+"/...")
	if len(all) == 0 {
		t.Fatal("go list names no package")
	}
	return all
}

// goJSON runs the go command at the module's root and decodes what it prints.
func goJSON(t *testing.T, decode func(*json.Decoder) error, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = root(t)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	if err := decode(json.NewDecoder(bytes.NewReader(out))); err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
