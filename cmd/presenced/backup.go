package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (p *program) backup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a consistent copy of the store, while serving",
		Long: "The daemon writes the copy, on its own host, with mode 0600, in place of what has that name; it is whole and checked when\n" +
			"this ends. To restore it stop presenced, put the copy where [store] path says, give it to the daemon's user, and\n" +
			"start presenced. Leave presenced.db.erased and presenced.db.opted-out beside it, by which nobody comes back who was\n" +
			"forgotten or opted out since, and with hash_devices the key: a copy holds none of them.",
		Example: `presenced backup /var/lib/presenced/$(date +%F).db`,
		Args:    asUsed,
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
