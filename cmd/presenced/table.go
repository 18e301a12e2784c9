package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table is aligned columns under a header.
type table struct {
	columns []string
	lines   [][]string
}

// narrowest is how far a column is cut unless its spare says so.
const narrowest = 8

// printTable prints aligned columns under a header, whose words are separated
// by blanks. On a terminal that is too narrow, spare says which give way, the
// first first: one with an ellipsis is cut, to as many letters as are named after it
// or a few, and one without is left out if cutting is not enough.
func (p *program) printTable(header, spare string, lines [][]string) error {
	t := table{columns: strings.Fields(header), lines: lines}
	for _, cells := range lines {
		for i := range cells {
			cells[i] = printable(cells[i])
		}
	}
	left := t.fit(p.width(), strings.Fields(spare))
	head, body, _ := strings.Cut(t.String(), "\n")
	if _, err := fmt.Fprint(p.stdout, p.bold(head), "\n", body); err != nil {
		return err
	}
	if len(left) > 0 {
		_, err := io.WriteString(p.stdout, p.dim(p.hang("", 0, "left out, the terminal is too narrow: "+strings.Join(left, ", "))))
		return err
	}
	return nil
}

// fit makes the table at most width columns wide, if spare allows, and returns
// what it left out.
func (t *table) fit(width int, spare []string) (left []string) {
	if width <= 0 {
		return nil
	}
	least := t.leasts(spare)
	for _, name := range spare {
		if i := slices.Index(t.columns, name); i >= 0 && t.width(least) > width {
			left = append(left, name)
			t.remove(i)
		}
	}
	for _, word := range spare {
		name, _, cuttable := strings.Cut(word, "…")
		i, over := slices.Index(t.columns, name), t.width(nil)-width
		if over > 0 && i >= 0 && cuttable {
			t.cut(i, max(t.widths()[i]-over, least[name]))
		}
	}
	return left
}

// leasts is how far each column may be cut.
func (t *table) leasts(spare []string) map[string]int {
	least := map[string]int{}
	for _, word := range spare {
		if name, letters, ok := strings.Cut(word, "…"); ok {
			n, err := strconv.Atoi(letters)
			if err != nil {
				n = narrowest
			}
			least[name] = max(n, len(name))
		}
	}
	return least
}

func (t *table) remove(i int) {
	t.columns = slices.Delete(slices.Clone(t.columns), i, i+1)
	for n, cells := range t.lines {
		t.lines[n] = slices.Delete(slices.Clone(cells), i, i+1)
	}
}

// cut cuts the cells of a column.
func (t *table) cut(i, width int) {
	for _, cells := range t.lines {
		cells[i] = cut(cells[i], width)
	}
}

// cut returns text, or as much of it as fits with an ellipsis.
func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:max(0, width-1)]) + "…"
}

func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	for i, name := range t.columns {
		widths[i] = len(name)
		for _, cells := range t.lines {
			widths[i] = max(widths[i], utf8.RuneCountInString(cells[i]))
		}
	}
	return widths
}

// width is how wide the table is once the columns are cut to the least.
func (t *table) width(least map[string]int) (total int) {
	for i, wide := range t.widths() {
		if n, ok := least[t.columns[i]]; ok {
			wide = min(wide, n)
		}
		total += wide + len(gap)
	}
	return total - len(gap)
}

const gap = "  "

// String writes the table.
func (t *table) String() string {
	widths := t.widths()
	var text strings.Builder
	line := func(cells []string) {
		var s strings.Builder
		for i, cell := range cells {
			s.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + gap)
		}
		text.WriteString(strings.TrimRight(s.String(), " ") + "\n")
	}
	line(t.columns)
	for _, cells := range t.lines {
		line(cells)
	}
	return text.String()
}
