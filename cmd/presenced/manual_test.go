package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/internal/terminal"
)

// verbs are all of them, those that are hidden too.
func verbs(cmd *cobra.Command) (all []*cobra.Command) {
	for _, c := range cmd.Commands() {
		all = append(append(all, c), verbs(c)...)
	}
	return all
}

// TestEveryVerbAndFlagIsInTheManual: with what it is for, and each verb with
// an example that the command line takes.
func TestEveryVerbAndFlagIsInTheManual(t *testing.T) {
	dir := t.TempDir()
	root := (&program{stdout: terminal.Out{Writer: io.Discard}, stderr: io.Discard}).root()
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	readme := testbed.Read(t, "../../README.md")
	for _, cmd := range append(verbs(root), root) {
		if cmd.Name() == "help" {
			continue // cobra's, and it says itself what it is
		}
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s: what is it for, and how is it used?", cmd.CommandPath())
		}
		if cmd.Hidden {
			continue
		}
		file := filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")
		page := strings.ReplaceAll(testbed.Read(t, file), `\-`, "-")
		for line := range strings.Lines(cmd.Example) {
			if want := strings.ReplaceAll(strings.TrimSpace(line), `\`, `\\`); !strings.Contains(page, want) {
				t.Errorf("%s lacks its example %q", file, want)
			}
		}
		flags := 0
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			flags++
			if f.Usage == "" || !f.Hidden && !strings.Contains(page, `--`+f.Name) {
				t.Errorf("%s: --%s is not in the manual", cmd.CommandPath(), f.Name)
			}
		})
		if cmd.HasParent() && cmd.Parent() == root && !strings.Contains(readme, "`"+cmd.Name()) && cmd.Name() != "completion" {
			t.Errorf("the README does not know %s", cmd.Name())
		}
	}
	if stray, err := os.ReadDir(dir); err != nil || len(stray) < 20 {
		t.Errorf("%d pages: %v", len(stray), err)
	}
}

// TestExamplesAreTaken: nobody types one and is told that it is wrong.
func TestExamplesAreTaken(t *testing.T) {
	tried := 0
	for _, cmd := range verbs((&program{}).root()) {
		for line := range strings.Lines(cmd.Example) {
			_, line, ok := strings.Cut(line, "presenced ")
			if !ok {
				continue
			}
			line, _, _ = strings.Cut(line, " | ")
			line, _, _ = strings.Cut(line, " > ")
			line, _, _ = strings.Cut(line, " || ")
			root := (&program{stdout: terminal.Out{Writer: io.Discard}, stderr: io.Discard}).root()
			words := strings.Fields(strings.TrimRight(strings.NewReplacer("$(date +%F)", "today").Replace(line), ")\n"))
			verb, rest, err := root.Find(words)
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if err := verb.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v", line, err)
			} else if err := verb.ValidateArgs(verb.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			tried++
		}
	}
	if tried < 25 {
		t.Errorf("only %d examples were tried", tried)
	}
}
