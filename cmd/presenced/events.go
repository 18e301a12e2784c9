package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
)

func (p *program) events() *cobra.Command {
	var from time.Time
	cmd := &cobra.Command{
		Use:   "events",
		Short: "What happened to the system: starts, outages, resets, refused configurations, orders",
		Long: "What happened to presenced, Kadence and the controllers, and not to people, by when it began. KIND is started, stopped, deaf\n" +
			"(presenced did not run), holding (no departure was believed, because records may have been missed), not_recording,\n" +
			"desk_failing (Kadence did not answer), nas_silent, nas_reset, mass_end, config_read, config_refused, order, or reading (of\n" +
			"people's data, with [control] audit_reads). What lasts still has no end. Events are kept for keep_visits, the latest 2000.",
		Example: `presenced events --since 24h
presenced events --csv > events.csv`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.read(cmd.Context(), func(r reader) error {
				return list(p, r.Events(cmd.Context(), from), "BEGAN ENDED KIND OF BY WHAT", "WHAT…24 OF…12 BY ENDED", func(e control.Event) []string {
					return []string{p.at(e.Begin, ""), p.eventEnd(e), string(e.Kind), e.Of, e.By, e.Text}
				})
			})
		},
	}
	cmd.Flags().Var((*since)(&from), "since", "not over before `TIME`: how long ago, such as 24h or 3d, today, yesterday, monday, a date, or RFC 3339")
	return p.sheet(p.listing(cmd))
}

// eventEnd is when an event was over, in a cell; to a person, that it is not.
func (p *program) eventEnd(e control.Event) string {
	if e.Lasts && !p.csv {
		return "lasts"
	}
	return p.at(e.End, "")
}
