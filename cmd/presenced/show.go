package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

func (p *program) show() *cobra.Command {
	var whole bool
	cmd := p.listing(&cobra.Command{
		Use:   "show WHO",
		Short: "A person's story: what was heard, concluded, done, not done and why",
		Long: "WHO is what you have: an address or how it begins, a name of the network such as CORP\\ann, a device's MAC address in\n" +
			"any spelling, or a visit.\n\n" +
			"The first lines say how things are now and why, what happened last, and what will happen next. Below is\n" +
			"what was heard of each device beside what it counts as, the visits, and the story, day by day.",
		Example: `presenced show ann@example.com
presenced show 02-11-22-33-44-55
presenced show ann@example.com --json | jq '.story[] | select(.kind == "not done")'`,
		Args:              asUsed,
		ValidArgsFunction: p.completeUser,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.read(cmd.Context(), func(r reader) error {
				user, err := who(cmd.Context(), r, args[0])
				if errors.Is(err, control.ErrUnknown) {
					return fmt.Errorf("%w; presenced unmatched has what led nowhere, and why", err)
				}
				if err != nil {
					return err
				}
				story, err := r.Show(cmd.Context(), user)
				if err != nil {
					return err
				}
				if p.json {
					return p.printJSON(story)
				}
				_, err = fmt.Fprint(p.stdout, p.tell(story, time.Now(), whole))
				return err
			})
		},
	})
	cmd.Flags().BoolVar(&whole, "all", false, "all that is remembered, not only the latest")
	return cmd
}

// What `show` prints of each kind, unless all is asked for.
const (
	shownSessions = 8
	shownVisits   = 5
	shownEntries  = 40
)

// tell writes a story to be read, in the time of the person's site.
func (p *program) tell(s control.Story, now time.Time, whole bool) string {
	now = now.In(p.zone(s.LastSite()))
	var text strings.Builder
	head := s.Headline(now)
	text.WriteString(p.stdout.Bold(terminal.Printable(s.User)+" "+head.Text) + "\n")
	text.WriteString(p.stdout.Facts(head.Facts))
	text.WriteString(p.stdout.Dim(p.stdout.Hang("", 0, "times are those of "+now.Location().String())))
	p.tellDevices(&text, s, now, whole)
	p.tellVisits(&text, s, now, whole)
	p.tellDays(&text, s, now, whole)
	return text.String()
}

// tellDevices puts what was heard of each session beside what it counts as.
func (p *program) tellDevices(text *strings.Builder, s control.Story, now time.Time, whole bool) {
	sessions, earlier := latest(s.Sessions, shownSessions, whole)
	if len(sessions) == 0 {
		return
	}
	p.heading(text, "devices, as heard and as they count", earlier, "presenced sessions --all --user "+s.User)
	for _, row := range sessions {
		device := terminal.Printable(row.Device)
		columns := terminal.Columns(device) + 4
		text.WriteString(p.stdout.Hang("  "+device+"  ", columns, heardOf(row, now)))
		text.WriteString(p.stdout.Hang(strings.Repeat(" ", columns)+"→ ", columns+2, countsAs(s, row, now)))
	}
}

func (p *program) tellVisits(text *strings.Builder, s control.Story, now time.Time, whole bool) {
	visits, earlier := latest(s.Visits, shownVisits, whole)
	if len(visits) == 0 {
		return
	}
	p.heading(text, "visits", earlier, "presenced visits --user "+s.User)
	for _, row := range visits {
		stay := "since " + terminal.When(row.Arrived.Time, now)
		if !row.Departed.IsZero() {
			stay = terminal.When(row.Arrived.Time, now) + " to " + clockOn(row.Departed.Time, row.Arrived.Time, now)
		}
		text.WriteString(p.stdout.Hang("  "+row.ID+"  ", len(row.ID)+4, stay+" at "+terminal.Printable(row.Site)+", "+string(row.State)))
		text.WriteString(p.stdout.Hang("      check-in   ", 17, terminal.Printable(errand(row.CheckIn))))
		text.WriteString(p.stdout.Hang("      check-out  ", 17, terminal.Printable(errand(row.CheckOut))))
	}
}

// tellDays writes the story, day by day.
func (p *program) tellDays(text *strings.Builder, s control.Story, now time.Time, whole bool) {
	entries, earlier := latest(s.Story, shownEntries, whole)
	zone, day := now.Location(), ""
	for i, e := range entries {
		at := e.At.In(zone)
		if name := longDay(at, now); name != day {
			if i > 0 {
				earlier = 0
			}
			p.heading(text, name, earlier, "presenced show --all "+s.User)
			day = name
		}
		clock, age := "  "+at.Format("15:04:05")+"  ", ""
		if width := p.stdout.Width(); terminal.SameDay(at, now) && (width == 0 || width > 70) {
			age = fmt.Sprintf("%-*s  ", len("10 min ago"), terminal.Coarse(at, now))
		}
		kind := p.kind(e.Kind) + strings.Repeat(" ", len(presence.Concluded)-len(e.Kind))
		text.WriteString(p.stdout.Hang(clock+p.stdout.Dim(age)+kind+"  ", len(clock)+len(age)+len(presence.Concluded)+2, terminal.Printable(e.Text)))
	}
}

// kind gives each kind of entry its colour.
func (p *program) kind(kind presence.EntryKind) string {
	switch kind {
	case presence.Done:
		return p.stdout.Green(string(kind))
	case presence.NotDone:
		return p.stdout.Yellow(string(kind))
	case presence.Concluded:
		return p.stdout.Bold(string(kind))
	}
	return p.stdout.Dim(string(kind))
}

// heading writes a heading, and where to find what was left out before it.
func (p *program) heading(text *strings.Builder, name string, left int, where string) {
	text.WriteString("\n" + p.stdout.Bold(name) + "\n")
	if left > 0 {
		text.WriteString(p.stdout.Dim(p.stdout.Hang("  ", 2, fmt.Sprintf("… %d earlier: %s", left, terminal.Printable(where)))))
	}
}

// latest returns the last n of all, and how many there are before them.
func latest[T any](all []T, n int, whole bool) (some []T, before int) {
	if whole || len(all) <= n {
		return all, 0
	}
	return slices.Clone(all[len(all)-n:]), len(all) - n
}
