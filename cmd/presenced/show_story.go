package main

import (
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

// heardOf is what was heard of a session.
func heardOf(row control.Session, now time.Time) string {
	at := func(t control.Time) string { return terminal.Short(t.In(now.Location()), now) }
	text := string(row.State) + " " + row.Where() + ", NAS " + terminal.Printable(row.NAS) + "; began " + at(row.Started) + ", last heard " + at(row.Seen)
	if row.Interim > 0 {
		text += ", interims every " + terminal.Roughly(time.Duration(row.Interim))
	}
	if !row.Ended.IsZero() {
		text += ", ended " + at(row.Ended)
	}
	return text + terminal.Because(row.Cause)
}

// countsAs says what a session comes to.
func countsAs(s control.Story, row control.Session, now time.Time) string {
	switch row.State {
	case presence.Open:
		return "counts as here, at " + terminal.Printable(row.Site)
	case presence.Suspect:
		return "held as here, at " + terminal.Printable(row.Site) + ": that is the network's doing, not the person's"
	case presence.Expired:
		return "counts as gone; when it went is not known, only max_session ended it"
	}
	for _, here := range s.People {
		if here.Site == row.Site && !here.Deadline.IsZero() {
			return "counts as gone; that the person left is believed " + terminal.When(here.Deadline.Time, now)
		}
	}
	return "counts as gone"
}

// clockOn writes a moment after another, and its day only if that is another.
func clockOn(t, before, now time.Time) string {
	if local := t.In(now.Location()); terminal.SameDay(local, before) {
		return local.Format("15:04")
	}
	return terminal.When(t, now)
}

// longDay names the day of t as a heading.
func longDay(t, now time.Time) string {
	name := terminal.DayName(t, now)
	switch {
	case terminal.SameDay(t, now):
		return "today, " + name
	case terminal.SameDay(t, now.AddDate(0, 0, -1)):
		return "yesterday, " + name
	}
	return name
}
