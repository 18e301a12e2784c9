package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

func (p *program) status() *cobra.Command {
	var quiet bool
	cmd := p.listing(&cobra.Command{
		Use:   "status",
		Short: "One screen: clients, sites, people present, visits pending, the desk's health, the store",
		Long: "Begin here when something seems wrong: whether records are kept and answered, when each client was last heard and whether\n" +
			"its secret is right, who is where, and whether Kadence answers. Without a daemon it tells what the file holds.\n\n" +
			"The exit status is 0 if records are kept and answered, 1 if they are not, and 3 if the daemon does not run.",
		Example: `presenced status
presenced status --json | jq .pending
presenced status --quiet || echo look`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			s, err := daemon.Status(cmd.Context())
			if errors.Is(err, control.ErrNotRunning) {
				if !quiet {
					p.tellOfFile(cmd.Context())
				}
				return errDown
			}
			if err == nil && !quiet {
				err = p.tellStatus(s)
			}
			if err == nil && !s.Ready {
				return errSilent
			}
			return err
		},
	})
	cmd.Flags().BoolVar(&quiet, "quiet", false, "print nothing: the exit status alone, for health checks")
	cmd.MarkFlagsMutuallyExclusive("quiet", "json")
	return cmd
}

// tellOfFile prints what the file says while no daemon runs, or why it says
// nothing.
func (p *program) tellOfFile(ctx context.Context) {
	s, err := p.statusOfFile(ctx)
	if err == nil {
		err = p.tellStatus(s)
	}
	if err != nil {
		fmt.Fprintln(p.stderr, "presenced:", err)
	}
}

func (p *program) statusOfFile(ctx context.Context) (control.Status, error) {
	at, err := p.place()
	if err != nil {
		return control.Status{}, err
	}
	s, err := at.file()
	if err != nil {
		return control.Status{}, err
	}
	status := control.Status{Config: p.config, Store: control.StoreInfo{Path: at.store, Size: s.Stats().Size}}
	w, err := presence.Remembered(ctx, s, at.rules())
	if err == nil {
		err = control.Listings{Store: s, World: func() presence.World { return w }}.Count(ctx, &status)
	}
	return status, errors.Join(err, s.Close())
}

func (p *program) tellStatus(s control.Status) error {
	if p.json {
		return p.printJSON(s)
	}
	all := []terminal.Fact{{Subject: "presenced", Text: p.stdout.Red("not running")}}
	if s.Running {
		up := terminal.Roughly(time.Since(s.Started.Time))
		state := "ready"
		if !s.Ready {
			state = p.stdout.Red("not ready")
		}
		all = []terminal.Fact{
			{Subject: "presenced", Text: fmt.Sprintf("%s, pid %d, up %s, %s", s.Version, s.PID, up, state)},
			{Subject: "listening", Text: strings.Join(s.Listening, ", ")},
		}
		for i := range s.Troubles {
			all = slices.Insert(all, 1+i, terminal.Fact{Subject: "", Text: p.graded(&s.Troubles[i], terminal.Printable(s.Troubles[i].Text(time.Now())))})
		}
		if s.HTTP != "" {
			all = append(all, terminal.Fact{Subject: "page", Text: terminal.Printable(s.HTTP)})
		}
	}
	all = append(all, terminal.Fact{Subject: "configuration", Text: terminal.Printable(s.Config)},
		terminal.Fact{Subject: "people", Text: fmt.Sprintf("%d here, %s, %s with a call pending", s.People, terminal.Count(s.Live, "live session"), terminal.Count(s.Pending, "visit"))})
	if s.Running {
		all = append(all, p.deskFacts(s.Desk, s.Started.Time)...)
		all = append(all, terminal.Fact{Subject: "unmatched", Text: fmt.Sprintf("%d (see presenced unmatched)", s.Nobody)},
			terminal.Fact{Subject: "datagrams", Text: fmt.Sprintf("%d from unknown sources, %d dropped by the kernel", s.Unknown, s.Drops)})
		all = append(all, overTLS(s)...)
	}
	about := fmt.Sprintf("%s, %s, %d people", terminal.Printable(s.Store.Path), terminal.Size(s.Store.Size), s.Store.People)
	if s.Store.Commit > 0 {
		about += fmt.Sprintf(", last commit took %s", time.Duration(s.Store.Commit).Round(10*time.Microsecond))
	}
	all = append(all, terminal.Fact{Subject: "store", Text: about})
	if _, err := fmt.Fprint(p.stdout, p.stdout.Facts(all)); err != nil {
		return err
	}
	return errors.Join(p.printCluster(s.Cluster), p.printSites(s.Sites), p.printClients(s.Clients, s.Started.Time))
}

// printCluster prints who shares the store, if anybody does, and the members of etcd.
func (p *program) printCluster(c *control.Cluster) error {
	if c == nil {
		return nil
	}
	var daemons, members [][]string
	for i := range c.Daemons {
		d := &c.Daemons[i]
		name := d.Name
		if name == c.Name {
			name += " (this one)"
		}
		daemons = append(daemons, []string{name, d.Version, strconv.Itoa(d.Format), terminal.Roughly(time.Since(d.Started.Time)), d.Health()})
	}
	for i := range c.Members {
		m := &c.Members[i]
		quota := ""
		if m.Quota > 0 {
			quota = strconv.Itoa(m.Full()) + " %"
		}
		members = append(members, []string{m.Endpoint, m.Version, terminal.Size(m.Size), quota, m.Health()})
	}
	fmt.Fprintln(p.stdout)
	err := p.stdout.PrintTable("DAEMON VERSION FORMAT UP IS", "IS… DAEMON… FORMAT VERSION", daemons)
	fmt.Fprintln(p.stdout)
	return errors.Join(err, p.stdout.PrintTable("MEMBER VERSION SIZE OF_QUOTA IS", "IS… MEMBER… VERSION", members))
}

// overTLS is what there is to say of accounting over TLS, if any is taken.
func overTLS(s control.Status) []terminal.Fact {
	connections := 0
	for _, c := range s.Clients {
		connections += c.Connections
	}
	for _, c := range s.Certificates {
		if c.Kind == "server" {
			return []terminal.Fact{{Subject: "over TLS", Text: fmt.Sprintf("%s, %d refused; presenced's own certificate is valid until %s",
				terminal.Count(connections, "connection"), s.Refused, c.Expires.UTC().Format(time.DateOnly))}}
		}
	}
	return nil
}

// graded gives the text of a trouble the colour of its grade.
func (p *program) graded(t *control.Trouble, text string) string {
	if t.Grade == control.Early || t.Grade == control.Odd {
		return p.stdout.Yellow(text)
	}
	return p.stdout.Red(text)
}

// deskIs says what the desk is, and when it last answered.
func deskIs(d control.Desk, started time.Time) string {
	if d.Mode == "none" {
		return "none"
	}
	return strings.ReplaceAll(d.Mode, "_", " ") + ", last answer " + terminal.SinceThen(d.Success.Time, started)
}

func (p *program) deskFacts(d control.Desk, started time.Time) (all []terminal.Fact) {
	all = []terminal.Fact{{Subject: "desk", Text: deskIs(d, started)}}
	if d.Rests.After(time.Now()) {
		all = append(all, terminal.Fact{Subject: "", Text: "no calls before " + p.at(d.Rests, "")})
	}
	return all
}

func (p *program) printSites(sites []control.Site) error {
	if len(sites) == 0 {
		return nil
	}
	lines := make([][]string, len(sites))
	for i, s := range sites {
		lines[i] = []string{
			s.Name, s.Building, s.Zone, strconv.Itoa(s.Arriving), strconv.Itoa(s.Present), strconv.Itoa(s.Leaving), strconv.Itoa(s.Sessions),
		}
	}
	fmt.Fprintln(p.stdout)
	return p.stdout.PrintTable("SITE BUILDING TIME_ZONE ARRIVING PRESENT LEAVING SESSIONS", "BUILDING… SITE… TIME_ZONE SESSIONS ARRIVING BUILDING", lines)
}

func (p *program) printClients(clients []control.Client, started time.Time) error {
	if len(clients) == 0 {
		return nil
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	lines := make([][]string, len(clients))
	for i, c := range clients {
		lines[i] = []string{
			c.Name, c.Address, c.Site, terminal.SinceThen(c.LastHeard.Time, started), number(c.Requests), number(c.Responses), number(c.Duplicates),
			number(c.BadSecrets), number(c.Malformed), number(c.Dropped), number(c.Anonymous), skew(time.Duration(c.Skew)),
		}
	}
	fmt.Fprintln(p.stdout)
	return p.stdout.PrintTable("CLIENT ADDRESS SITE LAST_HEARD REQUESTS ANSWERED REPEATS BAD_SECRETS MALFORMED DROPPED ANONYMOUS SKEW", "CLIENT… SITE… ANSWERED MALFORMED DROPPED REPEATS ANONYMOUS ADDRESS SITE SKEW", lines)
}

// skew writes how far a clock is off, "" for not known or not at all. Years
// are no skew: the clock starts at some date of its maker's, such as 1970.
func skew(d time.Duration) string {
	const year = 365 * 24 * time.Hour
	switch rounded := d.Round(time.Second); {
	case d.Abs() > year:
		return "clock not set"
	case rounded != 0:
		return rounded.String()
	}
	return ""
}
