package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

// list prints rows as a table of the cells of each, or as --json or --csv
// asks. Nothing is printed of a listing that broke off. For header and spare
// see [terminal.Out.PrintTable].
func list[Row any](p *program, rows iter.Seq2[Row, error], header, spare string, cells func(Row) []string) error {
	return listOver(p, rows, header, spare, cells, nil)
}

// listOver is list, and where the table does not fit the terminal, under takes out of
// a row's cells what is to stand under it as sentences.
func listOver[Row any](p *program, rows iter.Seq2[Row, error], header, spare string, cells func(Row) []string, under func(Row, []string) []string) error {
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
	if under == nil || p.stdout.Fits(header, lines) {
		return p.stdout.PrintTable(header, spare, lines)
	}
	below := make([][]string, len(all))
	for i, row := range all {
		below[i] = under(row, lines[i])
	}
	return p.stdout.PrintTableOver(header, spare, lines, below)
}

func (p *program) printJSON(v any) error {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return err
	}
	_, err := p.stdout.Write(control.Escaped(text.Bytes()))
	return err
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
	if s = terminal.Printable(s); strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

// at is a moment at a site in a cell: short for a person at a terminal,
// otherwise RFC 3339.
func (p *program) at(t control.Time, site string) string {
	switch _, ok := p.stdout.Terminal(); {
	case t.IsZero():
		return ""
	case p.csv:
		return t.UTC().Format(time.RFC3339)
	case !ok:
		return terminal.Moment(t.Time)
	}
	return terminal.Short(t.In(p.zone(site)), time.Now())
}

// zone is the time zone of a site, or that of who asks if it is not known.
func (p *program) zone(site string) *time.Location {
	if zone := p.zones[site]; zone != nil {
		return zone
	}
	return time.Local
}
