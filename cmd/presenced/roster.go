package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

func (p *program) roster() *cobra.Command {
	var q control.RosterQuery
	cmd := &cobra.Command{
		Use:   "roster",
		Short: "A site's day: bookings beside presence, and what became of them",
		Long: "Who has booked and is here, checked in by presenced or by others, refused, not seen yet, or here without a booking; first the\n" +
			"numbers, which count people, and then a line for each booking. BECAME is released (although they were here), refused (so far or\n" +
			"for good), checked_in (by presenced), by_others, dry_run (would have been), waiting (here, and not checked in), not_seen, or\n" +
			"without (a booking).\n\n" +
			"The bookings are those that presenced has read anyway, five minutes ago at the most; nothing is kept for this. Of a day that is\n" +
			"over only those are known that somebody's visit had to do with. [control] roster = false turns it off.",
		Example: `presenced roster --site london
presenced roster --day 2026-11-27 --csv > friday.csv`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.read(cmd.Context(), func(r reader) error { return p.printRosters(cmd.Context(), r, q) })
		},
	}
	cmd.Flags().StringVar(&q.Site, "site", "", "only of this `SITE`")
	cmd.Flags().Var((*date)(&q.Day), "day", "of this `DAY` instead of today: yesterday, monday, or 2026-11-27")
	return p.sheet(p.listing(cmd))
}

// rosterHeader is that of the table; a site of its own has each line of a spreadsheet.
const rosterHeader = "USER BOOKING BEGINS ENDS SINCE LEFT STATE BECAME WHY"

func (p *program) printRosters(ctx context.Context, r reader, q control.RosterQuery) error {
	all := []control.Roster{}
	for roster, err := range r.Rosters(ctx, q) {
		if err != nil {
			return err
		}
		all = append(all, roster)
	}
	switch {
	case p.json:
		return p.printJSON(all)
	case p.csv:
		var lines [][]string
		for _, roster := range all {
			for _, line := range p.rosterLines(roster) {
				lines = append(lines, append([]string{roster.Site}, line...))
			}
		}
		return p.printCSV("SITE "+rosterHeader, lines)
	}
	for i, roster := range all {
		if err := p.tellRoster(roster, i > 0); err != nil {
			return err
		}
	}
	return nil
}

// tellRoster prints the numbers of a site, and a table.
func (p *program) tellRoster(r control.Roster, apart bool) error {
	title := terminal.Printable(r.Site) + " on " + r.Day
	text := p.stdout.Bold(title) + p.stdout.Hang(": ", terminal.Columns(title)+2, numbers(r))
	if apart {
		text = "\n" + text
	}
	switch {
	case !r.AsOf.IsZero():
		text += p.stdout.Dim("bookings as of "+p.at(r.AsOf, r.Site)) + "\n"
	case r.Why == "":
		text += p.stdout.Dim("the bookings have not been read yet") + "\n"
	}
	if r.Why != "" {
		text += p.stdout.Hang("", 0, terminal.Printable(r.Why))
	}
	if _, err := io.WriteString(p.stdout, text); err != nil || len(r.People) == 0 {
		return err
	}
	return p.stdout.PrintTable(rosterHeader, "WHY…16 USER…16 BOOKING…8 LEFT ENDS STATE BEGINS", p.rosterLines(r))
}

// numbers says a roster's numbers in one line, without those that are nothing and need
// no saying.
func numbers(r control.Roster) string {
	parts := []string{fmt.Sprintf("%d booked", r.Booked), fmt.Sprintf("%d here", r.Here), fmt.Sprintf("%d checked in by us", r.CheckedIn)}
	for _, more := range []struct {
		n    int
		what string
	}{
		{r.DryRun, "would have been (dry run)"}, {r.ByOthers, "by others"}, {r.Refused, "refused"}, {r.Waiting, "not checked in though here"}, {r.NotSeen, "not seen yet"},
		{r.Released, "released though here"}, {r.Without, "here without a booking"}, {r.WalkIns, "walk-ins"},
	} {
		if more.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", more.n, more.what))
		}
	}
	return strings.Join(parts, ", ")
}

func (p *program) rosterLines(r control.Roster) (lines [][]string) {
	for _, e := range r.People {
		became := string(e.Became)
		if e.WalkIn {
			became += " (walk-in)"
		}
		lines = append(lines, []string{
			e.User, bookingOf(e), p.at(e.Begin, r.Site), p.at(e.End, r.Site), p.at(e.Since, r.Site), p.at(e.Left, r.Site), string(e.State), became, e.Why,
		})
	}
	return lines
}

// bookingOf names the booking by its desk, else by its type or its id.
func bookingOf(e control.Enrolled) string {
	for _, name := range []string{e.Space, e.Type, e.Booking} {
		if name != "" {
			return name
		}
	}
	return ""
}

// date is a flag that names a day. Which date that is each site says: its day turns in
// the small hours.
type date string

func (d *date) Type() string   { return "day" }
func (d *date) String() string { return string(*d) }

func (d *date) Set(text string) error {
	if _, is := control.DayNamed(text, time.Now()); !is {
		return fmt.Errorf("%q is no day: write today, yesterday, monday, or %s", text, time.Now().Format(time.DateOnly))
	}
	*d = date(text)
	return nil
}

// noRoll says that without a daemon nobody has read the bookings.
func noRoll(roster bool) func(context.Context, string) (presence.Roll, error) {
	return func(context.Context, string) (presence.Roll, error) {
		if !roster {
			return presence.Roll{}, control.ErrNoRoster
		}
		return presence.Roll{Why: "only a running daemon reads bookings: only those are known that a visit had to do with"}, nil
	}
}
