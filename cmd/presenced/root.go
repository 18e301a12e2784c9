package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"
)

// program is one run of the command line.
type program struct {
	stdout, stderr io.Writer
	config         string // the configuration file
	json           bool   // print JSON instead of a table
	understood     bool   // flags and arguments were right, a verb runs
}

const defaultConfig = "/etc/presenced/presenced.toml"

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "presenced VERB",
		Short: "Turns the RADIUS accounting of Wi-Fi controllers into Kadence check-ins and check-outs",
		PersistentPreRun: func(*cobra.Command, []string) {
			p.understood = true
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.understood = false
			return errors.New("a verb is missing")
		},
		DisableAutoGenTag: true,
		SilenceErrors:     true,
		SilenceUsage:      true,
	}
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.PersistentFlags().StringVarP(&p.config, "config", "c", defaultConfig, "the configuration `FILE`")
	root.MarkPersistentFlagFilename("config", "toml")
	root.AddCommand(
		p.serve(), p.demo(), p.sandbox(), p.check(), p.reference(), p.status(),
		p.people(), p.sessions(), p.visits(), p.show(), p.unmatched(), p.explain(),
		p.retry(), p.drop(), p.zap(), p.forget(), p.backup(), p.version(), p.man(),
	)
	return root
}

// listing gives a verb the flag --json.
func (p *program) listing(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&p.json, "json", false, "print JSON: the objects that the control socket serves")
	return cmd
}
