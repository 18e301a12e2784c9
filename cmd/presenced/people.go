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
		Long: "The state is arriving until they have stayed for settle, present while a device is here, and leaving while all devices are\n" +
			"gone but not yet for as long as linger: the deadline is when leaving will be believed.",
		Args: asUsed,
		Example: `presenced people
presenced people --site london --csv > london.csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			const header = "USER SITE STATE SINCE DEADLINE DEVICES VISIT"
			return p.read(cmd.Context(), func(r reader) error {
				return list(p, r.People(cmd.Context(), site), header, "USER…16 SITE… VISIT DEVICES STATE", func(r control.Person) []string {
					return []string{r.User, r.Site, string(r.State), p.at(r.Since, r.Site), p.at(r.Deadline, r.Site), strconv.Itoa(r.Devices), r.Visit}
				})
			})
		},
	}
	cmd.Flags().StringVar(&site, "site", "", "only at this `SITE`")
	return p.sheet(p.listing(cmd))
}
