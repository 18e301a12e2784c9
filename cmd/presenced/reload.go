package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/terminal"
)

// errRefused is returned by reload when the daemon has refused the configuration, and
// that is told.
var errRefused = errors.New("")

func (p *program) reload() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the daemon read its configuration again; says what changes, or what is wrong with it",
		Long: "The daemon reads and checks the file, as itself, with its own credentials. If it is good, it is in force when this ends:\n" +
			"each key that is otherwise is told, and what follows for the people who are here. If not, every fault is told, nothing\n" +
			"changes, and presenced status says so until a good file is read; the exit status is 2. Listeners, control socket, http\n" +
			"and the store's path count from the next start on. systemctl reload presenced does this.",
		Example: `presenced reload --dry
presenced reload`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			told, err := daemon.Reload(cmd.Context(), dry)
			if err != nil {
				return err
			}
			if p.json {
				err = p.printJSON(told)
			}
			if len(told.Faults) > 0 {
				fmt.Fprintln(p.stderr, terminal.Lines(told.Faults))
				fmt.Fprintln(p.stderr, "the old configuration stays in force")
				return errors.Join(errRefused, err)
			}
			if p.json || err != nil {
				return err
			}
			if len(told.Changes) == 0 {
				told.Changes = []string{"nothing changes"}
			}
			_, err = fmt.Fprintln(p.stdout, terminal.Lines(told.Changes))
			return err
		},
	}
	cmd.Flags().BoolVar(&dry, "dry", false, "only say what would change")
	return p.listing(cmd)
}
