package habits

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/presenced/presenced/configs"
)

// The documents say what to type. These tests have everything in them that a
// machine can hold against the program still be so.

// documents returns the Markdown files, by their path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root(t), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(root(t), path)
		all[name] = string(text)
		return err
	})
	if err != nil || len(all) < 5 {
		t.Fatalf("%d documents, %v", len(all), err)
	}
	return all
}

var (
	fence   = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the names that a document's headings get, as GitHub gives them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all[strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return all
}

func TestDocumentsLinkToWhatIsThere(t *testing.T) {
	docs := documents(t)
	for name, text := range docs {
		for _, l := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if strings.Contains(l[1], "://") || strings.HasPrefix(l[1], "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(l[1], "#")
			target := name
			if file != "" {
				target = filepath.Join(filepath.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(root(t), target)); err != nil {
				t.Errorf("%s: the link %s: %v", name, l[1], err)
			}
			if other, ok := docs[target]; anchor != "" && ok && !anchors(other)[anchor] {
				t.Errorf("%s: the link %s: %s has no such heading", name, l[1], target)
			}
		}
	}
}

// typed finds what is typed to presenced, in a line of code.
var typed = regexp.MustCompile(`(?:^|&& |\| |\$\(|sudo |=\S+ )presenced ([a-z][a-z-]*)((?:[ \t]+[^\s|;&)#>]+)*)`)

// TestDocumentsNameVerbsAndFlagsThatExist asks the program itself.
func TestDocumentsNameVerbsAndFlagsThatExist(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "presenced")
	if out, err := exec.Command("go", "build", "-C", root(t), "-o", bin, "./cmd/presenced").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	help := map[string]string{} // by verb
	usage := func(verb string) string {
		if _, ok := help[verb]; !ok {
			out, err := exec.Command(bin, verb, "--help").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "presenced "+verb) {
				out = nil
			}
			help[verb] = string(out)
		}
		return help[verb]
	}
	found := 0
	for name, text := range documents(t) {
		for _, code := range codes(text) {
			for _, m := range typed.FindAllStringSubmatch(code, -1) {
				if m[1] == "help" {
					continue
				}
				found++
				if usage(m[1]) == "" {
					t.Errorf("%s: there is no verb in `%s`", name, strings.TrimSpace(m[0]))
					continue
				}
				for _, word := range strings.Fields(m[2]) {
					flag, _, _ := strings.Cut(word, "=")
					if strings.HasPrefix(flag, "-") && flag != "-" && !regexp.MustCompile(regexp.QuoteMeta(flag)+`[\s,]`).MatchString(usage(m[1])) {
						t.Errorf("%s: `presenced %s` has no flag %s", name, m[1], flag)
					}
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("the test found only %d commands: it looks in the wrong place", found)
	}
}

// codes returns what stands in code, in a text: blocks, of those with $ only
// what follows it, and spans.
func codes(text string) (all []string) {
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		prompts := strings.Contains("\n"+block[2], "\n$ ")
		for _, line := range strings.Split(block[2], "\n") {
			if command, ok := strings.CutPrefix(line, "$ "); ok || !prompts {
				all = append(all, command)
			}
		}
	}
	for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.Join(strings.Fields(span[1]), " "))
	}
	return all
}

// TestDocumentsConfigureWhatCanBeConfigured parses every toml block: as it is
// if it is a whole file, else with what it lacks to be one.
func TestDocumentsConfigureWhatCanBeConfigured(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir())
	found, papers := 0, smallCA(t)
	for name, text := range documents(t) {
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			if block[1] != "toml" {
				continue
			}
			found++
			if _, err := configs.Load(whole(t, block[2], papers)); err != nil {
				t.Errorf("%s: %v\n%s", name, err, block[2])
			}
		}
	}
	if found == 0 {
		t.Error("no document has a toml block")
	}
}

var (
	filed = regexp.MustCompile(`(?m)_files?\s*=\s*(.*)$`)
	named = regexp.MustCompile(`"([^"]+)"`)
	ofAll = map[string]string{ // what a fragment may leave to the rest of the file
		"[[radius.client]]": "name = \"wlc\"\naddress = \"192.0.2.1\"\nsecret = \"0123456789abcdef\"\n",
		"[[site]]":          "name = \"london\"\nbuilding = \"HQ\"\n",
	}
)

// smallCA makes the certificates of the only recipe that does, and the list of
// revoked ones, as they stand in the documents, and returns their folder.
func smallCA(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skipf("SKIPPED: %v (.ci/peers installs it)", err)
	}
	dir := t.TempDir()
	ran := 0
	for _, text := range documents(t) {
		for _, block := range fence.FindAllStringSubmatch(text, -1) { // in their order
			if block[1] != "sh" || !strings.Contains(block[2], "=\"openssl ") {
				continue
			}
			cmd := exec.Command("bash", "-euo", "pipefail", "-c", block[2])
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("the recipe for a CA: %v\n%s\n%s", err, block[2], out)
			}
			ran++
		}
	}
	for _, name := range []string{"ca.pem", "server.pem", "ap1.pem", "crl.pem"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Fatalf("of %d recipes none makes it: %v", ran, err)
		}
	}
	return dir
}

// whole writes a file of the fragment and what it lacks, with the files that
// it names, and returns its name. Of certificates there are those in papers.
func whole(t *testing.T, fragment, papers string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(path, text string) string {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fragment = strings.ReplaceAll(fragment, `"…"`, `"0123456789abcdef"`)
	for _, line := range filed.FindAllStringSubmatch(fragment, -1) {
		for _, file := range named.FindAllStringSubmatch(line[1], -1) {
			content := "0123456789abcdef"
			if strings.HasSuffix(file[1], ".csv") || strings.HasSuffix(file[1], ".txt") {
				content = ""
			}
			name := filepath.Base(file[1])
			if name == "radsec-key" {
				name = "server.key"
			}
			if paper, err := os.ReadFile(filepath.Join(papers, name)); err == nil {
				content = string(paper)
			}
			write(os.ExpandEnv(file[1]), content)
		}
	}
	for _, table := range slices.Sorted(maps.Keys(ofAll)) {
		if !strings.Contains(fragment, table) {
			fragment += fmt.Sprintf("\n%s\n%s", table, ofAll[table])
		}
	}
	return write("presenced.toml", fragment)
}

var made = regexp.MustCompile(`(?:^|[\s(])make ([a-z][a-z-]*)`)

func TestDocumentsNameTargetsThatExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for name, doc := range documents(t) {
		for _, code := range codes(doc) {
			for _, m := range made.FindAllStringSubmatch(code, -1) {
				found++
				if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(text) {
					t.Errorf("%s: make has no target %s", name, m[1])
				}
			}
		}
	}
	if found == 0 {
		t.Error("no document names a target")
	}
}

// commands begin what is typed and not said.
var commands = regexp.MustCompile(`^(presenced|systemctl|journalctl|make|usermod|sudo|go|openssl|apt-get|ssh|[A-Z_]+=)\b|=`)

// TestTroubleshootingQuotesWhatIsSaid: the texts by which an operator finds
// their symptom are the program's, word for word; … stands for what varies.
func TestTroubleshootingQuotesWhatIsSaid(t *testing.T) {
	var said strings.Builder
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			said.Write(text)
		}
	}
	found := 0
	text := documents(t)[filepath.Join("docs", "troubleshooting.md")]
	for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		if !strings.Contains(span[1], " ") || commands.MatchString(span[1]) {
			continue
		}
		for _, piece := range strings.Split(strings.Join(strings.Fields(span[1]), " "), "…") {
			found++
			if !strings.Contains(said.String(), strings.Trim(piece, " :")) {
				t.Errorf("nothing says %q", piece)
			}
		}
	}
	if found < 8 {
		t.Errorf("the test found only %d texts: it looks in the wrong place", found)
	}
}

// TestDocumentsNameFilesThatExist: a file is named by its path from the root, or
// where the folder is plain by its name alone. What begins with / is on the
// reader's machine.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	there := map[string]bool{} // by path and by name
	err := filepath.WalkDir(root(t), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == ".git" {
			return filepath.SkipDir
		}
		path, _ = filepath.Rel(root(t), path)
		there[path], there[filepath.Base(path)] = true, true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found, file := 0, regexp.MustCompile("`([^`\\s/][^`\\s]*\\.(?:go|sh|toml|yml))`")
	for name, text := range documents(t) {
		for _, m := range file.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			found++
			if !there[m[1]] {
				t.Errorf("%s: there is no file %s", name, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("the test found only %d files: it looks in the wrong place", found)
	}
}

// section returns what stands in the README under the heading.
func section(t *testing.T, title string) string {
	t.Helper()
	_, text, found := strings.Cut(documents(t)["README.md"], "\n## "+title+"\n")
	if !found {
		t.Fatalf("README.md has no heading %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// TestReadmeLaysOutEveryFolder: there is a line for every folder that has Go in
// it, and for no other. What is indented is in the folder that it stands under.
func TestReadmeLaysOutEveryFolder(t *testing.T) {
	laidOut, layout, under := map[string]bool{}, section(t, "How it is laid out"), ""
	for _, m := range regexp.MustCompile(`(?m)^(  )?([a-z]+(?:/[a-z]+)*)/ +\S`).FindAllStringSubmatch(layout, -1) {
		dir := m[2]
		if m[1] == "" {
			under = dir
		} else {
			dir = under + "/" + dir
		}
		laidOut[dir] = true
		if _, err := os.Stat(filepath.Join(root(t), dir)); err != nil {
			t.Errorf("README.md lays out %s: %v", dir, err)
		}
	}
	for _, p := range packages(t) {
		if dir := strings.TrimPrefix(p.ImportPath, module+"/"); !laidOut[dir] && !strings.Contains(layout, dir+" ") {
			t.Errorf("README.md lays out no %s", dir)
		}
	}
}
