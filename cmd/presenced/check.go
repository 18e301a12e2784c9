package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/terminal"
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
			"changed anywhere. Run it as root, or as the user that the daemon runs as: secrets are looked for where systemd takes\n" +
			"them from, in the folder secrets beside the configuration. Without --online it does for the group presenced too.",
		Example: `presenced check
sudo presenced check --online --user you@example.com`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configs.Load(p.config)
			var faults configs.Faults
			if errors.As(err, &faults) && faults.Denied() {
				return p.checkWithoutSecrets(online || user != "", faults)
			}
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

// checkWithoutSecrets is check for a user who may read the configuration and not the
// secrets, as the group may by which the daemon is asked.
func (p *program) checkWithoutSecrets(online bool, faults configs.Faults) error {
	if online {
		return fmt.Errorf("%w\nthe secrets are root's and the service's: run this as root", faults)
	}
	cfg, err := configs.LoadRules(p.config)
	if err != nil {
		return err
	}
	unseen := fmt.Sprintf("%s not looked at, which only root and the service may read: sudo presenced check does, and presenced reload --dry has the daemon do it",
		terminal.Count(len(faults), "secret"))
	return p.printConfig(cfg, append(cfg.Warnings, unseen))
}

// printConfig prints what was understood, and the warnings.
func (p *program) printConfig(cfg *configs.Config, warnings []string) error {
	var all []terminal.Fact
	say := func(subject, format string, args ...any) {
		all = append(all, terminal.Fact{Subject: subject, Text: fmt.Sprintf(format, args...)})
	}
	say(terminal.Printable(p.config), "good")
	for _, warning := range warnings {
		say("warning", "%s", terminal.Printable(warning))
	}
	say("listen", "%s", strings.Join(cfg.Radius.Listen, ", "))
	if cfg.Radsec != nil {
		say("radsec", "%s, with the certificate of %s", strings.Join(cfg.Radsec.Listen, ", "), terminal.Printable(cfg.Radsec.Certificate.Leaf.Subject.String()))
	}
	for _, c := range cfg.Radius.Clients {
		if c.Trust != nil {
			say("client "+terminal.Printable(c.Name), "%s, site %s, names %s", terminal.Count(len(c.Trust.CAs), "CA"), terminal.Printable(c.Site), some(c.Trust.Names))
			continue
		}
		say("client "+terminal.Printable(c.Name), "%s, site %s, %s", c.Prefix, terminal.Printable(c.Site), terminal.Count(len(c.Secrets), "secret"))
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
		say("site "+terminal.Printable(s.Name), "building %s, %s, arrivals %s, networks %s", terminal.Printable(s.Building), zone, hours, some(s.SSIDs))
		if s.Lunch != nil || s.LunchLinger != nil {
			say("", "%s", lunch(cfg.Rules.LunchAt(s.Name)))
		}
	}
	for _, e := range cfg.Mapping.Elsewhere {
		say("elsewhere", "%s", some(slices.Concat(e.NAS, e.Locations)))
	}
	id, r := cfg.Mapping.Identity, cfg.Rules
	say("identity", "domain %s, %s, %s, %s opted out",
		terminal.Printable(id.Domain), terminal.Count(len(id.Realms), "realm"), terminal.Count(len(id.Rewrite), "rewrite"), terminal.Count(len(id.OptOut), "name"))
	if len(id.Aliases) > 0 {
		say("", "%d aliases", len(id.Aliases))
	}
	if id.OptIn != nil {
		say("", "nobody but the %s who opted in", terminal.Count(len(id.OptIn), "name"))
	}
	say("presence", "settle %s, linger %s, %s, day starts %s", r.Settle, r.Linger, lunch(r.Lunch, r.LunchLinger), clock(r.DayStarts))
	if r.Brief > 0 {
		say("", "a stay of less than %s checks nothing out before its end", r.Brief)
	}
	if cfg.Kadence == nil {
		say("kadence", "none: presence is recorded, nothing is checked in or out")
	} else {
		mode := "check-ins and check-outs are made"
		if cfg.Kadence.DryRun {
			mode = "dry run: nothing is checked in or out"
		}
		say("kadence", "client_id %s, %s", terminal.Printable(cfg.Kadence.ClientID), mode)
	}
	if e := cfg.Store.Etcd; e != nil {
		say("store", "etcd, experimental: %s on %s, as %s", terminal.Printable(e.Prefix), terminal.Printable(strings.Join(e.Endpoints, ", ")), terminal.Printable(e.Name))
	} else {
		say("store", "%s", terminal.Printable(cfg.Store.Path))
	}
	say("control", "%s", terminal.Printable(cfg.Control.Socket))
	page := "none"
	if cfg.Control.HTTP != "" {
		page = "http://" + cfg.Control.HTTP + ", for everybody on this host"
		if cfg.Control.Token != "" || len(cfg.Control.Tokens) > 0 {
			page = "http://" + cfg.Control.HTTP + ", for who has the token"
		}
	}
	say("page", "%s", terminal.Printable(page))
	_, err := io.WriteString(p.stdout, p.stdout.Facts(all))
	return err
}

// lunch writes how slowly leaving is believed in the middle of the day.
func lunch(at presence.Span, linger time.Duration) string {
	if at == (presence.Span{}) {
		return "lunch never"
	}
	return fmt.Sprintf("lunch %s-%s with linger %s", clock(at.From), clock(at.To), linger)
}

func some(names []string) string {
	if len(names) == 0 {
		return "any"
	}
	return terminal.Printable(strings.Join(names, ", "))
}

// clock writes a time since midnight.
func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
