package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
)

func (p *program) people() *cobra.Command {
	var site string
	cmd := &cobra.Command{
		Use:   "people",
		Short: "Who is here, since when, and until when leaving is not yet believed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.read(cmd.Context(), func(r reader) error {
				return list(p, r.People(cmd.Context(), site), "USER SITE STATE SINCE DEADLINE DEVICES VISIT", func(r control.Person) []string {
					return []string{r.User, r.Site, string(r.State), moment(r.Since), moment(r.Deadline), strconv.Itoa(r.Devices), r.Visit}
				})
			})
		},
	}
	cmd.Flags().StringVar(&site, "site", "", "only at this `SITE`")
	return p.listing(cmd)
}
