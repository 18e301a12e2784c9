package main

import (
	"iter"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
)

func (p *program) sessions() *cobra.Command {
	var q control.SessionQuery
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "The accounting sessions of devices",
		Long: "The state is open, suspect (ended or silent by the network's fault, and held as here), ended, or expired (only max_session\n" +
			"ended it). Without --all those are listed that count as here.",
		Example: `presenced sessions --user ann@example.com
presenced sessions --all --site london --json`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.read(cmd.Context(), func(r reader) error {
				if err := choosing(cmd.Context(), r, &q.User); err != nil {
					return err
				}
				return p.listSessions(orElse(r.Sessions(cmd.Context(), q), func() error { return p.chosen(cmd.Context(), r, q) }))
			})
		},
	}
	chooseSessions(cmd, &q)
	cmd.Flags().BoolVar(&q.All, "all", false, "ended and expired ones too")
	return p.sheet(p.listing(cmd))
}

// chooseSessions gives a verb the flags that choose sessions.
func chooseSessions(cmd *cobra.Command, q *control.SessionQuery) {
	cmd.Flags().StringVar(&q.User, "user", "", "only of this `USER`: an address, or what else show takes")
	cmd.Flags().StringVar(&q.Device, "device", "", "only of this `DEVICE`, a MAC address in any spelling")
	cmd.Flags().StringVar(&q.NAS, "nas", "", "only on this `NAS`: as listed, or its client, identifier or address")
	cmd.Flags().StringVar(&q.Site, "site", "", "only at this `SITE`")
}

func (p *program) listSessions(rows iter.Seq2[control.Session, error]) error {
	const header = "USER DEVICE SITE SSID NAS AP SESSION_ID STATE STARTED SEEN ENDED INTERIM CAUSE"
	const spare = "NAS… SSID… AP… USER…16 SITE… CAUSE… SESSION_ID INTERIM ENDED STARTED AP NAS CAUSE SSID SITE"
	return list(p, rows, header, spare, func(r control.Session) []string {
		return []string{
			r.User, r.Device, r.Site, r.SSID, r.NAS, r.AP, r.ID, string(r.State),
			p.at(r.Started, r.Site), p.at(r.Seen, r.Site), p.at(r.Ended, r.Site), r.Interim.String(), r.Cause,
		}
	})
}
