package main

import (
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

func (p *program) visits() *cobra.Command {
	var q control.VisitQuery
	cmd := &cobra.Command{
		Use:   "visits",
		Short: "Stays of people at sites, and what became of their check-ins and check-outs",
		Long: "CHECK_IN and CHECK_OUT are waiting (nothing to do yet), pending (to be done, or being tried), done, refused (by Kadence, for\n" +
			"good), skipped (nothing to do, or no longer) or dry_run (would have been done), each with its reason. Archived visits\n" +
			"are kept for keep_visits.",
		Example: `presenced visits --since 24h
presenced visits --site london --since monday --until yesterday
presenced visits --user ann@example.com --since 2026-11-01 --csv > ann.csv
presenced visits --pending`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.read(cmd.Context(), func(r reader) error {
				if err := choosing(cmd.Context(), r, &q.User); err != nil {
					return err
				}
				none := func() error {
					if q.Site == "" {
						return nil
					}
					return p.siteExists(q.Site)
				}
				return p.listVisits(orElse(r.Visits(cmd.Context(), q), none))
			})
		},
	}
	cmd.Flags().StringVar(&q.User, "user", "", "only of this `USER`: an address, or what else show takes")
	cmd.Flags().StringVar(&q.Site, "site", "", "only at this `SITE`")
	cmd.Flags().BoolVar(&q.Pending, "pending", false, "only those on which a check-in or check-out is pending")
	cmd.Flags().Var((*since)(&q.Since), "since", "arrived since `TIME`: how long ago, such as 24h or 3d, today, yesterday, monday, a date, or RFC 3339")
	cmd.Flags().Var((*until)(&q.Until), "until", "arrived before `TIME`, told likewise; a day is meant to its end")
	return p.sheet(p.listing(cmd))
}

// listVisits prints visits. Where they do not fit the terminal, why their check-ins and
// check-outs are as they are stands under them, whole: that is what one looks for.
func (p *program) listVisits(rows iter.Seq2[control.Visit, error]) error {
	const header = "ID USER SITE ARRIVED DEPARTED STATE UNTIL WHY CHECK_IN CHECK_OUT"
	const why = 7 // its column
	const spare = "USER…16 SITE… WHY UNTIL STATE DEPARTED ID"
	return listOver(p, rows, header, spare, func(r control.Visit) []string {
		return []string{
			r.ID, r.User, r.Site, p.at(r.Arrived, r.Site), p.at(r.Departed, r.Site), string(r.State), p.at(r.Until, r.Site), r.Why, p.errand(r.CheckIn), p.errand(r.CheckOut),
		}
	}, func(r control.Visit, cells []string) (under []string) {
		if cells[why] = ""; r.Why != "" && r.State != presence.Present {
			under = append(under, string(r.State)+": "+r.Why)
		}
		for i, side := range []control.Errand{r.CheckIn, r.CheckOut} {
			cell := &cells[len(cells)-2+i]
			if *cell = string(side.Status); side.Reason != "" {
				under = append(under, []string{"check-in: ", "check-out: "}[i]+side.Reason)
			}
		}
		return under
	})
}

// errand is a check-in or check-out in a cell; on a terminal without the ids of
// the bookings, which nobody reads.
func (p *program) errand(e control.Errand) string {
	if _, ok := p.stdout.Terminal(); ok {
		e.Bookings = nil
	}
	return errand(e)
}

// errand is a check-in or check-out in a few words.
func errand(e control.Errand) string {
	text := string(e.Status)
	if len(e.Bookings) > 0 {
		text += " " + strings.Join(e.Bookings, ",")
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}
