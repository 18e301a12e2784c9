package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// man writes the manual from the help texts, for whoever makes packages.
func (p *program) man() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write a manual page for each verb into a folder",
		Example: "presenced man /usr/local/share/man/man1",
		Args:    asUsed,
		Hidden:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			date, err := manDate()
			if err != nil {
				return err
			}
			optionsAsHelp(cmd.Root())
			header := doc.GenManHeader{Section: "1", Source: "presenced", Manual: "presenced manual", Date: &date}
			return doc.GenManTree(cmd.Root(), &header, args[0])
		},
	}
}

// optionsAsHelp puts the flags of a verb and of those below it into its long text, as
// --help shows them: the manual's own way of writing them names the value after its
// text, and tells of every switch that it is false.
func optionsAsHelp(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	if cmd.Long == "" {
		cmd.Long = cmd.Short
	}
	for _, part := range []struct {
		title string
		flags *pflag.FlagSet
	}{{"OPTIONS", cmd.LocalFlags()}, {"OPTIONS OF EVERY VERB", cmd.InheritedFlags()}} {
		if part.flags.HasAvailableFlags() {
			cmd.Long += "\n\n# " + part.title + "\n```\n" + part.flags.FlagUsages() + "```\n"
		}
	}
	cmd.Use += " [flags]"
	for _, below := range cmd.Commands() {
		optionsAsHelp(below)
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Hidden = true }) // the others are those of a verb above
}

// manDate is the date on the pages: that of the sources where the build says
// so, so that the same sources give the same pages.
func manDate() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
