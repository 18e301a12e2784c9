package presence

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Event is something that happened to the system, and not to a person: it names none.
// Each is a note, in the order of when it began.
type Event struct {
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end,omitzero"` // zero: it is of a moment, or lasts
	Lasts bool      `json:"lasts,omitempty"`
	Kind  EventKind `json:"kind"`
	Of    string    `json:"of,omitempty"` // the NAS, or so many of them
	By    string    `json:"by,omitempty"` // the account that did it
	Text  string    `json:"text"`
}

// EventKind says which kind of event it is.
type EventKind string

// The kinds of events.
const (
	EventStarted       EventKind = "started"
	EventStopped       EventKind = "stopped"
	EventDeaf          EventKind = "deaf"          // nothing was heard, because presenced did not run
	EventHolding       EventKind = "holding"       // no departure was believed, because records may have been missed
	EventNotRecording  EventKind = "not_recording" // what came was neither recorded nor answered
	EventDeskFailing   EventKind = "desk_failing"
	EventNASSilent     EventKind = "nas_silent"
	EventNASReset      EventKind = "nas_reset"
	EventMassEnd       EventKind = "mass_end"
	EventConfigRead    EventKind = "config_read"
	EventConfigRefused EventKind = "config_refused"
	EventOrder         EventKind = "order"
	EventReading       EventKind = "reading" // of a person's data
)

const (
	eventKind  = "event" // of the notes
	mostEvents = 2000    // that are kept
	longestOf  = 100     // octets of Event.Of
	longestSay = 1000    // octets of Event.Text
)

// Note returns the note that keeps the event, in place of the same before it was over.
func (e Event) Note() Note {
	e.Begin, e.Of, e.Text = e.Begin.UTC().Round(0), bounded(e.Of, longestOf), bounded(e.Text, longestSay)
	if !e.End.IsZero() {
		e.End = e.End.UTC().Round(0)
	}
	value, err := json.Marshal(e)
	if err != nil {
		panic(err) // texts and times
	}
	same := hash32(e.Of + "\x00" + e.By + "\x00" + e.Text)
	return Note{Kind: eventKind, Key: fmt.Sprintf("%s %s %08x", eventKey(e.Begin), e.Kind, same), Value: value}
}

func eventKey(begin time.Time) string {
	return begin.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// bounded returns as much of the text as fits into so many octets.
func bounded(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// Overlaps reports whether some of the event is in [from, to), as of now.
func (e *Event) Overlaps(from, to, now time.Time) bool {
	end := e.Begin
	if e.Lasts {
		end = now
	}
	return e.Begin.Before(to) && !later(end, e.End).Before(from)
}

// ofNASes names NASes: the one, or how many they are.
func ofNASes(names []NASName) string {
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 1 {
		return string(names[0])
	}
	return fmt.Sprintf("%d NASes", len(names))
}

// SilentNASes returns the event of NASes that have fallen silent as a whole, as of now;
// false if none has. It began when the first of them was last heard, and is told as one
// while it lasts: a switch takes many access points with it.
func SilentNASes(all map[NASName]NAS, now time.Time) (e Event, is bool) {
	var names []NASName
	devices := 0
	for name, n := range all {
		if !n.silent(now) || now.Sub(n.Heard) > deafMost {
			continue
		}
		names, devices = append(names, name), devices+n.Others+1
		e.Begin = earlier(e.Begin, n.Heard)
	}
	if len(names) == 0 {
		return e, false
	}
	e.Kind, e.Lasts, e.Of = EventNASSilent, true, ofNASes(names)
	e.Text = fmt.Sprintf("fell silent as a whole: %d devices there are held as present", devices)
	return e, true
}

// resetEvent tells that so many people are held because NASes were reset.
func resetEvent(resets []Reset, held int, w World) Event {
	e := Event{Kind: EventNASReset}
	var names []NASName
	for _, r := range resets {
		names = append(names, r.NAS)
		e.Begin, e.End = earlier(e.Begin, r.Heard), later(e.End, r.Heard.Add(w.OutageHold))
	}
	e.Of = ofNASes(names)
	e.Text = "was reset (Accounting-On or -Off): " + heldText(held)
	return e
}

// massEndEvent tells that so many people are held because most of those at the NASes
// ended at once.
func massEndEvent(names []NASName, held int, now time.Time, w World) Event {
	return Event{Kind: EventMassEnd, Begin: now, End: now.Add(w.OutageHold), Of: ofNASes(names), Text: "lost most of its people at once: " + heldText(held)}
}

func heldText(n int) string {
	return fmt.Sprintf("%s held as present", cmp.Or(map[int]string{0: "nobody is", 1: "1 person is"}[n], fmt.Sprintf("%d people are", n)))
}
