package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) forget() *cobra.Command {
	return &cobra.Command{
		Use:   "forget USER",
		Short: "Erase everything that is remembered about a person",
		Long: "Erases what is remembered about a person, their visits and their devices, from the file too. What is heard of\n" +
			"them later begins anew, unless the opt_out_file names them. Backups are not touched.",
		Example:           `presenced forget ann@example.com`,
		Args:              asUsed,
		ValidArgsFunction: p.completeUser,
		RunE: func(cmd *cobra.Command, args []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			_, known := daemon.Show(cmd.Context(), args[0])
			if err := daemon.Forget(cmd.Context(), args[0]); err != nil {
				return err
			}
			if errors.Is(known, control.ErrUnknown) { // a slip of the pen, perhaps
				fmt.Fprintf(p.stderr, "%s; is it the address that presenced people lists?\n", terminal.Printable(known.Error()))
				return nil
			}
			_, err = fmt.Fprintf(p.stdout, "%s is forgotten; who is to stay so goes into the opt_out_file\n", terminal.Printable(args[0]))
			return err
		},
	}
}
