package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (p *program) backup() *cobra.Command {
	return &cobra.Command{
		Use:     "backup FILE",
		Short:   "Write a consistent copy of the store, while serving",
		Example: `presenced backup /var/lib/presenced/$(date +%F).db`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := filepath.Abs(args[0]) // the daemon has another working directory
			if err != nil {
				return err
			}
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			if err := daemon.Backup(cmd.Context(), path); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, path)
			return err
		},
	}
}
