package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/presenced/presenced/internal/control"
)

// list prints rows as a table of the cells of each, or with --json as an
// array. Nothing is printed of a listing that broke off.
func list[Row any](p *program, rows iter.Seq2[Row, error], header string, cells func(Row) []string) error {
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
	return p.printTable(header, lines)
}

func (p *program) printJSON(v any) error {
	out := json.NewEncoder(p.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// printTable prints aligned columns under a header, whose words are
// separated by blanks.
func (p *program) printTable(header string, lines [][]string) error {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(strings.Fields(header), "\t"))
	for _, cells := range lines {
		for i := range cells {
			cells[i] = printable(cells[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	w.Flush()
	head, body, _ := strings.Cut(text.String(), "\n")
	_, err := fmt.Fprint(p.stdout, p.bold(strings.TrimRight(head, " ")), "\n", body)
	return err
}

// bold sets text in bold on a terminal.
func (p *program) bold(text string) string { return p.paint("1", text) }

// red sets text in red on a terminal.
func (p *program) red(text string) string { return p.paint("31", text) }

func (p *program) paint(code, text string) string {
	f, ok := p.stdout.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
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

// moment writes t in RFC 3339 in local time, "-" for none.
func moment(t control.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.RFC3339)
}

// ago writes how long ago t was, roughly, "never" for none.
func ago(t control.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := time.Since(t.Time)
	switch {
	case d < 0:
		return "in " + (-d).Round(time.Second).String()
	case d < time.Minute:
		return d.Round(time.Second).String() + " ago"
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s") + " ago"
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
