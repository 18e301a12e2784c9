package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// table aligns its columns, and so shows its rows only at the end.
type table struct{ w *tabwriter.Writer }

func newTable(out io.Writer, title string, heads ...any) *table {
	fmt.Fprintf(out, "\n%s\n\n", title)
	t := &table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	t.row(heads...)
	return t
}

func (t *table) row(cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		if d, ok := c.(time.Duration); ok {
			c = milliseconds(d)
		}
		fmt.Fprint(t.w, c)
	}
	fmt.Fprintln(t.w)
}

// note says in place of a row why there is none.
func (t *table) note(s server, err error) { t.row(s.name, s.setting, "not measured: "+err.Error()) }

func (t *table) end() error { return t.w.Flush() }

// milliseconds writes all durations in one unit, to be compared at a glance.
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2fms", float64(d.Microseconds())/1000)
}
