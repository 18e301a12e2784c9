package terminal

import (
	"fmt"
	"time"
)

// Moment writes t in RFC 3339 in local time, "-" for none.
func Moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.RFC3339)
}

// Short writes a moment as a person would: how long ago it was, the time on
// the clock if it was earlier today, or the day and the time.
func Short(t, now time.Time) string {
	switch {
	case now.Sub(t).Abs() < time.Hour:
		return Ago(t, now)
	case SameDay(t, now):
		return t.Format("15:04")
	}
	return DayName(t, now) + t.Format(" 15:04")
}

// ClockAndAge writes the time on the clock, and how long ago that is unless
// it is another day.
func ClockAndAge(t, now time.Time) string {
	if SameDay(t, now) {
		return t.Format("15:04") + " (" + Ago(t, now) + ")"
	}
	return DayName(t, now) + t.Format(" 15:04")
}

// When is ClockAndAge by now's clock, "-" for no moment.
func When(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return ClockAndAge(t.In(now.Location()), now)
}

// SameDay reports whether two moments are on one day in t's time zone.
func SameDay(t, now time.Time) bool {
	return t.Format(time.DateOnly) == now.In(t.Location()).Format(time.DateOnly)
}

// DayName names the day of t, with its year if that is another.
func DayName(t, now time.Time) string {
	if t.Year() == now.In(t.Location()).Year() {
		return t.Format("Mon 2 Jan")
	}
	return t.Format("Mon 2 Jan 2006")
}

// SinceThen writes how long ago t was; for none, since when there was none, which is
// since somebody was there to notice.
func SinceThen(t, since time.Time) string {
	now := time.Now()
	switch {
	case !t.IsZero():
		return Ago(t, now)
	case since.IsZero():
		return "never"
	}
	return "never since " + ClockAndAge(since.Local(), now)
}

// Ago writes roughly how long before now t is, or how long after.
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d.Abs() < time.Second:
		return "now"
	case d < 0:
		return "in " + Roughly(-d)
	}
	return Roughly(d) + " ago"
}

// Coarse is ago, to the hour beyond the first.
func Coarse(t, now time.Time) string {
	if d := now.Sub(t); d >= time.Hour {
		return Ago(now.Add(-d.Truncate(time.Hour)), now)
	}
	return Ago(t, now)
}

// Roughly writes a duration to be read.
func Roughly(d time.Duration) string {
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
