package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) migrate() *cobra.Command {
	var sure bool
	cmd := &cobra.Command{
		Use:   "migrate FILE",
		Short: "Move the store from the file into etcd; shows first what that is",
		Long: "Shows what FILE holds and where it would go, which is the [store] of the configuration with engine = \"etcd\", and with --yes moves\n" +
			"it there and compares both, every octet. FILE stays as it is. No daemon may run, neither on the file nor on etcd, and etcd may hold\n" +
			"nothing under the prefix. If it is interrupted, by whatever, the same command goes on with it; until it is done no daemon writes\n" +
			"there. To give it up instead: etcdctl del --prefix with the prefix.\n\n" +
			"Run it as the user that presenced runs as, or as root. With hash_devices, device_key_file is to hold what FILE.key does.",
		Example: `presenced migrate /var/lib/presenced/presenced.db
presenced migrate /var/lib/presenced/presenced.db --yes`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := configs.Load(p.config)
			if err != nil {
				return err
			}
			path, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if !sure {
				return p.planMigration(cmd, &cfg.Store, path)
			}
			told, over := p.moving()
			m, err := daemon.Migrate(cmd.Context(), &cfg.Store, path, told)
			over()
			if err != nil {
				return err
			}
			return p.tellMoved(m, "start the daemons")
		},
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "move it")
	return cmd
}

func (p *program) planMigration(cmd *cobra.Command, cfg *configs.Store, path string) error {
	m, err := daemon.PlanMigration(cmd.Context(), cfg, path)
	if err != nil {
		return err
	}
	p.tellHeld(path+" holds", &m)
	if !m.Since.IsZero() {
		fmt.Fprintf(p.stdout, "It was begun %s and interrupted: what is there already stays.\n", terminal.When(m.Since, time.Now()))
	}
	_, err = fmt.Fprintf(p.stdout, "It would go to %s\n", terminal.Printable(m.To))
	fmt.Fprintln(p.stderr, "nothing was moved; --yes moves it")
	return err
}

// tellHeld says what a store holds.
func (p *program) tellHeld(what string, m *daemon.Move) {
	fmt.Fprintf(p.stdout, "%s %s:\n", terminal.Printable(what), terminal.Size(m.Octets))
	for _, h := range m.Holds {
		fmt.Fprintf(p.stdout, "%9d  %s\n", h.Rows, h.What)
	}
}

// tellMoved says what was moved, and what to do then.
func (p *program) tellMoved(m daemon.Move, then string) error {
	p.tellHeld("Both hold", &m)
	_, err := fmt.Fprintf(p.stdout, "%s to %s: %d rows were written, all were read back and are the same (%s).\nNow %s.\n",
		terminal.Printable(m.From), terminal.Printable(m.To), m.Written, m.Sum, then)
	return err
}

// moving tells how far a move is: on a terminal in one line, elsewhere now and then. over
// ends that.
func (p *program) moving() (told daemon.Moving, over func()) {
	out := terminal.Out{Writer: p.stderr}
	_, live := out.Terminal()
	every, said, step := 10*time.Second, time.Now(), ""
	if live {
		every = time.Second / 4
	}
	told = func(now string, done, of int) {
		if now == step && time.Since(said) < every {
			return
		}
		said, step = time.Now(), now
		text := fmt.Sprintf("%s: %d of %d rows, %d %%", now, done, of, done*100/max(1, of))
		if live {
			fmt.Fprintf(p.stderr, "\r%s\x1b[K", text)
			return
		}
		fmt.Fprintln(p.stderr, text)
	}
	return told, func() {
		if live {
			fmt.Fprint(p.stderr, "\r\x1b[K")
		}
	}
}
