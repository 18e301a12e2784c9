package control

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

// Headline is how a person stands, for whoever asks but one question: why am I, or am I
// not, checked in? Times are those of the clock that it was asked for.
type Headline struct {
	Text  string          // where they are, to be read after their name
	Facts []terminal.Fact // why, what became of the bookings, what happened last, and what will
}

// Headline returns how the person stands at now, by now's clock.
func (s Story) Headline(now time.Time) Headline {
	return Headline{whereabouts(s, now), answers(s, now)}
}

// whereabouts says in a few words where the person is.
func whereabouts(s Story, now time.Time) string {
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
func answers(s Story, now time.Time) (all []terminal.Fact) {
	add := func(subject, text string) { all = append(all, terminal.Fact{Subject: subject, Text: text}) }
	when := func(t Time) string { return terminal.When(t.Time, now) }
	for _, row := range s.People {
		add("why", whyHere(s, row, now))
		for _, v := range s.Visits {
			if v.ID == row.Visit {
				add("desk", v.CheckIn.Told("check-in", when))
			}
		}
	}
	if len(s.People) == 0 {
		all = append(all, whyGone(s, now)...)
	}
	if !s.Rests.IsZero() {
		add("wish", "not today: nothing is done for them until "+when(s.Rests))
	}
	if n := len(s.Story); n > 0 {
		e := s.Story[n-1]
		add("last", fmt.Sprintf("%s  %s: %s", terminal.When(e.At, now), e.Kind, terminal.Printable(e.Text)))
	}
	if len(s.Next) == 0 {
		add("next", "nothing, until a device is heard")
	}
	for _, n := range s.Next {
		add("next", terminal.When(n.At.Time, now)+"  "+terminal.Printable(n.What))
	}
	for i := len(all) - 1; i > 0; i-- {
		if all[i].Subject == all[i-1].Subject {
			all[i].Subject = ""
		}
	}
	return all
}

// whyHere says what somebody's being at a site rests on.
func whyHere(s Story, row Person, now time.Time) string {
	var live []string
	var last Session
	for _, session := range s.Sessions {
		switch {
		case session.Site != row.Site:
		case session.State == presence.Open || session.State == presence.Suspect:
			live = append(live, terminal.Printable(session.Device)+" is "+session.Where()+", last heard "+terminal.When(session.Seen.Time, now))
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
		terminal.Printable(last.Device), terminal.When(last.Ended.Time, now), terminal.Because(last.Cause), terminal.Printable(row.Why))
}

// whyGone says why somebody who is not here is not, and what became of the
// booking: "why was I checked out?"
func whyGone(s Story, now time.Time) []terminal.Fact {
	if len(s.Visits) == 0 {
		return []terminal.Fact{{Subject: "why", Text: "no arrival was concluded from what was heard"}}
	}
	v := s.Visits[len(s.Visits)-1]
	why := fmt.Sprintf("left %s %s", terminal.Printable(v.Site), terminal.When(v.Departed.Time, now))
	if text := cmp.Or(v.Why, ends[v.End]); text != "" {
		why += ", because " + terminal.Printable(text)
	}
	when := func(t Time) string { return terminal.When(t.Time, now) }
	return []terminal.Fact{{Subject: "why", Text: why}, {Subject: "desk", Text: v.CheckIn.Told("check-in", when)}, {Subject: "", Text: v.CheckOut.Told("check-out", when)}}
}

// ends says how a visit ended of which no more is known.
var ends = map[presence.End]string{
	presence.Left:      "every device was gone for long enough",
	presence.Unknown:   "only max_session ended it",
	presence.DayTurned: "the day turned",
	presence.Withdrawn: "it turned out to be a shared account",
}

// Told says in a sentence what became of the errand, which is a "check-in" or a
// "check-out"; when is how moments are written in it, nil for not at all.
func (e Errand) Told(what string, when func(Time) string) string {
	verb := map[string]string{"check-in": "checked in", "check-out": "checked out"}[what]
	at, again := "", ""
	if when != nil {
		at, again = " "+when(e.At), ", again "+when(e.Next)
	}
	bookings := ": booking " + strings.Join(e.Bookings, ", ")
	switch e.Status {
	case presence.Effected:
		if len(e.Bookings) == 0 {
			return verb + terminal.Because(e.Reason)
		}
		return verb + at + bookings + terminal.Because(e.Reason)
	case presence.DryRunned:
		return "dry run: would have been " + verb + at + bookings
	case presence.Refused:
		return "not " + verb + ", Kadence refuses it" + terminal.Because(e.Reason)
	case presence.Pending:
		text := "the " + what + " is still to be made" + terminal.Because(e.Reason)
		if e.Attempts > 0 {
			text += " (" + terminal.Count(e.Attempts, "failure") + again + ")"
		}
		return text
	}
	return "not " + verb + terminal.Because(e.Reason)
}

// Where is where the session's device is.
func (row Session) Where() string {
	text := "on " + terminal.Printable(row.SSID)
	if row.AP != "" {
		text += " at " + terminal.Printable(row.AP)
	}
	return text
}

// LastSite is where the person is, or was last; "" if that is not known.
func (s Story) LastSite() string {
	switch {
	case len(s.People) > 0:
		return s.People[0].Site
	case len(s.Visits) > 0:
		return s.Visits[len(s.Visits)-1].Site
	case len(s.Sessions) > 0:
		return s.Sessions[len(s.Sessions)-1].Site
	}
	return ""
}
