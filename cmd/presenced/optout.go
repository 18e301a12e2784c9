package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) optOut() *cobra.Command {
	var sure bool
	cmd := &cobra.Command{
		Use:   "opt-out [WHO]",
		Short: "Have nothing recorded of a person any more; alone, how many opted out",
		Long: "With WHO, an address or a name of the network, and --yes nothing is recorded of that person from now on, and what was is\n" +
			"erased, from the file too, within half a minute. It is what people do at their own page, /me. At Kadence nothing is done for\n" +
			"them any more: what is checked in stays so. A restart, forget and a backup that is put back change nothing of it; opt-in\n" +
			"takes it back. Only hashes are kept of who opted out, so without WHO it lists when somebody did, and nobody's name.\n" +
			"Who is in the opt_out_file is not on this list, and stays out whatever is done here.",
		Example: `presenced opt-out
presenced opt-out ann@example.com --yes`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.read(cmd.Context(), func(r reader) error {
					return list(p, r.OptOuts(cmd.Context()), "OPTED_OUT", "", func(o control.OptOut) []string { return []string{p.at(o.Since, "")} })
				})
			}
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			who := terminal.Printable(args[0])
			if !sure {
				var story control.Story
				user, err := whoExactly(cmd.Context(), daemon, args[0])
				if err == nil {
					story, err = daemon.Show(cmd.Context(), user)
				}
				switch {
				case err == nil:
					fmt.Fprintln(p.stdout, p.rememberedOf(story))
					for _, id := range story.Held {
						fmt.Fprintln(p.stdout, terminal.Printable(id)+" would stay checked in at Kadence")
					}
				case !errors.Is(err, control.ErrUnknown):
					return err
				}
				_, err = fmt.Fprintln(p.stderr, who+" is recorded as before; --yes opts them out")
				return err
			}
			if err := daemon.OptOut(cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, who+" has opted out: what was remembered of them is being erased")
			return err
		},
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "opt them out, and erase what is remembered of them")
	return p.listing(cmd)
}

func (p *program) optIn() *cobra.Command {
	return &cobra.Command{
		Use:   "opt-in WHO",
		Short: "Have somebody recorded again who opted out",
		Long: "Takes back opt-out, whoever gave that order: from now on the person is recorded as everybody is. What was erased stays so.\n" +
			"Who is in the opt_out_file, or not in the opt_in_file, is still not recorded.",
		Example: "presenced opt-in ann@example.com",
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			if err := daemon.OptIn(cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, terminal.Printable(args[0])+" is recorded again")
			return err
		},
	}
}

func (p *program) notToday() *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use:   "not-today [WHO]",
		Short: "Have nothing done for a person until the day turns; alone, for whom that is so",
		Long: "With WHO, an address or a name of the network, that person is checked in to nothing and out of nothing at Kadence until the\n" +
			"day turns at their site; they are recorded as ever. It is what people do at their own page, /me. With --undo it is taken back,\n" +
			"and done what was left out. Without WHO it lists for whom it holds.",
		Example: `presenced not-today
presenced not-today ann@example.com
presenced not-today ann@example.com --undo`,
		Args:              asUsed,
		ValidArgsFunction: p.completeUser,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				if undo {
					p.understood = false
					return errors.New("--undo for whom? Name WHO")
				}
				return p.read(cmd.Context(), func(r reader) error {
					return list(p, r.Resting(cmd.Context()), "USER ASKED UNTIL", "USER…", func(row control.Resting) []string {
						return []string{row.User, p.at(row.Asked, ""), p.at(row.Until, "")}
					})
				})
			}
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			if err := daemon.NotToday(cmd.Context(), args[0], undo); err != nil {
				return err
			}
			text := " is left alone until the day turns: nothing is checked in or out for them"
			if undo {
				text = " is checked in and out again today"
			}
			_, err = fmt.Fprintln(p.stdout, terminal.Printable(args[0])+text)
			return err
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "take it back")
	return p.listing(cmd)
}
