package main

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

// completing is how long a shell waits for what can be typed next, and
// completed is how much of it is offered.
const (
	completing = 2 * time.Second
	completed  = 200
)

// complete offers the values that the daemon knows and that begin as what was
// typed, each with what it is about after a tab. Without a daemon it offers nothing.
func (p *program) complete(cmd *cobra.Command, typed string, values func(ctx context.Context, d *control.Remote) iter.Seq2[string, error]) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completing)
	defer cancel()
	daemon, err := p.daemon()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found := map[string]bool{}
	for line, err := range values(ctx, daemon) {
		if err != nil || len(found) == completed {
			break
		}
		value, about, _ := strings.Cut(line, "\t")
		if strings.HasPrefix(value, typed) && terminal.Printable(value) == value {
			found[value+"\t"+terminal.Printable(about)] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), cobra.ShellCompDirectiveNoFileComp
}

// each is a part of every row.
func each[Row any](rows iter.Seq2[Row, error], part func(Row) string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for row, err := range rows {
			if !yield(part(row), err) {
				return
			}
		}
	}
}

// completeUser offers users of whom something is remembered.
func (p *program) completeUser(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.complete(cmd, typed, func(ctx context.Context, d *control.Remote) iter.Seq2[string, error] {
		return each(d.Sessions(ctx, control.SessionQuery{All: true}), func(r control.Session) string { return r.User + "\t" + r.Site })
	})
}

// completeOpen offers visits about which something may yet be done.
func (p *program) completeOpen(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.complete(cmd, typed, func(ctx context.Context, d *control.Remote) iter.Seq2[string, error] {
		return each(d.Visits(ctx, control.VisitQuery{Open: true}), func(r control.Visit) string {
			return r.ID + "\t" + r.User
		})
	})
}

// completeNAS offers the NASes of live sessions.
func (p *program) completeNAS(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return p.complete(cmd, typed, func(ctx context.Context, d *control.Remote) iter.Seq2[string, error] {
		return each(d.Sessions(ctx, control.SessionQuery{}), func(r control.Session) string { return r.NAS + "\t" + r.Site })
	})
}

// completeDevice offers the devices of live sessions.
func (p *program) completeDevice(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return p.complete(cmd, typed, func(ctx context.Context, d *control.Remote) iter.Seq2[string, error] {
		return each(d.Sessions(ctx, control.SessionQuery{}), func(r control.Session) string { return r.Device + "\t" + r.User })
	})
}

// completeSite offers the configured sites.
func (p *program) completeSite(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return p.complete(cmd, typed, func(ctx context.Context, d *control.Remote) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			s, err := d.Status(ctx)
			for _, site := range s.Sites {
				if !yield(site.Name+"\t"+site.Building, err) {
					return
				}
			}
		}
	})
}

// completeClient offers the configured clients.
func (p *program) completeClient(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	if cfg, err := configs.Load(p.config); err == nil {
		for _, c := range cfg.Radius.Clients {
			names = append(names, c.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completes says how the shell completes the values of the flags of cmd.
func (p *program) completes(cmd *cobra.Command) {
	for name, values := range map[string]cobra.CompletionFunc{
		"user": p.completeUser, "site": p.completeSite, "nas": p.completeNAS, "device": p.completeDevice, "client": p.completeClient,
		"since": cobra.FixedCompletions([]string{"1h", "24h", "7d", "today", "yesterday", "monday"}, cobra.ShellCompDirectiveNoFileComp),
	} {
		if cmd.Flags().Lookup(name) != nil {
			cmd.RegisterFlagCompletionFunc(name, values) // of a flag that is there, once
		}
	}
}
