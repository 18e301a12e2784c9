package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

// whereabouts says in a few words where the person is.
func whereabouts(s control.Story, now time.Time) string {
	var words []string
	for _, row := range s.People {
		switch row.State {
		case presence.Arriving:
			words = append(words, "is arriving at "+terminal.Printable(row.Site))
		case presence.Leaving:
			words = append(words, "seems to have left "+terminal.Printable(row.Site)+", not yet believed")
		default:
			words = append(words, "is at "+terminal.Printable(row.Site)+" since "+terminal.ClockAndAge(row.Since.In(now.Location()), now))
		}
	}
	if len(words) == 0 {
		return "is not here"
	}
	return strings.Join(words, ", and ")
}

// answers says how things are and why, what happened last, and what will happen.
func answers(s control.Story, now time.Time) (all []terminal.Fact) {
	add := func(subject, text string) { all = append(all, terminal.Fact{Subject: subject, Text: text}) }
	when := func(t control.Time) string { return dayAndClock(t.Time, now) }
	for _, row := range s.People {
		add("why", whyHere(s, row, now))
		for _, v := range s.Visits {
			if v.ID == row.Visit {
				add("desk", delivery("check-in", v.CheckIn, when))
			}
		}
	}
	if len(s.People) == 0 {
		all = append(all, whyGone(s, now)...)
	}
	if n := len(s.Story); n > 0 {
		e := s.Story[n-1]
		add("last", fmt.Sprintf("%s  %s: %s", dayAndClock(e.At, now), e.Kind, terminal.Printable(e.Text)))
	}
	if len(s.Next) == 0 {
		add("next", "nothing, until a device is heard")
	}
	for _, n := range s.Next {
		add("next", dayAndClock(n.At.Time, now)+"  "+terminal.Printable(n.What))
	}
	for i := len(all) - 1; i > 0; i-- {
		if all[i].Subject == all[i-1].Subject {
			all[i].Subject = ""
		}
	}
	return all
}

// whyHere says what somebody's being at a site rests on.
func whyHere(s control.Story, row control.Person, now time.Time) string {
	var live []string
	var last control.Session
	for _, session := range s.Sessions {
		switch {
		case session.Site != row.Site:
		case session.State == presence.Open || session.State == presence.Suspect:
			live = append(live, terminal.Printable(session.Device)+" is "+where(session)+", last heard "+dayAndClock(session.Seen.Time, now))
		case session.Ended.After(last.Ended.Time):
			last = session
		}
	}
	switch {
	case len(live) > 0:
		return strings.Join(live, "; ")
	case last.Device == "":
		return "no device is there any more"
	}
	return fmt.Sprintf("the last device, %s, went %s%s; %s",
		terminal.Printable(last.Device), dayAndClock(last.Ended.Time, now), because(last.Cause), terminal.Printable(row.Why))
}

// whyGone says why somebody who is not here is not, and what became of the
// booking: "why was I checked out?"
func whyGone(s control.Story, now time.Time) []terminal.Fact {
	if len(s.Visits) == 0 {
		return []terminal.Fact{{Subject: "why", Text: "no arrival was concluded from what was heard"}}
	}
	v := s.Visits[len(s.Visits)-1]
	why := fmt.Sprintf("left %s %s", terminal.Printable(v.Site), dayAndClock(v.Departed.Time, now))
	if text := cmp.Or(v.Why, ends[v.End]); text != "" {
		why += ", because " + terminal.Printable(text)
	}
	when := func(t control.Time) string { return dayAndClock(t.Time, now) }
	return []terminal.Fact{{Subject: "why", Text: why}, {Subject: "desk", Text: delivery("check-in", v.CheckIn, when)}, {Subject: "", Text: delivery("check-out", v.CheckOut, when)}}
}

// ends says how a visit ended of which no more is known.
var ends = map[presence.End]string{
	presence.Left:      "every device was gone for long enough",
	presence.Unknown:   "only max_session ended it",
	presence.DayTurned: "the day turned",
	presence.Withdrawn: "it turned out to be a shared account",
}

// delivery says in a sentence what became of a check-in or check-out; when is
// how moments are written in it, nil for not at all.
func delivery(what string, e control.Errand, when func(control.Time) string) string {
	verb := map[string]string{"check-in": "checked in", "check-out": "checked out"}[what]
	at, again := "", ""
	if when != nil {
		at, again = " "+when(e.At), ", again "+when(e.Next)
	}
	bookings := ": booking " + strings.Join(e.Bookings, ", ")
	switch e.Status {
	case presence.Effected:
		if len(e.Bookings) == 0 {
			return verb + because(e.Reason)
		}
		return verb + at + bookings + because(e.Reason)
	case presence.DryRunned:
		return "dry run: would have been " + verb + at + bookings
	case presence.Refused:
		return "not " + verb + ", Kadence refuses it" + because(e.Reason)
	case presence.Pending:
		text := "the " + what + " is still to be made" + because(e.Reason)
		if e.Attempts > 0 {
			text += " (" + terminal.Count(e.Attempts, "failure") + again + ")"
		}
		return text
	}
	return "not " + verb + because(e.Reason)
}

// because is a reason as the end of a sentence.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + terminal.Printable(reason)
}

// heardOf is what was heard of a session.
func heardOf(row control.Session, now time.Time) string {
	at := func(t control.Time) string { return terminal.Short(t.In(now.Location()), now) }
	text := string(row.State) + " " + where(row) + ", NAS " + terminal.Printable(row.NAS) + "; began " + at(row.Started) + ", last heard " + at(row.Seen)
	if row.Interim > 0 {
		text += ", interims every " + terminal.Roughly(time.Duration(row.Interim))
	}
	if !row.Ended.IsZero() {
		text += ", ended " + at(row.Ended)
	}
	return text + because(row.Cause)
}

// where is where a session's device is.
func where(row control.Session) string {
	text := "on " + terminal.Printable(row.SSID)
	if row.AP != "" {
		text += " at " + terminal.Printable(row.AP)
	}
	return text
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
			return "counts as gone; that the person left is believed " + dayAndClock(here.Deadline.Time, now)
		}
	}
	return "counts as gone"
}

// dayAndClock writes a moment, its day if that is another than now's, and else
// how long ago it is.
func dayAndClock(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return terminal.ClockAndAge(t.In(now.Location()), now)
}

// clockOn writes a moment after another, and its day only if that is another.
func clockOn(t, before, now time.Time) string {
	if local := t.In(now.Location()); terminal.SameDay(local, before) {
		return local.Format("15:04")
	}
	return dayAndClock(t, now)
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
