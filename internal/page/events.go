package page

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// eventsBody is what happened to the system, the latest first.
type eventsBody struct {
	Rows   []control.Event
	Before time.Time // they began before this; zero: they are the latest
	Next   time.Time // before which there are more; zero: there are none
}

// events shows what happened to the system.
func (p *Page) events(r *http.Request, _ *snapshot) (string, any, error) {
	var body eventsBody
	if asked := r.FormValue("before"); asked != "" {
		before, err := time.Parse(time.RFC3339Nano, asked)
		if err != nil {
			return "", nil, errNoSuch{plain(asked) + " is no time."}
		}
		body.Before = before
	}
	for e, err := range p.Listings.Events(r.Context(), time.Time{}) {
		if err != nil {
			return "", nil, err
		}
		if body.Before.IsZero() || e.Begin.Before(body.Before) {
			body.Rows = append(body.Rows, e)
		}
	}
	slices.Reverse(body.Rows)
	if len(body.Rows) > mostRows {
		body.Rows = body.Rows[:mostRows]
		body.Next = body.Rows[mostRows-1].Begin.Time
	}
	return "Events", body, nil
}

// eventWords says what kind of event it is, and how bad that is.
var eventWords = map[presence.EventKind]struct{ Text, Grade string }{
	presence.EventStarted: {"started", ""}, presence.EventStopped: {"stopped", ""}, presence.EventDeaf: {"deaf", "odd"},
	presence.EventHolding: {"departures held", "odd"}, presence.EventNotRecording: {"not recording", "bad"}, presence.EventDeskFailing: {"Kadence failing", "bad"},
	presence.EventNASSilent: {"NAS silent", "odd"}, presence.EventNASReset: {"NAS reset", "odd"}, presence.EventMassEnd: {"mass end", "odd"},
	presence.EventConfigRead: {"configuration read", ""}, presence.EventConfigRefused: {"configuration refused", "bad"}, presence.EventOrder: {"order", ""},
	presence.EventReading: {"reading", ""},
}

// band is a time behind a picture in which something happened to the system.
type band struct {
	Kind  string
	kind  presence.EventKind
	At    percent
	Wide  percent
	Title string
	from  time.Time
	to    time.Time
}

// banded are the kinds that stand behind pictures: those because of which less was
// heard, done or believed.
var banded = []presence.EventKind{
	presence.EventDeaf, presence.EventHolding, presence.EventNotRecording, presence.EventDeskFailing, presence.EventNASSilent, presence.EventNASReset, presence.EventMassEnd,
}

// bands returns what stands behind a picture of the time from from to to.
func (p *Page) bands(ctx context.Context, from, to, now time.Time, zone *time.Location) (all []band, err error) {
	for e, err := range p.Listings.Events(ctx, from) {
		if err != nil {
			return nil, err
		}
		end := e.End.Time
		if e.Lasts {
			end = now
		}
		if !slices.Contains(banded, e.Kind) || !e.Begin.Before(to) || end.Before(from) {
			continue
		}
		title := at(e.Begin, zone, from).Text + "–" + at(end, zone, from).Text + " "
		if e.Of != "" {
			title += plain(e.Of) + " "
		}
		all = append(all, band{Kind: string(e.Kind), kind: e.Kind, Title: title + plain(e.Text), from: e.Begin.Time, to: end})
	}
	return all, nil
}

// placeBands puts the bands into a picture of the time from from to to.
func placeBands(bands []band, from, to time.Time) (placed []band) {
	at := func(t time.Time) percent {
		return percent(100 * t.Sub(from).Seconds() / to.Sub(from).Seconds())
	}
	for _, b := range bands {
		if b.to.Before(from) || b.from.After(to) {
			continue
		}
		b.At = at(maxTime(b.from, from))
		b.Wide = max(at(minTime(b.to, to))-b.At, 0.3) // that it is seen
		placed = append(placed, b)
	}
	return placed
}
