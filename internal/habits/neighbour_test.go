package habits

import (
	"strings"
	"testing"
)

// TestEveryNeighboursFaultHasATest: what somebody else does wrong stays theirs, and what
// holds that stands beside it. That there are such tests, TestDocumentsNameTestsThatExist
// holds.
func TestEveryNeighboursFaultHasATest(t *testing.T) {
	const document = "docs/troubleshooting.md"
	_, section, there := strings.Cut(documents(t)[document], "## Somebody else's fault\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || strings.HasPrefix(cells[0], "---") || strings.TrimSpace(cells[3]) == "held by" {
			continue
		}
		if rows++; !testName.MatchString(cells[3]) {
			t.Errorf("%s: %s: no test holds it", document, strings.TrimSpace(cells[0]))
		}
		for _, cell := range cells {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("%s: %s: says nothing in one of its cells", document, strings.TrimSpace(cells[0]))
			}
		}
	}
	if !there || rows < 15 {
		t.Errorf("%s tells of %d faults: this looks in the wrong place", document, rows)
	}
}
