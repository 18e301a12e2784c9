package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
)

func (p *program) unmatched() *cobra.Command {
	return p.listing(&cobra.Command{
		Use:   "unmatched",
		Short: "Identities, networks, NASes and sources that led nowhere, how often, why, and what to change",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			err = list(p, daemon.Unmatched(cmd.Context()), "KIND KEY COUNT LAST REASON REMEDY", func(r control.Unmatched) []string {
				return []string{r.Kind, r.Key, strconv.Itoa(r.Count), moment(r.Last), r.Reason, r.Remedy}
			})
			if errors.Is(err, control.ErrNotRunning) {
				return fmt.Errorf("%w; only a running daemon knows what led nowhere", err)
			}
			return err
		},
	})
}
