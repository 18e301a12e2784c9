package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
)

func (p *program) check() *cobra.Command {
	var online bool
	var user string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Validate the configuration and print what was understood; online, try everything that it relies on",
		Long: "Tells every fault of the configuration at once, each with its line, or what was understood.\n\n" +
			"With --online it goes on to try what the daemon relies on: the files of secrets, the store, the UDP port and\n" +
			"its buffer, the control socket, the way to Kadence, the clock, the API key, each site's building and its time\n" +
			"zone, and with --user one user with today's bookings. What is wrong comes with where to mend it. Nothing is\n" +
			"changed anywhere. Run it as root, or as the user that the daemon runs as.",
		Example: `presenced check
sudo presenced check --online --user you@example.com
CREDENTIALS_DIRECTORY=/etc/presenced/secrets presenced check --online`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configs.Load(p.config)
			if err != nil {
				return err
			}
			if !online && user == "" {
				return p.printConfig(cfg, cfg.Warnings)
			}
			if err := p.printConfig(cfg, nil); err != nil { // they are doubtful trials
				return err
			}
			return p.checkOnline(cmd.Context(), cfg, user)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "try everything that the daemon relies on, Kadence too")
	cmd.Flags().StringVar(&user, "user", "", "online: look up this `USER` and today's bookings too")
	return cmd
}

// printConfig prints what was understood, and the warnings.
func (p *program) printConfig(cfg *configs.Config, warnings []string) error {
	var all []fact
	say := func(subject, format string, args ...any) {
		all = append(all, fact{subject, fmt.Sprintf(format, args...)})
	}
	say(printable(p.config), "good")
	for _, warning := range warnings {
		say("warning", "%s", printable(warning))
	}
	say("listen", "%s", strings.Join(cfg.Radius.Listen, ", "))
	for _, c := range cfg.Radius.Clients {
		say("client "+printable(c.Name), "%s, site %s, %s", c.Prefix, printable(c.Site), count(len(c.Secrets), "secret"))
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
		say("site "+printable(s.Name), "building %s, %s, arrivals %s, networks %s", printable(s.Building), zone, hours, some(s.SSIDs))
	}
	id, r := cfg.Mapping.Identity, cfg.Rules
	say("identity", "domain %s, %s, %s, %s opted out",
		printable(id.Domain), count(len(id.Realms), "realm"), count(len(id.Rewrite), "rewrite"), count(len(id.OptOut), "name"))
	if len(id.Aliases) > 0 {
		say("", "%d aliases", len(id.Aliases))
	}
	if id.OptIn != nil {
		say("", "nobody but the %s who opted in", count(len(id.OptIn), "name"))
	}
	say("presence", "settle %s, linger %s, day starts %s", r.Settle, r.Linger, clock(r.DayStarts))
	if cfg.Kadence == nil {
		say("kadence", "none: presence is recorded, nothing is checked in or out")
	} else {
		mode := "check-ins and check-outs are made"
		if cfg.Kadence.DryRun {
			mode = "dry run: nothing is checked in or out"
		}
		say("kadence", "client_id %s, %s", printable(cfg.Kadence.ClientID), mode)
	}
	say("store", "%s", printable(cfg.Store.Path))
	say("control", "%s", printable(cfg.Control.Socket))
	page := "none"
	if cfg.Control.HTTP != "" {
		page = "http://" + cfg.Control.HTTP + ", for everybody on this host"
		if cfg.Control.Token != "" {
			page = "http://" + cfg.Control.HTTP + ", for who has the token"
		}
	}
	say("page", "%s", printable(page))
	_, err := io.WriteString(p.stdout, p.facts(all))
	return err
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

// forgetful is a memory for a desk that is asked once.
type forgetful struct{}

// Note implements [kadence.Memory].
func (forgetful) Note(context.Context, string, string) ([]byte, error) { return nil, nil }

// Update implements [kadence.Memory].
func (forgetful) Update(context.Context, []presence.Change, []presence.Note) error { return nil }
