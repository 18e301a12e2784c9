package main

import (
	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
)

func (p *program) sessions() *cobra.Command {
	var q control.SessionQuery
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "The accounting sessions of devices",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			const header = "USER DEVICE SITE SSID NAS AP SESSION_ID STATE STARTED SEEN ENDED INTERIM CAUSE"
			return p.read(cmd.Context(), func(r reader) error {
				return list(p, r.Sessions(cmd.Context(), q), header, func(r control.Session) []string {
					return []string{
						r.User, r.Device, r.Site, r.SSID, r.NAS, r.AP, r.ID, string(r.State),
						moment(r.Started), moment(r.Seen), moment(r.Ended), r.Interim.String(), r.Cause,
					}
				})
			})
		},
	}
	cmd.Flags().StringVar(&q.User, "user", "", "only of this `USER`")
	cmd.Flags().StringVar(&q.NAS, "nas", "", "only on this `NAS`: as listed, or its client, identifier or address")
	cmd.Flags().StringVar(&q.Site, "site", "", "only at this `SITE`")
	cmd.Flags().BoolVar(&q.All, "all", false, "ended and expired ones too")
	return p.listing(cmd)
}
