package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

// change is something that `watch` saw.
type change struct {
	At    control.Time `json:"at"`   // when it was seen
	What  string       `json:"what"` // arriving, arrived, leaving, back, left, check-in, check-out, client, unmatched, desk, daemon
	User  string       `json:"user"`
	Site  string       `json:"site"`
	Visit string       `json:"visit"` // its id
	Text  string       `json:"text"`
}

// String is a change as a line, without its time.
func (c change) String() string {
	if c.User == "" {
		return fmt.Sprintf("%-9s  %s", c.What, terminal.Printable(c.Text))
	}
	return fmt.Sprintf("%-9s  %s  %s", c.What, terminal.Printable(c.User), terminal.Printable(c.Text))
}

// inOrder sorts changes that were seen at once as a story goes.
func inOrder(changes []change) {
	order := []string{"arriving", "arrived", "check-in", "leaving", "back", "left", "check-out"}
	slices.SortStableFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(slices.Index(order, a.What), slices.Index(order, b.What)))
	})
}

// visitChanges says what became of a visit; old is empty if it was not there.
func visitChanges(old, v control.Visit, now time.Time) (changes []change) {
	add := func(what, text string) {
		changes = append(changes, change{control.Time{Time: now}, what, v.User, v.Site, v.ID, text})
	}
	came := old.State == "" || old.State == presence.Arriving
	switch {
	case v.State == old.State:
	case v.State == presence.Arriving:
		add("arriving", "is arriving at "+v.Site+terminal.Because(v.Why)+believed(v, now))
	case came && v.State == presence.Present:
		add("arrived", "is at "+v.Site)
	case v.State == presence.Present:
		add("back", "is back at "+v.Site)
	default: // a look may have missed what was in between
		if came && v.State != presence.Over {
			add("arrived", "is at "+v.Site)
		}
		if v.State == presence.Leaving {
			add("leaving", "has no device at "+v.Site+" any more"+terminal.Because(v.Why)+believed(v, now))
		} else {
			add("left", "left "+v.Site+", last heard "+terminal.Ago(v.Departed.Time, now)+terminal.Because(v.Why))
		}
	}
	if news(old.CheckIn, v.CheckIn) {
		add("check-in", v.CheckIn.Told("check-in", nil))
	}
	if news(old.CheckOut, v.CheckOut) {
		add("check-out", v.CheckOut.Told("check-out", nil))
	}
	return changes
}

// believed says when what the visit waits for is believed, "" if time alone does not
// tell.
func believed(v control.Visit, now time.Time) string {
	if v.Until.IsZero() {
		return ""
	}
	return ", believed " + terminal.Ago(v.Until.Time, now)
}

// news reports whether there is something to tell of an errand that was not
// so before. That it waits, or is about to be tried, is not news.
func news(old, e control.Errand) bool {
	if old.Status == e.Status && old.Reason == e.Reason && len(old.Bookings) == len(e.Bookings) {
		return false
	}
	return e.Reason != "" || e.Status != presence.Waiting && e.Status != presence.Pending
}

// statusChanges says what changed about the daemon as a whole.
func statusChanges(old, s control.Status, now time.Time) (changes []change) {
	add := func(what, format string, args ...any) {
		changes = append(changes, change{At: control.Time{Time: now}, What: what, Text: fmt.Sprintf(format, args...)})
	}
	restarted := !s.Started.Equal(old.Started.Time)
	switch {
	case restarted:
		add("daemon", "was started anew, pid %d", s.PID)
		old = control.Status{Troubles: old.Troubles} // its counters began anew
	case !s.Reloaded.Equal(old.Reloaded.Time):
		add("daemon", "has read its configuration again")
	}
	for _, t := range s.Troubles {
		if !slices.ContainsFunc(old.Troubles, func(was control.Trouble) bool { return same(was, t) && was.Cause == t.Cause }) {
			add(t.About, "%s", t.Text(now))
		}
	}
	for _, was := range old.Troubles {
		if !slices.ContainsFunc(s.Troubles, func(t control.Trouble) bool { return same(was, t) }) {
			add(was.About, "no longer: %s", was.What)
		}
	}
	before := map[string]control.Client{}
	for _, c := range old.Clients {
		before[c.Name] = c
	}
	for _, c := range s.Clients {
		was := before[c.Name]
		if was.LastHeard.IsZero() && !c.LastHeard.IsZero() {
			add("client", "%s is heard for the first time since the start", c.Name)
		}
		more(add, "client", c.Name+": a request with a wrong secret", c.Name+": %d requests with a wrong secret", was.BadSecrets, c.BadSecrets)
		more(add, "client", c.Name+": a malformed request", c.Name+": %d malformed requests", was.Malformed, c.Malformed)
	}
	more(add, "client", "a datagram from an unknown source", "%d datagrams from unknown sources", old.Unknown, s.Unknown)
	more(add, "daemon", "the kernel dropped a datagram", "the kernel dropped %d datagrams", old.Drops, s.Drops)
	more(add, "unmatched", "one more that led nowhere", "%d more that led nowhere", uint64(old.Nobody), uint64(s.Nobody))
	return changes
}

// same reports whether two troubles are one, however long it has lasted.
func same(a, b control.Trouble) bool { return a.Kind == b.Kind && a.Of == b.Of }

// more adds by how much a counter grew.
func more(add func(string, string, ...any), what, one, many string, before, now uint64) {
	switch n := now - min(before, now); n {
	case 0:
	case 1:
		add(what, "%s", one)
	default:
		add(what, many, n)
	}
}
