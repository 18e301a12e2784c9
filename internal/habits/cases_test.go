package habits

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	caseRow    = regexp.MustCompile(`(?m)^\| (\d+) \| .+ \| (.+) \|$`)
	caseTest   = regexp.MustCompile(`(?m)^func (?:Test|Fuzz)Case(\d+)(?:And(\d+))?`)
	caseScript = regexp.MustCompile(`\A# Case (\d+):`)
)

// TestEveryCaseHasATest: docs/cases.md and the tests that are named after it
// name the same cases, but for those that it calls open.
func TestEveryCaseHasATest(t *testing.T) {
	tested := map[int]string{} // by which, for one
	err := filepath.WalkDir(root(t), func(path string, entry fs.DirEntry, err error) error {
		pattern := caseTest
		switch {
		case err != nil || entry.IsDir():
			return err
		case filepath.Ext(path) == ".txtar":
			pattern = caseScript
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
			for _, number := range m[1:] {
				if n, err := strconv.Atoi(number); err == nil {
					tested[n] = filepath.Base(path)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[int]bool{}
	for _, row := range caseRow.FindAllStringSubmatch(documents(t)[filepath.Join("docs", "cases.md")], -1) {
		n, err := strconv.Atoi(row[1])
		if err != nil || cases[n] {
			t.Errorf("case %s is there twice, or no number: %v", row[1], err)
		}
		cases[n] = true
		why, open := strings.CutPrefix(row[2], "*open*: ")
		switch by := tested[n]; {
		case open && by != "":
			t.Errorf("case %d is open, and %s has a test of it", n, by)
		case open && len(strings.Fields(why)) < 2:
			t.Errorf("case %d does not say why it is open", n)
		case !open && by == "":
			t.Errorf("case %d has no test: write one named TestCase%02d…, or say that it is open, and why", n, n)
		}
	}
	for n := range len(cases) {
		if !cases[n+1] {
			t.Errorf("there are %d cases, and none is number %d", len(cases), n+1)
		}
	}
	for n, by := range tested {
		if !cases[n] {
			t.Errorf("%s has a test of case %d, which docs/cases.md does not have", by, n)
		}
	}
}
