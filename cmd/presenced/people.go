package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

func (p *program) people() *cobra.Command {
	var site string
	cmd := &cobra.Command{
		Use:   "people",
		Short: "Who is here, since when, until when that is believed, and why",
		Long: "The state is arriving until they have stayed for settle, present while a device is here, and leaving while all devices are\n" +
			"gone and leaving is not believed yet. UNTIL is when that changes if nothing more is heard, empty if it depends on more than\n" +
			"time, and WHY what it rests on.",
		Args: asUsed,
		Example: `presenced people
presenced people --site london --csv > london.csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			const header = "USER SITE STATE SINCE UNTIL DEVICES VISIT WHY"
			return p.read(cmd.Context(), func(r reader) error {
				return listOver(p, r.People(cmd.Context(), site), header, "USER…16 SITE… VISIT DEVICES WHY STATE", func(r control.Person) []string {
					return []string{r.User, r.Site, string(r.State), p.at(r.Since, r.Site), p.at(r.Until, r.Site), strconv.Itoa(r.Devices), r.Visit, r.Why}
				}, func(r control.Person, cells []string) (under []string) {
					if r.State != presence.Present {
						under = []string{r.Why}
					}
					cells[len(cells)-1] = string(r.HeldBy)
					return under
				})
			})
		},
	}
	cmd.Flags().StringVar(&site, "site", "", "only at this `SITE`")
	return p.sheet(p.listing(cmd))
}
