package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// asUsed wants of a verb the arguments that its use names, those in brackets not
// necessarily, and no other.
func asUsed(cmd *cobra.Command, args []string) error {
	names := strings.Fields(cmd.Use)[1:]
	switch {
	case len(args) < len(names) && !strings.HasPrefix(names[len(args)], "["):
		return fmt.Errorf("%s is missing", names[len(args)])
	case len(args) > len(names):
		return fmt.Errorf("%q is one argument too many", args[len(names)])
	}
	return nil
}

// noVerb refuses what follows the root or help and is no verb.
func noVerb(cmd *cobra.Command, args []string) error {
	root := cmd.Root()
	found, rest, err := root.Find(args)
	if err != nil || len(rest) == 0 {
		return err
	}
	if found != root {
		return fmt.Errorf("%q is one argument too many", rest[0])
	}
	root.SuggestionsMinimumDistance = 2
	text := fmt.Sprintf("there is no verb %q", rest[0])
	if near := root.SuggestionsFor(rest[0]); len(near) > 0 {
		text += fmt.Sprintf(" (did you mean %s?)", strings.Join(near, " or "))
	}
	return errors.New(text)
}

// didYouMean offers the flags that are spelt nearly as an unknown one.
func didYouMean(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	names := &cobra.Command{SuggestionsMinimumDistance: 2} // cobra knows what is near a verb
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	if near := names.SuggestionsFor(unknown.GetSpecifiedName()); len(near) > 0 {
		return fmt.Errorf("%w (did you mean --%s?)", err, strings.Join(near, " or --"))
	}
	return err
}

// speakOfVerbs puts our word for commands into cobra's own texts.
func speakOfVerbs(root *cobra.Command) {
	root.Args = noVerb
	root.InitDefaultHelpCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "help" {
			cmd.Use, cmd.Short, cmd.Args = "help [VERB]", "What a verb does", noVerb
			cmd.Long = "Says what a verb does, as --help after it does."
		}
	}
	root.SetUsageTemplate(strings.NewReplacer(
		"{{if .HasAvailableSubCommands}}\n  {{.CommandPath}} [command]{{end}}", "{{if not .Runnable}}\n  {{.CommandPath}} SHELL{{end}}",
		"Additional Commands:", "And:",
		"Available Commands:", "Shells:",
		`Use "{{.CommandPath}} [command] --help" for more information about a command.`,
		`"{{.CommandPath}} {{if .Runnable}}VERB{{else}}SHELL{{end}} --help" says more.`,
	).Replace(root.UsageTemplate()))
}
