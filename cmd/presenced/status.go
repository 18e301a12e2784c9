package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/store"
)

func (p *program) status() *cobra.Command {
	return p.listing(&cobra.Command{
		Use:   "status",
		Short: "One screen: clients, sites, people present, visits pending, the desk's health, the store",
		Args:  cobra.NoArgs,
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
	s, err := store.OpenReadOnly(at.store)
	if err != nil {
		return control.Status{}, fmt.Errorf("presenced is not running, and its file cannot be read: %w", err)
	}
	status := control.Status{Config: p.config, Store: control.StoreInfo{Path: at.store, Size: s.Stats().Size}}
	return status, errors.Join(control.Listings{Store: s, Rules: at.rules}.Count(ctx, &status), s.Close())
}

func (p *program) printStatus(s control.Status) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	if s.Running {
		up := time.Since(s.Started.Time).Round(time.Second)
		state := "ready"
		if !s.Ready {
			state = p.red("not recording")
		}
		fmt.Fprintf(w, "presenced\t%s, pid %d, up %s, %s\n", s.Version, s.PID, up, state)
		fmt.Fprintf(w, "listening\t%s\n", strings.Join(s.Listening, ", "))
		if s.HTTP != "" {
			fmt.Fprintf(w, "page\t%s\n", printable(s.HTTP))
		}
	} else {
		fmt.Fprintf(w, "presenced\t%s\n", p.red("not running"))
	}
	fmt.Fprintf(w, "configuration\t%s\n", printable(s.Config))
	fmt.Fprintf(w, "people\t%d here, %d live sessions, %d visits with a call pending\n", s.People, s.Live, s.Pending)
	if s.Running {
		p.printDesk(w, s.Desk)
		fmt.Fprintf(w, "unmatched\t%d (see presenced unmatched)\n", s.Nobody)
		fmt.Fprintf(w, "datagrams\t%d from unknown sources, %d dropped by the kernel\n", s.Unknown, s.Drops)
	}
	fmt.Fprintf(w, "store\t%s, %s, %d people", printable(s.Store.Path), size(s.Store.Size), s.Store.People)
	if s.Store.Commit > 0 {
		fmt.Fprintf(w, ", last commit took %s", time.Duration(s.Store.Commit).Round(10*time.Microsecond))
	}
	fmt.Fprintln(w)
	if err := w.Flush(); err != nil {
		return err
	}
	return errors.Join(p.printSites(s.Sites), p.printClients(s.Clients))
}

func (p *program) printDesk(w io.Writer, d control.Desk) {
	switch {
	case d.Mode == "none":
		fmt.Fprintln(w, "desk\tno [kadence] configured: nothing is checked in or out")
		return
	case d.Mode == "dry_run":
		fmt.Fprintf(w, "desk\tdry run: bookings are read, nothing is checked in or out; last answer %s\n", ago(d.Success))
	default:
		fmt.Fprintf(w, "desk\tlast answer %s\n", ago(d.Success))
	}
	if d.Error != "" {
		fmt.Fprintf(w, "\t%s\n", p.red(fmt.Sprintf("%s: %s", moment(d.Failure), printable(d.Error))))
	}
	if d.Rests.After(time.Now()) {
		fmt.Fprintf(w, "\tno calls before %s\n", moment(d.Rests))
	}
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
	return p.printTable("SITE BUILDING TIME_ZONE ARRIVING PRESENT LEAVING SESSIONS", lines)
}

func (p *program) printClients(clients []control.Client) error {
	if len(clients) == 0 {
		return nil
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	lines := make([][]string, len(clients))
	for i, c := range clients {
		lines[i] = []string{
			c.Name, c.Address, c.Site, ago(c.LastHeard), number(c.Requests), number(c.Responses), number(c.Duplicates),
			number(c.BadSecrets), number(c.Malformed), number(c.Dropped), number(c.Anonymous), skew(time.Duration(c.Skew)),
		}
	}
	fmt.Fprintln(p.stdout)
	return p.printTable("CLIENT ADDRESS SITE LAST_HEARD REQUESTS ANSWERED REPEATS BAD_SECRETS MALFORMED DROPPED ANONYMOUS SKEW", lines)
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
