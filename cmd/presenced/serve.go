package main

import (
	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/daemon"
)

func (p *program) serve() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "The daemon",
		Long: "Takes RADIUS accounting, and checks people in and out of their bookings. It stays in the foreground and logs to the\n" +
			"standard error; systemd runs it with presenced.service. SIGHUP has it read its configuration again: a bad one changes\n" +
			"nothing and says why. SIGTERM ends it when what is in hand is recorded and answered.",
		Example: `presenced serve
presenced serve -c ./presenced.toml`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configs.Load(p.config)
			if err != nil {
				return err
			}
			return daemon.Serve(cmd.Context(), cfg, p.stderr)
		},
	}
}
