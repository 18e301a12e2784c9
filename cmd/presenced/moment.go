package main

import (
	"fmt"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
)

// since is a flag that holds a moment in the past; of a day, its begin.
type since time.Time

func (s *since) Type() string   { return "time" }
func (s *since) String() string { return momentFlag(time.Time(*s)) }

func (s *since) Set(text string) error {
	from, _, err := moment(text, time.Now())
	*s = since(from)
	return err
}

// until is a flag that holds a moment in the past; of a day, its end.
type until time.Time

func (u *until) Type() string   { return "time" }
func (u *until) String() string { return momentFlag(time.Time(*u)) }

func (u *until) Set(text string) error {
	_, to, err := moment(text, time.Now())
	*u = until(to)
	return err
}

func momentFlag(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// moment reads a moment as a person tells it, by the clock of who asks: how long
// ago, today, yesterday, a day of the week, a date, a date with a time, RFC 3339.
// Of a day it returns begin and end, of anything else the moment twice.
func moment(text string, now time.Time) (from, to time.Time, err error) {
	if ago, err := configs.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), now.Add(-ago), nil
	}
	if day, ok := control.DayNamed(text, now); ok {
		return day, day.AddDate(0, 0, 1), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, t, nil
		}
	}
	return from, to, fmt.Errorf("%q is no time: write how long ago (24h, 3d), today, yesterday, monday, a date, or RFC 3339 such as 2026-11-24T08:00:00Z", text)
}
