package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/daemon"
)

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "What this program was built from",
		Example: `presenced version`,
		Args:    asUsed,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, "presenced", daemon.Version())
			return err
		},
	}
}
