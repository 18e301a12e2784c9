package presence

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Record records a batch in order of arrival, and sets the event time of each
// record. It returns nil when the changes that follow are on disk, and an error if
// none of them is.
func (t *Tracker) Record(ctx context.Context, batch []Record) error {
	if err := t.recallNASes(ctx); err != nil {
		t.outcome(err)
		return err
	}
	mapping, w := t.policy.Load().mapping, t.world()
	b := t.naming()
	changes := make([]Change, 0, len(batch))
	var notes []Note
	for i := range batch {
		r := &batch[i]
		t.date(r)
		if r.Status == AccountingOn || r.Status == AccountingOff {
			reset := Reset{NAS: r.NAS(), BSSID: r.BSSID, At: r.At, Heard: r.Heard}
			if t.reset(reset); t.concerns(reset) {
				notes = append(notes, resetNote(reset))
			}
			continue
		}
		g := mapping.Read(r)
		t.resolve(g)
		crowded := g.Nobody.Kind == "" && t.crowded(g.Sighting.User, r.Heard)
		t.hear(&g.Sighting, g.Nobody.Kind == "" && !crowded)
		t.identity(r.Client, g)
		b.client = r.Client
		var more []Change
		var err error
		reached := true
		switch {
		case crowded: // nothing is kept of a shared account's devices
			g.Whose = Mine
			more = []Change{b.change(g.Sighting.User, g.Sighting, w, nil)}
		case g.Nobody.Kind == "":
			if stranger, err := b.stranger(ctx, g.Sighting.User); stranger || err != nil {
				if err != nil {
					t.outcome(err)
					return err
				}
				t.beyond(r.Client, ShareOfPeople, 1)
				g.Nobody, reached = strangers(r.Client), false
				break
			}
			g.placed()
			more, err = b.hear(ctx, &g.Sighting, w)
		case g.Nobody.Kind == KindStatus, g.Nobody.Kind == KindDevice:
			reached = false
		default:
			g.placed()
			more, reached, err = b.silent(ctx, g, w)
		}
		if err != nil {
			t.outcome(err)
			return err
		}
		if !reached {
			t.nobody(g.Nobody, r.Client, r.Heard)
		}
		changes = append(changes, more...)
	}
	notes = append(notes, b.noted()...)
	if !t.Healthy() {
		notes = append(notes, probe()) // else a batch of heartbeats would write nothing, and be answered although recording fails
	}
	if err := t.update(ctx, changes, notes); err != nil {
		return err
	}
	b.stored()
	for user, until := range b.crowd {
		if !until.IsZero() {
			t.nobody(sharedAccount(user), "", time.Now())
		}
	}
	if len(notes) > 0 {
		t.wake()
	}
	return nil
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

// commit writes the heartbeats that were kept, and then the changes and notes, in one
// update.
func (t *Tracker) commit(ctx context.Context, changes []Change, notes []Note) error {
	w := t.world()
	t.mu.Lock()
	beats := t.heartbeats
	t.heartbeats = map[string][]*Sighting{}
	t.mu.Unlock()
	all := make([]Change, 0, len(beats)+len(changes))
	for _, waiting := range beats {
		for _, n := range waiting {
			all = append(all, Change{User: n.User, Apply: func(p *Person) []Visit { return p.Hear(*n, t.passed(w)) }})
		}
	}
	slices.SortFunc(all, func(a, b Change) int { return strings.Compare(a.User, b.User) }) // those of one person together
	err := t.update(ctx, append(all, changes...), notes)
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, waiting := range beats {
			for _, n := range waiting {
				t.keepHeartbeat(n)
			}
		}
	}
	return err
}

// update writes the changes and notes. Then it wakes the tracker if somebody is due
// sooner than Run knows, and the courier if there may be work for it.
func (t *Tracker) update(ctx context.Context, changes []Change, notes []Note) error {
	var wake time.Time // the earliest of those changed
	work := false
	for i, c := range changes {
		changes[i].Apply = func(p *Person) []Visit {
			was := p.NextErrand
			archived := c.Apply(p)
			wake = earlier(wake, p.Wake)
			work = work || !p.NextErrand.Equal(was)
			return archived
		}
	}
	err := t.store.Update(ctx, changes, notes)
	again := t.outcome(err)
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
func (t *Tracker) outcome(err error) (again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		if t.failing == nil || t.failing.Error() != err.Error() {
			t.log.Error("record", "error", err)
		}
		if t.failing == nil {
			t.failed = time.Now()
		}
	case t.failing != nil:
		t.log.Info("recording again")
		t.listen(time.Now(), retryTime) // what came meanwhile was not answered, and comes again
		t.failed, again = time.Time{}, true
	}
	t.failing = err
	return again
}

// probe is a note whose writing shows whether anything can be recorded.
func probe() Note {
	return Note{Kind: "probe", Key: "tracker", Value: []byte(time.Now().UTC().Format(time.RFC3339Nano))}
}

// heartbeat reports whether the sighting is an Interim that changes nothing but the
// time last heard, and keeps it for the next flush if so.
func (t *Tracker) heartbeat(p *Person, n *Sighting, w World) bool {
	if n.Status != Interim || n.Whose == Another || !p.Wake.IsZero() && !n.Heard.Before(p.Wake) || n.Heard.Sub(n.At) > fresh {
		return false
	}
	f := p.of(n.Session, n.Device, n.NAS)
	if f == nil || f.Place.SSID != n.SSID || f.Place.NAS != n.NAS || f.Place.AP != n.AP || f.Place.BSSID != n.BSSID {
		return false
	}
	if last := &f.Marks[len(f.Marks)-1]; !last.sign() || !n.At.After(last.At) || last.Site != n.Site || last.Whose != n.Whose {
		return false
	}
	for _, s := range p.look(n.Heard, &w) {
		if s.facts == f && s.State == Open && s.Seen.Equal(f.last()) && s.rhythm.interval() > 0 {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.keepHeartbeat(n)
			return true
		}
	}
	return false
}

// keepHeartbeat keeps the heartbeat for the next flush: of each session the latest
// of every minute. Each counts for the session's interval, but several in one minute
// teach nothing more.
func (t *Tracker) keepHeartbeat(n *Sighting) {
	waiting := t.heartbeats[n.Device]
	for i, was := range waiting {
		if was.User == n.User && was.Session == n.Session && was.At.Unix()/60 == n.At.Unix()/60 {
			if n.At.After(was.At) {
				waiting[i] = n
			}
			return
		}
	}
	t.heartbeats[n.Device] = append(waiting, n)
}
