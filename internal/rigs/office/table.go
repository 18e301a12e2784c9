package office

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/presenced/presenced/presence"
)

// Row is one line of a table: what a score is of.
type Row struct {
	Of string
	Score
	Without *Score // lunch, if that was tried, too
}

// Print writes scores as a table. Under each fault no linger excuses there are
// its notes.
func Print(w io.Writer, of string, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	columns := []string{
		of, "arrivals", "missed", "invented", "machines", "departures", "false", "hasty", "dozed", "misdated", "unnoticed", "hidden",
		"median", "90 %", "99 %", "longest",
	}
	if len(rows) > 0 && rows[0].Without != nil {
		columns = append(columns, "false without lunch", "median without", "90 % without")
	}
	fmt.Fprintln(t, strings.Join(append(columns, ""), "\t"))
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t", r.Of, r.Arrivals, r.Missed, r.Invented, r.Machines,
			r.Departures, r.False, r.Hasty, r.Dozed, r.Misdated, r.Unnoticed, r.Hidden)
		for _, p := range []float64{0.5, 0.9, 0.99, 1} {
			fmt.Fprintf(t, "%s\t", short(r.Delay(p)))
		}
		if o := r.Without; o != nil {
			fmt.Fprintf(t, "%d\t%s\t%s\t", o.False, short(o.Delay(0.5)), short(o.Delay(0.9)))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// short writes a duration in whole minutes.
func short(d time.Duration) string {
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// ByMake holds what was concluded under the rules against the truth, site by
// site, which are of one make each.
func (o *Office) ByMake(visits []Concluded, rules presence.Rules) (rows []Row) {
	for i, site := range o.Sites {
		truth := Truth{Ends: o.Truth.Ends, strict: o.Truth.strict}
		for _, s := range o.Truth.Stays {
			if s.Site == site.Name {
				truth.Stays = append(truth.Stays, s)
			}
		}
		for _, s := range o.Truth.Signs {
			if s.Site == site.Name {
				truth.Signs = append(truth.Signs, s)
			}
		}
		for _, h := range o.Truth.Holds {
			if h.Site == site.Name {
				truth.Holds = append(truth.Holds, h)
			}
		}
		var at []Concluded
		for _, v := range visits {
			if v.Site == site.Name {
				at = append(at, v)
			}
		}
		rows = append(rows, Row{Of: o.Makes[i], Score: Compare(truth, at, rules)})
	}
	return rows
}
