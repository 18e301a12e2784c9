package habits

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark)\w+)\(`)
	testName = regexp.MustCompile(`Test[A-Z]\w+…?`)
	selected = regexp.MustCompile(`-(run|bench) '?([^' ]+)`)
	asked    = regexp.MustCompile(` \./([\w/]+)(?: |$)`) // the packages of a command
)

// TestDocumentsNameTestsThatExist: a promise is worth the test that stands
// beside it. Where a document or the Makefile selects tests or benchmarks of a
// package, it has some; xxx and ^$ select none, and are meant to.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	type test struct{ dir, name string }
	var all []test
	err := filepath.WalkDir(root(t), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		dir, _ := filepath.Rel(root(t), filepath.Dir(path))
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			all = append(all, test{dir, m[1]})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	is := func(begins, expression string, dirs ...string) bool { // in any of the folders, or without them anywhere
		pattern := regexp.MustCompile(expression)
		return slices.ContainsFunc(all, func(t test) bool {
			return strings.HasPrefix(t.name, begins) && pattern.MatchString(t.name) && (len(dirs) == 0 || slices.Contains(dirs, t.dir))
		})
	}
	selects := func(where, code string) {
		var dirs []string
		for _, m := range asked.FindAllStringSubmatch(code, -1) {
			dirs = append(dirs, m[1])
		}
		for _, m := range selected.FindAllStringSubmatch(code, -1) {
			kind := map[string]string{"run": "Test", "bench": "Benchmark"}[m[1]]
			for _, part := range strings.Split(strings.ReplaceAll(m[2], `\|`, "|"), "|") {
				if part != "xxx" && !strings.HasPrefix(part, "^$") && !is(kind, part, dirs...) {
					t.Errorf("%s: of -%s %s, %s selects nothing of %q", where, m[1], m[2], part, dirs)
				}
			}
		}
	}
	makefile, err := os.ReadFile(filepath.Join(root(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(makefile)) {
		selects("Makefile", strings.TrimSpace(line))
	}
	found := 0
	for document, text := range documents(t) {
		for _, name := range testName.FindAllString(text, -1) {
			found++
			begins, open := strings.CutSuffix(name, "…")
			if !is(begins, "^"+begins+"$") && (!open || !is(begins, "")) {
				t.Errorf("%s: there is no %s", document, name)
			}
		}
		for _, code := range codes(text) {
			selects(document, code)
		}
	}
	if found < 10 {
		t.Errorf("the documents name only %d tests: this looks in the wrong place", found)
	}
}
