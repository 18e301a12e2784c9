package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/page"
	"github.com/presenced/presenced/presence"
)

const (
	eventsEvery = 5 * time.Second  // how often it is looked at what has happened
	aliveEvery  = time.Minute      // how often it is noted that the daemon runs
	failsFor    = 30 * time.Second // how long the desk must fail for that to be an event
	readsEvery  = time.Hour        // how often the same account's readings of the same are an event
)

// aliveKind is the kind of the note that says when the daemon was last alive.
const aliveKind = "alive"

// aloneName is the name of a daemon that shares its store with nobody.
const aloneName = "daemon"

// events notices what happens to the system, and has it noted in the store. What cannot
// be, because recording fails, is noted when it can.
type events struct {
	store presence.Store
	name  string        // of this daemon in what says that it is alive
	kick  chan struct{} // of one: there is something to note

	mu      sync.Mutex // guards what follows
	unsaved []presence.Note
	lasting map[presence.EventKind]presence.Event
	reads   map[string]time.Time // by account and what was read
	alive   time.Time            // when that was last noted
	held    time.Time            // the World.Listening that was told of
	outage  time.Time            // begin of the outage that was told of
	failing time.Time            // since when the desk has been failing without an answer
}

func newEvents(store presence.Store, name string) events {
	return events{store: store, name: name, kick: make(chan struct{}, 1), lasting: map[presence.EventKind]presence.Event{}, reads: map[string]time.Time{}}
}

// begin notes that the daemon has started, and what that says of the time before.
func (e *events) begin(ctx context.Context, now time.Time) error {
	was, err := e.store.Note(ctx, aliveKind, e.name)
	if err != nil {
		return err
	}
	last, err := time.Parse(time.RFC3339Nano, string(was))
	known := err == nil
	all, err := presence.Events(ctx, e.store, time.Time{})
	if err != nil {
		return err
	}
	stopped := false
	for i := range all {
		if all[i].Lasts && e.name == aloneName { // it did as long as anybody knows
			all[i].Lasts, all[i].End = false, last
			e.add(all[i])
		}
		stopped = all[i].Kind == presence.EventStopped
	}
	if known {
		text := "presenced did not run"
		if !stopped {
			text = "presenced was killed, or the host went down: it was last known to run as this began"
		}
		e.add(presence.Event{Kind: presence.EventDeaf, Begin: last, End: now, Text: text})
	}
	e.add(presence.Event{Kind: presence.EventStarted, Begin: now, Text: "presenced " + Version()})
	return nil
}

// end notes that the daemon stops, and because of which error.
func (e *events) end(ctx context.Context, now time.Time, why error) error {
	event := presence.Event{Kind: presence.EventStopped, Begin: now, Text: "presenced was asked to stop"}
	if why != nil {
		event.Text = "presenced ended: " + why.Error()
	}
	e.add(event)
	return e.save(ctx, now, true)
}

// add has the event noted.
func (e *events) add(event presence.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	note := event.Note()
	e.unsaved = append(slices.DeleteFunc(e.unsaved, func(n presence.Note) bool { return n.Key == note.Key }), note)
	e.unsaved = e.unsaved[max(0, len(e.unsaved)-unsavedMost):]
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

const unsavedMost = 500 // events that wait until they can be noted

// save notes what has not been, and every so often that the daemon is alive.
func (e *events) save(ctx context.Context, now time.Time, force bool) error {
	e.mu.Lock()
	notes := slices.Clone(e.unsaved)
	if force || now.Sub(e.alive) >= aliveEvery {
		notes = append(notes, presence.Note{Kind: aliveKind, Key: e.name, Value: []byte(now.UTC().Format(time.RFC3339Nano))})
	}
	e.mu.Unlock()
	if len(notes) == 0 {
		return nil
	}
	if err := e.store.Update(ctx, []presence.Change{presence.WriteNotes(notes...)}); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.alive = now
	e.unsaved = slices.DeleteFunc(e.unsaved, func(n presence.Note) bool {
		return slices.ContainsFunc(notes, func(saved presence.Note) bool { return saved.Key == n.Key && string(saved.Value) == string(n.Value) })
	})
	return nil
}

// lasts has the event noted as one that lasts from now on, or that the one of its kind
// is over. What lasts goes on under the text that it began with.
func (e *events) lasts(is bool, event presence.Event, over time.Time) {
	e.mu.Lock()
	old, was := e.lasting[event.Kind]
	if is == was {
		e.mu.Unlock()
		return
	}
	if event.Lasts = is; is {
		e.lasting[event.Kind] = event
	} else {
		event = old
		event.Lasts, event.End = false, over
		delete(e.lasting, event.Kind)
	}
	e.mu.Unlock()
	e.add(event)
}

// followEvents looks again and again at what has happened, until ctx ends.
func (d *Daemon) followEvents(ctx context.Context) error {
	for {
		now := time.Now()
		records := d.noteOutage()
		d.noteHolding(d.Tracker.World())
		d.noteDesk(now)
		silent, is := presence.SilentNASes(d.Tracker.NASes(), now)
		silent.Kind = presence.EventNASSilent
		d.events.lasts(is, silent, now)
		if records {
			d.events.save(ctx, now, false) // what cannot be saved is, the next time; the tracker says why not
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.events.kick:
		case <-time.After(eventsEvery):
		}
	}
}

// noteOutage notes that nothing is recorded, or was not for a while, and reports
// whether something can be.
func (d *Daemon) noteOutage() (records bool) {
	e := &d.events
	from, to, why := d.Tracker.Outage()
	event := presence.Event{Kind: presence.EventNotRecording, Begin: from, End: to, Text: "nothing was recorded or answered: " + why}
	e.mu.Lock()
	_, lasted := e.lasting[event.Kind]
	told := from.Equal(e.outage)
	e.outage = from
	e.mu.Unlock()
	switch {
	case from.IsZero():
	case to.IsZero() || lasted:
		e.lasts(to.IsZero(), event, to)
	case !told: // it came and went unseen
		e.add(event)
	}
	return from.IsZero() || !to.IsZero()
}

// noteHolding notes that departures are held, and why.
func (d *Daemon) noteHolding(w presence.World) {
	e := &d.events
	e.mu.Lock()
	told := w.Listening.Equal(e.held)
	e.held = w.Listening
	e.mu.Unlock()
	if told || !w.Holding.After(w.Listening) || w.Holding.Before(d.started) { // that is other daemons' past
		return
	}
	text := "the clock was set, or the host slept"
	if d.Tracker.Shared {
		text = "another daemon could not record, the clock was set, or the host slept"
	}
	_, recovered, _ := d.Tracker.Outage()
	switch {
	case w.Listening.Equal(recovered):
		text = "recording had failed"
	case w.Listening.Sub(d.started).Abs() < time.Minute:
		text = "presenced had just started"
	}
	e.add(presence.Event{Kind: presence.EventHolding, Begin: w.Listening, End: w.Holding, Text: "no departure was believed: " + text})
}

// noteDesk notes that the desk fails, once it has for a while without an answer.
func (d *Daemon) noteDesk(now time.Time) {
	h, e := d.Courier.Health(), &d.events
	e.mu.Lock()
	switch {
	case h.Error == "" || d.inForce.Load().kadence == nil:
		e.failing = time.Time{}
	case e.failing.IsZero() || h.Success.After(e.failing):
		e.failing = h.Failure
	}
	since := e.failing
	e.mu.Unlock()
	is := !since.IsZero() && now.Sub(since) >= failsFor
	e.lasts(is, presence.Event{Kind: presence.EventDeskFailing, Begin: since, Text: "Kadence does not answer: " + h.Error}, later(h.Success, since))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// noteConfig notes that the configuration was read, or refused and why.
func (d *Daemon) noteConfig(path string, err error) {
	now := time.Now()
	refused := presence.Event{Kind: presence.EventConfigRefused, Begin: now}
	d.events.lasts(false, refused, now)
	if err != nil {
		refused.Text = path + " is no good, and the old one stays in force: " + strings.Join(strings.Fields(err.Error()), " ")
		d.events.lasts(true, refused, now)
	} else {
		d.events.add(presence.Event{Kind: presence.EventConfigRead, Begin: now, Text: path + " is in force"})
	}
}

// noteOrder notes who gave an order, and that it was not carried out.
func (d *Daemon) noteOrder(by control.Peer, order string, err error) {
	if err != nil {
		order += ": it was not carried out"
	}
	d.events.add(presence.Event{Kind: presence.EventOrder, Begin: time.Now(), By: by.Name, Text: order})
}

// ownOrders says what somebody did at their own page. Who it was is noted nowhere.
var ownOrders = map[page.Order]string{
	page.OptOut: "somebody opted out: what was remembered of them is erased", page.OptIn: "somebody who had opted out came back",
	page.NotToday: "somebody asked that nothing be done for them today", page.Today: "somebody took back that nothing be done for them today",
}

// noteOwn notes what somebody did at their own page.
func (d *Daemon) noteOwn(order page.Order, err error) {
	if err == nil {
		d.events.add(presence.Event{Kind: presence.EventOrder, Begin: time.Now(), By: "the page", Text: ownOrders[order]})
	}
}

// noteReading notes who read people's data, if that is configured, once in a while for
// the same: a page that is open reads it every few seconds.
func (d *Daemon) noteReading(by, what string) {
	if !d.inForce.Load().config.Control.AuditReads {
		return
	}
	now, e := time.Now(), &d.events
	key := by + "\x00" + what
	e.mu.Lock()
	again := now.Sub(e.reads[key]) < readsEvery
	if !again {
		for other, at := range e.reads {
			if now.Sub(at) >= readsEvery {
				delete(e.reads, other)
			}
		}
		e.reads[key] = now
	}
	e.mu.Unlock()
	if !again {
		e.add(presence.Event{Kind: presence.EventReading, Begin: now, By: by, Text: fmt.Sprintf("%s was read", what)})
	}
}
