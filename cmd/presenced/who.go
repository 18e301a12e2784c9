package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// names reads what an operator types as the daemon does, for when none runs: by the
// configuration, as far as it can be read. Devices that are kept as hashes are
// found as they are listed only, as the key is the daemon's.
func (p *program) names() control.Names {
	n := control.Names{Device: func(text string) (mac, kept string) {
		if mac, is := radiusacct.WholeMAC(text); is {
			return mac, ""
		}
		return text, ""
	}}
	if cfg, err := configs.LoadRules(p.config); err == nil {
		n.User = cfg.Mapping.Identity.User
	}
	return n
}

// finder knows who is meant by what an operator has.
type finder interface {
	Find(ctx context.Context, who string) ([]string, error)
}

// who returns the one user who is meant; several are an error that names them.
func who(ctx context.Context, f finder, text string) (string, error) {
	users, err := f.Find(ctx, text)
	switch {
	case err != nil:
		return "", err
	case len(users) > offered:
		return "", fmt.Errorf("%s may be %s and others: which?", terminal.Printable(text), terminal.Printable(strings.Join(users[:offered], ", ")))
	case len(users) > 1:
		return "", fmt.Errorf("%s may be %s: which?", terminal.Printable(text), terminal.Printable(strings.Join(users, ", ")))
	}
	return users[0], nil
}

// whoExactly is who for what cannot be undone: how an address begins, a device and a visit
// are an error, which names who may be meant.
func whoExactly(ctx context.Context, f finder, text string) (string, error) {
	user, err := who(ctx, f, text)
	name, _, _ := strings.Cut(presence.Fold(text), "@")
	if i := strings.LastIndex(name, `\`); i >= 0 {
		name = name[i+1:]
	}
	if err == nil && user != presence.Fold(text) && !strings.HasPrefix(user, name+"@") {
		return "", fmt.Errorf("%s may be %s: give the address", terminal.Printable(text), terminal.Printable(user))
	}
	return user, err
}

// offered is how many names there are to choose from in place of a wrong one.
const offered = 5

// choosing makes of what an operator calls a user the address, if there is a choice by
// user.
func choosing(ctx context.Context, f finder, user *string) (err error) {
	if *user != "" {
		*user, err = who(ctx, f, *user)
	}
	return err
}

// orElse yields the rows, and if there is none the error that none returns.
func orElse[Row any](rows iter.Seq2[Row, error], none func() error) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		any := false
		for row, err := range rows {
			if any = true; !yield(row, err) {
				return
			}
		}
		if any {
			return
		}
		if err := none(); err != nil {
			var row Row
			yield(row, err)
		}
	}
}

// sessionsOf is what has sessions.
type sessionsOf interface {
	Sessions(ctx context.Context, q control.SessionQuery) iter.Seq2[control.Session, error]
}

// chosen says, of a query that chose no session, which of its names does not exist.
func (p *program) chosen(ctx context.Context, r sessionsOf, q control.SessionQuery) error {
	nases := map[string]bool{}
	device, nas := q.Device == "", q.NAS == "" || p.isClient(q.NAS)
	for s, err := range r.Sessions(ctx, control.SessionQuery{All: true, Device: q.Device}) {
		if err != nil {
			return err
		}
		device = true
		nas = nas || presence.NASName(s.NAS).Is(q.NAS)
		if s.NAS != "" { // which is forgotten with the session's end
			nases[s.NAS] = true
		}
	}
	switch {
	case !device:
		return fmt.Errorf("device %s: %w", terminal.Printable(q.Device), control.ErrUnknown)
	case !nas && len(nases) > 0:
		there := slices.Sorted(maps.Keys(nases))
		return fmt.Errorf("no NAS is called %q: there is %s", q.NAS, terminal.Printable(strings.Join(there[:min(offered, len(there))], ", ")))
	}
	return nil
}

// isClient reports whether the configuration has a client of that name, which may not
// have been heard yet.
func (p *program) isClient(name string) bool {
	cfg, err := configs.LoadRules(p.config)
	return err == nil && slices.ContainsFunc(cfg.Radius.Clients, func(c radiusacct.Client) bool { return c.Name == name })
}
