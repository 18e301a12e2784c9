package daemon

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// countTime is for counting whom another configuration would make leave.
const countTime = 5 * time.Second

// changes tells what is otherwise in another configuration, and what follows of it for
// the people who are here; with dry it only would.
func (d *Daemon) changes(ctx context.Context, next *prepared, dry bool) []string {
	now := d.inForce.Load()
	told := []string{}
	for _, change := range now.config.Changes(next.config) {
		text := change.String()
		if slices.Contains(atStart, change.Key) {
			text += ", from the next start on"
		}
		told = append(told, text)
	}
	follows := d.follows(ctx, now, next, dry)
	if len(told) == 1 && follows != "" {
		return []string{told[0] + ": " + follows}
	}
	if follows != "" {
		told = append(told, follows)
	}
	return told
}

// atStart are the keys of what [fixed] returns.
var atStart = []string{
	"radius.listen", "radsec.listen", "radsec.max_connections", "store.path", "control.socket", "control.http",
}

// follows tells what follows of other rules for the people who are here: who leaves by
// them, who has arrived, and who may be tracked no longer.
func (d *Daemon) follows(ctx context.Context, now, next *prepared, dry bool) string {
	is, was := next.mapping.Identity, now.mapping.Identity
	if reflect.DeepEqual(now.rules, next.rules) && reflect.DeepEqual([]any{is.OptOut, is.OptIn}, []any{was.OptOut, was.OptIn}) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	before := d.Tracker.World()
	after := before
	after.Rules = next.rules
	var left, arrived, erased people
	for all, err := range presence.Everybody(ctx, d.Store, "") {
		if err != nil || ctx.Err() != nil {
			return "whom that concerns was not counted"
		}
		for i := range all {
			p, at := &all[i], time.Now()
			old, will := p.View(at, before), p.View(at, after)
			for id, o := range will.Outlooks {
				left.count(o.State == presence.Over && old.Outlooks[id].State != presence.Over)
				arrived.count(o.State == presence.Present && old.Outlooks[id].State == presence.Arriving)
			}
			erased.count(is.Barred(p.User) != "")
		}
	}
	if dry {
		return listed(left.who("would leave now"), arrived.who("would have arrived"), erased.who("would be erased"))
	}
	return listed(left.who("believed gone now"), arrived.who("believed to have arrived"), erased.who("erased"))
}

// people is a number of them.
type people int

func (n *people) count(is bool) {
	if is {
		*n++
	}
}

// who says of so many people what they are or do; "" of nobody.
func (n people) who(what string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 person " + what
	}
	return fmt.Sprintf("%d people %s", n, what)
}

// listed are the texts that say something.
func listed(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), ", ")
}
