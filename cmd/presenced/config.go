package main

import (
	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
)

func (p *program) reference() *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "The annotated reference configuration",
		Example: `presenced config > presenced.toml`,
		Args:    asUsed,
		RunE: func(*cobra.Command, []string) error {
			_, err := p.stdout.Write(configs.Reference)
			return err
		},
	}
}
