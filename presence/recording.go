package presence

import (
	"context"
	"errors"
	"time"
)

// Record records a batch in order of arrival, and sets the event time of each
// record. It returns nil when the changes that follow, but heartbeats, are on disk. After an error,
// any of them may be: the records are sent again, and the same again changes nothing.
func (t *Tracker) Record(ctx context.Context, batch []Record) error {
	return t.record(ctx, t.now(), batch)
}

// record records a batch at now.
func (t *Tracker) record(ctx context.Context, now time.Time, batch []Record) error {
	if err := t.recallNASes(ctx); err != nil {
		t.outcome(now, err)
		return err
	}
	mapping, w := t.policy.Load().mapping, t.world(now)
	all := make([]reading, 0, len(batch))
	var notes []Note
	for i := range batch {
		r := &batch[i]
		t.date(r)
		if r.Status == AccountingOn || r.Status == AccountingOff {
			reset := Reset{NAS: r.NAS(), BSSID: r.BSSID, At: r.At, Heard: r.Heard, Stamp: r.Stamps.Stamp}
			if t.reset(reset); t.concerns(reset) {
				notes = append(notes, resetNote(reset))
			}
			continue
		}
		g := mapping.Read(r)
		t.resolve(g)
		crowded := g.Nobody.Kind == "" && t.crowded(g.Sighting.User, r.Heard)
		t.identity(r.Client, g)
		g.placed()
		t.hear(&g.Sighting, g.Nobody.Kind == "" && !crowded)
		all = append(all, reading{g, r.Client, r.Heard, crowded})
	}
	if !t.Healthy() {
		notes = append(notes, probe(now)) // else a batch of heartbeats would write nothing, and be answered although recording fails
	}
	b, err := t.recordReadings(ctx, now, all, &w, notes)
	if err != nil {
		return err
	}
	for _, l := range b.lost {
		t.nobody(l.why, l.client, l.heard)
	}
	for user, until := range b.crowd {
		if !until.IsZero() {
			t.nobody(sharedAccount(user), "", now)
		}
	}
	if len(notes) > 0 {
		t.wake()
	}
	return nil
}

// mostTries bounds how often a batch is recorded again because somebody else gave a
// device of it away meanwhile.
const mostTries = 10

// recordReadings makes the changes that follow from the readings, and writes the notes.
// If a device turns out to belong to somebody else than was read before, it reads
// again and makes all changes once more: those that were made change nothing.
func (t *Tracker) recordReadings(ctx context.Context, now time.Time, all []reading, w *World, notes []Note) (*naming, error) {
	for tries := 0; ; tries++ {
		b, changes, err := t.changes(ctx, all, w)
		if err == nil && tries == mostTries {
			err = errors.New("whose a device is changes all the time: is its address used by several?")
		}
		if err != nil {
			t.outcome(now, err)
			return nil, err
		}
		if len(notes) > 0 {
			changes = append(changes, WriteNotes(notes...))
		}
		if err := t.update(ctx, now, changes); err != nil {
			return nil, err
		}
		if b.stored() {
			return b, nil
		}
	}
}

// changes returns the changes that follow from the readings.
func (t *Tracker) changes(ctx context.Context, all []reading, w *World) (*naming, []Change, error) {
	b, err := t.naming(ctx, all)
	if err != nil {
		return nil, nil, err
	}
	changes := make([]Change, 0, len(all))
	for _, r := range all {
		if !r.crowded && r.Nobody.Kind == "" && b.beaten(&r.Sighting, changes) {
			continue
		}
		g := *r.Reading
		b.client = r.client
		reached := true
		switch {
		case r.crowded: // nothing is kept of a shared account's devices
			g.Whose = Mine
			changes = append(changes, b.crowding(&g.Sighting, w))
		case g.Nobody.Kind == "" && b.stranger(g.Sighting.User):
			t.beyond(r.client, ShareOfPeople, 1)
			g.Nobody, reached = strangers(r.client), false
		case g.Nobody.Kind == "":
			changes = append(changes, b.hear(&g.Sighting, w)...)
		case g.Nobody.Kind == KindStatus, g.Nobody.Kind == KindDevice:
			reached = false
		default:
			var more []Change
			more, reached = b.silent(&g, w)
			changes = append(changes, more...)
		}
		if !reached {
			b.lost = append(b.lost, lost{g.Nobody, r.client, r.heard})
		}
	}
	return b, changes, nil
}

// placed sets the sighting's site by Where. A record that leaves its place out says
// nothing against the place that is known.
func (g *Reading) placed() {
	switch g.Where {
	case AtClientsSite:
		g.Vague = true
	case OnOtherNetwork, IsElsewhere:
		g.Site = noSite
	case Unplaced:
		g.Site = ""
	}
	if g.Nobody.Kind == KindNAS { // without a network it names no place that could begin a session
		g.Site = ""
	}
}

func sharedAccount(user string) Nobody {
	return Nobody{
		Kind: KindIdentity, Key: user, Reason: "one name for many devices: more of them live than max_devices",
		Remedy: "if it is an outer identity, put it under [identity] ignore and have the RADIUS server return User-Name in the Access-Accept; " +
			"else give everybody an account of their own, or raise [presence] max_devices",
	}
}

// commit makes the changes and writes heartbeats, in one update: those of tickChunk people
// at most, so that no record waits for those of everybody.
func (t *Tracker) commit(ctx context.Context, now time.Time, changes ...Change) error {
	w := t.world(now)
	beats := t.beating()
	all := make([]Change, 0, len(beats)+len(changes))
	for _, n := range beats {
		all = append(all, t.beat(n, &w))
	}
	err := t.update(ctx, now, append(all, changes...))
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, n := range beats {
			t.keepHeartbeat(n)
		}
	}
	return err
}

// beating takes out the heartbeats of some people, those of one person together.
func (t *Tracker) beating() (beats []*Sighting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	some := 0
	for user, waiting := range t.heartbeats {
		if some == tickChunk {
			break
		}
		some++
		beats = append(beats, waiting...)
		delete(t.heartbeats, user)
	}
	return beats
}

// update makes the changes. Then it wakes the tracker if somebody is due sooner than
// Run knows, and the courier if there may be work for it.
func (t *Tracker) update(ctx context.Context, now time.Time, changes []Change) error {
	var wake time.Time // the earliest of those changed
	work := false
	for i, c := range changes {
		if c.User == "" {
			continue
		}
		changes[i].Apply = func(p *Person, notes [][]byte) Outcome {
			was, errand := p.Wake, p.NextErrand
			o := t.counted(c.Apply, p, notes)
			due, moved, then := p.Wake, !p.NextErrand.Equal(errand), o.Then
			if !moved && (due.IsZero() || !was.IsZero() && !due.Before(was)) {
				return o // Run knows of was
			}
			o.Then = func() {
				wake, work = earlier(wake, due), work || moved
				if then != nil {
					then()
				}
			}
			return o
		}
	}
	err := t.store.Update(ctx, changes)
	again := t.outcome(now, err)
	t.mu.Lock()
	if !wake.IsZero() && wake.Before(t.next) {
		t.wake()
	}
	t.mu.Unlock()
	if err == nil && (work || again) { // an update that failed may have taken effect all the same
		t.HasWork()
	}
	return err
}

// outcome notes whether recording worked, and reports whether it works again for
// the first time.
func (t *Tracker) outcome(now time.Time, err error) (again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		if t.failing == nil || t.failing.Error() != err.Error() {
			t.log.Error("record", "error", err)
		}
		if t.failing == nil {
			t.failed, t.outage = now, outage{from: now, why: err.Error()}
		}
	case t.failing != nil:
		t.log.Info("recording again")
		t.listen(now, retryTime) // what came meanwhile was not answered, and comes again
		if t.Shared {
			t.again = now
		}
		t.failed, again = time.Time{}, true
		t.outage.to = now
	}
	t.failing = err
	return again
}

// probe is a note whose writing shows whether anything can be recorded.
func probe(now time.Time) Note {
	return Note{Kind: "probe", Key: "tracker", Value: []byte(now.UTC().Format(time.RFC3339Nano))}
}
