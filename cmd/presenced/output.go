package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// list prints rows as a table of the cells of each, or as --json or --csv
// asks. Nothing is printed of a listing that broke off. For header and spare
// see [program.printTable].
func list[Row any](p *program, rows iter.Seq2[Row, error], header, spare string, cells func(Row) []string) error {
	all := []Row{}
	for row, err := range rows {
		if err != nil {
			return err
		}
		all = append(all, row)
	}
	if p.json {
		return p.printJSON(all)
	}
	lines := make([][]string, len(all))
	for i, row := range all {
		lines[i] = cells(row)
	}
	if p.csv {
		return p.printCSV(header, lines)
	}
	return p.printTable(header, spare, lines)
}

func (p *program) printJSON(v any) error {
	out := json.NewEncoder(p.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// printCSV prints lines for a spreadsheet, under a header in small letters.
func (p *program) printCSV(header string, lines [][]string) error {
	out := csv.NewWriter(p.stdout)
	out.Write(strings.Fields(strings.ToLower(header)))
	for _, cells := range lines {
		for i := range cells {
			cells[i] = harmless(cells[i])
		}
		out.Write(cells)
	}
	out.Flush()
	return out.Error()
}

// harmless returns s as a cell that no spreadsheet takes for a formula: what a
// device sends as its name is a stranger's, and a formula can send away what is
// in the sheet.
func harmless(s string) string {
	if s == "" {
		return s
	}
	if s = printable(s); strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// printable returns s as a cell: what a NAS sent cannot move a terminal's
// cursor or break a line.
func printable(s string) string {
	if s == "" {
		return "-"
	}
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// size writes a number of bytes.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
