package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
)

func (p *program) occupancy() *cobra.Command {
	q := control.OccupancyQuery{Every: time.Hour}
	cmd := &cobra.Command{
		Use:   "occupancy",
		Short: "How many were at each site, came and left, without names",
		Long: "For each hour, or what --every says: the most who were present, who came, and who left: with every device gone, at an unknown\n" +
			"time, as the day turned, or because it was a shared account. Fewer than five are told as <5. The numbers are counted as it is\n" +
			"concluded, and kept for 400 days; that somebody is erased changes none.",
		Example: `presenced occupancy --site london
presenced occupancy --since 30d --every 24h --csv > month.csv`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Since.IsZero() {
				q.Since = time.Now().Add(-24 * time.Hour)
			}
			return p.read(cmd.Context(), func(r reader) error {
				const header = "SITE FROM PRESENT CAME LEFT UNKNOWN DAY_TURNED WITHDRAWN"
				return list(p, r.Occupancy(cmd.Context(), q), header, "SITE… WITHDRAWN UNKNOWN DAY_TURNED", func(r control.Occupancy) []string {
					return []string{
						r.Site, p.at(r.Begin, r.Site), few(r.Present), few(r.Arrived), few(r.Left), few(r.Unknown), few(r.DayTurned), few(r.Withdrawn),
					}
				})
			})
		},
	}
	cmd.Flags().StringVar(&q.Site, "site", "", "only of this `SITE`")
	cmd.Flags().Var((*since)(&q.Since), "since", "from `TIME` on: how long ago, such as 24h or 30d, today, yesterday, monday, a date, or RFC 3339; a day, if nothing is said")
	cmd.Flags().Var((*slot)(&q.Every), "every", "how `LONG` a line stands for: 5m, 15m, 1h or 24h")
	return p.sheet(p.listing(cmd))
}

// few is a number of people in a cell.
func few(n control.Number) string {
	if n == nil {
		return "<" + strconv.Itoa(control.Few)
	}
	return strconv.Itoa(*n)
}

// slot is a flag that holds how long a line stands for.
type slot time.Duration

func (s *slot) Type() string   { return "duration" }
func (s *slot) String() string { return time.Duration(*s).String() }

func (s *slot) Set(text string) error {
	for _, known := range []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, 24 * time.Hour} {
		if d, err := time.ParseDuration(text); err == nil && d == known {
			*s = slot(d)
			return nil
		}
	}
	return fmt.Errorf("%q is none of 5m, 15m, 1h and 24h", text)
}
