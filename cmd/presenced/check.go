package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/presence"
)

func (p *program) check() *cobra.Command {
	var online bool
	var user string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Validate the configuration and print what was understood; online, ask Kadence too",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configs.Load(p.config)
			if err != nil {
				return err
			}
			if err := p.printConfig(cfg); err != nil {
				return err
			}
			if !online && user == "" {
				return nil
			}
			return p.checkOnline(cmd.Context(), cfg, user)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "ask Kadence for a token, the buildings and their time zones")
	cmd.Flags().StringVar(&user, "user", "", "online: look up this `USER` and today's bookings too")
	return cmd
}

// printConfig prints what was understood.
func (p *program) printConfig(cfg *configs.Config) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tgood\n", printable(p.config))
	for _, warning := range cfg.Warnings {
		fmt.Fprintf(w, "warning\t%s\n", printable(warning))
	}
	fmt.Fprintf(w, "listen\t%s\n", strings.Join(cfg.Radius.Listen, ", "))
	for _, c := range cfg.Radius.Clients {
		fmt.Fprintf(w, "client %s\t%s, site %s, %s\n", printable(c.Name), c.Prefix, printable(c.Site), count(len(c.Secrets), "secret"))
	}
	for _, s := range cfg.Mapping.Sites {
		zone, hours := "the building's time zone", "always"
		if cfg.Kadence == nil {
			zone = "this host's time zone"
		}
		if s.Zone != nil {
			zone = s.Zone.String()
		}
		if s.Opens != s.Closes && s.Closes-s.Opens != 24*time.Hour {
			hours = clock(s.Opens) + "-" + clock(s.Closes)
		}
		fmt.Fprintf(w, "site %s\tbuilding %s, %s, arrivals %s, networks %s\n", printable(s.Name), printable(s.Building), zone, hours, some(s.SSIDs))
	}
	id, r := cfg.Mapping.Identity, cfg.Rules
	fmt.Fprintf(w, "identity\tdomain %s, %s, %s, %s opted out\n",
		printable(id.Domain), count(len(id.Realms), "realm"), count(len(id.Rewrite), "rewrite"), count(len(id.OptOut), "name"))
	if len(id.Aliases) > 0 {
		fmt.Fprintf(w, "\t%d aliases\n", len(id.Aliases))
	}
	if id.OptIn != nil {
		fmt.Fprintf(w, "\tnobody but the %s who opted in\n", count(len(id.OptIn), "name"))
	}
	fmt.Fprintf(w, "presence\tsettle %s, linger %s, day starts %s\n", r.Settle, r.Linger, clock(r.DayStarts))
	if cfg.Kadence == nil {
		fmt.Fprintln(w, "kadence\tnone: presence is recorded, nothing is checked in or out")
	} else {
		mode := "check-ins and check-outs are made"
		if cfg.Kadence.DryRun {
			mode = "dry run: nothing is checked in or out"
		}
		fmt.Fprintf(w, "kadence\tclient_id %s, %s\n", printable(cfg.Kadence.ClientID), mode)
	}
	fmt.Fprintf(w, "store\t%s\n", printable(cfg.Store.Path))
	fmt.Fprintf(w, "control\t%s\n", printable(cfg.Control.Socket))
	page := "none"
	if cfg.Control.HTTP != "" {
		page = "http://" + cfg.Control.HTTP + ", for everybody on this host"
		if cfg.Control.Token != "" {
			page = "http://" + cfg.Control.HTTP + ", for who has the token"
		}
	}
	fmt.Fprintf(w, "page\t%s\n", printable(page))
	return w.Flush()
}

// count writes how many of a thing there are.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func some(names []string) string {
	if len(names) == 0 {
		return "any"
	}
	return printable(strings.Join(names, ", "))
}

// clock writes a time since midnight.
func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// checkOnline asks Kadence for what the configuration relies on.
func (p *program) checkOnline(ctx context.Context, cfg *configs.Config, user string) error {
	if cfg.Kadence == nil {
		return fmt.Errorf("%s has no [kadence] to be asked", p.config)
	}
	desk, err := kadence.New(kadenceConfig(cfg, nil), forgetful{}, newLog(p.stderr, cfg.Log))
	if err != nil {
		return err
	}
	wrong := false
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, f := range desk.Check(ctx, user) {
		text := printable(f.Detail)
		if f.Error != "" {
			wrong = true
			text = p.red("WRONG: " + printable(f.Error))
		}
		fmt.Fprintf(w, "%s\t%s\n", printable(f.Subject), text)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if wrong {
		return errSilent
	}
	return nil
}

// forgetful is a memory for a desk that is asked once.
type forgetful struct{}

// Note implements [kadence.Memory].
func (forgetful) Note(context.Context, string, string) ([]byte, error) { return nil, nil }

// Update implements [kadence.Memory].
func (forgetful) Update(context.Context, []presence.Change, []presence.Note) error { return nil }
