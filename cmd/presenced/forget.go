package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) forget() *cobra.Command {
	return &cobra.Command{
		Use:               "forget USER",
		Short:             "Erase everything that is remembered about a person",
		Example:           `presenced forget ann@example.com`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeUser,
		RunE: func(cmd *cobra.Command, args []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			if err := daemon.Forget(cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%s is forgotten; the opt_out_file keeps it so\n", printable(args[0]))
			return err
		},
	}
}
