package presence

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	nasKind   = "nas"       // kind of the notes that hold NASes
	nasEvery  = time.Minute // at most so often a NAS's time last heard is stored
	nasForget = 30 * 24 * time.Hour
)

// date sets the record's event time by its NAS's clock, and notes old news.
func (t *Tracker) date(r *Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !r.Stamps.Heard.IsZero() {
		clock := &t.ofRecord(r).Clock
		if r.Status == AccountingOn {
			clock.boot()
		}
		r.At, r.AtFrom, r.BadStamp = clock.EventTime(r.Stamps, t.policy.Load().rules.MaxSkew)
	}
	if r.Heard.Sub(r.At) > fresh {
		t.sourceOf(r.Client).isOld(r.Heard)
	}
}

var idSeed = maphash.MakeSeed()

// resolve finds the device that a record does not name, or that it names by
// another of its addresses, by the session's id at that NAS.
func (t *Tracker) resolve(g *Reading) {
	n := &g.Sighting
	if n.Session == "" {
		return
	}
	key := maphash.Comparable(idSeed, [2]string{string(n.NAS), n.Session})
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.idsOf(n.NAS)
	device, known := all.get(key)
	switch {
	case strings.HasPrefix(n.Device, noDevice):
		if known {
			n.Device = device
		}
	case n.Status != Stop:
		if device != n.Device {
			all.put(key, n.Device)
		}
	case known && device != n.Device && len(n.Session) >= longID && t.at[n.Device] == nil:
		n.Device = device
	}
}

// hear notes that the sighting's NAS is alive. If the sighting is of a person's
// device, it also notes whether the device is alive there, and whether most of the
// NAS's people just ended at once.
func (t *Tracker) hear(s *Sighting, person bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell(s, person)
	n := t.ofNAS(s.NAS)
	n.NAS, n.served = n.NAS.hear(s.Heard), true
	if s.Site != "" && s.Site != noSite {
		n.NAS = n.NAS.at(s.Site)
	}
	of := t.ofSource(s.NAS)
	of.all = of.all.hear(s.Heard)
	if s.Device == "" || !person && t.at[s.Device] == nil { // a Stop may name nobody
		return
	}
	switch s.Status {
	case Start, Interim:
		was, again := n.quiet[s.Device]
		if is, on := n.live[s.Device]; on || !again {
			was = is
		}
		t.alive(s.Device, n, was.hear(s), s.Status == Start)
		n.ends.remove(s.Device)
	case Stop:
		was, on := n.live[s.Device]
		if !on {
			if t.Shared {
				n.endsEarly(&sign{Device: strings.Clone(s.Device), Cause: s.Cause, At: s.At, Heard: s.Heard})
			}
			return
		}
		t.left(s.Device, n)
		t.leftBefore(s.Device, was.begun)
		t.ended(n, s.Device, s.Heard, s.Cause.own())
	}
}

// ended notes the Stop of a device at the NAS, and whether it is one of a mass end. Stops
// that another daemon heard come late. The caller holds t.mu.
func (t *Tracker) ended(n *nas, device string, at time.Time, own bool) {
	n.ends.add(device, at, own)
	if !n.ends.mass(len(n.live)) {
		return
	}
	latest := n.ends.latest
	if latest.After(at) && within(latest, n.Fell, massEnd/2) { // another daemon has seen to it
		return
	}
	n.Fell = latest
	n.noted = time.Time{}
	t.spoke[n] = struct{}{}
	t.fallen[n.name] = struct{}{}
	t.wake()
}

// reset notes a reset of a NAS, once.
func (t *Tracker) reset(r Reset) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.ofNAS(r.NAS)
	n.NAS = n.NAS.hear(r.Heard)
	of := t.ofSource(r.NAS)
	of.all = of.all.hear(r.Heard)
	if slices.ContainsFunc(n.Resets, r.same) {
		return
	}
	r.NAS, r.BSSID = clone(r.NAS), strings.Clone(r.BSSID)
	n.Resets = append(n.Resets, r)
	n.Resets = n.Resets[max(0, len(n.Resets)-resetsKept):]
	n.noted = time.Time{}
}

// notNoted makes the notes of NASes due again, after they could not be stored.
func (t *Tracker) notNoted(notes []Note) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, note := range notes {
		switch n := t.nases[NASName(note.Key)]; {
		case note.Kind != nasKind:
			t.unsaid(&note)
		case n != nil:
			n.noted = time.Time{}
			t.spoke[n] = struct{}{}
		case note.Value == nil:
			t.unnoted = append(t.unnoted, NASName(note.Key))
		}
	}
}

// nasNotes returns new notes of the NASes that were heard at least ago after their
// last notes, and the erasures of the notes of forgotten NASes.
func (t *Tracker) nasNotes(now time.Time, ago time.Duration) (notes []Note) {
	t.mu.Lock()
	for _, name := range t.unnoted {
		if t.nases[name] == nil {
			notes = append(notes, Note{Kind: nasKind, Key: string(name)})
		}
	}
	t.unnoted = nil
	spoke := slices.Collect(maps.Keys(t.spoke))
	t.mu.Unlock()
	t.inTurn(spoke, func(n *nas) {
		if news := n.Heard.Sub(n.noted); news < ago || news == 0 {
			return
		}
		if delete(t.spoke, n); !n.memorable() {
			return
		}
		t.habit(n, now)
		n.noted, n.stored = n.Heard, t.isBeat == nil
		if t.isBeat != nil { // nothing is kept
			return
		}
		value, err := json.Marshal(n.NAS)
		if err != nil {
			panic(err) // times and durations
		}
		notes = append(notes, Note{Kind: nasKind, Key: string(n.name), Value: value})
	})
	return notes
}

// memorable reports whether the NAS is worth a note: a name that was heard once, with
// nobody there, may be made up.
func (n *nas) memorable() bool {
	return n.stored || len(n.live)+len(n.ends.of)+len(n.Resets) > 0 || n.Heard.Sub(n.Since) >= nasEvery
}

// recall reads the stored NASes, and from the stored people which devices are alive
// at each and which client brought them.
func (t *Tracker) recall(ctx context.Context, now time.Time) error {
	if err := t.recallNASes(ctx); err != nil {
		return err
	}
	w := t.world(now)
	held, present := holdings{}, map[string]int{}
	for people, err := range Everybody(ctx, t.store, "") {
		if err != nil {
			return err
		}
		for i := range people {
			p := &people[i]
			held.count(p)
			for _, s := range p.stand(nil) {
				present[s.site]++
			}
			t.recallOf(p, now, &w)
		}
	}
	t.counts.stand(present)
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, n := range held {
		t.shares.at(k.client, k.of).Held += n // added, because records may have brought some already
	}
	for _, n := range t.nases {
		t.habit(n, now)
	}
	return nil
}

// recallStation notes that the session's device is alive, and the session's id.
func (t *Tracker) recallStation(s *Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.ID != "" {
		t.idsOf(s.NAS).put(maphash.Comparable(idSeed, [2]string{string(s.NAS), s.ID}), s.Device)
	}
	n := t.nases[s.NAS]
	if n == nil {
		return
	}
	if _, gone := n.ends.of[s.Device]; gone {
		return
	}
	for _, o := range t.at[s.Device] {
		if o == n || o.live[s.Device].since.After(s.Seen.Add(moment)) { // the device has been heard since
			return
		}
	}
	is := station{session: hash32(s.ID), heard: s.Seen, since: s.Began}
	for i := s.rhythm.n - 1; i > 0; i-- {
		is.gaps[is.n] = s.rhythm.at[i].Sub(s.rhythm.at[i-1])
		is.n++
	}
	is.every = repeats(is.gaps[:is.n])
	t.alive(s.Device, n, is, false)
}

// recallNASes reads the stored NASes, once and before the first record, whose event
// time depends on what is known of its NAS's clock.
func (t *Tracker) recallNASes(ctx context.Context) error {
	if t.nasesKnown.Load() {
		return nil
	}
	t.recalling.Lock()
	defer t.recalling.Unlock()
	if t.nasesKnown.Load() {
		return nil
	}
	err := t.notes(ctx, nasKind, func(note Note) {
		var stored NAS
		if t.nases[NASName(note.Key)] == nil && json.Unmarshal(note.Value, &stored) == nil {
			n := newNAS(stored)
			n.stored = true
			t.addNAS(NASName(note.Key), n)
		}
	})
	t.nasesKnown.Store(err == nil)
	return err
}

// recallOf reads which devices of the person are alive at each NAS.
func (t *Tracker) recallOf(p *Person, now time.Time, w *World) {
	for _, s := range p.look(now, w) {
		t.serves(s.NAS)
		if s.Live() && !s.foreign {
			t.recallStation(&s)
		}
	}
}

// notes calls f with every stored note of the kind, and holds t.mu meanwhile.
func (t *Tracker) notes(ctx context.Context, kind string, f func(Note)) error {
	for notes, err := range AllNotes(ctx, t.store, kind) {
		if err != nil {
			return err
		}
		t.mu.Lock()
		for _, note := range notes {
			f(note)
		}
		t.mu.Unlock()
	}
	return nil
}

// dropNASes forgets NASes that were not heard for long, and devices at them that
// were not heard for longer than max_session.
func (t *Tracker) dropNASes(ctx context.Context, now time.Time) error {
	past, owed := now.Add(-nasForget), now.Add(-t.policy.Load().rules.MaxSession)
	t.inTurn(t.everyNAS(), func(n *nas) {
		maps.DeleteFunc(n.quiet, func(_ string, s station) bool { return now.Sub(s.heard) > longestInterim })
		for device, s := range n.live {
			if s.heard.Before(owed) {
				t.left(device, n)
			}
		}
		if n.Heard.Before(past) && !n.Heard.IsZero() {
			t.removeNAS(n.name)
		}
	})
	notes := t.nasNotes(now, nasEvery)
	if len(notes) == 0 {
		return nil
	}
	err := t.store.Update(ctx, []Change{WriteNotes(notes...)})
	if err != nil {
		t.notNoted(notes)
	}
	return err
}

// serves notes that the NAS has served a station.
func (t *Tracker) serves(nas NASName) {
	if nas == "" { // what has ended for long knows it no longer
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nases[nas]
	if n == nil { // the daemon ended before its note was written
		n = newNAS(NAS{})
		t.addNAS(clone(nas), n)
	}
	n.served = true
}

// concerns reports whether the reset may be about anybody. A reset of a NAS that never
// served a station is not: such names can be made up, and each would cost a walk over
// everybody.
func (t *Tracker) concerns(r Reset) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nases[r.NAS]
	return !t.recalled.Load() || n != nil && (n.served || t.Shared && n.stored)
}

const resets = "reset" // kind of the notes that hold resets not yet swept

func resetNote(r Reset) Note {
	value, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and times
	}
	return Note{Kind: resets, Key: string(r.NAS) + "\x00" + r.BSSID + "\x00" + r.At.UTC().Format(time.RFC3339Nano), Value: value}
}
