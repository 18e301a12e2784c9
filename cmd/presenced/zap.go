package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) zap() *cobra.Command {
	var q control.SessionQuery
	var sure bool
	cmd := &cobra.Command{
		Use:   "zap",
		Short: "End live sessions by user, device, NAS or site; shows them first",
		Long: "Shows the live sessions that are chosen, and with --yes ends them as of now, as if the devices had gone: their people are\n" +
			"believed to have left after linger, unless a device is heard again. For what a controller has forgotten to stop.\n" +
			"The daemon's log has who did it.",
		Example: `presenced zap --nas 10.20.0.5
presenced zap --device 02:11:22:33:44:55 --yes`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q == (control.SessionQuery{}) {
				p.understood = false
				return errors.New("whose sessions? Give --user, --device, --nas or --site")
			}
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			if err := choosing(cmd.Context(), daemon, &q.User); err != nil {
				return err
			}
			zapped, err := daemon.Zap(cmd.Context(), q, !sure)
			if err != nil {
				return err
			}
			err = p.listSessions(orElse(func(yield func(control.Session, error) bool) {
				for _, s := range zapped {
					if !yield(s, nil) {
						return
					}
				}
			}, func() error { return p.chosen(cmd.Context(), daemon, q) }))
			switch n := terminal.Count(len(zapped), "session"); {
			case err != nil:
			case len(zapped) == 0:
				fmt.Fprintln(p.stderr, "no live session is chosen by that")
			case sure:
				fmt.Fprintln(p.stderr, n+" ended")
			default:
				fmt.Fprintf(p.stderr, "nothing was ended; --yes ends them (%s)\n", n)
			}
			return err
		},
	}
	chooseSessions(cmd, &q)
	cmd.Flags().BoolVar(&sure, "yes", false, "end them")
	return p.listing(cmd)
}
