package terminal

import (
	"io"
	"slices"
	"strconv"
	"strings"
)

// Table is aligned columns under a header.
type Table struct {
	Columns []string
	Lines   [][]string
}

// narrowest is how far a column is cut unless its spare says so.
const narrowest = 8

// PrintTable prints aligned columns under a header, whose words are separated
// by blanks. On a terminal that is too narrow, spare says which give way, the
// first first: one with an ellipsis is cut, to as many columns as are named after it
// or a few, and one without is left out if cutting is not enough.
func (o Out) PrintTable(header, spare string, lines [][]string) error {
	return o.PrintTableOver(header, spare, lines, nil)
}

// Fits reports whether the lines fit as they are.
func (o Out) Fits(header string, lines [][]string) bool {
	t := Table{Columns: strings.Fields(header), Lines: lines}
	return o.Width() == 0 || t.width(nil) <= o.Width()
}

// PrintTableOver is PrintTable with sentences below each line, folded and not cut.
func (o Out) PrintTableOver(header, spare string, lines, below [][]string) error {
	t := Table{Columns: strings.Fields(header), Lines: lines}
	left := t.Fit(o.Width(), spare)
	head, body, _ := strings.Cut(t.String(), "\n")
	var text strings.Builder
	text.WriteString(o.Bold(head) + "\n")
	for i, line := range slices.Collect(strings.Lines(body)) {
		text.WriteString(line)
		if i < len(below) {
			for _, sentence := range below[i] {
				text.WriteString(o.Hang("    ", 4, Printable(sentence)))
			}
		}
	}
	if _, err := io.WriteString(o, text.String()); err != nil {
		return err
	}
	if len(left) > 0 {
		_, err := io.WriteString(o, o.Dim(o.Hang("", 0, "left out, the terminal is too narrow: "+strings.Join(left, ", "))))
		return err
	}
	return nil
}

// Fit makes the cells printable and the table at most width columns wide, if
// spare allows (see [Out.PrintTable]), and returns what it left out.
func (t *Table) Fit(width int, spare string) (left []string) {
	for _, cells := range t.Lines {
		for i := range cells {
			cells[i] = Printable(cells[i])
		}
	}
	if width <= 0 {
		return nil
	}
	words := strings.Fields(spare)
	least := leasts(words)
	for _, name := range words {
		if i := slices.Index(t.Columns, name); i >= 0 && t.width(least) > width {
			left = append(left, name)
			t.remove(i)
		}
	}
	for _, word := range words {
		name, _, cuttable := strings.Cut(word, "…")
		i, over := slices.Index(t.Columns, name), t.width(nil)-width
		if over > 0 && i >= 0 && cuttable {
			t.cut(i, max(t.widths()[i]-over, least[name]))
		}
	}
	return left
}

// leasts is how far each column may be cut.
func leasts(spare []string) map[string]int {
	least := map[string]int{}
	for _, word := range spare {
		if name, columns, ok := strings.Cut(word, "…"); ok {
			n, err := strconv.Atoi(columns)
			if err != nil {
				n = narrowest
			}
			least[name] = max(n, len(name))
		}
	}
	return least
}

func (t *Table) remove(i int) {
	t.Columns = slices.Delete(slices.Clone(t.Columns), i, i+1)
	for n, cells := range t.Lines {
		t.Lines[n] = slices.Delete(slices.Clone(cells), i, i+1)
	}
}

// cut cuts the cells of a column.
func (t *Table) cut(i, width int) {
	for _, cells := range t.Lines {
		cells[i] = Cut(cells[i], width)
	}
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, name := range t.Columns {
		widths[i] = len(name)
		for _, cells := range t.Lines {
			widths[i] = max(widths[i], Columns(cells[i]))
		}
	}
	return widths
}

// width is how wide the table is once the columns are cut to the least.
func (t *Table) width(least map[string]int) (total int) {
	for i, wide := range t.widths() {
		if n, ok := least[t.Columns[i]]; ok {
			wide = min(wide, n)
		}
		total += wide + len(gap)
	}
	return total - len(gap)
}

const gap = "  "

// String writes the table.
func (t *Table) String() string { return Align(slices.Concat([][]string{t.Columns}, t.Lines)) }

// Align writes lines of as many cells each, one cell under the other.
func Align(lines [][]string) string {
	if len(lines) == 0 {
		return ""
	}
	widths := make([]int, len(lines[0]))
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], Columns(cell))
		}
	}
	var text strings.Builder
	for _, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			line.WriteString(Pad(cell, widths[i]) + gap)
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return text.String()
}
