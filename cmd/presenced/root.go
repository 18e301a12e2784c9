package main

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/terminal"
)

// program is one run of the command line.
type program struct {
	stdout     terminal.Out
	stderr     io.Writer
	config     string                    // the configuration file
	json       bool                      // print JSON instead of a table
	csv        bool                      // print a spreadsheet instead of a table
	zones      map[string]*time.Location // of the sites, as far as they are known
	understood bool                      // flags and arguments were right, a verb runs
}

const defaultConfig = "/etc/presenced/presenced.toml"

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "presenced VERB",
		Short: "Turns the RADIUS accounting of Wi-Fi controllers into Kadence check-ins and check-outs",
		Long: `presenced turns the RADIUS accounting of Wi-Fi controllers into Kadence check-ins and check-outs.

Begin with "presenced demo" to see it, "presenced config" to write a configuration, and
"presenced check --online" to try it; "presenced serve" is the daemon, the other verbs ask it.
They reach it through its unix socket, as root or in the group presenced; while it does not run,
the listings read its file.

On a terminal, tables fit its width, times are told as a person would, and NO_COLOR=1 does without
colour. Anywhere else, and with --json and --csv, nothing is cut and times are in RFC 3339.

Unless the configuration says otherwise, the store is /var/lib/presenced/presenced.db and the control
socket /run/presenced/presenced.sock.

The exit status is 0, 1 for failure, and 2 for wrong use or a wrong configuration; that of status tells more.`,
		Example: `  presenced demo
  presenced check --online --user ann@example.com
  presenced show ann@example.com
  presenced watch`,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if p.json && p.csv {
				return errors.New("--json and --csv: give one of them")
			}
			p.understood = true
			if site := cmd.Flags().Lookup("site"); site != nil && site.Changed && cmd.Name() != "visits" && cmd.Name() != "roster" { // which know sites of former days
				return p.siteExists(site.Value.String())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.understood = false
			return errors.New("a verb is missing")
		},
		DisableAutoGenTag: true,
		SilenceErrors:     true,
		SilenceUsage:      true,
	}
	root.SetFlagErrorFunc(didYouMean)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.Version = daemon.Version()
	root.SetVersionTemplate("presenced {{.Version}}\n")
	root.PersistentFlags().StringVarP(&p.config, "config", "c", defaultConfig, "the configuration `FILE`")
	root.MarkPersistentFlagFilename("config", "toml")
	p.group(root, "To try and to run it:", p.demo(), p.sandbox(), p.reference(), p.client(), p.check(), p.serve())
	p.group(root, "To ask it:", p.status(), p.watch(), p.people(), p.roster(), p.occupancy(), p.sessions(), p.visits(), p.show(), p.events(), p.unmatched(), p.explain(), p.rehearse())
	p.group(root, "To step in:", p.reload(), p.retry(), p.drop(), p.zap(), p.notToday(), p.optOut(), p.optIn(), p.forget(), p.backup())
	p.group(root, "To move it and to maintain it:", p.migrate(), p.export(), p.maintain())
	root.AddCommand(p.version(), p.man())
	speakOfVerbs(root)
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err) // it was just made
	}
	completion.Short = "What has a shell complete verbs, users, visits, NASes and sites"
	completion.Example = "  presenced completion bash > /etc/bash_completion.d/presenced"
	for _, shell := range completion.Commands() {
		shell.Example = "  source <(presenced completion " + shell.Name() + ")"
	}
	return root
}

// group adds verbs under a title.
func (p *program) group(root *cobra.Command, title string, verbs ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range verbs {
		cmd.GroupID = title
		cmd.Example = "  " + strings.ReplaceAll(cmd.Example, "\n", "\n  ")
		p.completes(cmd)
		root.AddCommand(cmd)
	}
}

// listing gives a verb the flag --json.
func (p *program) listing(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&p.json, "json", false, "print JSON: the objects that the control socket serves")
	return cmd
}

// sheet gives a listing the flag --csv.
func (p *program) sheet(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&p.csv, "csv", false, "print comma-separated values, for a spreadsheet")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	return cmd
}
