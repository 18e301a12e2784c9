package main

import (
	"fmt"
	"time"

	"github.com/presenced/presenced/internal/control"
)

// moment writes t in RFC 3339 in local time, "-" for none.
func moment(t control.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.RFC3339)
}

// at is a moment at a site in a cell: short for a person at a terminal,
// otherwise RFC 3339.
func (p *program) at(t control.Time, site string) string {
	switch _, ok := p.terminal(); {
	case t.IsZero():
		return ""
	case p.csv:
		return t.UTC().Format(time.RFC3339)
	case !ok:
		return moment(t)
	}
	return short(t.In(p.zone(site)), time.Now())
}

// short writes a moment as a person would: how long ago it was, the time on
// the clock if it was earlier today, or the day and the time.
func short(t, now time.Time) string {
	switch {
	case now.Sub(t).Abs() < time.Hour:
		return ago(t, now)
	case sameDay(t, now):
		return t.Format("15:04")
	}
	return dayName(t, now) + t.Format(" 15:04")
}

// zone is the time zone of a site, or that of who asks if it is not known.
func (p *program) zone(site string) *time.Location {
	if zone := p.zones[site]; zone != nil {
		return zone
	}
	return time.Local
}

// clockAndAge writes the time on the clock, and how long ago that is unless
// it is another day.
func clockAndAge(t, now time.Time) string {
	if sameDay(t, now) {
		return t.Format("15:04") + " (" + ago(t, now) + ")"
	}
	return dayName(t, now) + t.Format(" 15:04")
}

// sameDay reports whether two moments are on one day in t's time zone.
func sameDay(t, now time.Time) bool {
	return t.Format(time.DateOnly) == now.In(t.Location()).Format(time.DateOnly)
}

// dayName names the day of t, with its year if that is another.
func dayName(t, now time.Time) string {
	if t.Year() == now.In(t.Location()).Year() {
		return t.Format("Mon 2 Jan")
	}
	return t.Format("Mon 2 Jan 2006")
}

// sinceThen writes how long ago t was, "never" for none.
func sinceThen(t control.Time) string {
	if t.IsZero() {
		return "never"
	}
	return ago(t.Time, time.Now())
}

// ago writes roughly how long before now t is, or how long after.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d.Abs() < time.Second:
		return "now"
	case d < 0:
		return "in " + roughly(-d)
	}
	return roughly(d) + " ago"
}

// coarse is ago, to the hour beyond the first.
func coarse(t, now time.Time) string {
	if d := now.Sub(t); d >= time.Hour {
		return ago(now.Add(-d.Truncate(time.Hour)), now)
	}
	return ago(t, now)
}

// roughly writes a duration to be read.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d < day && d%time.Hour < time.Minute:
		return fmt.Sprintf("%d h", int(d/time.Hour))
	case d < day:
		return fmt.Sprintf("%d h %d min", int(d/time.Hour), int(d%time.Hour/time.Minute))
	}
	return fmt.Sprintf("%d d", int(d/day))
}
