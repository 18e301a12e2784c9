package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) maintain() *cobra.Command {
	var cert, key string
	cmd := &cobra.Command{
		Use:   "maintain",
		Short: "Compact and defragment the members of etcd, one after the other, the leader last",
		Long: "Rids etcd of earlier revisions of what was changed or erased, and of their octets in the members' files: who was forgotten is in them no\n" +
			"more. It begins, and goes on from member to member, only while all of them answer, so that accounting is answered all the while;\n" +
			"before the leader's turn another member leads. A member that stopped writing because it was full writes again. In the members' logs\n" +
			"and snapshots what was erased stays until they are rotated: docs/privacy.md has how soon that is.\n\n" +
			"etcd lets only root do this: --cert and --key are a certificate with that common name. presenced-maintain.timer runs it each night.",
		Example: `presenced maintain --cert /etc/presenced/etcd/root.pem --key /etc/presenced/etcd/root.key`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configs.Load(p.config)
			if err != nil {
				return err
			}
			all, err := daemon.Maintain(cmd.Context(), &cfg.Store, cert, key, func(step string) { fmt.Fprintln(p.stderr, step) })
			var lines [][]string
			for _, m := range all {
				lines = append(lines, []string{m.Endpoint, terminal.Size(m.Was), terminal.Size(m.Is), m.Took.Round(time.Millisecond).String()})
			}
			if len(lines) > 0 {
				if err := p.stdout.PrintTable("MEMBER SIZE_WAS IS TOOK", "MEMBER…", lines); err != nil {
					return err
				}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&cert, "cert", "", "a `FILE` with the certificate of root; without it, that of the configuration")
	cmd.Flags().StringVar(&key, "key", "", "a `FILE` with its key")
	cmd.MarkFlagsRequiredTogether("cert", "key")
	_ = cmd.MarkFlagFilename("cert", "pem")
	_ = cmd.MarkFlagFilename("key", "key", "pem")
	return cmd
}
