package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/demo"
)

func (p *program) demo() *cobra.Command {
	length, stay := demo.Usual, false
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "A made-up office: real RADIUS, the real daemon, a sandbox Kadence, told line by line",
		Example: `presenced demo
presenced demo --for 30s
presenced demo --stay`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length < demo.Shortest {
				p.understood = false
				return fmt.Errorf("--for is at least %s", demo.Shortest)
			}
			err := demo.Play(cmd.Context(), p.stdout, p.stderr, length, stay)
			if errors.Is(err, demo.ErrWrong) {
				return errSilent
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&length, "for", demo.Usual, "how long it takes")
	cmd.Flags().BoolVar(&stay, "stay", false, "keep the office, the daemon and its page when the day is over, until it is interrupted")
	return cmd
}
