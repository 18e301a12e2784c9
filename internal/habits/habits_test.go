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

// rigs begins the names of what is there for tests, the demo and benchmarks.
const rigs = "internal/rigs/"

// mayImport says which packages of ours a package may import, whatever its
// tests do. It is the star: presence in the middle, adapters around it that do
// not know each other, the daemon that ties them, and the program, whose verbs
// run it or ask it. Whatever is not listed is a rig.
var mayImport = map[string][]string{
	"presence":         nil,
	"radiusacct":       {"presence"},
	"mapping":          {"presence"},
	"store":            {"presence", "store/kv", "store/journal"}, // of the journal, the points of its tests
	"store/kv":         {"store/journal"},
	"store/journal":    nil,
	"store/storetest":  {"presence"},
	"store/etcdstore":  {"presence", "store"}, // of the file, how people are written
	"store/transfer":   {"store"},
	"kadence":          {"presence"},
	"kadence/sandbox":  nil,
	"configs":          {"presence", "radiusacct", "mapping", "kadence"}, // checks into what they take
	"internal/httpd":   nil,
	"internal/control": {"presence", "internal/httpd", "internal/terminal"}, // how times are told
	"internal/page":    {"presence", "internal/control", "internal/web"},    // who looks
	"internal/web":     {"internal/httpd"},
	"internal/metrics": {"presence", "radiusacct", "store", "kadence", "internal/control"}, // tells of what they count
	"internal/daemon": {
		"presence", "radiusacct", "mapping", "store", "store/etcdstore", "store/transfer", "kadence", "configs", "internal/control", "internal/page", "internal/web", "internal/metrics",
	},
	"internal/rehearse": {"presence", "radiusacct", "configs", "store"}, // plays what is on file to presence; of the store, how people are packed
	"internal/terminal": nil,
	"internal/demo": {
		"presence", "radiusacct", "kadence/sandbox", "configs", "internal/control", "internal/web", "internal/daemon", "internal/terminal",
		rigs + "controller", rigs + "office",
	},
	"cmd/presenced": {
		"presence", "radiusacct", "mapping", "store", "kadence", "kadence/sandbox", "configs", "internal/control", "internal/daemon",
		"internal/demo", "internal/rehearse", "internal/terminal",
	},
	"internal/habits":  nil,
	"packages":         nil,
	"packages/release": nil,
	"systemd":          nil,
}

func TestImportsFormAStar(t *testing.T) {
	found := map[string]bool{}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		rays, inside := mayImport[name]
		if rig := strings.HasPrefix(name, rigs); rig == inside {
			t.Errorf("%s has no place in the star, and is no rig", name)
		}
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module+"/")
			found[name+" "+other] = true
			switch {
			case ours && inside && !slices.Contains(rays, other):
				t.Errorf("%s imports %s, which is no ray of the star", name, other)
			case ours && strings.HasPrefix(other, "store/") && other != "store/etcdstore" && other != "store/transfer" && strings.Split(name, "/")[0] != "store":
				t.Errorf("%s imports %s, which is a room of store's", name, other)
			case ours && !inside && slices.Contains([]string{"internal/daemon", "internal/demo"}, other):
				t.Errorf("%s imports %s: a rig stands beside the program", name, other)
			}
			if name == "presence" && strings.Contains(strings.Split(imported, "/")[0], ".") {
				t.Errorf("presence imports %s: it decides with the standard library alone", imported)
			}
		}
	}
	for name, rays := range mayImport {
		for _, other := range rays {
			if !found[name+" "+other] {
				t.Errorf("%s may import %s, and does not: take it off the list", name, other)
			}
		}
	}
}

// TestPackagesLogByTheStandardLibrary: what a package logs goes to a log/slog that
// it is given. What writes the lines is chosen in one place, and is nobody
// else's dependency.
func TestPackagesLogByTheStandardLibrary(t *testing.T) {
	const writer, chooses = "github.com/sirupsen/logrus", "internal/daemon"
	chosen := false
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imported := range p.Imports {
			switch {
			case imported == "log" || strings.HasPrefix(imported, writer) && name != chooses:
				t.Errorf("%s imports %s: it is given a log/slog", name, imported)
			case imported == writer:
				chosen = true
			}
		}
	}
	if !chosen {
		t.Errorf("%s does not import %s: the test looks for the wrong thing", chooses, writer)
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
// somebody else, and all is built with the one toolchain that is pinned. The module that
// runs etcd's server replaces its parent, which it tries, and nothing else: nobody
// installs it.
func TestModuleBuildsAsPublished(t *testing.T) {
	const tries = "internal/rigs/etcd/go.mod"
	pinned := ""
	for _, file := range []string{"go.mod", "tools.mod", "packages/release/go.mod", tries} {
		var mod struct {
			Toolchain string
			Replace   []struct{ Old struct{ Path string } }
		}
		goJSON(t, func(d *json.Decoder) error { return d.Decode(&mod) }, "mod", "edit", "-json", file)
		for _, r := range mod.Replace {
			if file == tries && r.Old.Path == module {
				continue
			}
			t.Errorf("%s replaces %s", file, r.Old.Path)
		}
		if pinned == "" {
			pinned = mod.Toolchain
		}
		if mod.Toolchain == "" || mod.Toolchain != pinned {
			t.Errorf("%s pins the toolchain %q, and go.mod %q", file, mod.Toolchain, pinned)
		}
	}
}

// TestEtcdIsSpokenToInOnePlace: who else imports its protocol knows of an engine.
func TestEtcdIsSpokenToInOnePlace(t *testing.T) {
	const speaks = "store/etcdstore"
	spoken := false
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imported := range p.Imports {
			if !strings.HasPrefix(imported, "go.etcd.io/etcd/") && !strings.HasPrefix(imported, "google.golang.org/grpc") {
				continue
			}
			if spoken = true; name != speaks {
				t.Errorf("%s imports %s, which is %s's", name, imported, speaks)
			}
		}
	}
	if !spoken {
		t.Errorf("%s does not import etcd's protocol: the test looks for the wrong thing", speaks)
	}
}

// TestEveryDependencyHasAReason: the README's table names what go.mod requires
// directly, says what for, and names nothing else.
func TestEveryDependencyHasAReason(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	goJSON(t, func(d *json.Decoder) error { return d.Decode(&mod) }, "mod", "edit", "-json")
	why := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| [^|]+ \| ([^|]+\.[^|]+) \| ([^|]*) \|$`).FindAllStringSubmatch(section(t, "What it depends on"), -1) {
		for _, path := range strings.Split(row[1], ", ") {
			why[path] = strings.TrimSpace(row[2])
		}
	}
	for _, r := range mod.Require {
		if !r.Indirect && why[r.Path] == "" {
			t.Errorf("the README does not say why %s", r.Path)
		}
		if !r.Indirect {
			delete(why, r.Path)
		}
	}
	for path := range why {
		t.Errorf("the README says why %s, which go.mod does not require directly", path)
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

// TestCommentsSayWhoDoesWhat: "record makes the changes durable", and not
// "record has what changed be on disk".
func TestCommentsSayWhoDoesWhat(t *testing.T) {
	turned := regexp.MustCompile(`(?m)^\s*// \w+ (?:has|lets) [^.;:]{3,60}? be\b.*`)
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, comment := range turned.FindAll(text, -1) {
				t.Errorf("%s/%s: %s", strings.TrimPrefix(p.ImportPath, module+"/"), name, bytes.TrimSpace(comment))
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
