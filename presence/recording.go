package presence

import (
	"context"
	"fmt"
	"time"
)

// Record takes in a batch of records in order of arrival. It returns nil when
// what they change is on disk, and an error if none of it is.
func (t *Tracker) Record(ctx context.Context, batch []Record) error {
	mapping, w := &t.setup.Load().mapping, t.world()
	b := t.owners()
	changes := make([]Change, 0, len(batch))
	var notes []Note
	shared := map[string]bool{}
	for i := range batch {
		r := &batch[i]
		if r.Status == AccountingOn || r.Status == AccountingOff {
			t.hear(&Sighting{NAS: r.NAS(), Status: r.Status, Heard: r.Heard}, false)
			notes = append(notes, resetNote(Reset{NAS: r.NAS(), BSSID: r.BSSID, At: r.At, Heard: r.Heard}))
			continue
		}
		reading := mapping.read(r, false)
		t.hear(&reading.Sighting, reading.Nobody.Kind == "")
		t.identity(r.Client, reading.Nobody)
		if reading.Nobody.Kind != "" {
			t.nobody(reading.Nobody, r.Heard)
			continue
		}
		n := &reading.Sighting
		changes = append(changes, Change{User: n.User, Apply: func(p *Person) []Visit {
			w := t.passed(w)
			if t.heartbeat(p, n) {
				return nil
			}
			settled := p.Hear(*n, w)
			if p.shared(w) {
				shared[n.User] = true
			} else {
				delete(shared, n.User)
			}
			return settled
		}})
		more, err := b.claim(ctx, n, w)
		if err != nil {
			err = fmt.Errorf("read the owner of a device: %w", err)
			t.outcome(err)
			return err
		}
		changes = append(changes, more...)
	}
	notes = append(notes, b.notes...)
	if !t.Healthy() {
		notes = append(notes, probe()) // a heartbeat is no news to answer while nothing can be kept
	}
	if err := t.update(ctx, changes, notes); err != nil {
		return err
	}
	b.stored()
	for user := range shared {
		t.nobody(sharedAccount(user), time.Now())
	}
	if len(notes) > 0 {
		t.wake()
	}
	return nil
}

func sharedAccount(user string) Nobody {
	return Nobody{
		Kind: "identity", Key: user, Reason: "a shared account: more live devices than max_devices",
		Remedy: "give everybody an account of their own, or raise [presence] max_devices",
	}
}

// commit writes the changes, and the heartbeats that wait, before them.
func (t *Tracker) commit(ctx context.Context, changes []Change, notes []Note) error {
	w := t.world()
	t.mu.Lock()
	beats := t.heartbeats
	t.heartbeats = map[heartbeat]*Sighting{}
	t.mu.Unlock()
	all := make([]Change, 0, len(beats)+len(changes))
	for _, n := range beats {
		all = append(all, Change{User: n.User, Apply: func(p *Person) []Visit { return p.Hear(*n, t.passed(w)) }})
	}
	err := t.update(ctx, append(all, changes...), notes)
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, n := range beats {
			t.keep(n)
		}
	}
	return err
}

// update writes the changes, and sees to who has to look at them sooner than
// was foreseen.
func (t *Tracker) update(ctx context.Context, changes []Change, notes []Note) error {
	var wake time.Time // the earliest of those changed
	work := false
	for i, c := range changes {
		changes[i].Apply = func(p *Person) []Visit {
			errand := p.Errand
			settled := c.Apply(p)
			wake = earlier(wake, p.Wake)
			work = work || !p.Errand.Equal(errand)
			return settled
		}
	}
	err := t.store.Update(ctx, changes, notes)
	again := t.outcome(err)
	t.mu.Lock()
	if !wake.IsZero() && wake.Before(t.next) {
		t.wake()
	}
	t.mu.Unlock()
	if err == nil && (work || again) { // what is said to have failed may have been done
		t.Concluded()
	}
	return err
}

// outcome notes what came of an attempt to record, and reports whether it is
// the first that succeeded again.
func (t *Tracker) outcome(err error) (again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		if t.failing == nil || t.failing.Error() != err.Error() {
			t.log.Error("record", "error", err)
		}
	case t.failing != nil:
		t.log.Info("recording again")
		t.listen(time.Now(), retries) // what came meanwhile was not answered, and comes again
		again = true
	}
	t.failing = err
	return again
}

// probe is a note whose writing shows whether anything can be recorded.
func probe() Note {
	return Note{Kind: "probe", Key: "tracker", Value: []byte(time.Now().UTC().Format(time.RFC3339Nano))}
}

// heartbeat keeps an Interim that changes nothing but the time last heard for
// the next flush, and reports whether it was one.
func (t *Tracker) heartbeat(p *Person, n *Sighting) bool {
	if n.Status != Interim || !p.Wake.IsZero() && !n.Heard.Before(p.Wake) {
		return false
	}
	s := p.session(*n)
	if s == nil || s.State != Open || s.Interim == 0 || !n.At.After(s.Seen) || p.newer(s) != nil ||
		s.Site != n.Site || s.SSID != n.SSID || s.NAS != n.NAS || s.AP != n.AP || s.BSSID != n.BSSID {
		return false
	}
	if d := p.device(n.Device, n.Site); d == nil || d.Closed {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep(n)
	return true
}

// keep has the heartbeat wait, unless a later one of its session does.
func (t *Tracker) keep(n *Sighting) {
	k := heartbeat{n.User, n.Device, n.Session}
	if was := t.heartbeats[k]; was == nil || n.At.After(was.At) {
		t.heartbeats[k] = n
	}
}
