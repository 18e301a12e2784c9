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
)

func (p *program) status() *cobra.Command {
	return p.listing(&cobra.Command{
		Use:   "status",
		Short: "One screen: clients, sites, people present, visits pending, the desk's health, the store",
		Long: "Begin here when something seems wrong: whether records are kept and answered, when each client was last heard and whether\n" +
			"its secret is right, who is where, and whether Kadence answers. Without a daemon it tells what the file holds.",
		Example: `presenced status
presenced status --json | jq .pending`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			s, err := daemon.Status(cmd.Context())
			if errors.Is(err, control.ErrNotRunning) {
				s, err = p.statusOfFile(cmd.Context())
			}
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(s)
			}
			return p.printStatus(s)
		},
	})
}

// statusOfFile is what the file says while no daemon runs.
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
	return status, errors.Join(control.Listings{Store: s, Rules: at.rules}.Count(ctx, &status), s.Close())
}

func (p *program) printStatus(s control.Status) error {
	all := []fact{{"presenced", p.red("not running")}}
	if s.Running {
		up := roughly(time.Since(s.Started.Time))
		state := "ready"
		if !s.Ready {
			state = p.red("not recording")
		}
		all = []fact{
			{"presenced", fmt.Sprintf("%s, pid %d, up %s, %s", s.Version, s.PID, up, state)},
			{"listening", strings.Join(s.Listening, ", ")},
		}
		if s.Failing != "" {
			all = slices.Insert(all, 1, fact{"", p.red("nothing is answered: " + printable(s.Failing))})
		}
		if s.HTTP != "" {
			all = append(all, fact{"page", printable(s.HTTP)})
		}
	}
	all = append(all, fact{"configuration", printable(s.Config)},
		fact{"people", fmt.Sprintf("%d here, %s, %s with a call pending", s.People, count(s.Live, "live session"), count(s.Pending, "visit"))})
	if s.Running {
		all = append(all, p.deskFacts(s.Desk)...)
		all = append(all, fact{"unmatched", fmt.Sprintf("%d (see presenced unmatched)", s.Nobody)},
			fact{"datagrams", fmt.Sprintf("%d from unknown sources, %d dropped by the kernel", s.Unknown, s.Drops)})
	}
	about := fmt.Sprintf("%s, %s, %d people", printable(s.Store.Path), size(s.Store.Size), s.Store.People)
	if s.Store.Commit > 0 {
		about += fmt.Sprintf(", last commit took %s", time.Duration(s.Store.Commit).Round(10*time.Microsecond))
	}
	if _, err := fmt.Fprint(p.stdout, p.facts(append(all, fact{"store", about}))); err != nil {
		return err
	}
	return errors.Join(p.printSites(s.Sites), p.printClients(s.Clients))
}

func (p *program) deskFacts(d control.Desk) (all []fact) {
	switch d.Mode {
	case "none":
		return []fact{{"desk", "no [kadence] configured: nothing is checked in or out"}}
	case "dry_run":
		all = []fact{{"desk", "dry run: bookings are read, nothing is checked in or out; last answer " + sinceThen(d.Success)}}
	default:
		all = []fact{{"desk", "last answer " + sinceThen(d.Success)}}
	}
	if d.Error != "" {
		all = append(all, fact{"", p.red(sinceThen(d.Failure) + ": " + printable(d.Error))})
	}
	if d.Rests.After(time.Now()) {
		all = append(all, fact{"", "no calls before " + p.at(d.Rests, "")})
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
	return p.printTable("SITE BUILDING TIME_ZONE ARRIVING PRESENT LEAVING SESSIONS", "BUILDING… SITE… TIME_ZONE SESSIONS ARRIVING BUILDING", lines)
}

func (p *program) printClients(clients []control.Client) error {
	if len(clients) == 0 {
		return nil
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	lines := make([][]string, len(clients))
	for i, c := range clients {
		lines[i] = []string{
			c.Name, c.Address, c.Site, sinceThen(c.LastHeard), number(c.Requests), number(c.Responses), number(c.Duplicates),
			number(c.BadSecrets), number(c.Malformed), number(c.Dropped), number(c.Anonymous), skew(time.Duration(c.Skew)),
		}
	}
	fmt.Fprintln(p.stdout)
	return p.printTable("CLIENT ADDRESS SITE LAST_HEARD REQUESTS ANSWERED REPEATS BAD_SECRETS MALFORMED DROPPED ANONYMOUS SKEW", "CLIENT… SITE… ANSWERED MALFORMED DROPPED REPEATS ANONYMOUS ADDRESS SITE SKEW", lines)
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
