package terminal

import (
	"slices"
	"strings"
	"testing"
)

func twoPeople() *Table {
	return &Table{
		Columns: []string{"USER", "SITE", "STATE", "VISIT"},
		Lines: [][]string{
			{"ann@example.com", "london", "present", "mjflhp1uf3"},
			{"christopher.longname@example.com", "paris-la-defense", "leaving", "fcusu6407o"},
		},
	}
}

// TestTableFitsATerminal: the columns that matter least give way, in order.
func TestTableFitsATerminal(t *testing.T) {
	for width, want := range map[int]struct{ columns, left string }{
		0:  {"USER SITE STATE VISIT", ""},
		80: {"USER SITE STATE VISIT", ""},
		60: {"USER SITE STATE VISIT", ""},
		40: {"USER SITE STATE", "VISIT"},
		30: {"USER SITE", "VISIT STATE"},
		10: {"USER SITE", "VISIT STATE"}, // who and where are never left out
	} {
		table := twoPeople()
		left := table.Fit(width, "SITE… USER…16 VISIT STATE")
		if got := strings.Join(table.Columns, " "); got != want.columns || strings.Join(left, " ") != want.left {
			t.Errorf("%d: columns %s, left out %v", width, got, left)
		}
		for line := range strings.Lines(table.String()) {
			if n := Columns(line) - 1; width >= 30 && n > width {
				t.Errorf("%d: a line of %d: %s", width, n, line)
			}
		}
		if width == 0 && !strings.Contains(table.String(), "christopher.longname@example.com") {
			t.Errorf("cut where there is no terminal:\n%s", table)
		}
		if width == 60 && !strings.Contains(table.String(), "paris-l…  leaving") {
			t.Errorf("not cut where it says:\n%s", table)
		}
	}
}

// TestWideLettersTakeTwoColumns: what follows them stands under its header all
// the same, and what is cut is not cut within one.
func TestWideLettersTakeTwoColumns(t *testing.T) {
	lines := [][]string{
		{"渡辺@example.com", "東京本社", "present"},
		{"zoe\u0301@example.com", "paris", "here 👋"}, // an accent of its own, and a sign as wide as two letters
		{"ann@example.com", "london", "leaving"},
	}
	for width, want := range map[int]string{
		0: `
USER              SITE      STATE
渡辺@example.com  東京本社  present
zoe´@example.com   paris     here 👋
ann@example.com   london    leaving
`,
		29: `
USER        SITE      STATE
渡辺@exam…  東京本社  present
zoe´@examp…  paris     here 👋
ann@examp…  london    leaving
`,
		25: `
USER      SITE    STATE
渡辺@ex…  東京…   present
zoe´@exa…  paris   here 👋
ann@exa…  london  leaving
`,
	} {
		table := &Table{Columns: []string{"USER", "SITE", "STATE"}}
		for _, cells := range lines {
			table.Lines = append(table.Lines, slices.Clone(cells))
		}
		table.Fit(width, "USER…8 SITE…6")
		want = strings.ReplaceAll(want[1:], "´", "\u0301")
		if got := table.String(); got != want {
			t.Errorf("at %d:\n%s\nwant\n%s", width, got, want)
		}
		for line := range strings.Lines(table.String()) {
			if n := Columns(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
				t.Errorf("a line of %d columns on %d: %s", n, width, line)
			}
		}
	}
}

// TestFoldKeepsEveryWord: a line is broken at blanks, and a word longer than it is not.
func TestFoldKeepsEveryWord(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 10, ""},
		{"one two  three", 0, "one two three"},
		{"one two three", 7, "one two|three"},
		{"über älter", 4, "über|älter"},
		{"東京本社 london", 8, "東京本社|london"},
		{"東京 a london", 6, "東京 a|london"},
		{"a-word-that-is-long and", 5, "a-word-that-is-long|and"},
	} {
		if got := strings.Join(fold(c.text, c.width), "|"); got != c.want {
			t.Errorf("%q at %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
