package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

func (p *program) retry() *cobra.Command {
	return &cobra.Command{
		Use:   "retry VISIT",
		Short: "Try a visit's pending check-in or check-out now, and take up what was dropped",
		Long: "Has the courier try at once what it would try later, or what was dropped as long as the visit's bookings run. Nothing is\n" +
			"done twice: the booking is read first.",
		Example:           "presenced visits --pending\npresenced retry mjflhp1uf3",
		Args:              asUsed,
		ValidArgsFunction: p.completeOpen,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.byHand(cmd.Context(), args[0], func(daemon *control.Remote, v control.Visit) error {
				if err := daemon.Retry(cmd.Context(), v.User, v.ID); err != nil {
					return err
				}
				_, err := fmt.Fprintf(p.stdout, "visit %s of %s is tried now\n", v.ID, terminal.Printable(v.User))
				return err
			})
		},
	}
}

func (p *program) drop() *cobra.Command {
	var sure bool
	cmd := &cobra.Command{
		Use:   "drop VISIT",
		Short: "Leave a visit's bookings as they are from now on; shows them first",
		Long: "Shows a visit, and with --yes has the courier leave its bookings as they are: what is not checked in is not checked in any\n" +
			"more, and what is stays so. retry takes it up again. The daemon's log has who did it.",
		Example:           "presenced visits --pending\npresenced drop mjflhp1uf3 --yes",
		Args:              asUsed,
		ValidArgsFunction: p.completeOpen,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.byHand(cmd.Context(), args[0], func(daemon *control.Remote, v control.Visit) error {
				if sure {
					if err := daemon.Drop(cmd.Context(), v.User, v.ID); err != nil {
						return err
					}
					_, err := fmt.Fprintf(p.stdout, "visit %s of %s is given up: %s\n", v.ID, terminal.Printable(v.User), left(v))
					return err
				}
				err := p.listVisits(func(yield func(control.Visit, error) bool) { yield(v, nil) })
				fmt.Fprintf(p.stderr, "nothing was given up; --yes gives it up: %s\n", left(v))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "give it up")
	return cmd
}

// left says how the bookings of a visit are left that is dropped.
func left(v control.Visit) string {
	in := slices.DeleteFunc(slices.Clone(v.CheckIn.Bookings), func(id string) bool { return slices.Contains(v.CheckOut.Bookings, id) })
	switch {
	case len(in) > 0:
		return "booking " + terminal.Printable(strings.Join(in, ", ")) + " stays checked in"
	case v.State == presence.Over:
		return "nothing is checked out"
	}
	return "nothing is checked in"
}

// byHand does something about a visit of which not everything is done.
func (p *program) byHand(ctx context.Context, id string, do func(*control.Remote, control.Visit) error) error {
	daemon, err := p.daemon()
	if err != nil {
		return err
	}
	v, err := findVisit(ctx, daemon, id)
	if err != nil {
		return err
	}
	return do(daemon, v)
}

// visitsOf is what has visits.
type visitsOf interface {
	Visits(ctx context.Context, q control.VisitQuery) iter.Seq2[control.Visit, error]
}

// findVisit finds a visit by its id, if there is still something to do about it.
func findVisit(ctx context.Context, daemon visitsOf, id string) (control.Visit, error) {
	var pending []string
	for _, open := range []bool{true, false} {
		for v, err := range daemon.Visits(ctx, control.VisitQuery{Open: open}) {
			switch {
			case err != nil:
				return control.Visit{}, err
			case v.ID == id && open:
				return v, nil
			case v.ID == id:
				return control.Visit{}, fmt.Errorf("visit %s of %s is archived: there is nothing left to do", id, terminal.Printable(v.User))
			case open && len(pending) < offered && (v.CheckIn.Status == presence.Pending || v.CheckOut.Status == presence.Pending):
				pending = append(pending, v.ID+" of "+terminal.Printable(v.User))
			}
		}
	}
	if len(pending) == 0 {
		return control.Visit{}, fmt.Errorf("there is no visit %s, and none with a call pending", terminal.Printable(id))
	}
	return control.Visit{}, fmt.Errorf("there is no visit %s; with a call pending there is %s", terminal.Printable(id), strings.Join(pending, ", "))
}
