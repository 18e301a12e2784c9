package habits

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark)\w+)\(`)
	testName = regexp.MustCompile(`Test[A-Z]\w+…?`)
	selected = regexp.MustCompile(`-(run|bench) '?([^' ]+)`)
)

// TestDocumentsNameTestsThatExist: a promise is worth the test that stands
// beside it. Where a document selects tests or benchmarks, there are some; xxx
// selects none, and is meant to.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	var all []string
	err := filepath.WalkDir(root(t), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			all = append(all, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	is := func(expression string) bool {
		pattern := regexp.MustCompile(expression)
		for _, name := range all {
			if pattern.MatchString(name) {
				return true
			}
		}
		return false
	}
	found := 0
	for document, text := range documents(t) {
		for _, name := range testName.FindAllString(text, -1) {
			found++
			begins, open := strings.CutSuffix(name, "…")
			if !is("^"+begins+"$") && (!open || !is("^"+begins)) {
				t.Errorf("%s: there is no %s", document, name)
			}
		}
		for _, code := range codes(text) {
			for _, m := range selected.FindAllStringSubmatch(code, -1) {
				kind := map[string]string{"run": "^Test", "bench": "^Benchmark"}[m[1]]
				for _, part := range strings.Split(strings.ReplaceAll(m[2], `\|`, "|"), "|") {
					if part != "xxx" && !is(kind+".*"+strings.TrimPrefix(part, kind[1:])) {
						t.Errorf("%s: -%s %s selects nothing", document, m[1], part)
					}
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("the documents name only %d tests: this looks in the wrong place", found)
	}
}
