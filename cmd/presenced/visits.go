package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
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
presenced visits --user ann@example.com --since 2026-11-01 --csv > ann.csv
presenced visits --pending`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			const header = "ID USER SITE ARRIVED DEPARTED STATE CHECK_IN CHECK_OUT"
			const spare = "CHECK_OUT… CHECK_IN… USER…16 SITE… STATE DEPARTED ID"
			return p.read(cmd.Context(), func(r reader) error {
				return list(p, r.Visits(cmd.Context(), q), header, spare, func(r control.Visit) []string {
					return []string{
						r.ID, r.User, r.Site, p.at(r.Arrived, r.Site), p.at(r.Departed, r.Site), string(r.State), p.errand(r.CheckIn), p.errand(r.CheckOut),
					}
				})
			})
		},
	}
	cmd.Flags().StringVar(&q.User, "user", "", "only of this `USER`")
	cmd.Flags().StringVar(&q.Site, "site", "", "only at this `SITE`")
	cmd.Flags().BoolVar(&q.Pending, "pending", false, "only those on which a check-in or check-out is pending")
	cmd.Flags().Var((*since)(&q.Since), "since", "arrived since `TIME`: RFC 3339, a date, or how long ago, such as 24h")
	return p.sheet(p.listing(cmd))
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

// since is a flag that holds a moment in the past.
type since time.Time

func (s *since) Type() string { return "time" }

func (s *since) String() string {
	if time.Time(*s).IsZero() {
		return ""
	}
	return time.Time(*s).Format(time.RFC3339)
}

func (s *since) Set(text string) error {
	if d, err := time.ParseDuration(text); err == nil {
		*s = since(time.Now().Add(-d))
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			*s = since(t)
			return nil
		}
	}
	return fmt.Errorf("%q is neither a time such as 2026-11-24T08:00:00Z, nor a date, nor a duration such as 24h", text)
}
