package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) export() *cobra.Command {
	return &cobra.Command{
		Use:   "export FILE",
		Short: "Write what etcd holds into a file, the way back",
		Long: "Writes what etcd holds at one moment into FILE, which appears when all of it was read back and compared. With the daemons stopped it\n" +
			"is what one goes on with: set [store] engine = \"file\" and path to it, and give it to the user that presenced runs as. While daemons\n" +
			"run it is a backup of that moment, as presenced backup makes them. With hash_devices, put the device key beside it, as FILE.key.\n" +
			"If it is interrupted, the same command goes on with FILE.exporting.",
		Example: `presenced export /var/lib/presenced/presenced.db`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := configs.Load(p.config)
			if err != nil {
				return err
			}
			path, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			told, over := p.moving()
			m, err := daemon.Export(cmd.Context(), &cfg.Store, path, told)
			over()
			if err != nil {
				return err
			}
			then := "give the file to the user that presenced runs as, and [store] its engine and path"
			if len(m.Serving) > 0 {
				then = fmt.Sprintf("keep it as the backup that it is: %s went on meanwhile", terminal.Printable(strings.Join(m.Serving, ", ")))
			}
			return p.tellMoved(m, then)
		},
	}
}
