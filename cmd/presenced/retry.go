package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) retry() *cobra.Command {
	const about = "Has the courier try at once what it would try later. Nothing is done twice: the booking is read first."
	return p.byHand("retry VISIT", "Try a visit's pending check-in or check-out now", about, "is tried now", (*control.Remote).Retry)
}

func (p *program) drop() *cobra.Command {
	const about = "Has the courier leave the visit's bookings as they are from now on. The daemon's log has who did it."
	return p.byHand("drop VISIT", "Give a visit's pending check-in or check-out up", about, "is given up", (*control.Remote).Drop)
}

// byHand is a verb about one visit's errand.
func (p *program) byHand(use, short, about, done string, order func(d *control.Remote, ctx context.Context, user, visit string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use,
		Short:             short,
		Long:              about,
		Example:           "presenced visits --pending\npresenced " + strings.Replace(use, "VISIT", "mjflhp1uf3", 1),
		Args:              asUsed,
		ValidArgsFunction: p.completePending,
		RunE: func(cmd *cobra.Command, args []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			visit, err := findVisit(cmd.Context(), daemon, args[0])
			if err != nil {
				return err
			}
			if err := order(daemon, cmd.Context(), visit.User, visit.ID); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "visit %s of %s %s\n", visit.ID, terminal.Printable(visit.User), done)
			return err
		},
	}
}

// findVisit finds a visit by its id, if there is still something to do about it.
func findVisit(ctx context.Context, daemon *control.Remote, id string) (control.Visit, error) {
	for _, open := range []bool{true, false} {
		for v, err := range daemon.Visits(ctx, control.VisitQuery{Open: open}) {
			switch {
			case err != nil:
				return control.Visit{}, err
			case v.ID == id && open:
				return v, nil
			case v.ID == id:
				return control.Visit{}, fmt.Errorf("visit %s of %s is archived: there is nothing left to do", id, terminal.Printable(v.User))
			}
		}
	}
	return control.Visit{}, fmt.Errorf("there is no visit %s", terminal.Printable(id))
}
