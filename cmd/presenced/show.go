package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
)

func (p *program) show() *cobra.Command {
	return p.listing(&cobra.Command{
		Use:   "show USER",
		Short: "A person's story: what was heard, concluded, done, not done and why",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.read(cmd.Context(), func(r reader) error {
				story, err := r.Show(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if p.json {
					return p.printJSON(story)
				}
				p.tell(p.stdout, story)
				return nil
			})
		},
	})
}

// tell prints a story to be read.
func (p *program) tell(w io.Writer, s control.Story) {
	fmt.Fprintln(w, p.bold(s.User))
	for _, row := range s.People {
		fmt.Fprintf(w, "  %s at %s since %s, %s here\n", row.State, printable(row.Site), moment(row.Since), count(row.Devices, "device"))
	}
	if len(s.People) == 0 {
		fmt.Fprintln(w, "  not here")
	}
	if len(s.Sessions) > 0 {
		fmt.Fprintf(w, "\n%s\n", p.bold("sessions"))
	}
	for _, row := range s.Sessions {
		fmt.Fprintf(w, "  %s  %s at %s, %s", moment(row.Started), printable(row.Device), printable(row.Site), row.State)
		if !row.Ended.IsZero() {
			fmt.Fprintf(w, " %s", moment(row.Ended))
		}
		if row.Cause != "" {
			fmt.Fprintf(w, " (%s)", row.Cause)
		}
		fmt.Fprintf(w, ", network %s, NAS %s, AP %s\n", printable(row.SSID), printable(row.NAS), printable(row.AP))
	}
	if len(s.Visits) > 0 {
		fmt.Fprintf(w, "\n%s\n", p.bold("visits"))
	}
	for _, row := range s.Visits {
		fmt.Fprintf(w, "  %s  %s to %s at %s, %s\n", row.ID, moment(row.Arrived), moment(row.Departed), printable(row.Site), row.State)
		fmt.Fprintf(w, "      check-in   %s\n      check-out  %s\n", printable(errand(row.CheckIn)), printable(errand(row.CheckOut)))
	}
	if len(s.Story) > 0 {
		fmt.Fprintf(w, "\n%s\n", p.bold("story"))
	}
	for _, e := range s.Story {
		fmt.Fprintf(w, "  %s  %-9s  %s\n", moment(control.Time{Time: e.At}), e.Kind, printable(e.Text))
	}
	if len(s.Next) > 0 {
		fmt.Fprintf(w, "\n%s\n", p.bold("next"))
	}
	for _, n := range s.Next {
		fmt.Fprintf(w, "  %s  %s\n", moment(n.At), printable(n.What))
	}
}
