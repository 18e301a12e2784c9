package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) forget() *cobra.Command {
	var sure, checkOut bool
	cmd := &cobra.Command{
		Use:   "forget WHO",
		Short: "Erase everything that is remembered about a person; shows first what that is",
		Long: "Shows what is remembered about a person, and with --yes erases it: their visits and their devices, from the file too. WHO is an\n" +
			"address, or a name of the network that leads to one.\n" +
			"What presenced checked in stays checked in at Kadence unless --check-out is given, which checks it out first. What is\n" +
			"heard of them later begins anew, unless they have opted out. Backups are not touched; one that is put back is\n" +
			"rid of them at the start.",
		Example: `presenced forget ann@example.com
presenced forget ann@example.com --check-out --yes`,
		Args:              asUsed,
		ValidArgsFunction: p.completeUser,
		RunE: func(cmd *cobra.Command, args []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			var story control.Story
			user, err := whoExactly(cmd.Context(), daemon, args[0])
			if err == nil {
				story, err = daemon.Show(cmd.Context(), user)
			}
			switch {
			case errors.Is(err, control.ErrUnknown):
				return p.erase(cmd.Context(), daemon, args[0], story, checkOut, sure, err)
			case err != nil:
				return err
			case !sure:
				return p.tellRemembered(story, checkOut)
			}
			return p.erase(cmd.Context(), daemon, user, story, checkOut, sure, nil)
		},
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "erase it")
	cmd.Flags().BoolVar(&checkOut, "check-out", false, "first check out at Kadence what is checked in")
	return cmd
}

// tellRemembered says what would be erased, and what stays.
func (p *program) tellRemembered(s control.Story, checkOut bool) error {
	text := p.rememberedOf(s)
	switch held := strings.Join(s.Held, ", "); {
	case len(s.Held) > 0 && checkOut:
		text += "\n" + held + " would be checked out at Kadence first"
	case len(s.Held) > 0:
		text += "\n" + held + " would stay checked in at Kadence; --check-out checks out first"
	}
	_, err := fmt.Fprintln(p.stdout, text)
	fmt.Fprintln(p.stderr, "nothing was erased; --yes erases it")
	return err
}

// rememberedOf says in a line how much is remembered of somebody.
func (p *program) rememberedOf(s control.Story) string {
	devices := map[string]bool{}
	for _, session := range s.Sessions {
		devices[session.Device] = true
	}
	text := fmt.Sprintf("%s: %s, %s", terminal.Printable(s.User), terminal.Count(len(devices), "device"), terminal.Count(len(s.Visits), "visit"))
	if len(s.Visits) > 0 {
		text += " since " + p.at(s.Visits[0].Arrived, s.Visits[0].Site)
	}
	return text
}

// erase erases a user, of whom the story was told or unknown says that nothing is: with
// yes also then, as a trace of them may be left.
func (p *program) erase(ctx context.Context, daemon *control.Remote, user string, s control.Story, checkOut, sure bool, unknown error) error {
	if unknown != nil {
		if sure {
			if _, err := daemon.Forget(ctx, user, false); err != nil {
				return err
			}
		}
		if _, err := daemon.Find(ctx, user); errors.Is(err, control.ErrUnknown) {
			return err // which says whom there is
		}
		return unknown
	}
	out, err := daemon.Forget(ctx, user, checkOut)
	for _, id := range out {
		fmt.Fprintln(p.stdout, terminal.Printable(id)+" is checked out")
	}
	if err != nil {
		return fmt.Errorf("%w; nothing was erased", err)
	}
	text := terminal.Printable(s.User) + " is forgotten; presenced opt-out has nothing recorded of them any more"
	if !checkOut && len(s.Held) > 0 {
		text += "\n" + strings.Join(s.Held, ", ") + " stays checked in at Kadence"
	}
	_, err = fmt.Fprintln(p.stdout, text)
	return err
}
