package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) unmatched() *cobra.Command {
	return p.sheet(p.listing(&cobra.Command{
		Use:   "unmatched",
		Short: "Identities, networks, NASes and sources that led nowhere, how often, why, and what to change",
		Long: "What was heard since the daemon started and led to nobody, the most frequent first, with the reason and what to change on\n" +
			"which side.",
		Example: `presenced unmatched
presenced unmatched --csv > to-mend.csv`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			rows := daemon.Unmatched(cmd.Context())
			if p.stdout.Width() > 0 && !p.json && !p.csv {
				return whatToMend(p.tellUnmatched(rows))
			}
			err = list(p, rows, "KIND KEY COUNT LAST REASON REMEDY", "", func(r control.Unmatched) []string {
				return []string{r.Kind, r.Key, strconv.Itoa(r.Count), p.at(r.Last, ""), r.Reason, r.Remedy}
			})
			return whatToMend(err)
		},
	}))
}

func whatToMend(err error) error {
	if errors.Is(err, control.ErrNotRunning) {
		return fmt.Errorf("%w; only a running daemon knows what led nowhere", err)
	}
	return err
}

// tellUnmatched writes, for a terminal, what no table has room for.
func (p *program) tellUnmatched(rows iter.Seq2[control.Unmatched, error]) error {
	var text strings.Builder
	for r, err := range rows {
		if err != nil {
			return err
		}
		text.WriteString(p.stdout.Bold(r.Kind+" "+terminal.Printable(r.Key)) + "\n")
		text.WriteString(p.stdout.Hang("    ", 4, fmt.Sprintf("%s, last %s: %s", times(r.Count), p.at(r.Last, ""), terminal.Printable(r.Reason))))
		if r.Remedy != "" {
			text.WriteString(p.stdout.Hang("    → ", 6, terminal.Printable(r.Remedy)))
		}
	}
	if text.Len() == 0 {
		text.WriteString("nothing led nowhere since the daemon started\n")
	}
	_, err := io.WriteString(p.stdout, text.String())
	return err
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}
